//! A value of a file, and where it stands.

use std::ops::Range;

use super::Scalar;

/// A value and the bytes that it spans. A value that an alias stands for spans the alias.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) span: Range<usize>,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum Content {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// In the order of the file; keys are unique.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

impl Node {
    /// The type, for "found a list".
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "nothing",
            Content::Scalar(_) => "a single value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Mapping(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Whether nothing was written.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }
}
