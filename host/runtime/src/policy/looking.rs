//! The policy of the operator's own look at what runs would find.

use super::{Action, Decision, Policy, Question, Resource};

/// Permits what leaves everything as it is, and nothing else. The host asks under it for the
/// operator; no guest runs under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking;

impl Policy for Looking {
    fn decide(&self, question: &Question<'_>) -> Decision {
        let access = question.access;
        let rule = "looking.nothing-is-changed";
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
            return Decision::permit(rule);
        }
        Decision::deny(rule, "it would change something", "run the step")
    }
}

#[cfg(test)]
mod tests {
    use stepyard_grammar::{RegistryHost, RepositoryName, Tag};

    use super::*;
    use crate::policy::Access;
    use crate::testing::decide;

    fn is_permitted(action: Action, resource: Resource) -> bool {
        decide(&Looking, &Access::new(action, resource)).is_permit()
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
