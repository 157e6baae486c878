//! A step made with the bindings generator alone, without the SDK.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

use stepyard::step::log;

struct PlainBindgen;

impl Guest for PlainBindgen {
    fn describe() -> Description {
        Description {
            name: "plain-bindgen".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Logs its settings".to_owned(),
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn run(settings: String) -> Result<Outcome, Error> {
        log::write(log::Level::Info, &settings);
        Ok(Outcome {
            outputs: Vec::new(),
            images: Vec::new(),
        })
    }
}

export!(PlainBindgen);
