//! The policy where the operator gives none.

use super::{Access, Action, Decision, NamedResources, Policy, Principal, Resource};
use crate::component::Origin;

/// Lets a built-in step touch exactly what its own settings name, and a component from elsewhere
/// nothing: it can compute, read its workspace and log.
#[derive(Clone, Debug)]
pub struct BuiltInPolicy {
    named: NamedResources,
}

impl BuiltInPolicy {
    /// The policy for a run whose settings name `named`.
    pub fn new(named: NamedResources) -> Self {
        Self { named }
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
                Action::Pull | Action::ListTags | Action::DescribeRepository,
                Resource::Repository {
                    registry,
                    repository,
                    ..
                },
            ) => self.named.names_source(registry, repository),
            (Action::ReadWorkspace, Resource::WorkspacePath(path)) => {
                self.named.names_workspace_path(path)
            }
            // A secret reaches a call only through a placeholder, and only the settings make one.
            (Action::UseSecret, Resource::Secret(_)) => true,
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
