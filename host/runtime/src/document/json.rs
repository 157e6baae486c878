//! Values as JSON, for a step's settings, and where each of them stands in the file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Number, Value};

use super::{
    Content, Meaning, Node, Problem, ProblemKind, Problems, Scalar, SourceFile, read_yaml,
};

/// Where the values of a JSON document stand in the file that it was read from, by JSON pointer
/// (RFC 6901).
#[derive(Debug, Clone)]
pub struct Positions {
    file: SourceFile,
    /// The field's path of the document's root, as in `step.spec`.
    root: String,
    spans: BTreeMap<String, Range<usize>>,
}

impl Positions {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// The bytes of the value at `pointer`, or of the nearest value around it.
    #[must_use]
    pub fn span(&self, pointer: &str) -> Range<usize> {
        let mut pointer = pointer;
        loop {
            if let Some(span) = self.spans.get(pointer) {
                return span.clone();
            }
            match pointer.rsplit_once('/') {
                Some((parent, _)) => pointer = parent,
                None => return 0..0,
            }
        }
    }

    /// Line and column, both from 1, of the value at `pointer`.
    #[must_use]
    pub fn line_and_column(&self, pointer: &str) -> (usize, usize) {
        self.file.line_and_column(self.span(pointer).start)
    }

    /// The path that users know the value by: `/tags/1` is `step.spec.tags[1]`.
    #[must_use]
    pub fn field(&self, pointer: &str) -> String {
        let mut field = self.root.clone();
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            if token.parse::<usize>().is_ok() {
                field.push_str(&format!("[{token}]"));
            } else {
                field = join(&field, &token);
            }
        }
        field
    }

    /// A problem with the value at `pointer`, found by whoever reads the settings.
    #[must_use]
    pub fn problem(&self, kind: ProblemKind, pointer: &str, message: &str) -> Problem {
        Problem::new(
            kind,
            &self.file,
            self.span(pointer),
            &self.field(pointer),
            message,
        )
    }

    /// As [`Positions::problem`], at `range` (bytes) of the text at `pointer`. Where the text is
    /// not written as it reads (escapes, folded lines), the whole value is marked.
    #[must_use]
    pub(crate) fn problem_within(
        &self,
        kind: ProblemKind,
        pointer: &str,
        text: &str,
        range: Range<usize>,
        message: &str,
    ) -> Problem {
        let span = self.span(pointer);
        let written = self.file.text().get(span.clone()).unwrap_or_default();
        let span = match written.find(text) {
            Some(at) => span.start + at + range.start..span.start + at + range.end,
            None => span,
        };
        Problem::new(kind, &self.file, span, &self.field(pointer), message)
    }
}

/// A field's path and a key of it.
pub(super) fn join(path: &str, key: &str) -> String {
    let simple = !key.is_empty()
        && key
            .chars()
            .all(|any| any.is_alphanumeric() || any == '_' || any == '-');
    match (path.is_empty(), simple) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}

/// Reads a YAML file of one document as JSON, and where its values stand. An empty file is null.
///
/// # Errors
/// A file that cannot be read, is no YAML, or holds several documents.
pub fn read_value(path: &Path) -> Result<(Value, Positions), Problems> {
    let file = SourceFile::read(path)?;
    let mut documents = read_yaml(&file)?.into_iter();
    let Some(node) = documents.next() else {
        let (root, spans) = (String::new(), BTreeMap::new());
        return Ok((Value::Null, Positions { file, root, spans }));
    };
    if let Some(second) = documents.next() {
        let message = "a second document; one is read";
        let span = second.span.clone();
        return Err(Problem::new(ProblemKind::Syntax, &file, span, "", message).into());
    }
    Ok(to_json(&file, &node, ""))
}

/// The JSON form of a value, and the places of its parts; `root` is the value's own field path.
pub(crate) fn to_json(file: &SourceFile, node: &Node, root: &str) -> (Value, Positions) {
    let mut spans = BTreeMap::new();
    let value = convert(node, String::new(), &mut spans);
    (
        value,
        Positions {
            file: file.clone(),
            root: root.to_owned(),
            spans,
        },
    )
}

fn convert(node: &Node, pointer: String, spans: &mut BTreeMap<String, Range<usize>>) -> Value {
    let value = match &node.content {
        Content::Scalar(scalar) => scalar_to_json(scalar),
        Content::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| convert(item, format!("{pointer}/{index}"), spans))
            .collect(),
        Content::Mapping(entries) => {
            let mut map = Map::new();
            for entry in entries {
                let token = entry.key.replace('~', "~0").replace('/', "~1");
                let value = convert(&entry.value, format!("{pointer}/{token}"), spans);
                map.insert(entry.key.clone(), value);
            }
            Value::Object(map)
        }
    };
    spans.insert(pointer, node.span.clone());
    value
}

/// The largest integer that every JSON reader, JavaScript's too, keeps exactly (2^53 - 1).
const MAXIMUM_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// A scalar as JSON. `true`, `false`, nothing, and the numbers that JSON would write exactly as
/// the user did become what they mean. Every other scalar becomes a string of the user's own text,
/// so that the tag `1.20`, the account `012345678901`, `1_000`, `0x10` and `True` reach the step as
/// they were written.
pub(crate) fn scalar_to_json(scalar: &Scalar) -> Value {
    let as_written =
        |number: Number| (number.to_string() == scalar.text).then_some(Value::Number(number));
    let value = match scalar.meaning() {
        Meaning::Null => Some(Value::Null),
        Meaning::Boolean(value) => (value.to_string() == scalar.text).then_some(Value::Bool(value)),
        Meaning::Integer(value) if value.unsigned_abs() <= MAXIMUM_EXACT_INTEGER => {
            as_written(value.into())
        }
        Meaning::Float(value) => Number::from_f64(value).and_then(as_written),
        Meaning::Integer(_) | Meaning::Text => None,
    };
    value.unwrap_or_else(|| Value::String(scalar.text.clone()))
}
