//! Runtime inputs: `<+input>` and what may follow it.

use regex::Regex;

use super::ExpressionFault;

/// A value that is given for one run, and what it must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeInput {
    /// `.default(x)`: the text, which may hold expressions itself.
    pub default: Option<String>,
    /// `.allowedValues(a,b)`; empty: every value.
    pub allowed_values: Vec<String>,
    /// `.regex(r)`, which the whole value must match.
    pub regex: Option<String>,
}

impl RuntimeInput {
    /// Reads the methods behind `<+input>` at the start of `text`, and how many bytes they take.
    pub(super) fn parse_methods(text: &str) -> Result<(Self, usize), ExpressionFault> {
        let mut input = Self::default();
        let mut end = 0;
        while let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix('.')) {
            let name_length = rest
                .find(|any: char| !any.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(name_length);
            // `<+input>.tar` is text behind an expression, not a method.
            let Some(arguments) = after.strip_prefix('(') else {
                break;
            };
            let length = closing_parenthesis(arguments)
                .ok_or(ExpressionFault::Unclosed { expected: ")" })?;
            let argument = arguments.get(..length).unwrap_or_default();
            match name {
                "default" => input.default = Some(argument.trim().to_owned()),
                "allowedValues" => {
                    input.allowed_values = argument
                        .split(',')
                        .map(|value| value.trim().to_owned())
                        .collect();
                }
                "regex" => {
                    compile(argument)?;
                    input.regex = Some(argument.to_owned());
                }
                _ => {
                    return Err(ExpressionFault::UnknownMethod {
                        found: name.to_owned(),
                    });
                }
            }
            end += 1 + name_length + 1 + length + 1;
        }
        Ok((input, end))
    }

    /// Checks a value against the allowed ones and the regular expression.
    pub(super) fn check(&self, value: &str) -> Result<(), ExpressionFault> {
        if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|one| one == value) {
            return Err(ExpressionFault::NotAllowed {
                found: value.to_owned(),
                allowed: self.allowed_values.join(", "),
            });
        }
        match &self.regex {
            Some(pattern) if !compile(pattern)?.is_match(value) => Err(ExpressionFault::NoMatch {
                found: value.to_owned(),
                pattern: pattern.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, ExpressionFault> {
    // The size limit keeps a stranger's pattern from taking the host's memory.
    regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|_| ExpressionFault::InvalidRegex {
            pattern: pattern.to_owned(),
        })
}

/// Where the parenthesis closes that opened right before `text`; one behind a backslash does not
/// count.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
