//! A connector: its secrets, who it is, and its own registry.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use stepyard_grammar::{AwsRegion, EcrRegistry};
use tokio::sync::OnceCell;

use super::look::Look;
use super::{Check, Finding, Section, Subject, Verdict};
use crate::auth::Credential;
use crate::auth::aws::Identity;
use crate::capability::{CapabilityError, ErrorKind};
use crate::connector::{
    AccessKey, AwsCredential, Connector, ConnectorKind, DockerRegistryAuthentication, Username,
};
use crate::secret::SecretName;

/// Who connectors are, asked once a connector.
#[derive(Default)]
pub(super) struct Identities(BTreeMap<String, Asked>);

#[derive(Default)]
struct Asked {
    region: Option<AwsRegion>,
    answer: OnceCell<Result<Option<Identity>, CapabilityError>>,
}

impl Identities {
    /// Lets `connector` be asked about, in `region` where one is given.
    pub(super) fn add(&mut self, connector: &str, region: Option<&AwsRegion>) {
        let asked = self.0.entry(connector.to_owned()).or_default();
        asked.region = asked.region.take().or_else(|| region.cloned());
    }

    /// Lets connectors without a region be asked about in this one.
    pub(super) fn default_to(&mut self, region: Option<&AwsRegion>) {
        for asked in self.0.values_mut() {
            asked.region = asked.region.take().or_else(|| region.cloned());
        }
    }

    pub(super) async fn of(
        &self,
        look: &Look<'_>,
        connector: &str,
    ) -> Result<Option<Identity>, CapabilityError> {
        let Some(Asked { region, answer }) = self.0.get(connector) else {
            return Ok(None);
        };
        let answer = answer.get_or_init(|| async {
            match region {
                Some(region) => look.identity(connector, region).await,
                None => Ok(None),
            }
        });
        answer.await.clone()
    }
}

/// Looks at a connector that steps call `name`; also at its own registry, where `own_registry`.
pub(super) async fn look_at(
    look: &Look<'_>,
    identities: &Identities,
    name: &str,
    connector: Option<&Connector>,
    own_registry: bool,
) -> Section {
    let section = |findings| Section {
        subject: Subject::Connector(name.to_owned()),
        findings,
    };
    let names = connector.map(secrets).unwrap_or_default();
    let user = format!("the connector {name}");
    let mut findings = look_for_secrets(look, &names, &user).await;
    if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Failed)
    {
        findings.push(Finding::unproven(
            Check::Login,
            "the login is not tried without its secrets",
        ));
        return section(findings);
    }
    let identity = async {
        match identities.of(look, name).await {
            Ok(Some(Identity { account, arn })) => Some(Finding::ok(
                Check::Identity,
                format!("sts:GetCallerIdentity: {arn}, of the account {account}"),
            )),
            Ok(None) => None,
            // Wrong keys fail every login; otherwise a step does not need to know who it is.
            Err(error) if error.kind == ErrorKind::Unauthenticated => {
                Some(Finding::failed(Check::Identity, error))
            }
            Err(error) => Some(Finding::warning(Check::Identity, error)),
        }
    };
    let own = async {
        match connector.map(|connector| &connector.kind) {
            Some(ConnectorKind::Aws(aws)) if own_registry && aws.region.is_none() => {
                vec![Finding::unproven(
                    Check::Login,
                    "it has no region, so whether it can log in shows with a step that names one",
                )]
            }
            _ if own_registry => look_at_own_registry(look, name).await,
            _ => Vec::new(),
        }
    };
    let (identity, own) = tokio::join!(identity, own);
    findings.extend(identity);
    findings.extend(own);
    section(findings)
}

async fn look_at_own_registry(look: &Look<'_>, name: &str) -> Vec<Finding> {
    let credential = match look.log_in(name, None).await {
        Ok(credential) => credential,
        Err(error) => return vec![Finding::failed(Check::Login, error)],
    };
    let mut findings: Vec<Finding> = told_login(name, &credential).await.into_iter().collect();
    findings.push(look_at_login(look, &credential).await);
    findings
}

/// What there is to say of a credential that could be had.
pub(super) async fn told_login(connector: &str, credential: &Credential) -> Option<Finding> {
    let registry = credential.registry();
    EcrRegistry::from_host(registry)?;
    let message =
        format!("ecr:GetAuthorizationToken: the connector {connector} has a token for {registry}");
    let Some(end) = credential.valid_until().await else {
        return Some(Finding::ok(Check::Login, message));
    };
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let text = time::OffsetDateTime::from(end).format(format);
    let message = format!("{message}, valid until {}", text.unwrap_or_default());
    let verdict = if end < std::time::SystemTime::now() {
        Verdict::Warning
    } else {
        Verdict::Ok
    };
    Some(Finding::new(Check::Login, verdict, message))
}

/// Whether the registry accepts a credential.
pub(super) async fn look_at_login(look: &Look<'_>, credential: &Credential) -> Finding {
    let registry = credential.registry();
    match look.check_login(credential).await {
        Ok(()) if credential.is_anonymous() => Finding::ok(
            Check::Registry,
            format!("{registry} answers without a login"),
        ),
        Ok(()) => Finding::ok(Check::Registry, format!("{registry} accepts the login")),
        Err(error) if error.kind == ErrorKind::Unsupported => {
            Finding::unproven(Check::Registry, error.message)
        }
        Err(error) => Finding::failed(Check::Registry, error),
    }
}

/// Whether the secrets that `user` needs are in a store.
pub(super) async fn look_for_secrets(
    look: &Look<'_>,
    names: &[SecretName],
    user: &str,
) -> Vec<Finding> {
    let findings = names.iter().map(|name| async move {
        match look.secret(name, user).await {
            Ok(()) => Finding::ok(Check::Secret, format!("the secret {name} is there")),
            Err(error) => Finding::failed(Check::Secret, error),
        }
    });
    join_all(findings).await
}

/// The secrets that a connector names.
fn secrets(connector: &Connector) -> Vec<SecretName> {
    match &connector.kind {
        ConnectorKind::Aws(aws) => match &aws.credential {
            AwsCredential::Manual(manual) => {
                let access_key = match &manual.access_key {
                    AccessKey::Secret(name) => Some(name),
                    AccessKey::Literal(_) => None,
                };
                access_key
                    .into_iter()
                    .chain([&manual.secret_key])
                    .chain(&manual.session_token)
                    .cloned()
                    .collect()
            }
            _ => Vec::new(),
        },
        ConnectorKind::DockerRegistry(docker) => match &docker.authentication {
            DockerRegistryAuthentication::Anonymous => Vec::new(),
            DockerRegistryAuthentication::UsernamePassword { username, password } => {
                let username = match username {
                    Username::Secret(name) => Some(name),
                    Username::Literal(_) => None,
                };
                username.into_iter().chain([password]).cloned().collect()
            }
        },
    }
}
