//! Imports an interface that no host has.

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "acme:widgets/spinning-step",
    generate_all,
});

use acme::widgets::spinner;

struct ImportsUnknown;

impl Guest for ImportsUnknown {
    fn describe() -> Description {
        Description {
            name: "imports-unknown".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Imports an interface that no host has".to_owned(),
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn run(_: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            outputs: vec![Output {
                name: "turns".to_owned(),
                value: spinner::spin(1).to_string(),
            }],
            images: Vec::new(),
        })
    }
}

export!(ImportsUnknown);
