//! Settings from the command line: `--set NAME=VALUE`, read by the step's schema.

use serde_json::{Map, Value};

use crate::exit::Failure;

/// The settings that `arguments` give.
pub(super) fn parse(arguments: &[String], schema: &Value) -> Result<Value, Failure> {
    let mut settings = Map::new();
    for argument in arguments {
        let Some((name, text)) = argument.split_once('=') else {
            return Err(Failure::input(
                format!("--set {argument}: there is no ="),
                "write --set NAME=VALUE",
            ));
        };
        set(&mut settings, schema, schema, name, name, text)?;
    }
    Ok(Value::Object(settings))
}

/// Sets `path` below `target`, whose schema is `schema` within `root`. `whole` is the name as the
/// user wrote it.
fn set(
    target: &mut Map<String, Value>,
    root: &Value,
    schema: &Value,
    whole: &str,
    path: &str,
    text: &str,
) -> Result<(), Failure> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(properties) = properties else {
        // A mapping of free keys, which may hold dots.
        target.insert(path.to_owned(), Value::String(text.to_owned()));
        return Ok(());
    };
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let Some(property) = properties.get(name) else {
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        return Err(Failure::input(
            format!("--set {whole}: the step has no setting {name}"),
            format!("its settings are {}", known.join(", ")),
        ));
    };
    let property = resolved(root, property);
    match rest {
        Some(rest) => {
            let inner = target
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(inner) => {
                    set(inner, root, mapping(root, property), whole, rest, text)
                }
                _ => Err(Failure::input(
                    format!("--set {whole}: {name} is set to a value already"),
                    format!("give either {name} or its entries"),
                )),
            }
        }
        None if accepts(root, property, "array") => {
            let items = text.split(',').map(|item| Value::String(item.to_owned()));
            match target
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()))
            {
                Value::Array(list) => list.extend(items),
                other => *other = items.collect(),
            }
            Ok(())
        }
        None => {
            let value = scalar(root, property, text);
            if target.insert(name.to_owned(), value).is_some() {
                return Err(Failure::input(
                    format!("--set {whole}: it is given a second time"),
                    "give it once; only lists can be given in several parts",
                ));
            }
            Ok(())
        }
    }
}

/// `true` and `false` where the schema wants a truth value, and text otherwise: the step reads
/// numbers from text.
fn scalar(root: &Value, schema: &Value, text: &str) -> Value {
    match text {
        "true" | "false" if accepts(root, schema, "boolean") => Value::Bool(text == "true"),
        _ if accepts(root, schema, "integer") && !accepts(root, schema, "string") => text
            .parse::<i64>()
            .map_or_else(|_| Value::String(text.to_owned()), Value::from),
        _ => Value::String(text.to_owned()),
    }
}

/// Whether `schema` takes values of a JSON type.
fn accepts(root: &Value, schema: &Value, wanted: &str) -> bool {
    accepts_within(root, schema, wanted, 0)
}

/// How many alternatives may stand within one another: a component's schema may refer to itself.
const DEEPEST_SCHEMA: usize = 8;

fn accepts_within(root: &Value, schema: &Value, wanted: &str, depth: usize) -> bool {
    if depth > DEEPEST_SCHEMA {
        return false;
    }
    let schema = resolved(root, schema);
    let by_type = match schema.get("type") {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        _ => false,
    };
    by_type
        || ["anyOf", "oneOf"]
            .iter()
            .filter_map(|keyword| schema.get(keyword)?.as_array())
            .flatten()
            .any(|alternative| accepts_within(root, alternative, wanted, depth + 1))
}

/// The alternative with named entries, where `schema` has one; else the schema itself.
fn mapping<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    let alternatives = alternatives.into_iter().flatten();
    alternatives
        .map(|alternative| resolved(root, alternative))
        .find(|alternative| alternative.get("properties").is_some())
        .unwrap_or(schema)
}

/// The schema behind a `$ref` within `root`, or behind the one alternative to null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    resolved_within(root, schema, 0)
}

fn resolved_within<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> &'a Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .unwrap_or(schema);
    }
    let is_null = |schema: &&Value| schema.get("type").and_then(Value::as_str) == Some("null");
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array)
        && alternatives.iter().any(|alternative| is_null(&alternative))
    {
        let mut others = alternatives.iter().filter(|schema| !is_null(schema));
        if let (Some(only), None) = (others.next(), others.next())
            && depth < DEEPEST_SCHEMA
        {
            return resolved_within(root, only, depth + 1);
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    fn parsed(arguments: &[&str]) -> Result<serde_json::Value, String> {
        let schema = json!({
            "properties": {
                "name": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "optimize": {"type": ["boolean", "null"]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "resources": {"anyOf": [{"$ref": "#/$defs/Resources"}, {"type": "null"}]},
                "create": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/Create"}]},
            },
            "$defs": {
                "Resources": {"properties": {"limits": {"$ref": "#/$defs/Limits"}}},
                "Limits": {"properties": {"memory": {"type": "string"}}},
                "Create": {"properties": {"scan": {"type": "boolean"}}},
            },
        });
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments, &schema).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn values_follow_the_schema() {
        let settings = parsed(&[
            "name=1.20",
            "tags=1.2,latest",
            "tags=extra",
            "optimize=false",
            "labels.org.opencontainers.title=a=b",
            "resources.limits.memory=500Mi",
        ]);
        assert_eq!(
            settings.unwrap(),
            json!({
                "name": "1.20",
                "tags": ["1.2", "latest", "extra"],
                "optimize": false,
                "labels": {"org.opencontainers.title": "a=b"},
                "resources": {"limits": {"memory": "500Mi"}},
            })
        );
    }

    #[test]
    fn what_may_be_a_truth_value_or_a_mapping_is_either() {
        let create = |argument| parsed(&[argument]).unwrap()["create"].clone();
        assert_eq!(create("create=true"), json!(true));
        assert_eq!(create("create=on-push"), json!("on-push"));
        assert_eq!(create("create.scan=true"), json!({"scan": true}));
        assert!(parsed(&["create.scam=true"]).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parsed(&["name"]).unwrap_err().contains("there is no ="));
        assert!(parsed(&["nam=x"]).unwrap_err().contains("no setting nam"));
        assert!(
            parsed(&["name=x", "name=y"])
                .unwrap_err()
                .contains("second time")
        );
    }
}
