//! The fields that a step's error names, line by line: `setting.path: problem`.

/// The JSON pointer of the field that a line is about, as in `tags[1]: …` or `labels["a.b"]: …`, and
/// what is wrong with it. Nothing for prose.
pub(super) fn parse(line: &str) -> Option<(String, &str)> {
    let mut pointer = String::new();
    let mut rest = line;
    loop {
        if let Some(problem) = rest.strip_prefix(": ") {
            return (!pointer.is_empty()).then_some((pointer, problem));
        }
        let (token, after) = match rest.strip_prefix("[\"") {
            Some(quoted) => key(quoted)?,
            None => {
                let name = rest.trim_start_matches(['.', '[', ']']);
                let end = name.find(|character| !is_name(character))?;
                let (token, after) = name.split_at_checked(end)?;
                (token.to_owned(), after.trim_start_matches(']'))
            }
        };
        if token.is_empty() {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        rest = after;
    }
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-/".contains(character)
}

/// The key up to `"]`, and what comes after it.
fn key(quoted: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => key.push(characters.next()?.1),
            '"' => return Some((key, quoted.get(index..)?.strip_prefix("\"]")?)),
            _ => key.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn paths_become_pointers() {
        for (line, pointer, problem) in [
            ("tags[1]: empty", "/tags/1", "empty"),
            (
                "resources.limits.cpu: x: y",
                "/resources/limits/cpu",
                "x: y",
            ),
            ("labels[\"a.b: c\"]: wrong", "/labels/a.b: c", "wrong"),
            ("a.tags[\"x/\\\"y\"]: wrong", "/a/tags/x~1\"y", "wrong"),
        ] {
            assert_eq!(parse(line), Some((pointer.to_owned(), problem)), "{line}");
        }
    }

    #[test]
    fn prose_has_no_field() {
        for line in [
            "",
            ": x",
            "no colon",
            "the image: x",
            "labels[\"a: x",
            "tags",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
