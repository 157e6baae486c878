//! What `#[setting(…)]` finds wrong with a value: the part behind the setting's path.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use regex_lite::Regex;

use super::{Amount, OneOrMany, Text};

/// Whether a number is within limits.
#[doc(hidden)]
pub fn in_range<T: PartialOrd + fmt::Display>(
    value: &T,
    range: impl RangeBounds<T>,
) -> Result<(), String> {
    match range.contains(value) {
        true => Ok(()),
        false => Err(format!("found {value}; expected {}", shown(&range, ""))),
    }
}

/// What has a length.
#[doc(hidden)]
pub trait Length {
    /// What it is counted in.
    const UNIT: &'static str;

    fn length(&self) -> usize;
}

impl Length for str {
    const UNIT: &'static str = " characters";

    fn length(&self) -> usize {
        self.chars().count()
    }
}

impl<T> Length for [T] {
    const UNIT: &'static str = " entries";

    fn length(&self) -> usize {
        self.len()
    }
}

/// Lets a type be measured as another one that is in it.
macro_rules! length_of {
    ($($kind:ty => $as:ty, $(for $of:ident)?;)+) => {$(
        impl$(<$of>)? Length for $kind {
            const UNIT: &'static str = <$as as Length>::UNIT;

            fn length(&self) -> usize {
                let inner: &$as = self.as_ref();
                inner.length()
            }
        }
    )+};
}

length_of! {
    String => str,;
    Text => str,;
    Vec<T> => [T], for T;
    OneOrMany<T> => [T], for T;
}

/// Whether a text or a list is as long as it may be.
#[doc(hidden)]
pub fn of_length<T: Length + ?Sized>(
    value: &T,
    range: impl RangeBounds<usize>,
) -> Result<(), String> {
    let length = value.length();
    match range.contains(&length) {
        true => Ok(()),
        false => Err(format!(
            "found {length}{}; expected {}",
            T::UNIT,
            shown(&range, T::UNIT)
        )),
    }
}

/// Whether a text matches. A pattern that is none is a fault of the step, and matches nothing.
#[doc(hidden)]
pub fn matching(
    value: impl AsRef<str>,
    pattern: &'static str,
    expected: &'static str,
) -> Result<(), String> {
    let value = value.as_ref();
    match Regex::new(pattern) {
        Ok(regex) if regex.is_match(value) => Ok(()),
        Ok(_) => Err(format!("found {value:?}; expected {expected}")),
        Err(error) => Err(format!(
            "the step's own pattern {pattern} is not valid: {error}"
        )),
    }
}

fn shown<T: fmt::Display>(range: &impl RangeBounds<T>, unit: &str) -> String {
    let begin = match range.start_bound() {
        Bound::Included(begin) => Some(begin),
        // No range is written so.
        Bound::Excluded(begin) => Some(begin),
        Bound::Unbounded => None,
    };
    match (begin, range.end_bound()) {
        (Some(begin), Bound::Included(end)) => format!("{begin} to {end}{unit}"),
        (Some(begin), Bound::Excluded(end)) => format!("{begin} to less than {end}{unit}"),
        (Some(begin), Bound::Unbounded) => format!("at least {begin}{unit}"),
        (None, Bound::Included(end)) => format!("at most {end}{unit}"),
        (None, Bound::Excluded(end)) => format!("less than {end}{unit}"),
        (None, Bound::Unbounded) => "any".to_owned(),
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Amount {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<T> AsRef<[T]> for OneOrMany<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<&str> for Amount {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_say_what_was_found_and_what_is_expected() {
        let problem = |result: Result<(), String>| result.unwrap_err();
        assert_eq!(in_range(&5, 1..=9), Ok(()));
        assert_eq!(problem(in_range(&0, 1..=9)), "found 0; expected 1 to 9");
        assert_eq!(
            problem(in_range(&0.5, 1.0..)),
            "found 0.5; expected at least 1"
        );
        assert_eq!(
            problem(of_length("", 1..=256)),
            "found 0 characters; expected 1 to 256 characters"
        );
        assert_eq!(
            problem(of_length(&OneOrMany(vec![1, 2]), ..=1)),
            "found 2 entries; expected at most 1 entries"
        );
        let semantic = "^(?:[0-9]+(\\.[0-9]+){2})$";
        assert_eq!(matching("1.2.3", semantic, "a version"), Ok(()));
        assert_eq!(
            problem(matching("1.2", semantic, "a version such as 1.2.3")),
            "found \"1.2\"; expected a version such as 1.2.3"
        );
    }
}
