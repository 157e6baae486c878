//! A text, taken apart into plain parts and expressions.

use std::ops::Range;

use super::{CODEBASE_FIELDS, ExpressionPath, RuntimeInput};
use crate::document::did_you_mean;
use crate::secret::SecretName;

/// A text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that stands for itself.
    Text(String),
    /// An expression, and its bytes in the whole text.
    Expression(Expression, Range<usize>),
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// A value by its path.
    Path(ExpressionPath),
    /// `secrets.getValue("id")`
    Secret(SecretName),
    /// `input` and its methods.
    Input(RuntimeInput),
}

/// What is wrong with an expression, and where in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ExpressionError {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What is wrong.
    #[source]
    pub fault: ExpressionFault,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionFault {
    /// `<+` without `>`, or `(` without `)`.
    #[error("the expression is not closed: expected `{expected}`")]
    Unclosed {
        /// What closes it.
        expected: &'static str,
    },
    /// None of the known forms.
    #[error("`<+{found}>` is not a known expression")]
    Unknown {
        /// What stands there.
        found: String,
        /// The known forms.
        forms: &'static str,
    },
    /// `codebase.X` with an unknown `X`.
    #[error("`codebase` has no `{found}`")]
    UnknownCodebaseField {
        /// What stands there.
        found: String,
    },
    /// A method behind `<+input>` other than the known ones.
    #[error("`<+input>` has no `.{found}(...)`")]
    UnknownMethod {
        /// What stands there.
        found: String,
    },
    /// The pattern of `.regex(...)`.
    #[error("`{pattern}` is not a regular expression")]
    InvalidRegex {
        /// The pattern.
        pattern: String,
    },
    /// The argument of `secrets.getValue`.
    #[error("expected the name of a secret in quotes: `secrets.getValue(\"id\")`")]
    InvalidSecretName,
    /// A value that `.allowedValues(...)` does not name.
    #[error("`{found}` is not one of the allowed values")]
    NotAllowed {
        /// The value.
        found: String,
        /// The allowed ones.
        allowed: String,
    },
    /// A value that does not match `.regex(...)`.
    #[error("`{found}` does not match `{pattern}`")]
    NoMatch {
        /// The value.
        found: String,
        /// The pattern.
        pattern: String,
    },
    /// Nothing has that name in this run.
    #[error("`<+{path}>` has no value in this run")]
    Unresolved {
        /// The expression.
        path: String,
        /// The expressions that have one.
        available: Vec<String>,
    },
    /// A runtime input that was not given.
    #[error("no value was given for this runtime input")]
    NoInput,
    /// A list or a mapping inside a longer text.
    #[error("`<+{path}>` is a list or a mapping and cannot stand inside a text")]
    NotScalar {
        /// The expression.
        path: String,
    },
    /// A condition that does not follow its grammar.
    #[error("not a condition: expected {expected}")]
    Condition {
        /// What could stand there.
        expected: &'static str,
    },
    /// Defaults within defaults.
    #[error("expressions are nested too deeply")]
    TooDeep,
}

impl ExpressionFault {
    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Unclosed { expected } => format!("add the missing `{expected}`"),
            Self::Unknown { forms, .. } => format!("use one of {forms}"),
            Self::UnknownCodebaseField { found } => did_you_mean(found, CODEBASE_FIELDS),
            Self::UnknownMethod { found } => {
                did_you_mean(found, ["default", "allowedValues", "regex"])
            }
            Self::InvalidRegex { .. } => {
                "write a pattern in the syntax of Rust's `regex` crate".to_owned()
            }
            Self::InvalidSecretName => {
                "write `id`, `org.id` or `account.id` with letters, digits and `_`".to_owned()
            }
            Self::NotAllowed { allowed, .. } => format!("use one of {allowed}"),
            Self::NoMatch { .. } => "give a value that matches".to_owned(),
            Self::Unresolved { available, .. } if available.is_empty() => {
                "nothing is known in this run".to_owned()
            }
            Self::Unresolved { path, available } => {
                did_you_mean(path, available.iter().map(String::as_str))
            }
            Self::NoInput => "give one, or add a `.default(...)`".to_owned(),
            Self::NotScalar { .. } => "let the expression be the whole value".to_owned(),
            Self::Condition { .. } => {
                "write comparisons such as `<+codebase.branch> == \"main\"`, joined by `&&` and `||`"
                    .to_owned()
            }
            Self::TooDeep => "write the default out".to_owned(),
        }
    }
}

impl Template {
    /// Takes a text apart.
    ///
    /// # Errors
    /// The first expression that is not closed or not known.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut segments = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(found) = rest.find("<+") else {
                segments.push(Segment::Text(rest.to_owned()));
                break;
            };
            if found > 0 {
                segments.push(Segment::Text(
                    rest.get(..found).unwrap_or_default().to_owned(),
                ));
            }
            let start = at + found;
            let (expression, length) = parse_expression(text.get(start..).unwrap_or_default())
                .map_err(|(length, fault)| ExpressionError {
                    range: start..start + length,
                    fault,
                })?;
            let end = start + length;
            segments.push(Segment::Expression(expression, start..end));
            at = end;
        }
        Ok(Self { segments })
    }

    /// The parts, in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// The bytes of the expression at the start of `text`.
pub(super) fn expression_length(text: &str) -> Result<usize, ExpressionError> {
    parse_expression(text)
        .map(|(_, length)| length)
        .map_err(|(length, fault)| ExpressionError {
            range: 0..length,
            fault,
        })
}

/// The expression at the start of `text` and its bytes; or the bytes that are wrong, and why.
fn parse_expression(text: &str) -> Result<(Expression, usize), (usize, ExpressionFault)> {
    let inside = text.get(2..).unwrap_or_default();
    let length = closing_bracket(inside).ok_or((2, ExpressionFault::Unclosed { expected: ">" }))?;
    let end = 2 + length + 1;
    let body = inside.get(..length).unwrap_or_default().trim();
    if body == "input" {
        let (input, methods) = RuntimeInput::parse_methods(text.get(end..).unwrap_or_default())
            .map_err(|fault| (end, fault))?;
        return Ok((Expression::Input(input), end + methods));
    }
    let expression = parse_body(body).map_err(|fault| (end, fault))?;
    Ok((expression, end))
}

fn parse_body(body: &str) -> Result<Expression, ExpressionFault> {
    let Some(argument) = body.strip_prefix("secrets.getValue(") else {
        return ExpressionPath::parse(body).map(Expression::Path);
    };
    let quoted = argument.trim_end().strip_suffix(')').map(str::trim);
    ['"', '\'']
        .iter()
        .find_map(|quote| quoted?.strip_prefix(*quote)?.strip_suffix(*quote))
        .and_then(|name| SecretName::parse(name).ok())
        .map(Expression::Secret)
        .ok_or(ExpressionFault::InvalidSecretName)
}

/// Where the bracket closes that opened right before `text`; one inside quotes does not count.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            // The line ends before the expression does: somebody forgot the bracket.
            (_, '\n') => return None,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}
