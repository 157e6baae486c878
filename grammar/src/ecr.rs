//! Registries of Amazon ECR and their host names.

use std::fmt;

use crate::{AwsAccountId, AwsPartition, AwsRegion, GrammarError, RegistryHost};

/// Which of a registry's host names is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EcrEndpoint {
    /// `<account>.dkr.ecr.<region>.<suffix>`
    Standard,
    /// `<account>.dkr.ecr-fips.<region>.<suffix>`: only cryptography that FIPS 140 validated.
    Fips,
    /// `<account>.dkr-ecr.<region>.<dual-stack suffix>`: IPv4 and IPv6.
    DualStack,
    /// `<account>.dkr-ecr-fips.<region>.<dual-stack suffix>`
    DualStackFips,
}

impl EcrEndpoint {
    const ALL: [Self; 4] = [
        Self::Standard,
        Self::Fips,
        Self::DualStack,
        Self::DualStackFips,
    ];

    fn infix(self) -> &'static str {
        match self {
            Self::Standard => "dkr.ecr",
            Self::Fips => "dkr.ecr-fips",
            Self::DualStack => "dkr-ecr",
            Self::DualStackFips => "dkr-ecr-fips",
        }
    }

    fn suffix(self, partition: AwsPartition) -> Option<&'static str> {
        match self {
            Self::Standard | Self::Fips => Some(partition.dns_suffix()),
            Self::DualStack | Self::DualStackFips => partition.dual_stack_dns_suffix(),
        }
    }
}

/// A private registry of ECR: an account's registry in a region, by one of its host names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcrRegistry {
    account: AwsAccountId,
    region: AwsRegion,
    endpoint: EcrEndpoint,
    host: RegistryHost,
}

const SUBJECT: &str = "ECR registry host";
const EXPECTED: &str = "<12 digits>.dkr.ecr.<region>.<the suffix of the region's partition>";

impl EcrRegistry {
    /// The registry of an account in a region.
    ///
    /// # Errors
    /// If the region's partition has no host name of this kind (dual-stack ones in the isolated and
    /// the European sovereign partitions).
    pub fn new(
        account: AwsAccountId,
        region: AwsRegion,
        endpoint: EcrEndpoint,
    ) -> Result<Self, GrammarError> {
        let partition = region.partition();
        let Some(suffix) = endpoint.suffix(partition) else {
            return Err(GrammarError::found(
                "AWS region for a dual-stack ECR endpoint",
                region.as_str(),
                0,
                format!("a region of the partition {partition}"),
                "a region of the partitions aws, aws-us-gov or aws-cn",
            ));
        };
        let host =
            RegistryHost::parse(&format!("{account}.{}.{region}.{suffix}", endpoint.infix()))?;
        Ok(Self {
            account,
            region,
            endpoint,
            host,
        })
    }

    /// The registry that answers at `host`, or nothing if the host is not, in every character, the
    /// name of a private registry of ECR.
    pub fn from_host(host: &RegistryHost) -> Option<Self> {
        let (account, rest) = host.as_str().split_once('.')?;
        let account = AwsAccountId::parse(account).ok()?;
        EcrEndpoint::ALL.into_iter().find_map(|endpoint| {
            let (region, _) = rest
                .strip_prefix(endpoint.infix())?
                .strip_prefix('.')?
                .split_once('.')?;
            let region = AwsRegion::parse(region).ok()?;
            // The suffix is not parsed but made anew and compared, so that no look-alike can pass.
            Self::new(account.clone(), region, endpoint)
                .ok()
                .filter(|registry| registry.host == *host)
        })
    }

    /// Reads a registry's host name.
    ///
    /// # Errors
    /// If the text is not the host name of a private registry of ECR.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let host = RegistryHost::parse(text)?;
        Self::from_host(&host)
            .ok_or_else(|| GrammarError::found(SUBJECT, text, 0, "another host", EXPECTED))
    }

    /// Whether the host is one of ECR Public, the registry that every account shares.
    pub fn is_public(host: &RegistryHost) -> bool {
        matches!(host.as_str(), "public.ecr.aws" | "ecr-public.aws.com")
    }

    /// The account that owns the registry.
    pub fn account(&self) -> &AwsAccountId {
        &self.account
    }

    /// The region.
    pub fn region(&self) -> &AwsRegion {
        &self.region
    }

    /// The region's partition.
    pub fn partition(&self) -> AwsPartition {
        self.region.partition()
    }

    /// Which of the registry's host names this is.
    pub fn endpoint(&self) -> EcrEndpoint {
        self.endpoint
    }

    /// The host name.
    pub fn host(&self) -> &RegistryHost {
        &self.host
    }

    /// The host name's text.
    pub fn as_str(&self) -> &str {
        self.host.as_str()
    }
}

impl fmt::Display for EcrRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(formatter)
    }
}

impl std::str::FromStr for EcrRegistry {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, GrammarError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_round_trip() {
        use EcrEndpoint::{DualStack, DualStackFips, Fips, Standard};
        for (region, endpoint, host) in [
            ("us-east-1", Standard, "dkr.ecr.us-east-1.amazonaws.com"),
            ("us-east-1", Fips, "dkr.ecr-fips.us-east-1.amazonaws.com"),
            ("us-east-1", DualStack, "dkr-ecr.us-east-1.on.aws"),
            ("us-east-1", DualStackFips, "dkr-ecr-fips.us-east-1.on.aws"),
            (
                "us-gov-west-1",
                Fips,
                "dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                Standard,
                "dkr.ecr.cn-north-1.amazonaws.com.cn",
            ),
            (
                "cn-north-1",
                DualStack,
                "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            ),
            (
                "eusc-de-east-1",
                Standard,
                "dkr.ecr.eusc-de-east-1.amazonaws.eu",
            ),
            (
                "us-iso-east-1",
                Standard,
                "dkr.ecr.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "us-isob-east-1",
                Standard,
                "dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "eu-isoe-west-1",
                Standard,
                "dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            ),
            (
                "us-isof-south-1",
                Standard,
                "dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
            ),
        ] {
            let account = AwsAccountId::parse("012345678901").unwrap();
            let registry =
                EcrRegistry::new(account, AwsRegion::parse(region).unwrap(), endpoint).unwrap();
            assert_eq!(registry.as_str(), format!("012345678901.{host}"));
            assert_eq!(EcrRegistry::parse(registry.as_str()).unwrap(), registry);
            assert_eq!(
                EcrRegistry::parse(&registry.as_str().to_uppercase()).unwrap(),
                registry
            );
        }
    }

    #[test]
    fn refuses_a_dual_stack_host_that_no_partition_has() {
        let account = AwsAccountId::parse("012345678901").unwrap();
        let region = AwsRegion::parse("us-iso-east-1").unwrap();
        let error = EcrRegistry::new(account, region, EcrEndpoint::DualStack).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a region of the partition aws-iso"),
            "{error}"
        );
    }

    #[test]
    fn never_takes_a_look_alike() {
        for host in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.test",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.evil",
            "123456789012.dkr.ecr.us-east-1.on.aws",
            "123456789012.dkr-ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:443",
            "123456789012.dkr.ecr.evil.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.evil.amazonaws.com",
            "12345678901.dkr.ecr.us-east-1.amazonaws.com",
            "1234567890123.dkr.ecr.us-east-1.amazonaws.com",
            "evil.123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr-evil.us-east-1.amazonaws.com",
            "123456789012.dkrxecr.us-east-1.amazonaws.com",
            "public.ecr.aws",
        ] {
            let host = RegistryHost::parse(host).unwrap();
            assert_eq!(EcrRegistry::from_host(&host), None, "{host}");
        }
        assert!(EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/evil").is_err());
    }

    #[test]
    fn knows_the_public_registry() {
        assert!(EcrRegistry::is_public(
            &RegistryHost::parse("public.ecr.aws").unwrap()
        ));
        assert!(EcrRegistry::is_public(
            &RegistryHost::parse("ecr-public.aws.com").unwrap()
        ));
        assert!(!EcrRegistry::is_public(
            &RegistryHost::parse("public.ecr.aws.evil.test").unwrap()
        ));
    }
}
