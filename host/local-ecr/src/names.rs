//! What the names of ECR look like: repositories, tags, digests, hosts, ARNs.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// The constraint on repository names, as ECR prints it.
pub(crate) const REPOSITORY_PATTERN: &str =
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

/// Whether `name` is a repository name: [`REPOSITORY_PATTERN`], 2 to 256 characters.
pub(crate) fn is_repository_name(name: &str) -> bool {
    let separator = |character: char| matches!(character, '.' | '_' | '-');
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    (2..=256).contains(&name.len())
        && name
            .split('/')
            .all(|component| component.split(separator).all(plain))
}

/// Whether `tag` is an image tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
pub(crate) fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Whether `digest` is `sha256:` and 64 lower-case hexadecimal digits. ECR knows no other algorithm.
pub(crate) fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hexadecimal| {
        hexadecimal.len() == 64
            && hexadecimal
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether `account` is an AWS account: 12 digits.
pub(crate) fn is_account(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account in an ECR host name such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
pub(crate) fn host_account(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once('.')?;
    let ecr = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr."];
    (is_account(account) && ecr.iter().any(|prefix| rest.starts_with(prefix))).then_some(account)
}

/// The partition of a region, as in ARNs.
pub(crate) fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The logical host of an account's registry in a region.
pub(crate) fn registry_host(account: &str, region: &str) -> String {
    let suffix = match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("{account}.dkr.ecr.{region}.{suffix}")
}

/// The ARN of a repository.
pub(crate) fn repository_arn(account: &str, region: &str, name: &str) -> String {
    format!(
        "arn:{}:ecr:{region}:{account}:repository/{name}",
        partition(region)
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
    fn repository_names_follow_the_grammar() {
        for name in ["ab", "team/app", "a1.b-c_d/e0", &"a".repeat(256)] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in [
            "a", "", "Team/app", "a//b", "/ab", "ab/", "a..b", "-ab", "a b", "../x",
        ] {
            assert!(!is_repository_name(name), "{name}");
        }
        assert!(!is_repository_name(&"a".repeat(257)));
    }

    #[test]
    fn tags_and_digests_follow_the_grammar() {
        assert!(is_tag("1.2.3") && is_tag("_x") && is_tag(&"a".repeat(128)));
        assert!(!is_tag(".x") && !is_tag("-x") && !is_tag("") && !is_tag("a/b"));
        assert!(!is_tag(&"a".repeat(129)));
        assert!(is_digest(&digest_of(b"")));
        assert!(!is_digest("sha256:abc") && !is_digest(&digest_of(b"").to_uppercase()));
    }

    #[test]
    fn hosts_carry_the_account_and_the_partition() {
        assert_eq!(
            registry_host("1", "cn-north-1"),
            "1.dkr.ecr.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            registry_host("1", "us-gov-west-1"),
            "1.dkr.ecr.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(
            registry_host("1", "eusc-de-east-1"),
            "1.dkr.ecr.eusc-de-east-1.amazonaws.eu"
        );
        let host = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
        assert_eq!(host_account(host), Some("210987654321"));
        assert_eq!(host_account("127.0.0.1:5000"), None);
        assert_eq!(host_account("2109.dkr.ecr.us-east-1.amazonaws.com"), None);
    }
}
