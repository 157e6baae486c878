//! How a repository of ECR is encrypted at rest.

use crate::GrammarError;

/// How layers are encrypted (ECR's `EncryptionConfiguration`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RepositoryEncryption {
    /// With keys of Amazon S3.
    #[default]
    Aes256,
    /// With a key of AWS KMS: the one named by id, alias or ARN, or AWS's own for ECR.
    Kms(Option<String>),
    /// The same in two layers.
    KmsDsse(Option<String>),
}

impl RepositoryEncryption {
    /// Reads ECR's name of a kind of encryption, and a key.
    ///
    /// # Errors
    /// If ECR has no kind of that name; if a key is given for `AES256`; or if the key is empty, has
    /// more than 2,048 characters or one that no id, alias or ARN has.
    pub fn parse(kind: &str, key: Option<&str>) -> Result<Self, GrammarError> {
        let key = key.map(check_key).transpose()?;
        match (kind, key) {
            ("AES256", None) => Ok(Self::Aes256),
            ("AES256", Some(key)) => Err(GrammarError::found(
                "KMS key",
                &key,
                0,
                "a key for AES256",
                "encryption with KMS or KMS_DSSE where a key is named",
            )),
            ("KMS", key) => Ok(Self::Kms(key)),
            ("KMS_DSSE", key) => Ok(Self::KmsDsse(key)),
            _ => Err(GrammarError::found(
                "encryption",
                kind,
                0,
                "another word",
                "AES256, KMS or KMS_DSSE",
            )),
        }
    }

    /// ECR's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms(_) => "KMS",
            Self::KmsDsse(_) => "KMS_DSSE",
        }
    }

    /// The key that is named.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Aes256 => None,
            Self::Kms(key) | Self::KmsDsse(key) => key.as_deref(),
        }
    }
}

fn check_key(key: &str) -> Result<String, GrammarError> {
    let refuse = |offset, expected| Err(GrammarError::at("KMS key", key, offset, expected));
    for (offset, byte) in key.bytes().enumerate() {
        if !byte.is_ascii_alphanumeric() && !b":/_-".contains(&byte) {
            return refuse(offset, "a letter, a digit, ':', '/', '_' or '-'");
        }
        if offset == 2048 {
            return refuse(offset, "no more than 2048 characters");
        }
    }
    if key.is_empty() {
        return refuse(0, "the id, alias or ARN of a key");
    }
    Ok(key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn kinds_and_keys_are_read() {
        let parse = RepositoryEncryption::parse;
        assert_eq!(parse("AES256", None).unwrap(), RepositoryEncryption::Aes256);
        let key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab";
        let encryption = parse("KMS", Some(key)).unwrap();
        assert_eq!((encryption.kind(), encryption.key()), ("KMS", Some(key)));
        assert_eq!(
            parse("KMS_DSSE", Some("alias/a")).unwrap().key(),
            Some("alias/a")
        );
        assert_eq!(parse("KMS", None).unwrap().key(), None);
    }

    #[test]
    fn what_ecr_would_refuse_is_refused() {
        let parse = RepositoryEncryption::parse;
        assert!(parse("aes256", None).is_err());
        let error = parse("AES256", Some("k")).unwrap_err().to_string();
        assert!(error.ends_with("expected encryption with KMS or KMS_DSSE where a key is named"));
        for key in HOSTILE
            .iter()
            .filter(|key| !["/a", "a/", "a//b"].contains(*key))
        {
            assert!(parse("KMS", Some(key)).is_err(), "{key:?}");
        }
    }
}
