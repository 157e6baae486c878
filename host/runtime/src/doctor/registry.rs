//! One login of a step, and the repositories that it is used for.

use futures_util::future::join_all;
use stepyard_grammar::EcrRegistry;

use super::connector::{Identities, look_at_login, told_login};
use super::look::Look;
use super::repository::LoggedIn;
use super::subjects::{RegistryUse, RepositoryUse};
use super::{Check, Finding, Verdict};

/// Looks at a registry that a step uses, and at what it does there.
pub(super) async fn look_at(
    look: &Look<'_>,
    identities: &Identities,
    registry: &RegistryUse,
) -> Vec<Finding> {
    let host = &registry.registry;
    let not_looked_at = |why: &str| {
        let repositories: Vec<String> = registry.repositories.iter().map(name_of).collect();
        let message = format!("{} is not looked at: {why}", repositories.join(", "));
        Finding::unproven(Check::Repository, message)
    };
    let credential = match &registry.connector {
        Some(connector) => look.log_in(connector, Some(host)).await,
        None => look.anonymous(host).await,
    };
    let credential = match credential {
        Ok(credential) => credential,
        Err(error) => {
            let finding = Finding::failed(Check::Login, error);
            return vec![finding, not_looked_at("there is no login")];
        }
    };
    let ecr = EcrRegistry::from_host(host);
    let mut findings = Vec::new();
    if let Some(connector) = &registry.connector {
        findings.extend(told_login(connector, &credential).await);
        if let Some(ecr) = &ecr {
            findings.extend(another_account(look, identities, connector, ecr).await);
        }
    }
    let accepted = look_at_login(look, &credential).await;
    let refused = accepted.verdict == Verdict::Failed;
    findings.push(accepted);
    if refused {
        findings.push(not_looked_at("the registry takes no login"));
        return findings;
    }
    let login = LoggedIn {
        look,
        connector: registry.connector.as_deref(),
        credential,
        ecr,
    };
    let of_repositories = registry.repositories.iter().map(|what| login.look_at(what));
    findings.extend(join_all(of_repositories).await.into_iter().flatten());
    findings
}

fn name_of(what: &RepositoryUse) -> String {
    match what {
        RepositoryUse::Push { name, .. }
        | RepositoryUse::KeepCache(name, _)
        | RepositoryUse::ReadCache(name, _) => name.to_string(),
        RepositoryUse::Pull(image) => image.repository().to_string(),
    }
}

/// A warning where the registry is another account's.
async fn another_account(
    look: &Look<'_>,
    identities: &Identities,
    connector: &str,
    registry: &EcrRegistry,
) -> Option<Finding> {
    // A failure is told with the connector.
    let identity = identities.of(look, connector).await.ok().flatten()?;
    let owner = registry.account();
    (identity.account != *owner).then(|| {
        Finding::new(
            Check::Identity,
            Verdict::Warning,
            format!(
                "the connector {connector} is of the account {}, the registry of {owner}",
                identity.account
            ),
        )
        .with_remedy(
            "check that this is meant; then the policies of the repositories there must permit \
             the identity what it does",
        )
    })
}
