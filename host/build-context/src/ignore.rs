//! `.dockerignore` files, and the lists of patterns that BuildKit makes of them.
//!
//! Reading follows `github.com/moby/patternmatcher/ignorefile`, deciding follows
//! `PatternMatcher.MatchesUsingParentResults`, which the Docker CLI and BuildKit walk with.

use crate::pattern::Pattern;

/// The rules of an ignore file; the last one that matches decides.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The line began with `!`.
    exception: bool,
    pattern: Pattern,
}

/// What the rules said of a directory; its entries are decided from it.
#[derive(Debug, Clone, Default)]
pub struct IgnoreState {
    matched: Vec<bool>,
}

/// A line of an ignore file is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: invalid pattern {pattern:?}: {problem}")]
pub struct IgnoreError {
    /// The ignore file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// The longest line: the limit of the Go reader that Docker uses.
const MAX_LINE: usize = 64 * 1024;

impl IgnoreRules {
    /// Reads the text of an ignore file; `file` names it in errors.
    ///
    /// # Errors
    /// If a line is no pattern.
    pub fn parse(file: &str, text: &str) -> Result<Self, IgnoreError> {
        let mut rules = Vec::new();
        for (index, line) in text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .lines()
            .enumerate()
        {
            let refuse = |problem| IgnoreError {
                file: file.to_owned(),
                line: index + 1,
                pattern: line.chars().take(200).collect(),
                problem,
            };
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if line.len() >= MAX_LINE {
                return Err(refuse("the line is longer than 64 KiB"));
            }
            let line = line.trim();
            let (exception, written) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let cleaned = clean(written);
            let pattern = cleaned.strip_prefix('/').unwrap_or(&cleaned);
            if exception && (written.is_empty() || pattern.is_empty()) {
                return Err(refuse("a path must follow the '!'"));
            }
            let pattern = Pattern::compile(pattern).map_err(refuse)?;
            rules.push(Rule { exception, pattern });
        }
        Ok(Self { rules })
    }

    /// Takes patterns that are no longer lines of a file, as BuildKit sends them; `origin` names them
    /// in errors, and a "line" is a pattern's place. Follows `patternmatcher.New`.
    ///
    /// # Errors
    /// If one is no pattern.
    pub fn from_patterns<'pattern>(
        origin: &str,
        patterns: impl IntoIterator<Item = &'pattern str>,
    ) -> Result<Self, IgnoreError> {
        let mut rules = Vec::new();
        for (index, written) in patterns.into_iter().enumerate() {
            let refuse = |problem| IgnoreError {
                file: origin.to_owned(),
                line: index + 1,
                pattern: written.chars().take(200).collect(),
                problem,
            };
            let trimmed = written.trim();
            if trimmed.is_empty() {
                continue;
            }
            let cleaned = clean(trimmed);
            let (exception, pattern) = match cleaned.strip_prefix('!') {
                Some("") => return Err(refuse("a path must follow the '!'")),
                Some(pattern) => (true, pattern),
                None => (false, cleaned.as_str()),
            };
            let pattern = Pattern::compile(pattern).map_err(refuse)?;
            rules.push(Rule { exception, pattern });
        }
        Ok(Self { rules })
    }

    /// The same rules, and after them an exception for this very path.
    #[must_use]
    pub fn keeping(mut self, path: &str) -> Self {
        self.rules.push(Rule {
            exception: true,
            pattern: Pattern::literal(path),
        });
        self
    }

    /// Whether the path (relative, with `/`, without a `/` at the end) is ignored, and the state to
    /// decide the entries below it from. `parent` is the state of the directory that holds it; the
    /// context's root has the default one.
    pub fn decide(&self, path: &str, parent: &IgnoreState) -> (bool, IgnoreState) {
        let mut ignored = false;
        let mut matched = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.iter().enumerate() {
            let inherited = parent.matched.get(index).copied().unwrap_or(false);
            // A rule that would change nothing is not looked at, and so not inherited either.
            let matches = inherited || (rule.exception == ignored && rule.pattern.matches(path));
            if matches {
                ignored = !rule.exception;
            }
            matched.push(matches);
        }
        (ignored, IgnoreState { matched })
    }

    /// Whether the path is ignored, decided from the context's root on.
    pub fn is_ignored(&self, path: &str) -> bool {
        let ends = path
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([path.len()]);
        let mut decision = (false, IgnoreState::default());
        for end in ends {
            decision = self.decide(path.get(..end).unwrap_or(path), &decision.1);
        }
        decision.0
    }

    /// Whether an exception could keep something below an ignored directory, so that it must be
    /// walked.
    pub fn may_keep_below(&self, directory: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.exception && rule.pattern.may_match_below(directory))
    }
}

/// Which paths are wanted: where there are no patterns, all of them.
#[derive(Debug, Clone, Default)]
pub struct IncludeRules(IgnoreRules);

impl IncludeRules {
    /// Takes patterns as [`IgnoreRules::from_patterns`] does; what they match is included.
    ///
    /// # Errors
    /// If one is no pattern.
    pub fn from_patterns<'pattern>(
        origin: &str,
        patterns: impl IntoIterator<Item = &'pattern str>,
    ) -> Result<Self, IgnoreError> {
        IgnoreRules::from_patterns(origin, patterns).map(Self)
    }

    /// Whether the path is included, and the state to decide the entries below it from, as
    /// [`IgnoreRules::decide`] does.
    pub fn decide(&self, path: &str, parent: &IgnoreState) -> (bool, IgnoreState) {
        if self.0.rules.is_empty() {
            return (true, IgnoreState::default());
        }
        self.0.decide(path, parent)
    }

    /// Whether something below a directory that is not included could be.
    pub fn may_include_below(&self, directory: &str) -> bool {
        self.0
            .rules
            .iter()
            .any(|rule| !rule.exception && rule.pattern.may_match_below(directory))
    }
}

/// Go's `path.Clean`: the shortest equivalent path, without looking at a file system.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> IgnoreRules {
        IgnoreRules::parse(".dockerignore", text).unwrap()
    }

    #[test]
    fn decides_as_docker_does() {
        for (text, path, expected) in [
            ("", "a", false),
            ("# a", "# a", false),
            (" # a", "# a", true),
            ("\u{feff}# a", "# a", false),
            ("\u{feff}a", "a", true),
            ("a\r\nb\r\n", "b", true),
            ("  a  ", "a", true),
            ("foo/", "foo", true),
            ("foo/", "foo/x", true),
            ("/foo", "foo", true),
            ("/foo", "sub/foo", false),
            ("foo", "sub/foo", false),
            ("./foo//bar/.", "foo/bar", true),
            ("dir/../x", "x", true),
            ("dir/../x", "dir/x", false),
            ("../x", "x", false),
            ("/../x", "x", true),
            (".", "a", false),
            ("/", "a", false),
            ("*", "a/b/c", true),
            ("*\n!keep", "keep", false),
            ("*\n!keep", "keep/x", false),
            ("*\n!keep/**", "keep", true),
            ("*\n!keep/**", "keep/x/y", false),
            ("*\n!keep/**", "other/x", true),
            ("*\n!keep\nkeep/secret", "keep/secret", true),
            ("*\n!keep\nkeep/secret", "keep/open", false),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "NEWS.md", true),
            ("!README.md\n*.md", "README.md", true),
            (
                "*.md\n!README*.md\nREADME-secret.md",
                "README-secret.md",
                true,
            ),
            (
                "*.md\nREADME-secret.md\n!README*.md",
                "README-secret.md",
                false,
            ),
            ("**/*.md", "docs/a.md", true),
            ("*.md", "docs/a.md", false),
            ("docs/**\n!docs/**/*.txt", "docs/a/b.txt", false),
            ("docs/**\n!docs/**/*.txt", "docs/a/b.md", true),
            ("! /a/b\n", "a/b", false),
            ("a\n! /a/b", "a/b", false),
            ("a\n! /a/b", "a/c", true),
            ("a\n!b", "a/b", true),
            ("node_modules", "app/node_modules/x", false),
            ("**/node_modules", "app/node_modules/x/y", true),
            (
                "**/node_modules\n!**/node_modules/keep",
                "app/node_modules/keep/y",
                false,
            ),
            // An exception that was not looked at for the directory is not inherited.
            ("x/y\n!x", "x/y", true),
        ] {
            assert_eq!(rules(text).is_ignored(path), expected, "{text:?} {path}");
        }
    }

    #[test]
    fn keeps_single_paths() {
        let kept = rules("*").keeping("a*/Dockerfile");
        assert!(!kept.is_ignored("a*/Dockerfile"));
        assert!(kept.is_ignored("ab/Dockerfile"));
        assert!(kept.may_keep_below("a*"));
        assert!(!kept.may_keep_below("ab"));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line) in [
            ("a\n\n[", 3),
            ("!", 1),
            ("# c\n! ", 2),
            ("!/", 1),
            ("\u{feff}a\nb\\", 2),
            ("a[z-a]", 1),
        ] {
            let error = IgnoreRules::parse("x.dockerignore", text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("x.dockerignore, line {line}: ")),
                "{error}"
            );
        }
    }

    #[test]
    fn cleans_as_go_does() {
        for (path, cleaned) in [
            ("", "."),
            ("/", "/"),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            ("/..", "/"),
            ("a//b/./c/..", "a/b"),
            ("**/", "**"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }
}
