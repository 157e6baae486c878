//! What the names of ECR look like: repositories, tags, digests, hosts, ARNs.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};
use stepyard_grammar::{AwsAccountId, AwsRegion, Digest, EcrRegistry, EcrRepositoryName, Tag};

/// The constraint on repository names, as ECR prints it.
pub(crate) const REPOSITORY_PATTERN: &str =
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

/// Whether `name` is a repository name: [`REPOSITORY_PATTERN`], 2 to 256 characters.
pub(crate) fn is_repository_name(name: &str) -> bool {
    EcrRepositoryName::parse(name).is_ok()
}

/// Whether `tag` is an image tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
pub(crate) fn is_tag(tag: &str) -> bool {
    Tag::parse(tag).is_ok()
}

/// Whether `digest` is a SHA-256 digest. ECR knows no other algorithm.
pub(crate) fn is_digest(digest: &str) -> bool {
    Digest::parse(digest).is_ok_and(|digest| digest.algorithm() == "sha256")
}

/// Whether `account` is an AWS account: 12 digits.
pub(crate) fn is_account(account: &str) -> bool {
    AwsAccountId::parse(account).is_ok()
}

/// The account in an ECR host name such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`; a port
/// does not matter.
pub(crate) fn host_account(host: &str) -> Option<String> {
    let registry = EcrRegistry::parse(host.split(':').next()?).ok()?;
    Some(registry.account().to_string())
}

/// The logical host of an account's registry in a region.
pub(crate) fn registry_host(account: &str, region: &AwsRegion) -> String {
    format!(
        "{account}.dkr.ecr.{region}.{}",
        region.partition().dns_suffix()
    )
}

/// The ARN of a repository.
pub(crate) fn repository_arn(account: &str, region: &AwsRegion, name: &str) -> String {
    format!(
        "arn:{}:ecr:{region}:{account}:repository/{name}",
        region.partition().name()
    )
}

/// `bytes` as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The digest of `content`.
pub(crate) fn digest_of(content: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&Sha256::digest(content)))
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digests_that_ecr_knows_are_digests() {
        assert!(is_digest(&digest_of(b"")));
        assert!(!is_digest(&format!("sha512:{}", "a".repeat(128))));
    }

    #[test]
    fn hosts_carry_the_account_and_the_partition() {
        let china = AwsRegion::parse("cn-north-1").unwrap();
        let host = registry_host("210987654321", &china);
        assert_eq!(host, "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn");
        assert_eq!(host_account(&host).as_deref(), Some("210987654321"));
        assert_eq!(
            host_account(&format!("{host}:5000")).as_deref(),
            Some("210987654321")
        );
        assert_eq!(host_account("127.0.0.1:5000"), None);
        let arn = repository_arn("210987654321", &china, "app");
        assert_eq!(arn, "arn:aws-cn:ecr:cn-north-1:210987654321:repository/app");
    }
}
