//! Scalars: the text as it was written, and what YAML 1.2's core schema (section 10.3.2) makes of
//! it.

/// A scalar as it was written.
#[derive(Clone)]
pub(crate) struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub(crate) text: String,
    /// Whether the text may mean something else than itself; quoted text never does.
    pub(crate) plain: bool,
}

/// What a scalar means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number that is no `i64`.
    Float(f64),
    Text,
}

impl Scalar {
    pub(crate) fn quoted(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            plain: false,
        }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            plain: true,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.meaning() == Meaning::Null
    }

    pub(crate) fn meaning(&self) -> Meaning {
        if !self.plain {
            return Meaning::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Boolean(true),
            "false" | "False" | "FALSE" => Meaning::Boolean(false),
            text => number(text).unwrap_or(Meaning::Text),
        }
    }
}

fn number(text: &str) -> Option<Meaning> {
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?;
        let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
        all_digits.then(|| i64::from_str_radix(digits, radix).ok())?
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(Meaning::Integer(value));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    // `f64`'s parser also takes `inf` and `nan`, which YAML writes with a dot.
    let looks_numeric = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.contains(|any: char| any.is_ascii_digit())
        && unsigned
            .chars()
            .all(|any| any.is_ascii_digit() || ".eE+-".contains(any));
    if !looks_numeric {
        return None;
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Meaning::Integer(value));
    }
    text.parse::<f64>().ok().map(Meaning::Float)
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Scalar};

    #[test]
    fn follows_the_core_schema() {
        for (text, meaning) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("True", Meaning::Boolean(true)),
            ("yes", Meaning::Text),
            ("0123", Meaning::Integer(123)),
            ("0x1F", Meaning::Integer(31)),
            ("0o17", Meaning::Integer(15)),
            ("+7", Meaning::Integer(7)),
            ("1_000", Meaning::Text),
            ("1.20", Meaning::Float(1.2)),
            (".5", Meaning::Float(0.5)),
            ("1e3", Meaning::Float(1000.0)),
            ("inf", Meaning::Text),
            ("1.2.3", Meaning::Text),
            ("2024-01-01", Meaning::Text),
            ("0x", Meaning::Text),
            (".", Meaning::Text),
        ] {
            assert_eq!(Scalar::plain(text).meaning(), meaning, "{text}");
        }
        assert_eq!(Scalar::quoted("true").meaning(), Meaning::Text);
    }
}
