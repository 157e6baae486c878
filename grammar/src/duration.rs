//! Timeouts of steps.

use std::{fmt, str::FromStr, time::Duration};

use crate::GrammarError;

/// A timeout as Harness writes it: whole numbers with the units `w`, `d`, `h`, `m`, `s` and `ms`,
/// each at most once, with or without spaces between: `30s`, `10m`, `1h 30m`, `1h30m`, `1w`.
/// Displayed with its units in order of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepTimeout(Duration);

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
const SUBJECT: &str = "timeout";

impl StepTimeout {
    /// Reads a timeout.
    ///
    /// # Errors
    /// If a number has no unit or an unknown one, if a unit is repeated, or if the sum is zero or
    /// exceeds 64 bits of milliseconds.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |rest: &str, expected: &'static str| {
            GrammarError::at(SUBJECT, text, text.len() - rest.len(), expected)
        };
        let mut milliseconds: u64 = 0;
        let mut seen = Vec::new();
        let mut rest = text;
        loop {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            if number.is_empty() {
                return Err(refuse(
                    rest,
                    "a whole number with a unit, such as 30s, 10m or 1h 30m",
                ));
            }
            let letters = after
                .find(|c: char| !c.is_ascii_lowercase())
                .unwrap_or(after.len());
            let (name, next) = after.split_at(letters);
            let Some((unit, factor)) = UNITS.into_iter().find(|(unit, _)| *unit == name) else {
                return Err(refuse(after, "a unit: w, d, h, m, s or ms"));
            };
            if seen.contains(&unit) {
                return Err(refuse(after, "each unit once"));
            }
            seen.push(unit);
            milliseconds = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(factor))
                .and_then(|part| milliseconds.checked_add(part))
                .ok_or_else(|| refuse(rest, "a shorter time"))?;
            if next.is_empty() {
                break;
            }
            rest = next.trim_start_matches(' ');
        }
        if milliseconds == 0 {
            return Err(refuse(text, "a time longer than zero"));
        }
        Ok(Self(Duration::from_millis(milliseconds)))
    }

    /// The time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl From<StepTimeout> for Duration {
    fn from(timeout: StepTimeout) -> Self {
        timeout.0
    }
}

impl fmt::Display for StepTimeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis();
        let mut space = "";
        for (unit, factor) in UNITS {
            let amount = left / u128::from(factor);
            left %= u128::from(factor);
            if amount > 0 {
                write!(formatter, "{space}{amount}{unit}")?;
                space = " ";
            }
        }
        Ok(())
    }
}

impl FromStr for StepTimeout {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn reads_and_displays() {
        for (text, seconds, shown) in [
            ("30s", 30, "30s"),
            ("10m", 600, "10m"),
            ("1h 30m", 5400, "1h 30m"),
            ("1h30m", 5400, "1h 30m"),
            ("30m  1h", 5400, "1h 30m"),
            ("90m", 5400, "1h 30m"),
            ("1d", 86_400, "1d"),
            ("1w", 604_800, "1w"),
            ("1w 1d 1h 1m 1s", 694_861, "1w 1d 1h 1m 1s"),
            ("2000ms", 2, "2s"),
        ] {
            let timeout = StepTimeout::parse(text).unwrap();
            assert_eq!(timeout.duration(), Duration::from_secs(seconds), "{text}");
            assert_eq!(timeout.to_string(), shown);
        }
        assert_eq!(
            StepTimeout::parse("1s 5ms").unwrap().duration(),
            Duration::from_millis(1005)
        );
    }

    #[test]
    fn refuses_what_is_no_timeout() {
        let more = [
            "10",
            "10 m",
            "m",
            "1.5h",
            "-1h",
            "+1h",
            " 1h",
            "1h ",
            "1h\n",
            "1h\t2m",
            "1H",
            "1y",
            "1h 2h",
            "0s",
            "0h 0m",
            "1min",
            "18446744073709551616s",
            "18446744073709551615s",
            "1h,30m",
            "１h",
        ];
        for text in HOSTILE.iter().copied().chain(more) {
            assert!(StepTimeout::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_where() {
        let error = StepTimeout::parse("1h 30").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid timeout \"1h 30\": found the end at character 6, expected a unit: w, d, h, m, s or ms"
        );
    }
}
