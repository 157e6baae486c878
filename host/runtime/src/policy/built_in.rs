//! The policy where the operator gives none.

use std::collections::BTreeSet;

use super::named::RepositoryChange;
use super::{Access, Action, Decision, Entitlement, NamedResources, Policy, Principal, Resource};
use crate::component::Origin;

/// Lets a built-in step touch exactly what its own settings name, and a component from elsewhere
/// nothing: it can compute, read its workspace and log.
#[derive(Clone, Debug)]
pub struct BuiltInPolicy {
    named: NamedResources,
    allowed: BTreeSet<Entitlement>,
}

impl BuiltInPolicy {
    /// The policy for a run whose settings name `named`.
    pub fn new(named: NamedResources) -> Self {
        Self {
            named,
            allowed: BTreeSet::new(),
        }
    }

    /// The same policy where the operator allows these rights to the settings that name them.
    #[must_use]
    pub fn allowing(mut self, entitlements: impl IntoIterator<Item = Entitlement>) -> Self {
        self.allowed.extend(entitlements);
        self
    }

    fn is_named(&self, access: &Access) -> bool {
        match (&access.action, &access.resource) {
            (Action::InspectEngine | Action::Build, Resource::Engine) => true,
            (
                Action::Login,
                Resource::Connector {
                    connector,
                    registry,
                },
            ) => {
                self.named.names_connector(connector)
                    && registry
                        .as_ref()
                        .is_none_or(|registry| self.named.names_registry(registry))
            }
            (Action::LoginAnonymously, Resource::Registry(registry)) => {
                self.named.names_registry(registry)
            }
            (
                Action::Push | Action::Tag,
                Resource::Repository {
                    registry,
                    repository,
                    tag,
                },
            ) => self.named.names_destination(
                registry,
                repository,
                tag.as_ref().map(stepyard_grammar::Tag::as_str),
            ),
            (
                Action::Pull
                | Action::ListTags
                | Action::DescribeRepository
                | Action::ListImages
                | Action::DescribeImage
                | Action::ReadScanFindings
                | Action::ReadReplicationStatus,
                Resource::Repository {
                    registry,
                    repository,
                    ..
                },
            ) => self.named.names_source(registry, repository),
            (
                action,
                Resource::Repository {
                    registry,
                    repository,
                    tag: None,
                },
            ) => change(*action)
                .is_some_and(|change| self.named.names_change(change, registry, repository)),
            (Action::ReadWorkspace, Resource::WorkspacePath(path)) => {
                self.named.names_workspace_path(path)
            }
            // A secret reaches a call only through a placeholder, and only the settings make one.
            (Action::UseSecret, Resource::Secret(_)) => true,
            (Action::UseSshAgent, Resource::SshAgent) => self.named.names_ssh_agent(),
            (Action::UseHostNetwork, Resource::Engine) => self.named.names_host_network(),
            (Action::ImportCache, Resource::Cache(place)) => self.named.names_cache(place),
            (Action::ExportCache, Resource::Cache(place)) => {
                self.named.names_cache_destination(place)
            }
            _ => false,
        }
    }
}

impl Policy for BuiltInPolicy {
    fn decide(&self, principal: &Principal, access: &Access) -> Decision {
        if principal.origin != Origin::BuiltIn {
            return Decision::Deny {
                rule: "built-in.components-from-elsewhere-may-only-log".to_owned(),
                reason: format!(
                    "the component {} does not come with Stepyard, and without a policy such a \
                     component may only log",
                    principal.name
                ),
                remedy: "run a built-in step, or embed the host with a policy that permits the \
                         action"
                    .to_owned(),
            };
        }
        if let Some(missing) = entitlement(access.action)
            && !self.allowed.contains(&missing)
        {
            let name = missing.name();
            return Decision::Deny {
                rule: "built-in.what-the-operator-allows".to_owned(),
                reason: "the operator of this machine does not allow it".to_owned(),
                remedy: format!(
                    "the operator writes allow = [\"{name}\"] under [build] of stepyard.toml"
                ),
            };
        }
        if self.is_named(access) {
            Decision::Permit {
                rule: "built-in.what-the-settings-name".to_owned(),
            }
        } else {
            Decision::Deny {
                rule: "built-in.what-the-settings-name".to_owned(),
                reason: "the step's settings do not name it".to_owned(),
                remedy: "name it in the settings of the step".to_owned(),
            }
        }
    }
}

/// The change of a repository that an action is.
fn change(action: Action) -> Option<RepositoryChange> {
    match action {
        Action::CreateRepository => Some(RepositoryChange::Create),
        Action::PutLifecyclePolicy => Some(RepositoryChange::LifecyclePolicy),
        Action::SetRepositoryPolicy => Some(RepositoryChange::RepositoryPolicy),
        _ => None,
    }
}

/// What the operator must have allowed before the settings count.
fn entitlement(action: Action) -> Option<Entitlement> {
    match action {
        Action::UseHostNetwork => Some(Entitlement::HostNetwork),
        Action::UseSshAgent => Some(Entitlement::SshAgent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decide(settings: &serde_json::Value, allowed: &[Entitlement], access: Access) -> Decision {
        let schema = json!({"properties": {
            "network": {"x-stepyard": "network-mode"},
            "ssh": {"x-stepyard": "ssh-agent"},
        }});
        let named = NamedResources::from_settings(&schema, settings).unwrap();
        let principal = Principal {
            name: "step".to_owned(),
            digest: String::new(),
            origin: Origin::BuiltIn,
        };
        BuiltInPolicy::new(named)
            .allowing(allowed.iter().copied())
            .decide(&principal, &access)
    }

    #[test]
    fn rights_over_the_machine_need_the_operator_and_the_settings() {
        let named = json!({"network": "host", "ssh": "default"});
        for (entitlement, action, resource) in [
            (
                Entitlement::HostNetwork,
                Action::UseHostNetwork,
                Resource::Engine,
            ),
            (
                Entitlement::SshAgent,
                Action::UseSshAgent,
                Resource::SshAgent,
            ),
        ] {
            let access = Access::new(action, resource);
            let permitted = |settings, allowed: &[Entitlement]| {
                matches!(
                    decide(settings, allowed, access.clone()),
                    Decision::Permit { .. }
                )
            };
            assert!(permitted(&named, &[entitlement]));
            assert!(!permitted(&named, &[]));
            assert!(!permitted(&json!({"network": "none"}), &Entitlement::ALL));
            match decide(&named, &[], access.clone()) {
                Decision::Deny { remedy, .. } => {
                    assert!(remedy.contains(entitlement.name()), "{remedy}");
                }
                decision @ Decision::Permit { .. } => panic!("{decision:?}"),
            }
        }
    }
    #[test]
    fn a_repository_is_made_where_the_settings_ask_for_it_and_nothing_is_deleted() {
        let schema = json!({"properties": {
            "account": {"x-stepyard": "ecr-account"},
            "region": {"x-stepyard": "ecr-region"},
            "imageName": {"x-stepyard": "ecr-repository"},
            "createRepository": {"x-stepyard": "ecr-create-repository"},
        }});
        let settings = json!({
            "account": "123456789012", "region": "us-east-1", "imageName": "team/app",
            "createRepository": true,
        });
        let named = NamedResources::from_settings(&schema, &settings).unwrap();
        let policy = BuiltInPolicy::new(named);
        let permits = |action, name: &str| {
            let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
            let resource = Resource::Repository {
                registry: stepyard_grammar::RegistryHost::parse(host).unwrap(),
                repository: stepyard_grammar::RepositoryName::parse(name).unwrap(),
                tag: None,
            };
            let principal = Principal {
                name: "step".to_owned(),
                digest: String::new(),
                origin: Origin::BuiltIn,
            };
            let decision = policy.decide(&principal, &Access::new(action, resource));
            matches!(decision, Decision::Permit { .. })
        };
        assert!(permits(Action::CreateRepository, "team/app"));
        assert!(permits(Action::DescribeImage, "team/app"));
        assert!(!permits(Action::CreateRepository, "team/other"));
        for action in [
            Action::PutLifecyclePolicy,
            Action::SetRepositoryPolicy,
            Action::PutTagMutability,
            Action::DeleteImages,
            Action::StartScan,
        ] {
            assert!(!permits(action, "team/app"), "{action}");
        }
    }
}
