//! TOML into nodes.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Content, Entry, Node, Problem, ProblemKind, Problems, Scalar, SourceFile};

/// Reads a TOML document; its root is a mapping.
///
/// # Errors
/// Syntax errors and duplicate keys, all that the parser finds.
pub(crate) fn read_toml(file: &SourceFile) -> Result<Node, Problems> {
    let (table, errors) = DeTable::parse_recoverable(file.text());
    let problems = errors
        .iter()
        .map(|error| {
            let (kind, help) = if error.message().contains("duplicate") {
                (ProblemKind::DuplicateKey, "remove one of the two")
            } else {
                (
                    ProblemKind::Syntax,
                    "put texts in quotes, and names with dots too",
                )
            };
            let message = format!("not valid TOML: {}", error.message().replace('\n', ", "));
            let span = error.span().unwrap_or(0..0);
            Problem::new(kind, file, span, "", message).with_help(help)
        })
        .collect();
    let span = table.span();
    let node = Node {
        content: mapping(table.get_ref()),
        span: span.start..span.start,
    };
    Problems::unless_empty(problems, node)
}

fn mapping(table: &DeTable<'_>) -> Content {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: key.span(),
            value: node(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    Content::Mapping(entries)
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Scalar(Scalar::quoted(text.clone())),
        DeValue::Integer(integer) => Content::Scalar(Scalar::plain(match integer.radix() {
            16 => format!("0x{}", integer.as_str()),
            8 => format!("0o{}", integer.as_str()),
            _ => integer.as_str().to_owned(),
        })),
        DeValue::Float(float) => Content::Scalar(Scalar::plain(float.as_str())),
        DeValue::Boolean(value) => Content::Scalar(Scalar::plain(value.to_string())),
        DeValue::Datetime(value) => Content::Scalar(Scalar::quoted(value.to_string())),
        DeValue::Array(items) => Content::Sequence(items.iter().map(node).collect()),
        DeValue::Table(table) => mapping(table),
    };
    Node {
        content,
        span: value.span(),
    }
}
