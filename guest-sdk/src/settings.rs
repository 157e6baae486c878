//! Reading settings, with every problem in one error.

use std::collections::BTreeSet;

use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// Reads settings from JSON.
///
/// # Errors
/// `invalid-settings` with a line `setting.path: problem; expected …` for each setting that does
/// not fit, is unknown, or is missing.
pub(crate) fn read<T: DeserializeOwned>(text: &str, schema: &Schema) -> Result<T, Error> {
    let given = match serde_json::from_str(text) {
        Ok(Value::Object(given)) => given,
        Ok(_) => return Err(Error::invalid_settings("settings: expected a JSON object")),
        Err(error) => {
            return Err(Error::invalid_settings(format!(
                "settings: not valid JSON: {error}"
            )));
        }
    };
    let mut problems = Vec::new();
    // A deserialiser stops at the first problem. The setting that has it is left out and the rest
    // read again, until nothing is left to complain about but what is missing.
    let mut rest = given.clone();
    loop {
        let error = match serde_path_to_error::deserialize(Value::Object(rest.clone())) {
            Ok(settings) if problems.is_empty() => return Ok(settings),
            Ok(_) => break,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let setting = path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let message = error.into_inner().to_string();
        if rest.remove(&setting).is_none() {
            if problems.is_empty() && missing(schema, &given).is_empty() {
                problems.push(problem("settings", &message));
            }
            break;
        }
        problems.push(problem(&path, &message));
    }
    problems.extend(
        missing(schema, &given)
            .into_iter()
            .map(|name| format!("{name}: missing; it is required")),
    );
    Err(Error::invalid_settings(problems.join("\n")))
}

/// The settings that the schema requires and nobody gave.
fn missing<'schema>(schema: &'schema Schema, given: &Map<String, Value>) -> BTreeSet<&'schema str> {
    let required = schema.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|name| !given.contains_key(*name))
        .collect()
}

/// One line of the error, in this crate's form: `path: found …; expected …`.
fn problem(path: &str, message: &str) -> String {
    if let Some(rest) = message.strip_prefix("missing field `") {
        let field = rest.trim_end_matches('`');
        return format!("{path}.{field}: missing; it is required");
    }
    let message = match message.strip_prefix("unknown field ") {
        Some(rest) => match rest.split_once(", ") {
            Some((_, expected)) => format!("no such setting; {expected}"),
            None => "no such setting".to_owned(),
        },
        None => message
            .replacen("invalid type: ", "found ", 1)
            .replacen("invalid value: ", "found ", 1)
            .replacen(", expected ", "; expected ", 1),
    };
    format!("{path}: {}", message.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code)]
    struct Settings {
        image_name: String,
        tags: Vec<String>,
        limits: Option<Limits>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Limits {
        memory: String,
    }

    fn problems(text: &str) -> String {
        let error = read::<Settings>(text, &schemars::schema_for!(Settings)).unwrap_err();
        assert_eq!(*error.kind(), crate::ErrorKind::InvalidSettings);
        error.message().to_owned()
    }

    #[test]
    fn settings_that_fit_are_read() {
        let settings: Settings = read(
            r#"{"imageName": "app", "tags": ["1"]}"#,
            &schemars::schema_for!(Settings),
        )
        .unwrap();
        assert_eq!(settings.image_name, "app");
    }

    #[test]
    fn every_problem_is_reported_with_its_path() {
        let problems = problems(r#"{"tags": ["a", 1.5], "limits": {"cpu": "1"}, "tag": "x"}"#);
        // Whether a JSON object keeps its order is up to what else is in the program.
        let mut problems: Vec<&str> = problems.lines().collect();
        problems.sort_unstable();
        assert_eq!(
            problems,
            [
                "imageName: missing; it is required",
                "limits.cpu: no such setting; expected `memory`",
                "tag: no such setting; expected one of `imageName`, `tags`, `limits`",
                "tags[1]: found floating point `1.5`; expected a string",
            ]
        );
    }

    #[test]
    fn a_missing_field_of_a_part_is_named_with_its_part() {
        assert_eq!(
            problems(r#"{"imageName": "app", "tags": [], "limits": {}}"#),
            "limits.memory: missing; it is required"
        );
    }

    #[test]
    fn all_missing_settings_are_listed() {
        assert_eq!(
            problems("{}"),
            "imageName: missing; it is required\ntags: missing; it is required"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(problems("[]"), "settings: expected a JSON object");
        assert!(problems("{").starts_with("settings: not valid JSON: "));
    }
}
