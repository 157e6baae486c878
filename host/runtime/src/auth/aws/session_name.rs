//! How the sessions of assumed roles are called: CloudTrail and the ARN of the session show it.

use std::fmt;

/// The longest name that STS accepts, in characters.
const LONGEST: usize = 64;

/// A role session's name that says which step acts: `stepyard-STEP`, in STS's grammar
/// `[\w+=,.@-]{2,64}` (STS API Reference, AssumeRole, RoleSessionName).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionName(String);

impl SessionName {
    /// The name for a session of the step with this identifier.
    pub(super) fn of_step(step: &str) -> Self {
        Self::sanitised(&format!("stepyard-{step}"))
    }

    /// `text` with a `-` for each character that STS refuses. A text of less than two characters
    /// is no name.
    pub(super) fn sanitised(text: &str) -> Self {
        let accepted =
            |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
        let name: String = text
            .chars()
            .map(|character| if accepted(character) { character } else { '-' })
            .take(LONGEST)
            .collect();
        match name.len() {
            0 | 1 => Self("stepyard".to_owned()),
            _ => Self(name),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::SessionName;

    #[test]
    fn names_follow_the_grammar_of_sts() {
        for (step, name) in [
            ("build_and_push", "stepyard-build_and_push"),
            ("", "stepyard-"),
            ("a b/c:d", "stepyard-a-b-c-d"),
            ("größe", "stepyard-gr--e"),
            ("x=1,y@2.z+", "stepyard-x=1,y@2.z+"),
            ("a\nb", "stepyard-a-b"),
        ] {
            assert_eq!(SessionName::of_step(step).as_str(), name);
        }
        let long = SessionName::of_step(&"a".repeat(200));
        assert_eq!(long.as_str().len(), 64);
        assert_eq!(SessionName::sanitised("x").as_str(), "stepyard");
        assert_eq!(SessionName::sanitised("my pod").as_str(), "my-pod");
    }
}
