//! Does what the setting `attack` says. It returns an outcome where the attack succeeds, and an
//! error where it does not. It is made without the SDK, so that it can hand over what no library
//! would let pass.

mod calls;
mod files;
mod handles;
mod network;
mod other_runs;
mod resources;
mod results;

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

use serde_json::Value;
use stepyard::step::types::ErrorKind;

/// What a setting holds.
struct Settings(Value);

impl Settings {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_default()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.0[name].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The text, as often as `times` says.
    fn repeated(&self, name: &str) -> String {
        let times = self.number("times").max(1);
        self.text(name).repeat(usize::try_from(times).unwrap_or(1))
    }
}

/// What an attack has got.
type Got = Result<String, Error>;

/// The attack did not get what it wanted.
fn failed(message: impl ToString) -> Error {
    Error {
        kind: ErrorKind::Other("attack-failed".to_owned()),
        message: message.to_string(),
        hint: None,
        retryable: false,
    }
}

struct Attack;

impl Guest for Attack {
    fn describe() -> Description {
        Description {
            name: "attack".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does what it should not".to_owned(),
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn run(settings: String) -> Result<Outcome, Error> {
        let settings = Settings(serde_json::from_str(&settings).map_err(failed)?);
        let attack = settings.text("attack");
        if let Some(outcome) = results::outcome(attack, &settings) {
            return outcome;
        }
        let got = files::attack(attack, &settings)
            .or_else(|| network::attack(attack, &settings))
            .or_else(|| calls::attack(attack, &settings))
            .or_else(|| handles::attack(attack, &settings))
            .or_else(|| resources::attack(attack, &settings))
            .or_else(|| other_runs::attack(attack, &settings))
            .unwrap_or_else(|| Err(failed(format!("there is no attack {attack}"))))?;
        Ok(Outcome {
            outputs: vec![Output {
                name: "got".to_owned(),
                value: got,
            }],
            images: Vec::new(),
        })
    }
}

export!(Attack);
