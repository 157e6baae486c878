//! Connectors of type `Aws`.

use std::fmt;

use stepyard_grammar::{AwsAccountId, AwsRegion};

use super::secret_field::{refuse_plaintext, secret_name};
use crate::document::{Field, Fields, ProblemKind};
use crate::secret::SecretName;

/// How to sign in to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsConnector {
    /// Whose identity to start from.
    pub credential: AwsCredential,
    /// A role to assume on top of it.
    pub cross_account_access: Option<CrossAccountAccess>,
    /// The region for signing in; a step's own region comes first.
    pub region: Option<AwsRegion>,
}

impl AwsConnector {
    /// Whether its identity is the session of a role.
    #[must_use]
    pub fn assumes_a_role(&self) -> bool {
        let by_token = matches!(
            self.credential,
            AwsCredential::Irsa | AwsCredential::Oidc { .. }
        );
        by_token || self.cross_account_access.is_some()
    }
}

/// Whose identity to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsCredential {
    /// `ManualConfig`: an access key.
    Manual(ManualCredential),
    /// `InheritFromDelegate`: the identity of the machine, as AWS's SDKs find it.
    InheritFromDelegate,
    /// `Irsa`: the web identity token file of a Kubernetes service account.
    Irsa,
    /// `OidcAuthentication`: a token of the CI system, exchanged for a role.
    Oidc {
        /// The role to assume with the token.
        role: RoleArn,
        /// Claims that become session tags.
        session_tag_keys: Vec<String>,
    },
}

/// An access key by the names of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualCredential {
    /// The access key's id, which is no secret by itself.
    pub access_key: AccessKey,
    /// The secret access key.
    pub secret_key: SecretName,
    /// The session token of temporary keys.
    pub session_token: Option<SecretName>,
}

/// The id of an access key: written out, or the name of the secret that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessKey {
    /// `accessKey`
    Literal(String),
    /// `accessKeyRef`
    Secret(SecretName),
}

/// A role of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossAccountAccess {
    /// The role to assume.
    pub role: RoleArn,
    /// What the role's trust policy asks for (`sts:ExternalId`).
    pub external_id: Option<String>,
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn(String);

/// A text that is not the ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the ARN of an IAM role, such as `arn:aws:iam::123456789012:role/NAME`")]
pub struct RoleArnError;

impl RoleArn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// The text is not the ARN of a role.
    pub fn parse(text: &str) -> Result<Self, RoleArnError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                partition.starts_with("aws")
                    && AwsAccountId::parse(account).is_ok()
                    && resource.strip_prefix("role/").is_some_and(|name| {
                        !name.is_empty()
                            && name.bytes().all(|byte| {
                                byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte)
                            })
                    })
            }
            _ => false,
        };
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(RoleArnError)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Reads the `spec` of a connector.
pub(super) fn read(spec: &Field<'_>) -> Option<AwsConnector> {
    let mut fields = spec.fields()?;
    fields.accept(&[
        "awsSdkClientBackOffOverrideStrategy",
        "delegateSelectors",
        "executeOnDelegate",
        "proxy",
    ]);
    let outer_region = region(&mut fields);
    let credential = fields
        .required(
            "credential",
            "write `credential: {type: InheritFromDelegate}` or another type",
        )
        .and_then(|field| read_credential(&field));
    fields.finish();
    let mut connector = credential?;
    connector.region = connector.region.or(outer_region);
    Some(connector)
}

fn region(fields: &mut Fields<'_>) -> Option<AwsRegion> {
    let field = fields.optional("region")?;
    field.parse(AwsRegion::parse, "write a region such as `us-east-1`")
}

#[derive(Clone, Copy)]
enum CredentialType {
    Manual,
    InheritFromDelegate,
    Irsa,
    Oidc,
}

fn read_credential(field: &Field<'_>) -> Option<AwsConnector> {
    let mut fields = field.fields()?;
    let credential_type = fields
        .required(
            "type",
            "write `type: ManualConfig`, `InheritFromDelegate`, `Irsa` or `OidcAuthentication`",
        )
        .and_then(|field| {
            field.one_of(&[
                ("ManualConfig", CredentialType::Manual),
                ("InheritFromDelegate", CredentialType::InheritFromDelegate),
                ("Irsa", CredentialType::Irsa),
                ("OidcAuthentication", CredentialType::Oidc),
            ])
        });
    let spec_help = "write `spec:` with the fields of this type of credential";
    let credential = match credential_type {
        Some(CredentialType::Manual) => fields
            .required("spec", spec_help)
            .and_then(|spec| read_manual(&spec)),
        Some(CredentialType::Oidc) => fields
            .required("spec", spec_help)
            .and_then(|spec| read_oidc(&spec)),
        Some(CredentialType::InheritFromDelegate) => {
            refuse_spec(&mut fields);
            Some(AwsCredential::InheritFromDelegate)
        }
        Some(CredentialType::Irsa) => {
            refuse_spec(&mut fields);
            Some(AwsCredential::Irsa)
        }
        None => {
            fields.accept(&["spec"]);
            None
        }
    };
    let cross_account_access = fields
        .optional("crossAccountAccess")
        .map(|field| read_cross_account_access(&field));
    let region = region(&mut fields);
    fields.finish();
    let cross_account_access = match cross_account_access {
        Some(access) => Some(access?),
        None => None,
    };
    Some(AwsConnector {
        credential: credential?,
        cross_account_access,
        region,
    })
}

/// The types without settings may have an empty `spec`.
fn refuse_spec(fields: &mut Fields<'_>) {
    if let Some(spec) = fields.optional("spec").and_then(|spec| spec.fields()) {
        spec.finish();
    }
}

fn read_manual(spec: &Field<'_>) -> Option<AwsCredential> {
    let mut fields = spec.fields()?;
    let literal = fields.optional("accessKey");
    let reference = fields.optional("accessKeyRef");
    let access_key = match (literal, reference) {
        (Some(_), Some(reference)) => {
            reference.problem(
                ProblemKind::InvalidValue,
                "`accessKey` and `accessKeyRef` exclude each other",
                "keep one of the two",
            );
            None
        }
        (Some(literal), None) => literal
            .parse(
                check_access_key,
                "write the access key's id, such as `AKIA...`",
            )
            .map(AccessKey::Literal),
        (None, Some(reference)) => secret_name(&reference).map(AccessKey::Secret),
        (None, None) => {
            fields.missing(
                "`accessKey` or `accessKeyRef` is missing",
                "write the access key's id as `accessKey`, or the name of its secret as `accessKeyRef`",
            );
            None
        }
    };
    refuse_plaintext(&mut fields, "secretKey", "secretKeyRef");
    refuse_plaintext(&mut fields, "sessionToken", "sessionTokenRef");
    let secret_key = fields
        .required(
            "secretKeyRef",
            "write the name of the secret that holds the secret access key",
        )
        .and_then(|field| secret_name(&field));
    let session_token = fields
        .optional("sessionTokenRef")
        .map(|field| secret_name(&field));
    if let Some(AccessKey::Literal(id)) = &access_key
        && id.starts_with("ASIA")
        && session_token.is_none()
    {
        fields.missing(
            "`sessionTokenRef` is missing: keys that begin with ASIA are temporary",
            "write the name of the secret that holds the session token",
        );
    }
    fields.finish();
    Some(AwsCredential::Manual(ManualCredential {
        access_key: access_key?,
        secret_key: secret_key?,
        session_token: match session_token {
            Some(name) => Some(name?),
            None => None,
        },
    }))
}

/// IAM API Reference, AccessKey: 16 to 128 word characters.
fn check_access_key(text: &str) -> Result<String, &'static str> {
    let word = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if word && (16..=128).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("expected the id of an access key: 16 to 128 letters and digits")
    }
}

fn read_oidc(spec: &Field<'_>) -> Option<AwsCredential> {
    let mut fields = spec.fields()?;
    let role = fields
        .required("iamRoleArn", "write the ARN of the role to assume")
        .and_then(|field| role_arn(&field));
    let session_tag_keys = fields
        .optional("oidcSessionTagKeys")
        .and_then(|field| field.items())
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.filled_text().map(str::to_owned))
        .collect();
    fields.finish();
    Some(AwsCredential::Oidc {
        role: role?,
        session_tag_keys,
    })
}

fn role_arn(field: &Field<'_>) -> Option<RoleArn> {
    field.parse(RoleArn::parse, "copy the ARN from the role's page in IAM")
}

fn read_cross_account_access(field: &Field<'_>) -> Option<CrossAccountAccess> {
    let mut fields = field.fields()?;
    let role = fields
        .required("crossAccountRoleArn", "write the ARN of the role to assume")
        .and_then(|field| role_arn(&field));
    let external_id = fields.optional("externalId").map(|field| {
        let help = "copy the value of sts:ExternalId from the role's trust policy";
        field.parse(check_external_id, help)
    });
    fields.finish();
    Some(CrossAccountAccess {
        role: role?,
        external_id: match external_id {
            Some(external_id) => Some(external_id?),
            None => None,
        },
    })
}

/// STS API Reference, AssumeRole, ExternalId: `[\w+=,.@:/-]{2,1224}`.
fn check_external_id(text: &str) -> Result<String, &'static str> {
    let valid = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte));
    if valid && (2..=1224).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("expected 2 to 1224 letters, digits and characters of `_+=,.@:/-`")
    }
}
