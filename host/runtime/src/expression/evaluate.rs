//! Expressions put in place of their values.

use serde_json::{Map, Value};

use super::{Expression, ExpressionError, ExpressionFault, RuntimeInput, Scope, Segment, Template};
use crate::document::{
    Positions, Problem, ProblemKind, Problems, Scalar, add_problem, scalar_to_json,
};

/// How many defaults may stand within one another.
const MAXIMUM_DEPTH: usize = 8;

/// Resolves the expressions in every text of a step's settings.
///
/// # Errors
/// Every expression that is malformed, unknown or has no value, with its place in the file.
pub fn resolve(value: &Value, positions: &Positions, scope: &dyn Scope) -> Result<Value, Problems> {
    let mut problems = Vec::new();
    let resolved = resolve_value(value, String::new(), positions, scope, &mut problems);
    Problems::unless_empty(problems, resolved)
}

/// Resolves the expressions in one text; `field` is its path, by which runtime inputs are given.
///
/// # Errors
/// The first expression that is malformed, unknown or has no value.
pub fn resolve_text(text: &str, field: &str, scope: &dyn Scope) -> Result<Value, ExpressionError> {
    resolve_nested(text, field, scope, 0)
}

fn resolve_value(
    value: &Value,
    pointer: String,
    positions: &Positions,
    scope: &dyn Scope,
    problems: &mut Vec<Problem>,
) -> Value {
    match value {
        Value::String(text) if text.contains("<+") => {
            resolve_text(text, &positions.field(&pointer), scope).unwrap_or_else(|error| {
                let kind = ProblemKind::Unresolved;
                let message = error.to_string();
                let problem = positions.problem_within(kind, &pointer, text, error.range, &message);
                add_problem(problems, problem.with_help(error.fault.help()));
                Value::Null
            })
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                resolve_value(
                    item,
                    format!("{pointer}/{index}"),
                    positions,
                    scope,
                    problems,
                )
            })
            .collect(),
        Value::Object(members) => {
            let mut resolved = Map::new();
            for (key, member) in members {
                let token = key.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/{token}");
                if key.contains("<+") {
                    let message = "expressions cannot stand in keys";
                    let problem = positions.problem(ProblemKind::InvalidValue, &pointer, message);
                    add_problem(problems, problem.with_help("write the key out"));
                }
                let member = resolve_value(member, pointer, positions, scope, problems);
                resolved.insert(key.clone(), member);
            }
            Value::Object(resolved)
        }
        other => other.clone(),
    }
}

fn resolve_nested(
    text: &str,
    field: &str,
    scope: &dyn Scope,
    depth: usize,
) -> Result<Value, ExpressionError> {
    if depth > MAXIMUM_DEPTH {
        return Err(ExpressionError {
            range: 0..text.len(),
            fault: ExpressionFault::TooDeep,
        });
    }
    let template = Template::parse(text)?;
    let evaluate = |expression: &Expression, range: &std::ops::Range<usize>| {
        let value = match expression {
            Expression::Path(path) => {
                scope
                    .lookup(path)
                    .ok_or_else(|| ExpressionFault::Unresolved {
                        path: path.to_string(),
                        available: scope.available(),
                    })
            }
            Expression::Secret(name) => Ok(Value::String(scope.secret_placeholder(name))),
            Expression::Input(input) => resolve_input(input, field, scope, depth),
        };
        value.map_err(|fault| ExpressionError {
            range: range.clone(),
            fault,
        })
    };
    if let [Segment::Expression(expression, range)] = template.segments() {
        return evaluate(expression, range);
    }
    let mut joined = String::new();
    for segment in template.segments() {
        match segment {
            Segment::Text(text) => joined.push_str(text),
            Segment::Expression(expression, range) => {
                let value = evaluate(expression, range)?;
                let written = written(&value).ok_or_else(|| {
                    let path = match expression {
                        Expression::Path(path) => path.to_string(),
                        Expression::Secret(_) | Expression::Input(_) => "input".to_owned(),
                    };
                    let fault = ExpressionFault::NotScalar { path };
                    ExpressionError {
                        range: range.clone(),
                        fault,
                    }
                })?;
                joined.push_str(&written);
            }
        }
    }
    Ok(Value::String(joined))
}

fn resolve_input(
    input: &RuntimeInput,
    field: &str,
    scope: &dyn Scope,
    depth: usize,
) -> Result<Value, ExpressionFault> {
    let value = match (scope.input(field), &input.default) {
        (Some(value), _) => value,
        (None, Some(default)) if default.contains("<+") => {
            resolve_nested(default, field, scope, depth + 1).map_err(|error| error.fault)?
        }
        (None, Some(default)) => scalar_to_json(&Scalar::plain(default.as_str())),
        (None, None) => return Err(ExpressionFault::NoInput),
    };
    // A list is checked item by item.
    let items = match &value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    for item in items {
        input.check(&written(item).unwrap_or_default())?;
    }
    Ok(value)
}

/// A value inside a longer text.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{SourceFile, read_yaml, render_plain, to_json};
    use crate::expression::{Codebase, ExecutionValues, ExpressionPath};
    use crate::secret::SecretName;

    struct Fixture(ExecutionValues);

    impl Scope for Fixture {
        fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
            self.0.lookup(path)
        }

        fn secret_placeholder(&self, name: &SecretName) -> String {
            format!("[{name}]")
        }

        fn input(&self, field: &str) -> Option<Value> {
            (field == "spec.given").then(|| json!("b"))
        }

        fn available(&self) -> Vec<String> {
            self.0.available()
        }
    }

    fn fixture() -> Fixture {
        Fixture(ExecutionValues {
            sequence_id: Some(7),
            pipeline_variables: [
                ("list".to_owned(), json!(["a", "b"])),
                ("sneaky".to_owned(), json!("<+secrets.getValue(\"s\")>")),
            ]
            .into(),
            codebase: Codebase {
                commit_sha: Some("0123456789abcdef".to_owned()),
                ..Codebase::default()
            },
            step_outputs: [(
                "one".to_owned(),
                [("digest".to_owned(), "d".to_owned())].into(),
            )]
            .into(),
            ..ExecutionValues::default()
        })
    }

    fn resolve_one(text: &str) -> Result<Value, String> {
        resolve_text(text, "spec.given", &fixture())
            .map_err(|error| format!("{}..{} {error}", error.range.start, error.range.end))
    }

    #[test]
    fn resolves_whole_values_with_their_type_and_parts_as_text() {
        for (text, expected) in [
            ("plain > text", json!("plain > text")),
            ("<+pipeline.sequenceId>", json!(7)),
            (
                "app-<+ pipeline.sequenceId >.<+codebase.shortCommitSha>",
                json!("app-7.0123456"),
            ),
            ("<+pipeline.variables.list>", json!(["a", "b"])),
            ("<+secrets.getValue(\"account.s\")>", json!("[account.s]")),
            ("<+secrets.getValue('org.s')>!", json!("[org.s]!")),
            (
                "<+execution.steps.one.output.outputVariables.digest>",
                json!("d"),
            ),
            ("<+input>", json!("b")),
            ("<+input>.allowedValues(a, b).default(a)", json!("b")),
            ("<+input>.regex([a-c](x)?).tar", json!("b.tar")),
            (
                "<+pipeline.variables.sneaky>",
                json!("<+secrets.getValue(\"s\")>"),
            ),
        ] {
            assert_eq!(resolve_one(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn uses_defaults_where_nothing_was_given() {
        let resolve = |text| resolve_text(text, "spec.other", &fixture());
        assert_eq!(resolve("<+input>.default(1.20)").unwrap(), json!("1.20"));
        assert_eq!(resolve("<+input>.default(true)").unwrap(), json!(true));
        let nested = "<+input>.default(v<+pipeline.sequenceId>)";
        assert_eq!(resolve(nested).unwrap(), json!("v7"));
        assert_eq!(
            resolve("<+input>").unwrap_err().fault,
            ExpressionFault::NoInput
        );
        let deep = "<+input>.default(".repeat(20) + "x" + &")".repeat(20);
        assert_eq!(resolve(&deep).unwrap_err().fault, ExpressionFault::TooDeep);
    }

    #[test]
    fn refuses_what_it_does_not_know_with_its_place() {
        for (text, expected) in [
            (
                "a<+pipeline.sequenceId",
                "1..3 the expression is not closed: expected `>`",
            ),
            (
                "<+pipeline.sequence>",
                "0..20 `<+pipeline.sequence>` is not a known expression",
            ),
            ("<+codebase.brnch>", "0..17 `codebase` has no `brnch`"),
            (
                "<+env.HOME>",
                "0..11 `<+env.HOME>` has no value in this run",
            ),
            (
                "<+secrets.getValue(\"a/b\")>",
                "0..26 expected the name of a secret in quotes: `secrets.getValue(\"id\")`",
            ),
            (
                "<+secrets.getValue(x)>",
                "0..22 expected the name of a secret in quotes: `secrets.getValue(\"id\")`",
            ),
            (
                "<+input>.allowedValues(x,y)",
                "0..27 `b` is not one of the allowed values",
            ),
            ("<+input>.regex(c+)", "0..18 `b` does not match `c+`"),
            ("<+input>.regex([)", "0..8 `[` is not a regular expression"),
            (
                "<+input>.default(x",
                "0..8 the expression is not closed: expected `)`",
            ),
            (
                "<+input>.executionInput()",
                "0..8 `<+input>` has no `.executionInput(...)`",
            ),
            (
                "x<+pipeline.variables.list>",
                "1..27 `<+pipeline.variables.list>` is a list or a mapping and cannot stand inside a text",
            ),
        ] {
            assert_eq!(resolve_one(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn reports_every_expression_at_its_place_in_the_file() {
        let text = "tags:\n- v1-<+env.NO>\n- \"a\\t<+codebase.branch>\"\n- ok-<+pipeline.sequenceId>\n<+x>: 1\n";
        let file = SourceFile::new("p.yaml", text).unwrap();
        let nodes = read_yaml(&file).unwrap();
        let (value, positions) = to_json(&file, &nodes[0], "step.spec");
        let error = render_plain(&resolve(&value, &positions, &fixture()).unwrap_err());
        assert_eq!(
            error,
            "p.yaml:2:6: step.spec.tags[0]: `<+env.NO>` has no value in this run
  use one of `pipeline.sequenceId`, `pipeline.variables.list`, `pipeline.variables.sneaky`, `codebase.commitSha`, `codebase.shortCommitSha`, `steps.one.output.outputVariables.digest`
p.yaml:3:3: step.spec.tags[1]: `<+codebase.branch>` has no value in this run
  use one of `pipeline.sequenceId`, `pipeline.variables.list`, `pipeline.variables.sneaky`, `codebase.commitSha`, `codebase.shortCommitSha`, `steps.one.output.outputVariables.digest`
p.yaml:5:7: step.spec[\"<+x>\"]: expressions cannot stand in keys
  write the key out
"
        );
    }
}
