//! One pattern of an ignore file.
//!
//! The semantics are those of `github.com/moby/patternmatcher` on Linux, including that `**foo`
//! means "ends with foo". Where its translation into a regular expression misreads a character
//! (`^`, an escaped letter, a wildcard within brackets), the grammar of Go's `filepath.Match`, which
//! its documentation names, holds instead. Matching takes time linear in pattern times path.

/// A compiled pattern without its `!`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// `**` and then only plain characters: any path with this end.
    Suffix(String),
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone)]
enum Token {
    Character(char),
    /// `?`: one character but `/`.
    AnyInSegment,
    /// `[...]`: one character, which may be `/`, as with moby's matcher.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `*`: any number of characters but `/`.
    Segment,
    /// `**` before more: nothing, or anything that ends with `/`. The choice, ...
    DirectoriesOrNothing,
    /// ... and the characters up to a `/`.
    Directories,
    /// `**` at the end: anything.
    Rest,
}

impl Pattern {
    /// Compiles a cleaned pattern; the error says what is wrong with it.
    pub(crate) fn compile(pattern: &str) -> Result<Self, &'static str> {
        if let Some(suffix) = pattern.strip_prefix("**")
            && !suffix.contains(['*', '?', '[', ']', '\\'])
        {
            return Ok(Self {
                kind: Kind::Suffix(suffix.to_owned()),
            });
        }
        let mut tokens = Vec::new();
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '*' if characters.next_if_eq(&'*').is_some() => {
                    characters.next_if_eq(&'/');
                    if characters.peek().is_none() {
                        tokens.push(Token::Rest);
                    } else {
                        tokens.extend([Token::DirectoriesOrNothing, Token::Directories]);
                    }
                }
                '*' => tokens.push(Token::Segment),
                '?' => tokens.push(Token::AnyInSegment),
                '[' => tokens.push(class(&mut characters)?),
                '\\' => tokens.push(Token::Character(
                    characters.next().ok_or("it ends with a single '\\'")?,
                )),
                _ => tokens.push(Token::Character(character)),
            }
        }
        Ok(Self {
            kind: Kind::Tokens(tokens),
        })
    }

    /// The pattern that matches `path` alone.
    pub(crate) fn literal(path: &str) -> Self {
        Self {
            kind: Kind::Tokens(path.chars().map(Token::Character).collect()),
        }
    }

    /// Whether the pattern matches exactly this path.
    pub(crate) fn matches(&self, path: &str) -> bool {
        match &self.kind {
            Kind::Suffix(suffix) => {
                path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path)
            }
            Kind::Tokens(tokens) => run(tokens, path.chars()).last().copied().unwrap_or(false),
        }
    }

    /// Whether the pattern could match a path below `directory`.
    pub(crate) fn may_match_below(&self, directory: &str) -> bool {
        match &self.kind {
            Kind::Suffix(_) => true,
            // The last state alone has no way on: a path below has at least one character more.
            Kind::Tokens(tokens) => {
                match run(tokens, directory.chars().chain(['/'])).split_last() {
                    Some((_, unfinished)) => unfinished.contains(&true),
                    None => false,
                }
            }
        }
    }
}

fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    const OPEN: &str = "a '[' has no ']'";
    let negated = characters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && characters.next_if_eq(&']').is_some() {
            return Ok(Token::Class { negated, ranges });
        }
        let mut bound = || match characters.next().ok_or(OPEN)? {
            '-' | ']' => Err("a '-' or ']' stands within brackets without a '\\' before it"),
            '\\' => characters.next().ok_or(OPEN),
            character => Ok(character),
        };
        let low = bound()?;
        let high = if characters.next_if_eq(&'-').is_some() {
            let mut bound = || match characters.next().ok_or(OPEN)? {
                '-' | ']' => Err("a range within brackets has no end"),
                '\\' => characters.next().ok_or(OPEN),
                character => Ok(character),
            };
            bound()?
        } else {
            low
        };
        if low > high {
            return Err("a range within brackets is reversed");
        }
        ranges.push((low, high));
    }
}

/// The states after reading `characters`: state `i` is set where the tokens before the `i`th have
/// matched; the last one means a match of all.
fn run(tokens: &[Token], characters: impl Iterator<Item = char>) -> Vec<bool> {
    let mut states = vec![false; tokens.len() + 1];
    set(&mut states, 0);
    pass_empty(tokens, &mut states);
    for character in characters {
        let mut next = vec![false; states.len()];
        for (index, token) in tokens.iter().enumerate() {
            if states.get(index) != Some(&true) {
                continue;
            }
            let in_segment = character != '/';
            let (stays, goes) = match token {
                Token::Character(wanted) => (false, character == *wanted),
                Token::AnyInSegment => (false, in_segment),
                Token::Class { negated, ranges } => (
                    false,
                    ranges
                        .iter()
                        .any(|(low, high)| (*low..=*high).contains(&character))
                        != *negated,
                ),
                Token::Segment => (in_segment, false),
                Token::DirectoriesOrNothing => (false, false),
                Token::Directories => (true, !in_segment),
                Token::Rest => (true, false),
            };
            if stays {
                set(&mut next, index);
            }
            if goes {
                set(&mut next, index + 1);
            }
        }
        pass_empty(tokens, &mut next);
        if !next.contains(&true) {
            return next;
        }
        states = next;
    }
    states
}

/// Follows the ways that take no character; they all lead forward.
fn pass_empty(tokens: &[Token], states: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if states.get(index) != Some(&true) {
            continue;
        }
        match token {
            Token::Segment | Token::Rest => set(states, index + 1),
            Token::DirectoriesOrNothing => {
                set(states, index + 1);
                set(states, index + 2);
            }
            _ => {}
        }
    }
}

fn set(states: &mut [bool], index: usize) {
    if let Some(state) = states.get_mut(index) {
        *state = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_moby_does() {
        for (pattern, path, expected) in [
            ("**", "x/y", true),
            ("**/**", "x/y", true),
            ("x/**", "x", false),
            ("x/**", "x/y/z", true),
            ("**/x", "x", true),
            ("**/x", "a/b/x", true),
            ("**/x", "ax", false),
            // Only a `/` in the pattern asks for a whole segment.
            ("**x", "a/bx", true),
            ("**x*", "a/bx", false),
            ("**x*", "a/xb", true),
            ("**/.env", "app.env", false),
            ("**/*.md", "README.md", true),
            ("**/*.md", "docs/a/b.md", true),
            ("**/*.md", "docs/b.mdx", false),
            ("**/**/*.md", "b.md", true),
            ("x**/*.c", "x/b.c", true),
            ("x**/*.c", "xy/z/b.c", true),
            ("x**/*.c", "xy.c", true),
            ("**/d/*", "a/d/f", true),
            ("**/d/*", "a/d/f/g", false),
            ("**/d/**", "d/f/g", true),
            ("*", ".hidden", true),
            ("*", "x/y", false),
            ("*/*.c", "x/y.c", true),
            ("a?c", "a/c", false),
            ("a?c", "aßc", true),
            ("a[b-d]e", "ace", true),
            ("a[^b-d]e", "ace", false),
            ("a[^b]c", "a/c", true),
            ("a[!b]c", "a!c", true),
            ("[\\]-a]", "_", true),
            ("[*?]", "?", true),
            ("[.]x", "ax", false),
            ("a]", "a]", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("\\d", "d", true),
            ("a.b", "axb", false),
            ("a+(b)|{c}$^", "a+(b)|{c}$^", true),
            ("dist/*+g1.whl", "dist/a-1+g1.whl", true),
            (".", "x", false),
            ("", "x", false),
        ] {
            assert_eq!(
                Pattern::compile(pattern).unwrap().matches(path),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn refuses_bad_patterns() {
        for pattern in [
            "[", "a[", "[^", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[^bc", "\\", "a\\", "[\\",
            "[z-a]", "x*[", "[a-\\",
        ] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn knows_what_may_match_below() {
        for (pattern, directory, expected) in [
            ("keep", "sub", false),
            ("sub", "sub", false),
            ("sub/keep", "sub", true),
            ("sub/a/keep", "sub/a", true),
            ("sub/a/keep", "sub/b", false),
            ("submarine/keep", "sub", false),
            ("*/keep", "sub", true),
            ("*/keep", "sub/a", false),
            ("**/keep", "sub/a", true),
            ("sub/**", "sub/a/b", true),
            ("sub/**", "bus", false),
            ("s?b/*.c", "sub", true),
        ] {
            assert_eq!(
                Pattern::compile(pattern)
                    .unwrap()
                    .may_match_below(directory),
                expected,
                "{pattern} {directory}"
            );
        }
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let pattern = Pattern::compile(&"*a".repeat(500)).unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(2000))));
        let pattern = Pattern::compile(&"**/x".repeat(200)).unwrap();
        assert!(!pattern.matches(&"y/".repeat(1000)));
    }
}
