//! Calls the host instead of only saying what it is.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        let credential = stepyard::step::auth::login("aws", None);
        let summary = match credential {
            Ok(_) => "it has a credential".to_owned(),
            Err(error) => format!("{}", error.message),
        };
        Description {
            name: "describe-calls-out".to_owned(),
            version: "0.1.0".to_owned(),
            summary,
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn run(_: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            outputs: Vec::new(),
            images: Vec::new(),
        })
    }
}

export!(Hostile);
