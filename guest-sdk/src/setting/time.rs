//! Lengths of time.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Text;

/// The form of a length of time.
const PATTERN: &str = "^([0-9]+|([0-9]+[smhd])+)$";

/// A length of time: `90s`, `10m`, `1h30m`, `2d`, or a whole number of seconds.
///
/// ```
/// use std::time::Duration;
/// use stepyard_sdk::setting::Time;
///
/// assert_eq!(Time::parse("1h30m"), Ok(Time(Duration::from_secs(5400))));
/// assert_eq!(Time::minutes(10).to_string(), "10m");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// The units, the longest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Time {
    /// So many seconds.
    ///
    /// ```
    /// assert_eq!(stepyard_sdk::setting::Time::seconds(90).to_string(), "1m30s");
    /// ```
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// So many minutes.
    ///
    /// ```
    /// assert_eq!(stepyard_sdk::setting::Time::minutes(90).to_string(), "1h30m");
    /// ```
    pub const fn minutes(count: u64) -> Self {
        Self::seconds(count.saturating_mul(60))
    }

    /// Reads its text.
    ///
    /// ```
    /// let error = stepyard_sdk::setting::Time::parse("soon").unwrap_err();
    /// assert_eq!(error, "found \"soon\"; expected a time such as 90s, 10m or 1h30m");
    /// ```
    ///
    /// # Errors
    /// What was found, and what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let problem = || format!("found {text:?}; expected a time such as 90s, 10m or 1h30m");
        if let Ok(seconds) = text.parse() {
            return Ok(Self::seconds(seconds));
        }
        let (mut total, mut rest) = (0_u64, text);
        while !rest.is_empty() {
            let end = rest.find(|character: char| !character.is_ascii_digit());
            let (number, behind) = rest.split_at(end.ok_or_else(problem)?);
            let mut behind = behind.chars();
            let unit = behind.next();
            let unit = UNITS.iter().find(|(name, _)| Some(*name) == unit);
            let (_, seconds) = unit.ok_or_else(problem)?;
            let number: u64 = number.parse().map_err(|_| problem())?;
            total = number
                .checked_mul(*seconds)
                .and_then(|seconds| total.checked_add(seconds))
                .ok_or_else(problem)?;
            rest = behind.as_str();
        }
        match text.is_empty() {
            true => Err(problem()),
            false => Ok(Self::seconds(total)),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for (unit, seconds) in UNITS {
            let count = rest / seconds;
            rest %= seconds;
            if count > 0 {
                write!(formatter, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::parse(&text.0).map_err(de::Error::custom)
    }
}

/// For the default that the schema shows.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "pattern": PATTERN, "minimum": 0})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [("90", 90), ("0s", 0), ("1d2h", 93_600), ("10m", 600)] {
            assert_eq!(Time::parse(text), Ok(Time::seconds(seconds)), "{text}");
            let written = Time::seconds(seconds).to_string();
            assert_eq!(Time::parse(&written), Ok(Time::seconds(seconds)));
        }
        for text in [
            "",
            "m",
            "1.5h",
            "10 m",
            "-1s",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }
}
