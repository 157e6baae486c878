//! Keys of YAML mappings: texts, each once.

use std::collections::HashMap;

use super::json::join;
use super::{Content, Node, Problem, ProblemKind, SourceFile};

/// A key's text, and what is wrong with it. `path` is the mapping's own, `seen` has the keys before
/// it with their offsets.
pub(super) fn read_key(
    file: &SourceFile,
    path: &str,
    seen: &HashMap<String, usize>,
    node: &Node,
) -> (String, Option<Problem>) {
    let problem = |kind, message: String, help: &str| {
        let path = match &node.content {
            Content::Scalar(scalar) => join(path, &scalar.text),
            _ => path.to_owned(),
        };
        Some(Problem::new(kind, file, node.span.clone(), &path, message).with_help(help))
    };
    let Content::Scalar(scalar) = &node.content else {
        let message = format!("expected a text as key, found {}", node.type_name());
        let help = "quote the key if it starts with `[`, `{` or `?`";
        return (String::new(), problem(ProblemKind::Syntax, message, help));
    };
    let key = scalar.text.clone();
    let problem = match seen.get(&key) {
        _ if key == "<<" && scalar.plain => problem(
            ProblemKind::Syntax,
            "merge keys (`<<`) are not part of YAML 1.2".to_owned(),
            "write the keys out",
        ),
        Some(first) => {
            let (line, column) = file.line_and_column(*first);
            let message = format!(
                "the key `{key}` stands here a second time, after line {line}, column {column}"
            );
            problem(ProblemKind::DuplicateKey, message, "remove one of the two")
        }
        None => None,
    };
    (key, problem)
}
