//! Text that a terminal and a log can show.

/// `text` without what could move a terminal's cursor or forge a log line: ANSI escape sequences
/// and control characters except newline and tab are left out.
pub fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape_sequence(&mut characters),
            '\n' | '\t' => result.push(character),
            _ if character.is_control() => {}
            // Characters that reorder or hide text on a terminal.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            _ => result.push(character),
        }
    }
    result
}

/// The longest text of a guest's that is shown at once, in bytes.
const LONGEST: usize = 64 << 10;

/// `text`, cut off where it is too long to be shown at once.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// Passes over the rest of an escape sequence (ECMA-48: `CSI` parameters and final byte, `OSC` up
/// to its terminator, or a single character).
fn skip_escape_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            for character in characters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&character) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' {
                    break;
                }
                if character == '\u{1b}' {
                    characters.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_and_control_characters_are_left_out() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\r\u{8}"), "red");
        assert_eq!(printable("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(printable("\u{1b}]8;;x\u{1b}\\link"), "link");
        assert_eq!(printable("a\tb\nc\u{202e}d"), "a\tb\ncd");
    }
}
