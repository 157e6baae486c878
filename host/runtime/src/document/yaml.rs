//! YAML into nodes, from the parser's events.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::budget::{Budget, BudgetError, size};
use super::json::join;
use super::key::read_key;
use super::{
    Content, Entry, Node, Problem, ProblemKind, Problems, Scalar, SourceFile, add_problem,
};

/// Reads the documents of a YAML file (separated by `---`). Empty documents are left out.
///
/// # Errors
/// Syntax errors, duplicate keys, keys that are no text, tags outside the core schema, merge keys,
/// and whatever exceeds the limits.
pub(crate) fn read_yaml(file: &SourceFile) -> Result<Vec<Node>, Problems> {
    let mut reader = Reader::new(file);
    let mut documents = Vec::new();
    let result = reader.read(&mut documents);
    if let Err(problem) = result {
        add_problem(&mut reader.problems, *problem);
    }
    Problems::unless_empty(reader.problems, documents)
}

/// A collection whose end has not come.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, Range<usize>)>,
    seen: HashMap<String, usize>,
}

struct Reader<'a> {
    file: &'a SourceFile,
    /// Byte offset of each character; empty where the text is ASCII and the two are the same.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    budget: Budget,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a SourceFile) -> Self {
        let offsets = if file.text().is_ascii() {
            Vec::new()
        } else {
            file.text()
                .char_indices()
                .map(|(offset, _)| offset)
                .collect()
        };
        Self {
            file,
            offsets,
            open: Vec::new(),
            anchors: HashMap::new(),
            budget: Budget::default(),
            problems: Vec::new(),
        }
    }

    /// An error is what ends the reading; other problems are collected.
    fn read(&mut self, documents: &mut Vec<Node>) -> Result<(), Box<Problem>> {
        for event in Parser::new_from_str(self.file.text()) {
            let (event, span) = event.map_err(|error| {
                let at = self.offset(error.marker().index());
                let message = format!("not valid YAML: {}", error.info());
                Box::new(
                    Problem::new(ProblemKind::Syntax, self.file, at..at, "", message)
                        .with_help(syntax_help(self.file, at)),
                )
            })?;
            let span = self.bytes(span);
            let (node, anchor) = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let plain = style == ScalarStyle::Plain;
                    let text = text.into_owned();
                    self.count(1, text.len(), &span)?;
                    let is_text = self.check_tag(tag, &span);
                    let scalar = Scalar {
                        text,
                        plain: plain && !is_text,
                    };
                    (
                        Node {
                            content: Content::Scalar(scalar),
                            span,
                        },
                        anchor,
                    )
                }
                Event::SequenceStart(anchor, tag) => {
                    self.check_tag(tag, &span);
                    self.begin(Content::Sequence(Vec::new()), span, anchor)?;
                    continue;
                }
                Event::MappingStart(anchor, tag) => {
                    self.check_tag(tag, &span);
                    self.begin(Content::Mapping(Vec::new()), span, anchor)?;
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                    Some(mut open) => {
                        open.node.span.end = span.end.max(open.node.span.start);
                        (open.node, open.anchor)
                    }
                    None => continue,
                },
                Event::Alias(anchor) => (self.alias(anchor, span)?, 0),
                Event::DocumentEnd => {
                    self.anchors.clear();
                    continue;
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_) => continue,
            };
            if anchor > 0 {
                let (nodes, text_bytes) = size(&node);
                self.count(nodes, text_bytes, &node.span)?;
                self.anchors.insert(anchor, node.clone());
            }
            if let Some(document) = self.place(node) {
                documents.push(document);
            }
        }
        Ok(())
    }

    fn offset(&self, character: usize) -> usize {
        if self.offsets.is_empty() {
            return character.min(self.file.text().len());
        }
        self.offsets
            .get(character)
            .copied()
            .unwrap_or(self.file.text().len())
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    fn begin(
        &mut self,
        content: Content,
        span: Range<usize>,
        anchor: usize,
    ) -> Result<(), Box<Problem>> {
        self.count(1, 0, &span)?;
        self.bounded(Budget::check_depth(self.open.len()), &span)?;
        let node = Node { content, span };
        self.open.push(Open {
            node,
            anchor,
            key: None,
            seen: HashMap::new(),
        });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Result<Node, Box<Problem>> {
        let Some(target) = self.anchors.get(&anchor) else {
            let message = "this alias stands inside the value that it stands for";
            return Err(Box::new(
                Problem::new(ProblemKind::Syntax, self.file, span, "", message)
                    .with_help("write the value out"),
            ));
        };
        let (nodes, text_bytes) = size(target);
        self.count(nodes, text_bytes, &span)?;
        let mut node = self.anchors.get(&anchor).cloned().unwrap_or_else(|| Node {
            content: Content::Sequence(Vec::new()),
            span: span.clone(),
        });
        node.span = span;
        Ok(node)
    }

    fn count(
        &mut self,
        nodes: usize,
        text_bytes: usize,
        span: &Range<usize>,
    ) -> Result<(), Box<Problem>> {
        let result = self.budget.count(nodes, text_bytes);
        self.bounded(result, span)
    }

    fn bounded(
        &self,
        result: Result<(), BudgetError>,
        span: &Range<usize>,
    ) -> Result<(), Box<Problem>> {
        result.map_err(|error| {
            let message = error.to_string();
            Box::new(
                Problem::new(ProblemKind::TooLarge, self.file, span.clone(), "", message)
                    .with_help("use fewer values, levels or aliases"),
            )
        })
    }

    /// Whether the tag says that the value is text, whatever it looks like.
    fn check_tag(&mut self, tag: Option<Cow<'_, Tag>>, span: &Range<usize>) -> bool {
        let Some(tag) = tag else { return false };
        let known = tag.is_yaml_core_schema() || (tag.handle.is_empty() && tag.suffix == "!");
        if !known {
            let message = format!("the tag `{}{}` is not known here", tag.handle, tag.suffix);
            let problem = Problem::new(
                ProblemKind::Syntax,
                self.file,
                span.clone(),
                &self.path(),
                message,
            )
            .with_help("remove the tag; only YAML's own, such as `!!str`, are read");
            add_problem(&mut self.problems, problem);
        }
        tag.suffix == "str" || tag.suffix == "!"
    }

    /// The path of the value that comes next.
    fn path(&self) -> String {
        self.open.iter().fold(String::new(), |path, open| {
            match (&open.node.content, &open.key) {
                (Content::Sequence(items), _) => format!("{path}[{}]", items.len()),
                (_, Some((key, _))) => join(&path, key),
                (_, None) => path,
            }
        })
    }

    /// Puts a finished value where it belongs; hands a document's root back.
    fn place(&mut self, node: Node) -> Option<Node> {
        let is_key = self.open.last().is_some_and(|open| {
            open.key.is_none() && matches!(open.node.content, Content::Mapping(_))
        });
        let path = if is_key { self.path() } else { String::new() };
        let Some(open) = self.open.last_mut() else {
            return (!node.is_null()).then_some(node);
        };
        match (&mut open.node.content, open.key.take()) {
            (Content::Sequence(items), _) => items.push(node),
            (Content::Mapping(entries), Some((key, key_span))) => {
                entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                });
            }
            (Content::Mapping(_), None) => {
                let (key, problem) = read_key(self.file, &path, &open.seen, &node);
                open.seen.entry(key.clone()).or_insert(node.span.start);
                open.key = Some((key, node.span));
                if let Some(problem) = problem {
                    add_problem(&mut self.problems, problem);
                }
            }
            (Content::Scalar(_), _) => {}
        }
        None
    }
}

/// The commonest reasons by what stands at the place.
fn syntax_help(file: &SourceFile, offset: usize) -> &'static str {
    let text = file.text();
    let line = text
        .get(..offset)
        .map_or("", |before| before.rsplit('\n').next().unwrap_or(""));
    let at = text.get(offset..).unwrap_or_default();
    if line.contains('\t') || at.starts_with('\t') {
        "indent with spaces; YAML does not allow tabs"
    } else if at.starts_with(['%', '@', '`', '*', '&']) {
        "quote the value"
    } else {
        "check the indentation, the quotes and the brackets here and on the line before"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{render_plain, to_json};

    fn read(text: &str) -> Result<Vec<serde_json::Value>, String> {
        let file = SourceFile::new("f", text).unwrap();
        read_yaml(&file)
            .map(|nodes| {
                nodes
                    .iter()
                    .map(|node| to_json(&file, node, "").0)
                    .collect()
            })
            .map_err(|problems| render_plain(&problems))
    }

    #[test]
    fn keeps_the_text_that_json_would_change() {
        let text = "[1.20, 0123, 1_000, 0x10, 12345678901234567890, 9007199254740992, 123456789012, \
                    0, 1.5, true, True, ~, '7', !!str 8, 1e3, -4, +4]";
        assert_eq!(
            read(text).unwrap(),
            [serde_json::json!([
                "1.20",
                "0123",
                "1_000",
                "0x10",
                "12345678901234567890",
                "9007199254740992",
                123456789012u64,
                0,
                1.5,
                true,
                "True",
                null,
                "7",
                "8",
                "1e3",
                -4,
                "+4"
            ])]
        );
    }

    #[test]
    fn reads_documents_aliases_and_non_ascii_positions() {
        let text = "é: &x [1, 2]\nb: *x\n---\n---\nc: |\n  é\n";
        assert_eq!(
            read(text).unwrap(),
            [
                serde_json::json!({"é": [1, 2], "b": [1, 2]}),
                serde_json::json!({"c": "é\n"})
            ]
        );
        let file = SourceFile::new("f", text).unwrap();
        let nodes = read_yaml(&file).unwrap();
        let (_, positions) = to_json(&file, &nodes[0], "");
        assert_eq!(positions.line_and_column("/é/1"), (1, 11));
        assert_eq!(positions.line_and_column("/b"), (2, 4));
        assert_eq!(positions.line_and_column("/b/7"), (2, 4));
    }

    #[test]
    fn bounds_depth_and_aliases() {
        let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
        assert!(
            read(&deep)
                .unwrap_err()
                .contains("nested more than 64 levels")
        );
        let blocks: String = (0..70)
            .map(|level| format!("{}a:\n", " ".repeat(level)))
            .collect();
        assert!(
            read(&blocks)
                .unwrap_err()
                .contains("nested more than 64 levels")
        );
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let names = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{names}]\n"));
        }
        assert!(
            read(&laughs)
                .unwrap_err()
                .contains("aliases counted in full")
        );
        let long = format!(
            "a: &a {}\nb: [{}]",
            "x".repeat(100_000),
            vec!["*a"; 100].join(", ")
        );
        assert!(read(&long).unwrap_err().contains("4 MiB of text"));
    }

    #[test]
    fn reports_duplicates_together_with_a_later_syntax_error() {
        let error = read("a: 1\na: 2\nb: {a: 1, a: 2}\nc: [\n").unwrap_err();
        assert!(error.contains("f:2:1: a: the key `a` stands here a second time, after line 1"));
        assert!(error.contains("f:3:11: b.a: "), "{error}");
        assert!(error.contains("not valid YAML"), "{error}");
    }
}
