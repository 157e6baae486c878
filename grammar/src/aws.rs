//! AWS accounts, regions and partitions.

use crate::{GrammarError, text::validated_text};

/// An AWS account's number: exactly 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AwsAccountId(String);

validated_text!(AwsAccountId);

impl AwsAccountId {
    /// Reads an account's number.
    ///
    /// # Errors
    /// If the text is anything but 12 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse =
            |offset, expected| Err(GrammarError::at("AWS account", text, offset, expected));
        for (offset, byte) in text.bytes().enumerate() {
            if offset == 12 {
                return refuse(offset, "exactly 12 digits");
            }
            if !byte.is_ascii_digit() {
                return refuse(offset, "a digit");
            }
        }
        if text.len() < 12 {
            return refuse(
                text.len(),
                "exactly 12 digits (keep leading zeros: put the number in quotes)",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// An AWS region's name: three or more parts joined by `-`, of lower-case letters, the last a
/// number, such as `us-east-1` or `us-gov-west-1`.
///
/// Whether the region exists is not known here: AWS opens new ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AwsRegion(String);

validated_text!(AwsRegion);

impl AwsRegion {
    /// Reads a region's name.
    ///
    /// # Errors
    /// If the text does not have the form of a region's name.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let refuse = |offset, expected| Err(GrammarError::at("AWS region", text, offset, expected));
        if text.len() > 32 {
            return refuse(32, "no more than 32 characters");
        }
        let mut offset = 0;
        let mut words = 0;
        let mut parts = text.split('-').peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            let wanted = |byte: u8| {
                if is_last {
                    byte.is_ascii_digit()
                } else {
                    byte.is_ascii_lowercase()
                }
            };
            let expected = if is_last {
                "a number last, as in us-east-1"
            } else {
                "a lower-case letter, as in us-east-1"
            };
            if let Some(wrong) = part.bytes().position(|byte| !wanted(byte)) {
                return refuse(offset + wrong, expected);
            }
            if part.is_empty() || (is_last && (part.starts_with('0') || part.len() > 2)) {
                return refuse(offset, expected);
            }
            words += usize::from(!is_last);
            offset += part.len() + 1;
        }
        if words < 2 {
            return refuse(text.len(), "a name such as us-east-1");
        }
        Ok(Self(text.to_owned()))
    }

    /// The partition that the region belongs to (the region patterns of the AWS SDKs' endpoint rules).
    pub fn partition(&self) -> AwsPartition {
        let name = self.as_str();
        let prefixes = [
            ("cn-", AwsPartition::China),
            ("us-gov-", AwsPartition::GovCloud),
            ("eusc-", AwsPartition::EuropeanSovereign),
            ("us-iso-", AwsPartition::Iso),
            ("us-isob-", AwsPartition::IsoB),
            ("eu-isoe-", AwsPartition::IsoE),
            ("us-isof-", AwsPartition::IsoF),
        ];
        let found = prefixes
            .into_iter()
            .find(|(prefix, _)| name.starts_with(prefix));
        found.map_or(AwsPartition::Commercial, |(_, partition)| partition)
    }
}

/// A partition: a set of regions with accounts and host names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AwsPartition {
    /// `aws`
    Commercial,
    /// `aws-cn`
    China,
    /// `aws-us-gov`
    GovCloud,
    /// `aws-eusc`
    EuropeanSovereign,
    /// `aws-iso`
    Iso,
    /// `aws-iso-b`
    IsoB,
    /// `aws-iso-e`
    IsoE,
    /// `aws-iso-f`
    IsoF,
}

impl AwsPartition {
    /// The partition's name as in an ARN.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commercial => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
            Self::EuropeanSovereign => "aws-eusc",
            Self::Iso => "aws-iso",
            Self::IsoB => "aws-iso-b",
            Self::IsoE => "aws-iso-e",
            Self::IsoF => "aws-iso-f",
        }
    }

    /// The end of the partition's host names.
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Self::Commercial | Self::GovCloud => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
            Self::EuropeanSovereign => "amazonaws.eu",
            Self::Iso => "c2s.ic.gov",
            Self::IsoB => "sc2s.sgov.gov",
            Self::IsoE => "cloud.adc-e.uk",
            Self::IsoF => "csp.hci.ic.gov",
        }
    }

    /// The end of ECR's dual-stack host names, where the partition is known to have them.
    pub fn dual_stack_dns_suffix(self) -> Option<&'static str> {
        match self {
            Self::Commercial | Self::GovCloud => Some("on.aws"),
            Self::China => Some("on.amazonwebservices.com.cn"),
            Self::EuropeanSovereign | Self::Iso | Self::IsoB | Self::IsoE | Self::IsoF => None,
        }
    }
}

impl std::fmt::Display for AwsPartition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn accounts() {
        assert_eq!(
            AwsAccountId::parse("012345678901").unwrap().as_str(),
            "012345678901"
        );
        for text in HOSTILE.iter().copied().chain([
            "12345678901",
            "1234567890123",
            "12345678901a",
            "１２３４５６７８９０１２",
        ]) {
            assert!(AwsAccountId::parse(text).is_err(), "{text:?}");
        }
        assert!(
            AwsAccountId::parse("12345678901")
                .unwrap_err()
                .to_string()
                .contains("found the end at character 12")
        );
    }

    #[test]
    fn regions_and_partitions() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("ap-southeast-5", "aws"),
            ("mx-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ] {
            assert_eq!(
                AwsRegion::parse(region).unwrap().partition().name(),
                partition
            );
        }
    }

    #[test]
    fn refuses_what_is_no_region() {
        let more = [
            "us",
            "us-1",
            "us-east",
            "us-east-",
            "us-east-01",
            "us-east-100",
            "US-EAST-1",
            "us--1",
            "-us-east-1",
            "us-east-1a",
            "us-east-1-",
            "us-east-1.evil.test",
            "us_east_1",
            "us-east-1/x",
            "u2-east-1",
            "us-east-1\n",
            "us-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1",
        ];
        for text in HOSTILE.iter().copied().chain(more) {
            assert!(AwsRegion::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(AwsRegion::parse("us-East-1").unwrap_err().position(), 4);
    }
}
