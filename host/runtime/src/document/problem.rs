//! What is wrong with a file: one place, what was expected there, and what to do.

use std::fmt::{self, Display};
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::SourceFile;

/// The kinds of problems, each with a stable code for tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file cannot be read or is not text.
    Unreadable,
    /// The file, its nesting, or what its aliases stand for is too large.
    TooLarge,
    /// The text is not YAML or TOML.
    Syntax,
    /// A key stands twice in a mapping.
    DuplicateKey,
    /// A key that nothing reads.
    UnknownKey,
    /// A required key is missing.
    MissingKey,
    /// A list where a text is expected, and the like.
    WrongType,
    /// A value outside its grammar or range.
    InvalidValue,
    /// A secret's text where the name of a secret is expected.
    PlaintextSecret,
    /// An expression or reference that names nothing.
    Unresolved,
}

impl ProblemKind {
    /// The code that tools may match on.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "stepyard::settings::unreadable",
            Self::TooLarge => "stepyard::settings::too_large",
            Self::Syntax => "stepyard::settings::syntax",
            Self::DuplicateKey => "stepyard::settings::duplicate_key",
            Self::UnknownKey => "stepyard::settings::unknown_key",
            Self::MissingKey => "stepyard::settings::missing_key",
            Self::WrongType => "stepyard::settings::wrong_type",
            Self::InvalidValue => "stepyard::settings::invalid_value",
            Self::PlaintextSecret => "stepyard::settings::plaintext_secret",
            Self::Unresolved => "stepyard::settings::unresolved",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Unreadable | Self::TooLarge | Self::Syntax => "here",
            Self::DuplicateKey => "the second one",
            Self::UnknownKey => "unknown key",
            Self::MissingKey => "in this mapping",
            Self::WrongType => "wrong type",
            Self::InvalidValue => "invalid value",
            Self::PlaintextSecret => "must be the name of a secret",
            Self::Unresolved => "names nothing",
        }
    }
}

/// One problem of a file. Its `Display` form is `FIELD: MESSAGE`; file, line and column come from
/// [`Problem::position`] and, for a terminal, from the labelled span.
#[derive(Debug, Clone, thiserror::Error)]
pub struct Problem {
    kind: ProblemKind,
    message: String,
    help: Option<String>,
    field: String,
    place: Option<Box<Place>>,
}

#[derive(Debug, Clone)]
struct Place {
    source: NamedSource<ShownText>,
    span: Range<usize>,
}

/// Lets miette read what errors may show of a file.
#[derive(Debug, Clone)]
struct ShownText(SourceFile);

impl SourceCode for ShownText {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        self.0
            .shown_text()
            .read_span(span, lines_before, lines_after)
    }
}

impl Place {
    fn new(file: &SourceFile, span: Range<usize>) -> Self {
        Self {
            source: NamedSource::new(file.name(), ShownText(file.clone())),
            span,
        }
    }

    fn file(&self) -> &SourceFile {
        &self.source.inner().0
    }
}

impl Problem {
    /// A problem at `span` (bytes) of `file`; `field` is the path of the field, as in
    /// `step.spec.tags[1]`, or empty.
    #[must_use]
    pub fn new(
        kind: ProblemKind,
        file: &SourceFile,
        span: Range<usize>,
        field: &str,
        message: impl Into<String>,
    ) -> Self {
        let end = file.text().len();
        let span = span.start.min(end)..span.end.min(end);
        let mut problem = Self::without_position(kind, message);
        problem.field = shown(field);
        problem.place = Some(Box::new(Place::new(file, span)));
        problem
    }

    /// A problem of a whole file, or of no file.
    #[must_use]
    pub fn without_position(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: shown(&message.into()),
            help: None,
            field: String::new(),
            place: None,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shown(&help.into()));
        self
    }

    /// Shows `file`, the same one with more of it covered.
    pub(super) fn showing(mut self, file: &SourceFile) -> Self {
        if let Some(place) = &mut self.place {
            **place = Place::new(file, place.span.clone());
        }
        self
    }

    /// What kind of problem it is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The field's path, as in `step.spec.tags[1]`; empty for a file's own problems.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The file's name, the line and the column (both from 1).
    #[must_use]
    pub fn position(&self) -> Option<(&str, usize, usize)> {
        let place = self.place.as_ref()?;
        let (line, column) = place.file().line_and_column(place.span.start);
        Some((place.file().name(), line, column))
    }

    fn file_name(&self) -> &str {
        self.place.as_ref().map_or("", |place| place.file().name())
    }

    fn offset(&self) -> usize {
        self.place.as_ref().map_or(0, |place| place.span.start)
    }
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(formatter, "{}: ", self.field)?;
        }
        formatter.write_str(&self.message)
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.kind.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place
            .as_ref()
            .map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = LabeledSpan::new(
            Some(self.kind.label().to_owned()),
            place.span.start,
            place.span.len(),
        );
        Some(Box::new(std::iter::once(label)))
    }
}

/// The most problems that are reported at once.
const MAXIMUM_PROBLEMS: usize = 100;

/// Adds a problem, unless there are more already than will be reported.
pub(crate) fn add_problem(problems: &mut Vec<Problem>, problem: Problem) {
    if problems.len() <= MAXIMUM_PROBLEMS {
        problems.push(problem);
    }
}

/// The most characters of a message, a field or a help: they repeat what stands in the file.
const MAXIMUM_SHOWN: usize = 600;

/// A text of a file as errors may repeat it: without control characters, which could forge lines
/// of a log or steer a terminal, and not too long.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAXIMUM_SHOWN {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The problems of one or more files, in the order of their places. Never empty.
#[derive(Debug, Clone, thiserror::Error, Diagnostic)]
#[error("{}", summary(.problems))]
pub struct Problems {
    #[related]
    problems: Vec<Problem>,
}

impl Problems {
    /// `Ok(value)` where there is no problem.
    pub(crate) fn unless_empty<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(problems.into())
        }
    }

    /// Each problem.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// The problems by value, to join them with those of other files.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.problems
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl From<Vec<Problem>> for Problems {
    /// Sorts within a file; files stay in the order in which they were read. A file that is wrong
    /// all over is not worth more than 100 of them.
    fn from(problems: Vec<Problem>) -> Self {
        let mut files: Vec<&str> = Vec::new();
        let ranks: Vec<usize> = problems
            .iter()
            .map(|problem| {
                let name = problem.file_name();
                files
                    .iter()
                    .position(|file| *file == name)
                    .unwrap_or_else(|| {
                        files.push(name);
                        files.len() - 1
                    })
            })
            .collect();
        let mut ranked: Vec<(usize, Problem)> = ranks.into_iter().zip(problems).collect();
        ranked.sort_by_key(|(rank, problem)| (*rank, problem.offset()));
        let cut = ranked.len() > MAXIMUM_PROBLEMS;
        let mut problems: Vec<Problem> = ranked
            .into_iter()
            .map(|(_, problem)| problem)
            .take(MAXIMUM_PROBLEMS)
            .collect();
        if cut {
            let message = "there are more problems than these";
            problems.push(Problem::without_position(ProblemKind::TooLarge, message));
        }
        Self { problems }
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [problem] => match problem.position() {
            Some((name, line, column)) => format!("{name}:{line}:{column}: {problem}"),
            None => problem.to_string(),
        },
        problems => {
            let name = problems
                .iter()
                .find_map(Problem::position)
                .map_or("", |(name, ..)| name);
            format!("{} problems in {name}", problems.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::render_plain;

    #[test]
    fn a_key_cannot_forge_lines_of_a_log() {
        let file = SourceFile::new("f", "a: 1\n").unwrap();
        let field = "a\nf:1:1: all is well\u{1b}[2J";
        let problem = Problem::new(
            ProblemKind::UnknownKey,
            &file,
            0..1,
            field,
            "x".repeat(9999),
        );
        let text = render_plain(&problem);
        assert_eq!(text.lines().count(), 1);
        assert!(
            text.starts_with("f:1:1: a\\nf:1:1: all is well\\u{1b}[2J: xxx"),
            "{text}"
        );
        assert!(text.chars().count() < 700);
    }

    #[test]
    fn sorts_within_files_and_stops_after_a_hundred() {
        let first = SourceFile::new("first", &"a\n".repeat(200)).unwrap();
        let second = SourceFile::new("second", "a").unwrap();
        let problem = |file, at: usize| {
            Problem::new(ProblemKind::UnknownKey, file, at..at + 1, "", "unknown")
        };
        let problems = vec![problem(&first, 4), problem(&second, 0), problem(&first, 2)];
        let text = render_plain(&Problems::from(problems));
        assert_eq!(
            text,
            "first:2:1: unknown\nfirst:3:1: unknown\nsecond:1:1: unknown\n"
        );
        let many: Vec<Problem> = (0..150).map(|at| problem(&first, at)).collect();
        let text = render_plain(&Problems::from(many));
        assert_eq!(text.lines().count(), 101);
        assert!(text.ends_with("there are more problems than these\n"));
    }
}
