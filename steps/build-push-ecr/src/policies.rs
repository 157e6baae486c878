//! Policies of the repository, from files of the workspace.

use std::{fs, io, path::Path};

use serde_json::{Map, Value, error::Category};
use stepyard_sdk::{Error, ecr::NamedRepository, log, setting::Problems};

use crate::plan::Plan;

/// Where the host shows the workspace.
const WORKSPACE: &str = "/workspace";
/// The most characters that ECR takes of a lifecycle policy.
const LONGEST_LIFECYCLE: usize = 30_720;
/// The most characters that ECR takes of a repository policy.
const LONGEST_REPOSITORY: usize = 10_240;

/// The texts of the policies that the settings name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    lifecycle: Option<String>,
    repository: Option<String>,
}

impl Policies {
    /// Reads the policies of `plan`.
    ///
    /// # Errors
    /// `invalid-settings` for each that is not a file with a JSON object, or too long for ECR;
    /// `not-found` where the run has no workspace.
    pub(crate) fn read(plan: &Plan) -> Result<Self, Error> {
        let workspace = Path::new(WORKSPACE);
        let named = plan.lifecycle_policy.is_some() || plan.repository_policy.is_some();
        if named && !workspace.is_dir() {
            return Err(Error::not_found(
                "lifecyclePolicy and repositoryPolicy name files of the workspace, and the run has \
                 none",
            ));
        }
        let mut problems = Problems::default();
        let mut read = |setting, path: &Option<String>, longest| {
            let path = path.as_ref()?;
            match read(&workspace.join(path), longest) {
                Ok(text) => Some(text),
                Err(problem) => {
                    problems.add(setting, format_args!("{path}{problem}"));
                    None
                }
            }
        };
        let policies = Self {
            lifecycle: read("lifecyclePolicy", &plan.lifecycle_policy, LONGEST_LIFECYCLE),
            repository: read(
                "repositoryPolicy",
                &plan.repository_policy,
                LONGEST_REPOSITORY,
            ),
        };
        problems.into_result(Some(policies))
    }

    /// Gives the repository its policies.
    ///
    /// # Errors
    /// As ECR answers.
    pub(crate) fn put(&self, repository: &NamedRepository) -> Result<(), Error> {
        if let Some(policy) = &self.lifecycle {
            repository
                .put_lifecycle_policy(policy)
                .map_err(|error| error.with_context("lifecyclePolicy"))?;
            log::info!("the repository has the lifecycle policy of lifecyclePolicy");
        }
        if let Some(policy) = &self.repository {
            repository
                .set_policy(policy)
                .map_err(|error| error.with_context("repositoryPolicy"))?;
            log::info!("the repository has the policy of repositoryPolicy");
        }
        Ok(())
    }
}

/// The text of a policy; else what is wrong, to follow the path.
fn read(path: &Path, longest: usize) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            " does not exist; expected a JSON file of the workspace".to_owned()
        }
        io::ErrorKind::InvalidData => " is not text; expected a JSON file".to_owned(),
        _ => format!(" cannot be read ({error}); expected a JSON file of the workspace"),
    })?;
    serde_json::from_str::<Map<String, Value>>(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let problem = error.to_string();
        let problem = problem.split(" at line ").next().unwrap_or_default();
        let expected = match error.classify() {
            Category::Data => "a JSON object",
            _ => "JSON",
        };
        format!(", line {line}, column {column}: {problem}; expected {expected}")
    })?;
    if text.chars().nth(longest).is_some() {
        return Err(format!(
            " has {} characters; expected {longest} at most, which ECR takes",
            text.chars().count()
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reading a file with this content says.
    fn read_text(content: &[u8]) -> Result<String, String> {
        let name = format!("policy-{}-{}.json", std::process::id(), content.len());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        let result = read(&path, 40);
        fs::remove_file(&path).unwrap();
        result
    }

    #[test]
    fn a_policy_is_read_as_it_is() {
        let text = "{\"rules\": []}\n";
        assert_eq!(read_text(text.as_bytes()).unwrap(), text);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (content, problem) in [
            (
                "{\n  \"rules\": [}\n}",
                ", line 2, column 13: expected value; expected JSON",
            ),
            (
                "[1]",
                ", line 1, column 0: invalid type: sequence, expected a map; expected a JSON object",
            ),
            (
                "",
                ", line 1, column 0: EOF while parsing a value; expected JSON",
            ),
            (
                "{\"a\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
                " has 48 characters; expected 40 at most, which ECR takes",
            ),
        ] {
            assert_eq!(read_text(content.as_bytes()).unwrap_err(), problem);
        }
        assert_eq!(
            read_text(b"\xff{}").unwrap_err(),
            " is not text; expected a JSON file"
        );
        assert_eq!(
            read(Path::new("/nonexistent/policy.json"), 40).unwrap_err(),
            " does not exist; expected a JSON file of the workspace"
        );
    }
}
