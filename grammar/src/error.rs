use std::borrow::Cow;

/// The most characters of a refused text that an error repeats.
const SHOWN: usize = 80;

/// A text does not follow its grammar: what was found, where, and what was expected instead.
///
/// The text is repeated escaped and shortened, so that the error is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {subject} \"{text}\": found {found} at character {position}, expected {expected}")]
pub struct GrammarError {
    subject: &'static str,
    text: String,
    found: String,
    position: usize,
    expected: Cow<'static, str>,
}

impl GrammarError {
    /// An error about `text` at the byte `offset` (its length for "something is missing at the end").
    pub(crate) fn at(
        subject: &'static str,
        text: &str,
        offset: usize,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        let found = match text.get(offset..).and_then(|rest| rest.chars().next()) {
            Some(character) => format!("'{}'", character.escape_debug()),
            None => "the end".to_owned(),
        };
        Self::found(subject, text, offset, found, expected)
    }

    /// The same, with `found` in words, where no single character is wrong.
    pub(crate) fn found(
        subject: &'static str,
        text: &str,
        offset: usize,
        found: impl Into<String>,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        let before = text.char_indices().take_while(|(at, _)| *at < offset);
        Self {
            subject,
            text: shorten(text),
            found: found.into(),
            position: before.count() + 1,
            expected: expected.into(),
        }
    }

    /// The same error about a part, told of the `whole` text in which the part starts at `offset`.
    pub(crate) fn within(self, whole: &str, offset: usize) -> Self {
        let before = whole.char_indices().take_while(|(at, _)| *at < offset);
        Self {
            position: self.position + before.count(),
            text: shorten(whole),
            ..self
        }
    }

    /// What the text was to be, such as `tag`.
    pub fn subject(&self) -> &'static str {
        self.subject
    }

    /// Where the grammar was left: a character's number, counted from 1.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What the grammar allows there.
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

fn shorten(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
