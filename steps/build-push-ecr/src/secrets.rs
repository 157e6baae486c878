//! Build secrets: `envDockerSecrets` and `fileDockerSecrets`.

use std::collections::{BTreeMap, BTreeSet};

use stepyard_sdk::setting::{Problems, Text};

use crate::{
    check::{check_path, check_word},
    report::NotApplicable,
};

/// What `RUN --mount=type=secret,id=…` can read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BuildSecrets {
    /// Ids and values: text, or placeholders that the host fills in.
    pub values: BTreeMap<String, String>,
    /// Ids and files of the workspace.
    pub files: BTreeMap<String, String>,
}

impl std::fmt::Debug for BuildSecrets {
    /// Without the values, which need not be placeholders.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BuildSecrets")
            .field("values", &self.values.keys())
            .field("files", &self.files)
            .finish()
    }
}

/// Checks build secrets, and reports the variables that none of them names: the step has no
/// container of its own that could have variables.
pub fn check(
    from_variables: &BTreeMap<String, Text>,
    from_files: &BTreeMap<String, String>,
    variables: &BTreeMap<String, Text>,
    problems: &mut Problems,
    not_applicable: &mut Vec<NotApplicable>,
) -> BuildSecrets {
    const ID: &str = "the id of a build secret";
    let mut secrets = BuildSecrets::default();
    let mut used = BTreeSet::new();
    for (id, value) in from_variables {
        let path = format!("envDockerSecrets[{id:?}]");
        check_word(&path, id, ID, problems);
        let value = if is_variable_name(&value.0) {
            used.insert(value.0.as_str());
            variables.get(&value.0)
        } else {
            Some(value)
        };
        match value {
            Some(value) if value.0.is_empty() => {
                problems.add(
                    path,
                    "empty; expected a variable of envVariables or a secret",
                );
            }
            Some(value) => {
                secrets.values.insert(id.clone(), value.0.clone());
            }
            None => problems.add(
                path,
                "names a variable that envVariables does not have; expected one that it has, or \
                 a secret, such as <+secrets.getValue(\"id\")>",
            ),
        }
    }
    for (id, path) in from_files {
        let setting = format!("fileDockerSecrets[{id:?}]");
        check_word(&setting, id, ID, problems);
        check_path(&setting, path, problems);
        if from_variables.contains_key(id) {
            problems.add(
                setting,
                "envDockerSecrets has the same id; expected each id once",
            );
        }
        secrets.files.insert(id.clone(), path.clone());
    }
    let unused = variables
        .keys()
        .filter(|name| !used.contains(name.as_str()));
    not_applicable.extend(unused.map(|name| {
        NotApplicable {
            setting: format!("envVariables[{name:?}]"),
            reason:
                "the step has no container of its own; buildArgs and envDockerSecrets reach the \
                 build"
                    .to_owned(),
        }
    }));
    secrets
}

/// Whether a value names a variable. A placeholder for a secret does not.
fn is_variable_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T>(pairs: &[(&str, &str)], value: impl Fn(String) -> T) -> BTreeMap<String, T> {
        pairs
            .iter()
            .map(|(key, text)| ((*key).to_owned(), value((*text).to_owned())))
            .collect()
    }

    fn run(
        from_variables: &[(&str, &str)],
        from_files: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> (BuildSecrets, Vec<String>, Vec<String>) {
        let mut problems = Problems::default();
        let mut reported = Vec::new();
        let secrets = check(
            &map(from_variables, Text),
            &map(from_files, |path| path),
            &map(variables, Text),
            &mut problems,
            &mut reported,
        );
        let reported = reported.iter().map(ToString::to_string).collect();
        (secrets, problems.lines().to_vec(), reported)
    }

    #[test]
    fn a_secret_may_name_a_variable_or_hold_a_placeholder() {
        let (secrets, problems, reported) = run(
            &[("npm", "NPM_TOKEN"), ("git", "[a placeholder]")],
            &[],
            &[("NPM_TOKEN", "[another placeholder]"), ("UNUSED", "1")],
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            secrets.values,
            map(
                &[("npm", "[another placeholder]"), ("git", "[a placeholder]")],
                |value| value
            )
        );
        assert_eq!(
            reported,
            [
                "envVariables[\"UNUSED\"] (the step has no container of its own; buildArgs and \
                 envDockerSecrets reach the build)"
            ]
        );
    }

    #[test]
    fn problems_do_not_repeat_values() {
        let (_, problems, _) = run(&[("npm", "hunter2"), ("a b", "[x]")], &[], &[]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.contains("hunter2")));
    }

    #[test]
    fn an_id_is_given_once_and_files_stay_in_the_workspace() {
        let (_, problems, _) = run(&[("npm", "[x]")], &[("npm", "../x")], &[]);
        assert_eq!(
            problems,
            [
                "fileDockerSecrets[\"npm\"]: found a path with '..'; expected a path relative to \
                 the workspace and within it",
                "fileDockerSecrets[\"npm\"]: envDockerSecrets has the same id; expected each id \
                 once"
            ]
        );
    }

    #[test]
    fn debug_output_has_no_values() {
        let (secrets, _, _) = run(&[("npm", "[x-value]")], &[], &[]);
        assert!(!format!("{secrets:?}").contains("x-value"));
    }
}
