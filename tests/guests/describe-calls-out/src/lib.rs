//! Calls the host instead of only saying what it is.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        match stepyard::step::auth::login("aws", None) {
            Ok(_) => panic!("it has a credential"),
            Err(error) => assert!(
                error.message.contains("this host has no connectors"),
                "{error:?}"
            ),
        }
        Description {
            name: "describe-calls-out".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "Calls the host instead of only saying what it is".to_owned(),
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
