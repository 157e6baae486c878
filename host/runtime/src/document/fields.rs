//! Reading a mapping field by field: each reader takes what it knows, and whatever is wrong is
//! collected.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;

use super::json::join;
use super::{
    Content, Entry, Meaning, Node, Problem, ProblemKind, Problems, Scalar, SourceFile, add_problem,
    did_you_mean,
};

/// Collects the problems of one file.
pub(crate) struct Report {
    file: SourceFile,
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Range<usize>>>,
}

impl Report {
    pub(crate) fn new(file: &SourceFile) -> Self {
        Self {
            file: file.clone(),
            problems: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    pub(crate) fn file(&self) -> &SourceFile {
        &self.file
    }

    pub(crate) fn push(&self, problem: Problem) {
        add_problem(&mut self.problems.borrow_mut(), problem);
    }

    /// `value`, unless there were problems. A `None` comes with a problem that explains it.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let mut problems = self.problems.into_inner();
        if let (Some(value), true) = (value, problems.is_empty()) {
            return Ok(value);
        }
        if problems.is_empty() {
            problems.push(Problem::new(
                ProblemKind::InvalidValue,
                &self.file,
                0..0,
                "",
                "the file could not be understood",
            ));
        }
        let secrets = self.secrets.into_inner();
        if !secrets.is_empty() {
            let file = self.file.masking(&secrets);
            problems = problems
                .into_iter()
                .map(|problem| problem.showing(&file))
                .collect();
        }
        Err(problems.into())
    }
}

/// A value with its path.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
    pub(crate) report: &'a Report,
}

impl<'a> Field<'a> {
    /// A document's root.
    pub(crate) fn root(node: &'a Node, report: &'a Report) -> Self {
        Self {
            node,
            path: String::new(),
            report,
        }
    }

    pub(crate) fn problem(&self, kind: ProblemKind, message: impl Into<String>, help: &str) {
        let span = self.node.span.clone();
        let problem = Problem::new(kind, &self.report.file, span, &self.path, message);
        self.report.push(problem.with_help(help));
    }

    fn wrong_type(&self, expected: &str) {
        let message = format!("expected {expected}, found {}", self.node.type_name());
        let help = match expected {
            "a list" => "write `[a, b]`, or in YAML one line that starts with `- ` an item",
            "a mapping" => "write keys and their values below it",
            _ => "write one value, in quotes where it holds special characters",
        };
        self.problem(ProblemKind::WrongType, message, help);
    }

    /// Keeps the value out of whatever errors show of the file.
    pub(crate) fn hide(&self) {
        self.report
            .secrets
            .borrow_mut()
            .push(self.node.span.clone());
    }

    pub(crate) fn scalar(&self, expected: &str) -> Option<&'a Scalar> {
        match &self.node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => {
                self.wrong_type(expected);
                None
            }
        }
    }

    /// A text; of a number or a boolean the text as it was written.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.scalar("a text").map(|scalar| scalar.text.as_str())
    }

    /// A text that is not empty.
    pub(crate) fn filled_text(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.problem(
                ProblemKind::InvalidValue,
                "must not be empty",
                "write a value, or remove the key",
            );
            return None;
        }
        Some(text)
    }

    /// An integer of `minimum..=maximum`.
    pub(crate) fn integer(&self, minimum: i64, maximum: i64) -> Option<i64> {
        let expected = format!("an integer from {minimum} to {maximum}");
        let scalar = self.scalar(&expected)?;
        match scalar.meaning() {
            Meaning::Integer(value) if (minimum..=maximum).contains(&value) => Some(value),
            _ => {
                let message = format!("expected {expected}, found `{}`", scalar.text);
                self.problem(
                    ProblemKind::InvalidValue,
                    message,
                    "write a number in that range",
                );
                None
            }
        }
    }

    /// A text that `parse` takes; its error says what is wrong.
    pub(crate) fn parse<T, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        help: &str,
    ) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(ProblemKind::InvalidValue, error.to_string(), help);
                None
            }
        }
    }

    /// One of the given names.
    pub(crate) fn one_of<T: Clone>(&self, names: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = names.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let help = did_you_mean(text, names.iter().map(|(name, _)| *name));
            self.problem(
                ProblemKind::InvalidValue,
                format!("`{text}` is not known here"),
                &help,
            );
        }
        found.map(|(_, value)| value.clone())
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Field<'a>>> {
        let Content::Sequence(items) = &self.node.content else {
            self.wrong_type("a list");
            return None;
        };
        let item = |(index, node)| Field {
            node,
            path: format!("{}[{index}]", self.path),
            report: self.report,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The keys of a mapping.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        let Content::Mapping(entries) = &self.node.content else {
            self.wrong_type("a mapping");
            return None;
        };
        Some(Fields {
            field: self.clone(),
            entries,
            known: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// The value of an entry of this mapping.
    pub(crate) fn entry(&self, entry: &'a Entry) -> Field<'a> {
        Field {
            node: &entry.value,
            path: join(&self.path, &entry.key),
            report: self.report,
        }
    }
}

/// A mapping, read key by key. [`Fields::finish`] reports the keys that nobody asked for.
pub(crate) struct Fields<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
    known: Vec<&'a str>,
    refused: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    /// The mapping itself.
    pub(crate) fn field(&self) -> &Field<'a> {
        &self.field
    }

    /// A key and its value, also where nothing is written behind the key.
    pub(crate) fn present(&mut self, key: &'a str) -> Option<Field<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field.entry(entry))
    }

    /// The value of a key that may be missing or empty.
    pub(crate) fn optional(&mut self, key: &'a str) -> Option<Field<'a>> {
        self.present(key).filter(|field| !field.node.is_null())
    }

    /// The value of a key that must be there; `help` shows how to write it.
    pub(crate) fn required(&mut self, key: &'a str, help: &str) -> Option<Field<'a>> {
        let value = self.optional(key);
        if value.is_none() {
            self.missing(&format!("`{key}` is missing"), help);
        }
        value
    }

    /// Reports something that the mapping lacks, at its first key.
    pub(crate) fn missing(&self, message: &str, help: &str) {
        let whole = &self.field.node.span;
        let span = match self.entries.first() {
            Some(entry) => entry.key_span.clone(),
            None => whole.start..whole.end,
        };
        let report = self.field.report;
        let problem = Problem::new(
            ProblemKind::MissingKey,
            &report.file,
            span,
            &self.field.path,
            message,
        );
        report.push(problem.with_help(help));
    }

    /// The value of a key that must not be there, for an error better than "unknown key".
    pub(crate) fn refused(&mut self, key: &'a str) -> Option<Field<'a>> {
        self.refused.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field.entry(entry))
    }

    /// Keys that are legitimate and not acted upon.
    pub(crate) fn accept(&mut self, keys: &[&'a str]) {
        self.known.extend(keys);
    }

    /// Every key with its value, for mappings whose keys are the user's own.
    pub(crate) fn all(self) -> Vec<(&'a Entry, Field<'a>)> {
        self.entries
            .iter()
            .map(|entry| (entry, self.field.entry(entry)))
            .collect()
    }

    /// Reports unknown keys.
    pub(crate) fn finish(self) {
        let unknown = |entry: &&Entry| {
            let key = entry.key.as_str();
            !self.known.contains(&key) && !self.refused.contains(&key)
        };
        for entry in self.entries.iter().filter(unknown) {
            let report = self.field.report;
            let problem = Problem::new(
                ProblemKind::UnknownKey,
                &report.file,
                entry.key_span.clone(),
                &join(&self.field.path, &entry.key),
                "unknown key",
            );
            report.push(problem.with_help(did_you_mean(&entry.key, self.known.iter().copied())));
        }
    }
}
