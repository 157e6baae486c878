//! The policy of the operator's own look at what runs would find.

use super::{Access, Action, Decision, Policy, Principal, Resource};

/// Permits what leaves everything as it is, and nothing else. The host asks under it for the
/// operator; no guest runs under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking;

impl Policy for Looking {
    fn decide(&self, _principal: &Principal, access: &Access) -> Decision {
        let rule = "looking.nothing-is-changed".to_owned();
        let looks = match (access.action, &access.resource) {
            (
                Action::Login
                | Action::LoginAnonymously
                | Action::InspectRegistry
                | Action::InspectEngine
                | Action::DescribeRepository
                | Action::ListTags
                | Action::Pull,
                _,
            ) => true,
            // Whether one could push: whatever is pushed has a tag.
            (Action::Push, Resource::Repository { tag, .. }) => tag.is_none(),
            _ => false,
        };
        if looks {
            return Decision::Permit { rule };
        }
        Decision::Deny {
            rule,
            reason: "it would change something".to_owned(),
            remedy: "run the step".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use stepyard_grammar::{RegistryHost, RepositoryName, Tag};

    use super::*;
    use crate::component::Origin;

    fn is_permitted(action: Action, resource: Resource) -> bool {
        let principal = Principal {
            name: "operator".to_owned(),
            digest: String::new(),
            origin: Origin::BuiltIn,
        };
        let decision = Looking.decide(&principal, &Access::new(action, resource));
        matches!(decision, Decision::Permit { .. })
    }

    #[test]
    fn nothing_is_built_written_or_handed_out() {
        let repository = |tag: Option<&str>| Resource::Repository {
            registry: RegistryHost::parse("registry.test").unwrap(),
            repository: RepositoryName::parse("a").unwrap(),
            tag: tag.map(|tag| Tag::parse(tag).unwrap()),
        };
        assert!(is_permitted(Action::Pull, repository(Some("1"))));
        assert!(is_permitted(Action::Push, repository(None)));
        assert!(!is_permitted(Action::Push, repository(Some("1"))));
        assert!(!is_permitted(Action::Tag, repository(Some("1"))));
        assert!(!is_permitted(Action::Tag, repository(None)));
        assert!(!is_permitted(Action::Build, Resource::Engine));
        let secret = Resource::Secret("s".to_owned());
        assert!(!is_permitted(Action::UseSecret, secret));
    }
}
