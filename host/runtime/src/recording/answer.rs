//! Answers as JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stepyard_grammar::{Digest, GrammarError, RegistryHost, RepositoryEncryption, TagMutability};

use crate::auth::Credential;
use crate::build::BuiltImage;
use crate::ecr::{Finding, Image, NotDeleted, Replica, Repository, Scan};
use crate::registry::{Descriptor, Manifest};

/// What a call answers, which can be kept.
pub(crate) trait Answered: Sized {
    /// As JSON. Never holds a secret.
    fn to_answer(&self) -> Value;

    /// Of JSON. The error says what is wrong with it.
    fn from_answer(answer: Value) -> Result<Self, String>;
}

/// For what serde writes and reads.
macro_rules! by_serde {
    ($($kind:ty),* $(,)?) => {$(
        impl Answered for $kind {
            fn to_answer(&self) -> Value {
                written(self)
            }

            fn from_answer(answer: Value) -> Result<Self, String> {
                read(answer)
            }
        }
    )*};
}

by_serde!(
    (),
    bool,
    String,
    Descriptor,
    BuiltImage,
    Image,
    Scan,
    Finding,
    NotDeleted,
    Replica,
);

impl<T: Answered> Answered for Option<T> {
    fn to_answer(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_answer)
    }

    fn from_answer(answer: Value) -> Result<Self, String> {
        match answer {
            Value::Null => Ok(None),
            answer => T::from_answer(answer).map(Some),
        }
    }
}

impl<T: Answered> Answered for Vec<T> {
    fn to_answer(&self) -> Value {
        Value::Array(self.iter().map(T::to_answer).collect())
    }

    fn from_answer(answer: Value) -> Result<Self, String> {
        match answer {
            Value::Array(items) => items.into_iter().map(T::from_answer).collect(),
            _ => Err("expected a list".to_owned()),
        }
    }
}

/// A credential is the registry that it is for: what is behind it stays in the host. One of a
/// recording opens nothing.
impl Answered for Credential {
    fn to_answer(&self) -> Value {
        json!({"registry": self.registry().as_str()})
    }

    fn from_answer(answer: Value) -> Result<Self, String> {
        let registry = answer.get("registry").and_then(Value::as_str);
        let registry = registry.ok_or("expected a registry")?;
        let registry = RegistryHost::parse(registry).map_err(|error| error.to_string())?;
        Ok(Self::anonymous(registry))
    }
}

/// The longest manifest that is kept, in bytes; of a longer one its digest is.
const LONGEST_MANIFEST: usize = 64 << 10;

/// A manifest: its text, or the digest of what is too long.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenManifest {
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl Answered for Manifest {
    fn to_answer(&self) -> Value {
        let text = std::str::from_utf8(&self.content).ok();
        let content = text.filter(|text| text.len() <= LONGEST_MANIFEST);
        let digest = || Digest::from_sha256(Sha256::digest(&self.content).into());
        written(&WrittenManifest {
            media_type: self.media_type.clone(),
            content: content.map(ToOwned::to_owned),
            digest: content.is_none().then(|| digest().to_string()),
        })
    }

    fn from_answer(answer: Value) -> Result<Self, String> {
        let written: WrittenManifest = read(answer)?;
        let content = written
            .content
            .ok_or("the manifest was too long to be kept")?;
        Ok(Self {
            media_type: written.media_type,
            content: content.into_bytes(),
        })
    }
}

/// A repository, in the words of ECR's API.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenRepository {
    name: String,
    arn: String,
    uri: String,
    tag_mutability: String,
    #[serde(default)]
    mutability_exclusions: Vec<String>,
    #[serde(default)]
    scan_on_push: bool,
    #[serde(default = "without_keys")]
    encryption: String,
    #[serde(default)]
    kms_key: Option<String>,
    #[serde(default)]
    is_new: bool,
}

fn without_keys() -> String {
    RepositoryEncryption::default().kind().to_owned()
}

impl Answered for Repository {
    fn to_answer(&self) -> Value {
        let exclusions = self.tag_mutability.exclusions().iter();
        written(&WrittenRepository {
            name: self.name.clone(),
            arn: self.arn.clone(),
            uri: self.uri.clone(),
            tag_mutability: self.tag_mutability.mode().name().to_owned(),
            mutability_exclusions: exclusions
                .map(|filter| filter.as_str().to_owned())
                .collect(),
            scan_on_push: self.scan_on_push,
            encryption: self.encryption.kind().to_owned(),
            kms_key: self.encryption.key().map(ToOwned::to_owned),
            is_new: self.is_new,
        })
    }

    fn from_answer(answer: Value) -> Result<Self, String> {
        let written: WrittenRepository = read(answer)?;
        let told = |error: GrammarError| error.to_string();
        Ok(Self {
            tag_mutability: TagMutability::parse(
                &written.tag_mutability,
                &written.mutability_exclusions,
            )
            .map_err(told)?,
            encryption: RepositoryEncryption::parse(
                &written.encryption,
                written.kms_key.as_deref(),
            )
            .map_err(told)?,
            name: written.name,
            arn: written.arn,
            uri: written.uri,
            scan_on_push: written.scan_on_push,
            is_new: written.is_new,
        })
    }
}

fn written(value: &impl Serialize) -> Value {
    // These types have no maps with other keys than texts, which is all that can fail.
    serde_json::to_value(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer).map_err(|error| error.to_string())
}
