//! A file's name and text.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::{Problem, ProblemKind, Problems};

/// The most bytes that a settings file may have.
pub const MAXIMUM_FILE_BYTES: usize = 1024 * 1024;

/// A settings file in memory. Cheap to clone; its `Debug` output shows the name alone, because the
/// text may hold a secret that somebody pasted.
#[derive(Clone)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    shown: Arc<str>,
}

impl SourceFile {
    /// A file whose text is at hand; `name` is what errors call it.
    ///
    /// # Errors
    /// The text is larger than [`MAXIMUM_FILE_BYTES`].
    pub fn new(name: &str, text: &str) -> Result<Self, Problems> {
        if text.len() > MAXIMUM_FILE_BYTES {
            return Err(too_large(name));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = Self {
            name: name.into(),
            text: text.into(),
            shown: "".into(),
        };
        Ok(file.masking(&[]))
    }

    /// Reads the file at `path`, which errors then call by that path.
    ///
    /// # Errors
    /// The file cannot be read, is not UTF-8, or is larger than [`MAXIMUM_FILE_BYTES`].
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let unreadable = |reason: String, help: &str| {
            Problems::from(
                Problem::without_position(ProblemKind::Unreadable, format!("{name} {reason}"))
                    .with_help(help),
            )
        };
        let cannot_read = |error: std::io::Error| {
            unreadable(
                format!("cannot be read: {error}"),
                "check the path and the file's permissions",
            )
        };
        let mut bytes = Vec::new();
        // One byte above the limit tells a file that is too large from one that just fits.
        std::fs::File::open(path)
            .map_err(cannot_read)?
            .take(MAXIMUM_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(cannot_read)?;
        if bytes.len() > MAXIMUM_FILE_BYTES {
            return Err(too_large(&name));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            unreadable(
                format!("is not UTF-8 text (byte {offset})"),
                "save the file as UTF-8",
            )
        })?;
        Self::new(&name, &text)
    }

    /// What errors call the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column (in characters), both from 1, of a byte offset.
    #[must_use]
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        line_and_column(self.text.as_bytes(), offset)
    }

    /// The text as errors may show it: the values of keys that are named like secrets, and the
    /// ranges given to `SourceFile::masking`, are covered with asterisks. Offsets stay as they
    /// are.
    #[must_use]
    pub fn shown_text(&self) -> &str {
        &self.shown
    }

    /// The file with `ranges` (bytes) covered in what errors show.
    pub(super) fn masking(&self, ranges: &[Range<usize>]) -> Self {
        let mut bytes = self.text.as_bytes().to_vec();
        let named = SECRET_VALUE
            .as_ref()
            .into_iter()
            .flat_map(|pattern| pattern.captures_iter(&self.text))
            .filter_map(|captures| captures.get(1).map(|value| value.range()));
        for range in named.chain(ranges.iter().cloned()) {
            for byte in bytes.get_mut(range).into_iter().flatten() {
                if !byte.is_ascii_whitespace() {
                    *byte = b'*';
                }
            }
        }
        let shown = String::from_utf8(bytes).map_or_else(|_| Arc::from(""), Arc::from);
        Self {
            name: Arc::clone(&self.name),
            text: Arc::clone(&self.text),
            shown,
        }
    }
}

/// The value after a key such as `secretKey`, `password` or `session-token`, to the end of its
/// line. Expressions and names of secrets are no secrets, but a `...Ref` may hold a pasted one.
static SECRET_VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?im)(?:secret[_-]?(?:access[_-]?)?key|password|passwd|token|private[_-]?key)(?:ref)?["']?[ \t]*[:=][ \t]*([^\s<{\[].*)$"#,
    )
    .ok()
});

/// Line and column (in characters), both from 1, of a byte offset.
pub(super) fn line_and_column(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default())
        .chars()
        .count()
        + 1;
    (line, column)
}

fn too_large(name: &str) -> Problems {
    Problem::without_position(
        ProblemKind::TooLarge,
        format!("{name} is larger than 1 MiB, the most that a settings file may have"),
    )
    .with_help("split the file, or move large values into files of the workspace")
    .into()
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SourceFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_values_of_secret_keys_and_given_ranges_in_place() {
        let file = SourceFile::new(
            "f",
            "secretKey: abc def\n  \"password\": 'é'\nname: x\npasswordRef: <+secrets.getValue(\"p\")>\n",
        )
        .unwrap();
        let at = file.text().find("name: x").unwrap() + "name: ".len();
        let value = at..at + 1;
        let masked = file.masking(std::slice::from_ref(&value));
        assert!(masked.shown_text().contains("name: *\n"));
        assert_eq!(masked.shown_text().len(), file.text().len());
        assert!(
            masked
                .shown_text()
                .starts_with("secretKey: *** ***\n  \"password\": ****\n")
        );
        assert!(masked.shown_text().contains("<+secrets"));
        assert!(!masked.shown_text().contains("abc"));
    }

    #[test]
    fn counts_columns_in_characters() {
        let file = SourceFile::new("f", "\u{feff}a\nné: x").unwrap();
        assert_eq!(file.line_and_column(0), (1, 1));
        assert_eq!(file.line_and_column(7), (2, 5));
    }

    #[test]
    fn refuses_large_files() {
        let text = "a".repeat(MAXIMUM_FILE_BYTES + 1);
        assert!(SourceFile::new("f", &text).is_err());
        assert!(SourceFile::new("f", &text[1..]).is_ok());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large.yaml");
        std::fs::write(&path, &text).unwrap();
        let error = SourceFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("large.yaml is larger than 1 MiB"), "{error}");
    }

    #[test]
    fn says_why_a_file_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("binary.yaml");
        assert!(
            SourceFile::read(&path)
                .unwrap_err()
                .to_string()
                .contains("No such file")
        );
        std::fs::write(&path, b"a: \xff").unwrap();
        let error = SourceFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8 text (byte 3)"), "{error}");
    }
}
