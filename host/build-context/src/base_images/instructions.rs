//! A Dockerfile's text as instructions: directives, comments, continued lines, heredocs.

use std::{iter::Peekable, slice};

use super::{BaseImages, Uncertainty};

/// What a Dockerfile may consist of.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

pub(super) struct File {
    /// The image that `# syntax=` names, and the directive's line.
    pub(super) syntax: Option<(usize, String)>,
    pub(super) instructions: Vec<Instruction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Counted from 1.
    pub(super) line: usize,
    /// In capital letters.
    pub(super) name: String,
    /// The flags before the arguments, without `--`.
    pub(super) flags: Vec<String>,
    /// What follows the flags, continued lines joined.
    pub(super) arguments: String,
}

type Lines<'text> = Peekable<std::iter::Enumerate<slice::Iter<'text, &'text str>>>;

pub(super) fn read(text: &str, found: &mut BaseImages) -> File {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    if text.trim_start().starts_with(['{', '/']) {
        // JSON, or the comments of other languages: BuildKit looks for a syntax in both.
        found.doubt(
            1,
            Uncertainty::NotUnderstood("the file's beginning".to_owned()),
        );
    }
    let (syntax, escape) = directives(&lines, found);
    let mut instructions = Vec::new();
    let mut rest = lines.iter().enumerate().peekable();
    while let Some((index, first)) = rest.next() {
        let number = index + 1;
        if is_comment(first) {
            continue;
        }
        let logical = joined(first.trim_start(), &mut rest, escape, number, found);
        if logical.trim().is_empty() {
            continue;
        }
        let instruction = instruction(number, &logical, found);
        skip_heredocs(&instruction, &logical, &mut rest, found);
        instructions.push(instruction);
    }
    File {
        syntax,
        instructions,
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The syntax and the escape character that the comments at the top set.
fn directives(lines: &[&str], found: &mut BaseImages) -> (Option<(usize, String)>, char) {
    let (mut syntax, mut escape) = (None, '\\');
    for (index, line) in lines.iter().enumerate() {
        if index == 0 && line.starts_with("#!") {
            continue;
        }
        let directive = line
            .strip_prefix('#')
            .and_then(|comment| comment.split_once('='));
        let Some((name, value)) = directive else {
            break;
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            break;
        }
        match name.as_str() {
            "syntax" if syntax.is_none() => syntax = Some((index + 1, value.to_owned())),
            "escape" if value == "\\" => {}
            // Old builders know it on the first line only.
            "escape" if index == 0 && value == "`" => escape = '`',
            "syntax" | "escape" => found.doubt(
                index + 1,
                Uncertainty::NotUnderstood(format!("the directive {name}")),
            ),
            _ => {}
        }
    }
    (syntax, escape)
}

/// The line with those that continue it; comments between them are left out.
fn joined(
    first: &str,
    rest: &mut Lines<'_>,
    escape: char,
    number: usize,
    found: &mut BaseImages,
) -> String {
    let mut logical = String::new();
    let mut line = first;
    loop {
        let trimmed = line.trim_end_matches([' ', '\t']);
        let Some(continued) = trimmed.strip_suffix(escape) else {
            logical.push_str(line);
            return logical;
        };
        if continued.ends_with(escape) {
            // Whether two of them continue the line depends on the builder's version.
            found.doubt(
                number,
                Uncertainty::NotUnderstood("a line that ends with two escape characters".into()),
            );
        }
        logical.push_str(continued);
        line = loop {
            match rest.next() {
                Some((_, next)) if is_comment(next) || next.trim().is_empty() => {}
                Some((_, next)) => break next,
                None => return logical,
            }
        };
    }
}

fn instruction(line: usize, logical: &str, found: &mut BaseImages) -> Instruction {
    let (name, rest) = first_word(logical);
    let name = name.to_ascii_uppercase();
    if !KNOWN.contains(&name.as_str()) {
        let shown: String = name.chars().take(40).collect();
        found.doubt(
            line,
            Uncertainty::NotUnderstood(format!("the instruction {shown}")),
        );
    }
    let (mut flags, mut arguments) = (Vec::new(), rest);
    loop {
        let (word, after) = first_word(arguments);
        let Some(flag) = word.strip_prefix("--").filter(|_| takes_flags(&name)) else {
            break;
        };
        arguments = after;
        if flag.is_empty() {
            break;
        }
        if flag.contains(['"', '\'', '\\', '`']) {
            found.doubt(line, Uncertainty::NotUnderstood(format!("the flag {word}")));
        }
        flags.push(flag.to_owned());
    }
    Instruction {
        line,
        name,
        flags,
        arguments: arguments.to_owned(),
    }
}

fn takes_flags(name: &str) -> bool {
    matches!(name, "ADD" | "COPY" | "FROM" | "HEALTHCHECK" | "RUN")
}

impl Instruction {
    /// What `ONBUILD` keeps for later, as an instruction.
    pub(super) fn trigger(&self, found: &mut BaseImages) -> Self {
        instruction(self.line, &self.arguments, found)
    }
}

/// The first word and what follows it, both without white space around.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// Goes past the lines of the instruction's heredocs.
fn skip_heredocs(
    instruction: &Instruction,
    logical: &str,
    rest: &mut Lines<'_>,
    found: &mut BaseImages,
) {
    let may_have = matches!(
        instruction.name.as_str(),
        "ADD" | "COPY" | "RUN" | "ONBUILD"
    );
    if !may_have || !logical.contains("<<") {
        return;
    }
    let line = instruction.line;
    let Some(heredocs) = words(logical).and_then(|words| heredocs(&words, instruction)) else {
        let why = Uncertainty::NotUnderstood("what follows <<".to_owned());
        return found.doubt(line, why);
    };
    for (name, strips_tabs) in heredocs {
        let ended = rest.by_ref().any(|(_, text)| {
            let text = if strips_tabs {
                text.trim_start_matches('\t')
            } else {
                text
            };
            text == name
        });
        if !ended {
            let why = Uncertainty::NotUnderstood(format!("the heredoc {name} without an end"));
            found.doubt(line, why);
        }
    }
}

/// The names of the heredocs that the words begin, and whether tabs before them are dropped;
/// nothing where builders might see others.
fn heredocs<'word>(
    words: &[&'word str],
    instruction: &Instruction,
) -> Option<Vec<(&'word str, bool)>> {
    let mut names = Vec::new();
    for word in words {
        let Some(after) = word
            .trim_start_matches(|digit: char| digit.is_ascii_digit())
            .strip_prefix("<<")
        else {
            continue;
        };
        let (strips_tabs, quoted) = match after.strip_prefix('-') {
            Some(after) => (true, after),
            None => (false, after),
        };
        if quoted.is_empty() || quoted.contains('<') {
            continue;
        }
        let name = ['"', '\'']
            .iter()
            .find_map(|quote| quoted.strip_prefix(*quote)?.strip_suffix(*quote))
            .unwrap_or(quoted);
        let simple = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        // A builder without heredocs would read on, and take such an end for an instruction.
        let is_instruction = KNOWN.contains(&name.to_ascii_uppercase().as_str());
        if !simple || is_instruction || instruction.arguments.starts_with('[') {
            return None;
        }
        names.push((name, strips_tabs));
    }
    Some(names)
}

/// The words of a line, with their quotes; nothing where a quote does not end or a variable has
/// a form that may hold white space.
pub(super) fn words(line: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let (mut begin, mut quote, mut escaped) = (None, None, false);
    for (at, character) in line.char_indices() {
        if quote.is_none() && !escaped && character.is_whitespace() {
            if let Some(begin) = begin.take() {
                words.extend(line.get(begin..at));
            }
            continue;
        }
        begin.get_or_insert(at);
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (_, '{') if line.get(..at)?.ends_with('$') && quote != Some('\'') => {
                let (name, _) = line.get(at + 1..)?.split_once('}')?;
                if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return None;
                }
            }
            _ => {}
        }
    }
    if quote.is_some() || escaped {
        return None;
    }
    words.extend(begin.and_then(|begin| line.get(begin..)));
    Some(words)
}
