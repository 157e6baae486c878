//! Conditions of `when`: expressions and literals, compared and joined.
//!
//! ```text
//! condition  = and ("||" and)*
//! and        = not ("&&" not)*
//! not        = "!" not | comparison
//! comparison = operand (("==" | "!=") operand)?
//! operand    = "<+...>" | "text" | 'text' | word | "(" condition ")"
//! ```
//!
//! The grammar is read before any expression gets its value, so that a branch's name cannot change
//! what a condition means. A part of the codebase that this run lacks (a tag on a branch's build)
//! is `null`, which equals an empty text.

use serde_json::Value;

use super::{ExpressionError, ExpressionFault, ExpressionPath, Scope, resolve_text};
use crate::secret::SecretName;

/// How deep parentheses and negations may nest.
const MAXIMUM_DEPTH: usize = 32;

/// Decides a condition; `field` is its path, by which runtime inputs are given.
///
/// # Errors
/// The condition does not follow the grammar, an expression has no value, or the outcome is neither
/// true nor false.
pub fn evaluate_condition(
    text: &str,
    field: &str,
    scope: &dyn Scope,
) -> Result<bool, ExpressionError> {
    let scope = &Lenient(scope);
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        field,
        scope,
    };
    let value = reader.or()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fail("`==`, `!=`, `&&`, `||` or the end"));
    }
    reader.truth(&value, 0)
}

/// A scope in which every part of the codebase has a value.
struct Lenient<'a>(&'a dyn Scope);

impl Scope for Lenient<'_> {
    fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
        let absent = matches!(path, ExpressionPath::Codebase(_)).then_some(Value::Null);
        self.0.lookup(path).or(absent)
    }

    fn secret_placeholder(&self, name: &SecretName) -> String {
        self.0.secret_placeholder(name)
    }

    fn input(&self, field: &str) -> Option<Value> {
        self.0.input(field)
    }

    fn available(&self) -> Vec<String> {
        self.0.available()
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    field: &'a str,
    scope: &'a dyn Scope,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn fail(&self, expected: &'static str) -> ExpressionError {
        let end = self.text.len().min(self.at + 1);
        ExpressionError {
            range: self.at..self.text.ceil_char_boundary(end),
            fault: ExpressionFault::Condition { expected },
        }
    }

    fn truth(&self, value: &Value, start: usize) -> Result<bool, ExpressionError> {
        match value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => Err(ExpressionError {
                range: start..self.at,
                fault: ExpressionFault::Condition {
                    expected: "a comparison, `true` or `false`",
                },
            }),
        }
    }

    // Both sides are always evaluated, so that a mistake shows whatever the run looks like.
    fn or(&mut self) -> Result<Value, ExpressionError> {
        self.joined("||", Self::and, |left, right| left || right)
    }

    fn and(&mut self) -> Result<Value, ExpressionError> {
        self.joined("&&", Self::not, |left, right| left && right)
    }

    fn joined(
        &mut self,
        operator: &str,
        operand: fn(&mut Self) -> Result<Value, ExpressionError>,
        join: fn(bool, bool) -> bool,
    ) -> Result<Value, ExpressionError> {
        let start = self.at;
        let mut left = operand(self)?;
        while self.take(operator) {
            let left_truth = self.truth(&left, start)?;
            let start = self.at;
            let right = operand(self)?;
            left = Value::Bool(join(left_truth, self.truth(&right, start)?));
        }
        Ok(left)
    }

    fn deeper(
        &mut self,
        read: fn(&mut Self) -> Result<Value, ExpressionError>,
    ) -> Result<Value, ExpressionError> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return Err(self.fail("fewer parentheses and negations"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn not(&mut self) -> Result<Value, ExpressionError> {
        self.skip_space();
        let start = self.at;
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            let value = self.deeper(Self::not)?;
            return Ok(Value::Bool(!self.truth(&value, start)?));
        }
        let left = self.operand()?;
        if self.take("==") {
            return Ok(Value::Bool(same(&left, &self.operand()?)));
        }
        if self.take("!=") {
            return Ok(Value::Bool(!same(&left, &self.operand()?)));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value, ExpressionError> {
        if self.take("(") {
            let value = self.deeper(Self::or)?;
            return if self.take(")") {
                Ok(value)
            } else {
                Err(self.fail("`)`"))
            };
        }
        let rest = self.rest();
        for quote in ['"', '\''] {
            let Some(inside) = rest.strip_prefix(quote) else {
                continue;
            };
            let Some((text, _)) = inside.split_once(quote) else {
                return Err(self.fail("the closing quote"));
            };
            let start = self.at + 1;
            self.at = start + text.len() + 1;
            return self.resolve(text, start);
        }
        if rest.starts_with("<+") {
            let length =
                super::parse::expression_length(rest).map_err(|error| shifted(error, self.at))?;
            let start = self.at;
            self.at += length;
            return self.resolve(rest.get(..length).unwrap_or_default(), start);
        }
        let length = rest
            .find(|any: char| !any.is_alphanumeric() && !"_-./:".contains(any))
            .unwrap_or(rest.len());
        if length == 0 {
            return Err(self.fail("an expression, a text in quotes, a word or `(`"));
        }
        self.at += length;
        Ok(match rest.get(..length).unwrap_or_default() {
            "null" => Value::Null,
            word => Value::String(word.to_owned()),
        })
    }

    fn resolve(&self, text: &str, start: usize) -> Result<Value, ExpressionError> {
        resolve_text(text, self.field, self.scope).map_err(|error| shifted(error, start))
    }
}

fn shifted(error: ExpressionError, by: usize) -> ExpressionError {
    let range = error.range.start + by..error.range.end + by;
    ExpressionError {
        range,
        fault: error.fault,
    }
}

/// Values are the same when they are written alike: `7` and `"7"` are.
fn same(left: &Value, right: &Value) -> bool {
    let written = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    written(left) == written(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    struct Branch;

    impl Scope for Branch {
        fn lookup(&self, path: &ExpressionPath) -> Option<Value> {
            match path.to_string().as_str() {
                "codebase.branch" => Some("main\" || \"1\" == \"1".into()),
                "codebase.tag" => Some("v1".into()),
                "pipeline.sequenceId" => Some(7.into()),
                _ => None,
            }
        }

        fn secret_placeholder(&self, name: &SecretName) -> String {
            name.to_string()
        }
    }

    #[test]
    fn decides() {
        for (text, expected) in [
            ("true", true),
            ("!true", false),
            ("<+codebase.tag> == \"v1\"", true),
            ("<+codebase.tag> != 'v1'", false),
            (
                "\"<+codebase.tag>\" == v1 && <+pipeline.sequenceId> == 7",
                true,
            ),
            ("<+codebase.branch> == \"main\"", false),
            ("\"<+codebase.branch>\" == \"x\"", false),
            ("false || !(false && true)", true),
            ("<+input>.default(a) == a", true),
            ("<+codebase.prNumber> == null", true),
            ("<+codebase.prNumber> != \"\"", false),
        ] {
            assert_eq!(
                evaluate_condition(text, "when", &Branch).unwrap(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_everything_else_with_its_place() {
        let deep = "(".repeat(40);
        for (text, start) in [
            ("", 0),
            ("true true", 5),
            ("true &&", 7),
            ("(true", 5),
            ("\"x", 0),
            ("true || <+codebase.tag>", 7),
            ("x == <+env.NOTHING>", 5),
            ("<+codebase.tag", 0),
            (deep.as_str(), 33),
        ] {
            let error = evaluate_condition(text, "when", &Branch).unwrap_err();
            assert_eq!(error.range.start, start, "{text}: {error}");
        }
    }
}
