//! Whether what a call would touch is what the settings of its step name.

use super::named::RepositoryChange;
use super::{Access, Action, Entitlement, NamedResources, Resource};

impl NamedResources {
    /// Whether the settings name what `access` would touch, and for that.
    pub fn names(&self, access: &Access) -> bool {
        match (&access.action, &access.resource) {
            (Action::InspectEngine | Action::Build, Resource::Engine) => true,
            (
                Action::Login,
                Resource::Connector {
                    connector,
                    registry,
                },
            ) => {
                self.names_connector(connector)
                    && registry
                        .as_ref()
                        .is_none_or(|registry| self.names_registry(registry))
            }
            (Action::LoginAnonymously, Resource::Registry(registry)) => {
                self.names_registry(registry)
            }
            (
                Action::Push | Action::Copy | Action::Tag,
                Resource::Repository {
                    registry,
                    repository,
                    tag,
                },
            ) => self.names_destination(
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
            ) => self.names_source(registry, repository),
            (
                Action::StartScan,
                Resource::Repository {
                    registry,
                    repository,
                    ..
                },
            ) => self.names_change(RepositoryChange::StartScan, registry, repository),
            (
                action,
                Resource::Repository {
                    registry,
                    repository,
                    tag: None,
                },
            ) => change(*action)
                .is_some_and(|change| self.names_change(change, registry, repository)),
            (Action::ReadWorkspace, Resource::WorkspacePath(path)) => {
                self.names_workspace_path(path)
            }
            // A secret reaches a call only through a placeholder, and only the settings make one.
            (Action::UseSecret, Resource::Secret(_)) => true,
            (Action::UseSshAgent, Resource::SshAgent) => self.names_ssh_agent(),
            (Action::UseHostNetwork, Resource::Engine) => self.names_host_network(),
            (Action::ImportCache, Resource::Cache(place)) => self.names_cache(place),
            (Action::ExportCache, Resource::Cache(place)) => self.names_cache_destination(place),
            _ => false,
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
pub(super) fn entitlement(action: Action) -> Option<Entitlement> {
    match action {
        Action::UseHostNetwork => Some(Entitlement::HostNetwork),
        Action::UseSshAgent => Some(Entitlement::SshAgent),
        _ => None,
    }
}
