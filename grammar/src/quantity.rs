//! Amounts of memory and processor time in Kubernetes' notation.
//!
//! Source: Kubernetes API, "Quantity". The arithmetic is exact: no floating point.

use std::{fmt, str::FromStr};

use crate::GrammarError;

/// An amount of memory: `500Mi`, `1.5G`, `1e9`, `1048576`. A part of a byte counts as a whole one,
/// as in Kubernetes. Displayed in the largest binary unit without a remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryQuantity {
    bytes: u64,
}

impl MemoryQuantity {
    /// Reads an amount of memory.
    ///
    /// # Errors
    /// If the text is no quantity, is in parts of a byte (`400m`, a well-known mistake for `400M`),
    /// or exceeds 64 bits.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let quantity = Quantity::parse(
            "amount of memory",
            text,
            "Ki, Mi, Gi, Ti, Pi, Ei, k, M, G, T, P, E or e<exponent>",
        )?;
        if quantity.divides {
            return Err(quantity.refuse("a unit below one byte", "a unit such as Mi or M"));
        }
        Ok(Self {
            bytes: quantity.amount(0)?.rounded_up,
        })
    }

    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

impl fmt::Display for MemoryQuantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("Ei", 60),
            ("Pi", 50),
            ("Ti", 40),
            ("Gi", 30),
            ("Mi", 20),
            ("Ki", 10),
        ];
        let exact = |shift: u32| self.bytes > 0 && self.bytes.trailing_zeros() >= shift;
        match units.into_iter().find(|(_, shift)| exact(*shift)) {
            Some((unit, shift)) => write!(formatter, "{}{unit}", self.bytes >> shift),
            None => write!(formatter, "{}", self.bytes),
        }
    }
}

impl FromStr for MemoryQuantity {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text)
    }
}

/// An amount of processor time in thousandths of one processor: `0.1`, `1`, `100m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuQuantity {
    millicpu: u64,
}

impl CpuQuantity {
    /// Reads an amount of processor time.
    ///
    /// # Errors
    /// If the text is no quantity, is finer than `1m` (which Kubernetes refuses too), or exceeds 64
    /// bits.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let quantity = Quantity::parse("amount of CPU", text, "m, or none, as in 0.5 or 500m")?;
        let amount = quantity.amount(3)?;
        if !amount.exact {
            return Err(quantity.refuse(
                "an amount finer than 1m",
                "whole thousandths of a processor",
            ));
        }
        Ok(Self {
            millicpu: amount.rounded_up,
        })
    }

    /// Thousandths of one processor.
    pub fn millicpu(self) -> u64 {
        self.millicpu
    }
}

impl fmt::Display for CpuQuantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millicpu % 1000 {
            0 => write!(formatter, "{}", self.millicpu / 1000),
            _ => write!(formatter, "{}m", self.millicpu),
        }
    }
}

impl FromStr for CpuQuantity {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text)
    }
}

/// `mantissa * 10^exponent * factor`.
struct Quantity<'text> {
    subject: &'static str,
    text: &'text str,
    mantissa: u128,
    exponent: i32,
    factor: u128,
    /// The unit is a part of one (`m`, `u`, `n`).
    divides: bool,
}

struct Amount {
    rounded_up: u64,
    exact: bool,
}

impl<'text> Quantity<'text> {
    fn parse(
        subject: &'static str,
        text: &'text str,
        units: &'static str,
    ) -> Result<Self, GrammarError> {
        let refuse = |offset, expected: String| GrammarError::at(subject, text, offset, expected);
        let number_end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if let Some(second) = fraction.find('.') {
            return Err(refuse(
                whole.len() + 1 + second,
                "one decimal point".to_owned(),
            ));
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(refuse(0, "a number that is not negative".to_owned()));
        }
        let fraction = fraction.trim_end_matches('0');
        let too_large = || {
            GrammarError::found(
                subject,
                text,
                0,
                "too many digits",
                "an amount within 64 bits",
            )
        };
        let mut mantissa: u128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let shifted = mantissa.checked_mul(10).ok_or_else(too_large)?;
            mantissa = shifted
                .checked_add(u128::from(digit - b'0'))
                .ok_or_else(too_large)?;
        }
        let decimals = i32::try_from(fraction.len()).map_err(|_| too_large())?;
        let (factor, power) = match unit {
            "" => (1, 0),
            "Ki" => (1 << 10, 0),
            "Mi" => (1 << 20, 0),
            "Gi" => (1 << 30, 0),
            "Ti" => (1 << 40, 0),
            "Pi" => (1 << 50, 0),
            "Ei" => (1 << 60, 0),
            "n" => (1, -9),
            "u" => (1, -6),
            "m" => (1, -3),
            "k" => (1, 3),
            "M" => (1, 6),
            "G" => (1, 9),
            "T" => (1, 12),
            "P" => (1, 15),
            "E" => (1, 18),
            _ => {
                let exponent = unit.strip_prefix(['e', 'E']).unwrap_or_default();
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty()
                    || digits.len() > 3
                    || !digits.bytes().all(|byte| byte.is_ascii_digit())
                {
                    return Err(refuse(number_end, format!("a unit: {units}")));
                }
                (1, exponent.parse().map_err(|_| too_large())?)
            }
        };
        let divides = matches!(unit, "n" | "u" | "m");
        Ok(Self {
            subject,
            text,
            mantissa,
            exponent: power - decimals,
            factor,
            divides,
        })
    }

    /// The amount in units of `10^-places`.
    fn amount(&self, places: i32) -> Result<Amount, GrammarError> {
        if self.mantissa == 0 {
            return Ok(Amount {
                rounded_up: 0,
                exact: true,
            });
        }
        let too_large = || self.refuse("an amount that is too large", "an amount within 64 bits");
        let power = self.exponent + places;
        let scaled = self
            .mantissa
            .checked_mul(self.factor)
            .ok_or_else(too_large)?;
        let (amount, exact) = match 10u128.checked_pow(power.unsigned_abs()) {
            Some(ten) if power >= 0 => (scaled.checked_mul(ten).ok_or_else(too_large)?, true),
            Some(ten) => (scaled.div_ceil(ten), scaled.is_multiple_of(ten)),
            None if power >= 0 => return Err(too_large()),
            // A positive amount below 10^-38 of the unit.
            None => (1, false),
        };
        Ok(Amount {
            rounded_up: u64::try_from(amount).map_err(|_| too_large())?,
            exact,
        })
    }

    fn refuse(&self, found: &str, expected: &'static str) -> GrammarError {
        GrammarError::found(self.subject, self.text, 0, found, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn memory() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("500Mi", 500 << 20),
            ("1.5G", 1_500_000_000),
            ("1.5Gi", 3 << 29),
            ("0.1Ki", 103),
            (".5k", 500),
            ("5.k", 5000),
            ("1k", 1000),
            ("1e3", 1000),
            ("1E3", 1000),
            ("1e+3", 1000),
            ("1500e-3", 2),
            ("0.0000000000000000000000000000001", 1),
            ("1e-100", 1),
            ("0e999", 0),
            ("1E", 1_000_000_000_000_000_000),
            ("2Ti", 2 << 40),
            ("1.10000000000000000000000000000000000000000000", 2),
            ("18446744073709551615", u64::MAX),
            ("15.99999999Ei", 18_446_744_062_180_336_570),
        ] {
            assert_eq!(
                MemoryQuantity::parse(text).unwrap().bytes(),
                bytes,
                "{text}"
            );
        }
    }

    #[test]
    fn cpu() {
        for (text, millicpu) in [
            ("0.1", 100),
            ("1", 1000),
            ("100m", 100),
            ("1.5", 1500),
            ("2k", 2_000_000),
            ("1e-3", 1),
            ("5000u", 5),
            ("0.100", 100),
        ] {
            assert_eq!(
                CpuQuantity::parse(text).unwrap().millicpu(),
                millicpu,
                "{text}"
            );
        }
        for text in ["0.0001", "0.5m", "1u", "1e-100"] {
            assert!(
                CpuQuantity::parse(text)
                    .unwrap_err()
                    .to_string()
                    .contains("finer than 1m"),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        let long = "9".repeat(100);
        let more = [
            "-1",
            "+1",
            "1 Gi",
            " 1",
            "1\n",
            "1K",
            "1MB",
            "1mi",
            "1KI",
            "1.2.3",
            ".",
            "Mi",
            "1e",
            "1e+",
            "1e1e1",
            "1e1Mi",
            "1e9999",
            "1_000",
            "0x10",
            "１",
            "16Ei",
            "18446744073709551616",
            "1e20",
            "1e999",
            "NaN",
            "inf",
            &long,
        ];
        for text in HOSTILE.iter().copied().chain(more) {
            assert!(MemoryQuantity::parse(text).is_err(), "{text:?}");
            assert!(CpuQuantity::parse(text).is_err(), "{text:?}");
        }
        assert!(CpuQuantity::parse("18446744073709552").is_err());
    }

    #[test]
    fn explains_memory_in_thousandths() {
        let error = MemoryQuantity::parse("400m").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid amount of memory \"400m\": found a unit below one byte at character 1, expected a unit such as Mi or M"
        );
    }

    #[test]
    fn displays_what_it_reads() {
        for (text, shown) in [
            ("500Mi", "500Mi"),
            ("1024Ki", "1Mi"),
            ("1000", "1000"),
            ("0", "0"),
            ("1e3", "1000"),
        ] {
            assert_eq!(MemoryQuantity::parse(text).unwrap().to_string(), shown);
        }
        for (text, shown) in [("0.4", "400m"), ("2000m", "2"), ("0", "0")] {
            assert_eq!(CpuQuantity::parse(text).unwrap().to_string(), shown);
        }
    }
}
