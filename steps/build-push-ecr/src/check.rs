//! Checks of texts that several settings share.

use std::collections::BTreeMap;

use stepyard_sdk::setting::{Problems, Text};

/// Whether `path` is relative to the workspace and stays in it.
pub(crate) fn check_path(setting: impl std::fmt::Display, path: &str, problems: &mut Problems) {
    let problem = if path.is_empty() {
        "empty"
    } else if path.contains("://") {
        "a remote address"
    } else if path.starts_with('/') {
        "an absolute path"
    } else if path.split('/').any(|segment| segment == "..") {
        "a path with '..'"
    } else if path.contains('\\') || path.chars().any(char::is_control) {
        "a path with a backslash or a control character"
    } else if path.len() > 4096 {
        "a path of more than 4096 bytes"
    } else {
        return;
    };
    problems.add(
        setting,
        format_args!("found {problem}; expected a path relative to the workspace and within it"),
    );
}

/// Whether `word` is one of the short names that Dockerfiles use.
pub(crate) fn check_word(
    setting: impl std::fmt::Display,
    word: &str,
    what: &str,
    problems: &mut Problems,
) {
    let valid = (1..=128).contains(&word.len())
        && word
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
    if !valid {
        problems.add(
            setting,
            format_args!(
                "{word:?} is not {what}; expected 1 to 128 letters, digits, '.', '_' or '-'"
            ),
        );
    }
}

pub(crate) fn check_pairs(setting: &str, pairs: &BTreeMap<String, Text>, problems: &mut Problems) {
    for (name, value) in pairs {
        if name.is_empty() || name.contains(['=', '\n', '\r', '\0']) {
            problems.add(
                format_args!("{setting}[{name:?}]"),
                "not a name; expected one that is not empty, without '=' and line ends",
            );
        }
        if value.0.contains('\0') {
            problems.add(
                format_args!("{setting}[{name:?}]"),
                "found a NUL character; expected text",
            );
        }
    }
}
