//! Text in HTML.

use std::fmt::{self, Write as _};

/// A text that stands for itself in HTML, between tags and in attributes within quotes.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(formatter), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                // A browser would read them otherwise than they were written, or not at all.
                character if character.is_control() && !"\n\t".contains(character) => {
                    self.0.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                character => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_part_of_the_page() {
        let text = "</script><!-- a=\"b\" 'c' & \u{1b}[31m\u{7f}\0\u{2028}é\n";
        assert_eq!(
            Escaped(text).to_string(),
            "&lt;/script&gt;&lt;!-- a=&quot;b&quot; &#39;c&#39; &amp; \u{fffd}[31m\u{fffd}\u{fffd}\
             \u{2028}é\n"
        );
    }
}
