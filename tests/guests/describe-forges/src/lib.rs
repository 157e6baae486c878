//! Says of itself what a terminal or a CI system would obey.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        Description {
            name: "forges\n::error::name".to_owned(),
            version: "0.1.0\u{1b}[2J\n::error::version".to_owned(),
            summary: "one\n::set-output name=a::b".to_owned(),
            settings_schema: r####"{
                "type": "object",
                "properties": {
                    "###[error]a\n::error::property": {
                        "description": "###vso[task.setvariable variable=a]b\r::error::text\u001b[2J"
                    }
                }
            }"####
                .to_owned(),
        }
    }

    fn run(_: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            outputs: vec![Output {
                name: "a".to_owned(),
                value: "###vso[task.setvariable variable=a]b".to_owned(),
            }],
            images: Vec::new(),
        })
    }
}

export!(Hostile);
