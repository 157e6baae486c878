//! Variables in `FROM`, as BuildKit puts them in: the `ARG`s before the first `FROM`.

use std::collections::HashMap;

use super::instructions::words;

/// What BuildKit sets by itself, from the platform of the build and of the builder.
const PLATFORM_ARGUMENTS: [&str; 9] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// The longest text that is made, in bytes: variables of variables grow without end, and no
/// reference to an image is as long.
const LONGEST: usize = 4096;

/// The value of a variable; nothing where only the builder knows it.
type Value = Option<String>;

/// The variables that `FROM` may use.
pub(super) struct GlobalArguments {
    values: HashMap<String, Value>,
    given: HashMap<String, String>,
}

impl GlobalArguments {
    pub(super) fn new(given: &[(String, String)]) -> Self {
        let given: HashMap<String, String> = given.iter().cloned().collect();
        let platform = PLATFORM_ARGUMENTS.into_iter();
        Self {
            values: platform
                .map(|name| (name.to_owned(), given.get(name).cloned()))
                .collect(),
            given,
        }
    }

    /// Takes an `ARG` before the first `FROM`; false where it is not understood.
    pub(super) fn declare(&mut self, arguments: &str) -> bool {
        let Some(declarations) = words(arguments) else {
            return false;
        };
        for declaration in declarations {
            let (name, default) = match declaration.split_once('=') {
                Some((name, default)) => (name, Some(default)),
                None => (declaration, None),
            };
            if let Some(value) = self.given.get(name) {
                self.values.insert(name.to_owned(), Some(value.clone()));
            } else if let Some(default) = default {
                let value = self.expand_quoted(default);
                self.values.insert(name.to_owned(), value);
            } else if let Some(value) = self.values.get_mut(name) {
                // Whether the value from before stays depends on the builder's version.
                *value = None;
            }
        }
        true
    }

    fn expand_quoted(&self, text: &str) -> Value {
        let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
        if let Some(literal) = within('\'') {
            return (!literal.contains('\'')).then(|| literal.to_owned());
        }
        self.expand(within('"').unwrap_or(text))
    }

    /// The text with its variables put in; nothing where it has a form that is not understood, a
    /// variable that only the builder knows, or no end in sight.
    pub(super) fn expand(&self, text: &str) -> Value {
        if text.contains(['\\', '`', '"', '\'']) {
            return None;
        }
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let (value, left) = match after.strip_prefix('{') {
                Some(braced) => {
                    let (inside, left) = braced.split_once('}')?;
                    (self.braced(inside)?, left)
                }
                None => {
                    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                    let (name, left) = after.split_at_checked(end)?;
                    (self.value(name)?.unwrap_or_default(), left)
                }
            };
            expanded.push_str(&value);
            if expanded.len() > LONGEST {
                return None;
            }
            rest = left;
        }
        expanded.push_str(rest);
        (expanded.len() <= LONGEST).then_some(expanded)
    }

    /// The value of `NAME`, `NAME:-WORD`, `NAME-WORD`, `NAME:+WORD` or `NAME+WORD`.
    fn braced(&self, inside: &str) -> Value {
        let end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
        let (name, operation) = inside.split_at_checked(end)?;
        let value = self.value(name)?;
        let (empty_counts, operation) = match operation.strip_prefix(':') {
            Some(operation) => (false, operation),
            None => (true, operation),
        };
        let is_set = value
            .as_ref()
            .is_some_and(|value| empty_counts || !value.is_empty());
        // A word with variables of its own is rare, and its end is not found by the first brace.
        let word = |mark| {
            operation
                .strip_prefix(mark)
                .filter(|word| !word.contains('$'))
        };
        if operation.is_empty() && empty_counts {
            Some(value.unwrap_or_default())
        } else if let Some(word) = word('-') {
            Some(value.filter(|_| is_set).unwrap_or_else(|| word.to_owned()))
        } else {
            word('+').map(|word| {
                if is_set {
                    word.to_owned()
                } else {
                    String::new()
                }
            })
        }
    }

    /// A variable's value, inner nothing where it has none; nothing where it cannot be told.
    fn value(&self, name: &str) -> Option<Value> {
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        match self.values.get(name) {
            Some(None) => None,
            Some(Some(value)) => Some(Some(value.clone())),
            None => Some(None),
        }
    }
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
