//! What every type that wraps a validated text has in common.

/// Gives a tuple struct over a `String` with an inherent `parse` the traits of a validated text.
macro_rules! validated_text {
    ($name:ident) => {
        impl $name {
            /// The text, as it was accepted.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::GrammarError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(crate) use validated_text;

/// Texts that no grammar of this crate may accept.
#[cfg(test)]
pub(crate) const HOSTILE: &[&str] = &[
    "",
    " ",
    "\0",
    "\n",
    "a\nb",
    "a\n",
    "\ta",
    "a\u{202e}b",
    "é",
    "a%2fb",
    "%",
    "..",
    "../a",
    "a/../b",
    "a//b",
    "/a",
    "a/",
    "a;b",
    "$(a)",
    "a b\u{7f}",
    "\u{feff}a",
    "a\\b",
    "a?b",
    "a#b",
    "a@",
    "@a",
];
