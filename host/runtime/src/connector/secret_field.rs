//! Fields that name a secret, and fields in which people paste one.

use crate::document::{Field, Fields, ProblemKind};
use crate::secret::SecretName;

const HELP: &str = "keep the secret in the secret store and write its name here";

/// The name of a secret. What does not look like one is taken for a pasted secret, and errors do
/// not show it.
pub(super) fn secret_name(field: &Field<'_>) -> Option<SecretName> {
    let text = field.text()?;
    let refuse = |message: String| {
        field.hide();
        field.problem(ProblemKind::PlaintextSecret, message, HELP);
        None
    };
    if looks_like_a_secret(text) {
        return refuse("this looks like the secret itself, not like its name".to_owned());
    }
    match SecretName::parse(text) {
        Ok(name) => Some(name),
        Err(error) => refuse(error.to_string()),
    }
}

/// Refuses a key that would hold the secret's text.
pub(super) fn refuse_plaintext<'a>(fields: &mut Fields<'a>, key: &'a str, reference: &str) {
    if let Some(field) = fields.refused(key) {
        field.hide();
        field.problem(
            ProblemKind::PlaintextSecret,
            format!("a secret must not stand in a file; expected `{reference}` with its name"),
            HELP,
        );
    }
}

/// AWS keys (`AKIA…` and their 40 character secrets), Docker Hub and GitHub tokens may follow the
/// grammar of a secret's name.
fn looks_like_a_secret(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    let access_key = text.len() == 20
        && ["AKIA", "ASIA"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let secret_key = text.len() == 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/+=".contains(&byte))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    let token = ["dckr_pat_", "dckr_oat_", "ghp_", "github_pat_", "glpat-"];
    access_key || secret_key || token.iter().any(|prefix| text.starts_with(prefix))
}
