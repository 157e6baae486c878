//! How much a YAML file may hold: a small one can stand for a lot through aliases.

use super::{Content, Node};

const MAXIMUM_DEPTH: usize = 64;
/// Values, those that aliases stand for included.
const MAXIMUM_NODES: usize = 200_000;
/// Bytes of text, that of aliases included: a small file may name a long text very often.
const MAXIMUM_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// What a file holds so far.
#[derive(Default)]
pub(super) struct Budget {
    nodes: usize,
    text_bytes: usize,
}

/// The limit that a file exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BudgetError {
    #[error("nested more than {MAXIMUM_DEPTH} levels deep")]
    Depth,
    #[error("more than {MAXIMUM_NODES} values, aliases counted in full")]
    Nodes,
    #[error("more than 4 MiB of text, aliases counted in full")]
    Text,
}

impl Budget {
    /// Whether one more collection may open inside `depth` others.
    pub(super) fn check_depth(depth: usize) -> Result<(), BudgetError> {
        if depth < MAXIMUM_DEPTH {
            Ok(())
        } else {
            Err(BudgetError::Depth)
        }
    }

    /// Adds values and the bytes of their texts.
    pub(super) fn count(&mut self, nodes: usize, text_bytes: usize) -> Result<(), BudgetError> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.text_bytes = self.text_bytes.saturating_add(text_bytes);
        if self.nodes > MAXIMUM_NODES {
            Err(BudgetError::Nodes)
        } else if self.text_bytes > MAXIMUM_TEXT_BYTES {
            Err(BudgetError::Text)
        } else {
            Ok(())
        }
    }
}

/// The number of values, and the bytes of their texts.
pub(super) fn size(node: &Node) -> (usize, usize) {
    let add = |sum: (usize, usize), more: (usize, usize)| (sum.0 + more.0, sum.1 + more.1);
    match &node.content {
        Content::Scalar(scalar) => (1, scalar.text.len()),
        Content::Sequence(items) => items.iter().map(size).fold((1, 0), add),
        Content::Mapping(entries) => entries.iter().fold((1, 0), |sum, entry| {
            add(add(sum, size(&entry.value)), (0, entry.key.len()))
        }),
    }
}
