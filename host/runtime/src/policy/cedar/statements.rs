//! Where each rule of a policy's text begins.

/// The places of the first characters of the rules, in bytes, in their order. A rule ends at a `;`
/// outside of texts and comments.
pub(super) fn beginnings(text: &str) -> Vec<usize> {
    let mut beginnings = Vec::new();
    let mut within = false;
    let mut quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        match character {
            '\\' if quoted => {
                characters.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            '/' if matches!(characters.peek(), Some((_, '/'))) => {
                while characters
                    .next_if(|(_, character)| *character != '\n')
                    .is_some()
                {}
                continue;
            }
            ';' => within = false,
            _ => {}
        }
        if !within && character != ';' && !character.is_whitespace() {
            within = true;
            beginnings.push(place);
        }
    }
    beginnings
}

/// The line and column of a place in `text`, both from 1.
pub(super) fn line_and_column(text: &str, place: usize) -> (usize, usize) {
    let before = text.get(..place.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(begin..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_hide_what_ends_a_rule() {
        let text = "// one; two\n@id(\"a;\\\";b\") // \"\npermit(principal, action, resource);\n\n  forbid (principal, action, resource) when { \"//\" == \"; \" };permit";
        let found: Vec<_> = beginnings(text)
            .into_iter()
            .map(|place| {
                (
                    text[place..].chars().take(6).collect::<String>(),
                    line_and_column(text, place),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("@id(\"a".to_owned(), (2, 1)),
                ("forbid".to_owned(), (5, 3)),
                ("permit".to_owned(), (5, 62)),
            ]
        );
    }
}
