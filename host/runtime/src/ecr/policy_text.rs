//! Policies of repositories, as text.

use serde_json::{Map, Value};

use crate::capability::CapabilityError;

/// A lifecycle or repository policy: the text of a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText(String);

impl PolicyText {
    /// The most characters of a lifecycle policy.
    pub const LONGEST_LIFECYCLE: usize = 30_720;
    /// The most characters of a repository policy.
    pub const LONGEST_REPOSITORY: usize = 10_240;

    /// Reads the text of a lifecycle policy.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] where it is not a JSON object or too long for ECR.
    pub fn lifecycle(text: String) -> Result<Self, CapabilityError> {
        Self::parse("lifecycle policy", text, Self::LONGEST_LIFECYCLE)
    }

    /// Reads the text of a repository policy.
    ///
    /// # Errors
    /// As [`PolicyText::lifecycle`].
    pub fn repository(text: String) -> Result<Self, CapabilityError> {
        Self::parse("repository policy", text, Self::LONGEST_REPOSITORY)
    }

    fn parse(what: &str, text: String, longest: usize) -> Result<Self, CapabilityError> {
        if text.chars().nth(longest).is_some() {
            return Err(CapabilityError::invalid(format!(
                "the {what} has more than {longest} characters, which is the most that ECR takes"
            )));
        }
        match serde_json::from_str::<Map<String, Value>>(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(CapabilityError::invalid(format!(
                "the {what} is not a JSON object: {error}"
            ))),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_json_object_of_a_length_that_ecr_takes() {
        assert_eq!(PolicyText::lifecycle("{}".into()).unwrap().as_str(), "{}");
        let longest = format!("{{\"a\":\"{}\"}}", "é".repeat(10_240 - 8));
        assert!(PolicyText::repository(longest.clone()).is_ok());
        for text in ["", "[]", "{", "{} {}", &format!("{longest} ")] {
            let error = PolicyText::repository(text.to_owned()).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::InvalidSettings, "{error}");
        }
    }
}
