//! Names of connectors and secrets: an identifier, and the scope in which it is looked up.

use std::fmt;

use crate::secret::SecretName;

/// Where Harness keeps an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceScope {
    /// The project: no prefix.
    Project,
    /// The organization: `org.`
    Organization,
    /// The account: `account.`
    Account,
}

impl ReferenceScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Project, Self::Organization, Self::Account];

    /// The scope as prefixes have it, and `project` for none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Organization => "org",
            Self::Account => "account",
        }
    }
}

/// A text that names no connector or secret. It does not repeat the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the name of a {subject}: expected `id`, `org.id` or `account.id`, where an id has up to \
     128 letters, digits and `_` and does not start with a digit"
)]
pub struct ReferenceError {
    subject: &'static str,
}

fn split(text: &str) -> Option<(ReferenceScope, &str)> {
    let (scope, identifier) = match text.split_once('.') {
        None => (ReferenceScope::Project, text),
        Some(("org", identifier)) => (ReferenceScope::Organization, identifier),
        Some(("account", identifier)) => (ReferenceScope::Account, identifier),
        Some(_) => return None,
    };
    let valid = identifier.len() <= 128
        && identifier.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && identifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some((scope, identifier))
}

macro_rules! reference {
    ($(#[$documentation:meta])* $name:ident, $subject:literal) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            scope: ReferenceScope,
            identifier: String,
        }

        impl $name {
            /// Reads `id`, `org.id` or `account.id`.
            ///
            /// # Errors
            /// The text does not follow that grammar.
            pub fn parse(text: &str) -> Result<Self, ReferenceError> {
                let (scope, identifier) =
                    split(text).ok_or(ReferenceError { subject: $subject })?;
                Ok(Self { scope, identifier: identifier.to_owned() })
            }

            /// The scope that the prefix names.
            #[must_use]
            pub fn scope(&self) -> ReferenceScope {
                self.scope
            }

            /// The identifier, without the prefix.
            #[must_use]
            pub fn identifier(&self) -> &str {
                &self.identifier
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self.scope {
                    ReferenceScope::Project => "",
                    ReferenceScope::Organization => "org.",
                    ReferenceScope::Account => "account.",
                })?;
                formatter.write_str(&self.identifier)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ReferenceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}

reference! {
    /// The name by which a step refers to a connector: `id`, `org.id` or `account.id`.
    ConnectorReference, "connector"
}

impl SecretName {
    /// Reads `id`, `org.id` or `account.id`.
    ///
    /// # Errors
    /// The text does not follow that grammar.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (scope, identifier) = split(text).ok_or(ReferenceError { subject: "secret" })?;
        let scope = match scope {
            ReferenceScope::Project => None,
            ReferenceScope::Organization => Some("org".to_owned()),
            ReferenceScope::Account => Some("account".to_owned()),
        };
        Ok(Self {
            scope,
            identifier: identifier.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scopes_and_refuses_everything_else() {
        for (text, scope) in [
            ("aws_main", ReferenceScope::Project),
            ("org.aws_main", ReferenceScope::Organization),
            ("account._1", ReferenceScope::Account),
        ] {
            assert_eq!(SecretName::parse(text).unwrap().to_string(), text);
            let name = ConnectorReference::parse(text).unwrap();
            assert_eq!((name.scope(), name.to_string().as_str()), (scope, text));
        }
        for text in [
            "",
            "1a",
            "a-b",
            "project.a",
            "org.",
            "account.org.a",
            "a b",
            &"a".repeat(129),
        ] {
            let error = ConnectorReference::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("not the name of a connector"), "{text}");
        }
    }
}
