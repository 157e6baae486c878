//! The forms in which a secret appears in texts.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE};
use zeroize::Zeroizing;

/// A shorter secret cannot be told from other text, in bytes.
pub(super) const SHORTEST: usize = 4;
/// A shorter part of a secret (a line of several, what encodings leave of it) is no secret, in bytes.
const SHORTEST_PART: usize = 8;
/// Where commands break lines of base64: `openssl` and PEM, `base64`.
const WRAPPED_AT: [usize; 2] = [64, 76];
/// Characters beside letters and digits that percent-encodings leave as they are: RFC 3986's
/// unreserved, HTML forms', `encodeURIComponent`'s, and those of a URL's path and user.
const LEFT_BY_PERCENT_ENCODING: [&str; 5] =
    ["-._~", "-._*", "-._~!*'()", "-._~$&+:=@", "-._~$&+,;="];

/// A form of a secret.
pub(super) type Form = Zeroizing<String>;

/// The forms of `secret`, sorted: itself line by line, escaped for JSON, percent-encoded, and in
/// base64, also as a part of what was encoded. None where it is too short.
pub(super) fn forms_of(secret: &[u8]) -> Vec<Form> {
    let whole = Zeroizing::new(String::from_utf8_lossy(secret).into_owned());
    let trimmed = whole.trim();
    let mut forms = Forms::default();
    if trimmed.len() < SHORTEST {
        return forms.0;
    }
    let json = json(trimmed);
    for text in [trimmed, json.as_str()] {
        forms.add_lines(text);
        forms.add_base64(text.as_bytes());
    }
    forms.add_base64(secret);
    // As `echo` ends it.
    forms.add_exact_base64(Zeroizing::new(format!("{trimmed}\n")).as_bytes());
    for left in LEFT_BY_PERCENT_ENCODING {
        forms.add(percent(trimmed, left, false), SHORTEST);
        forms.add(percent(trimmed, left, true), SHORTEST);
    }
    forms
        .0
        .sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
    forms.0.dedup();
    forms.0
}

#[derive(Default)]
struct Forms(Vec<Form>);

impl Forms {
    fn add(&mut self, form: Form, shortest: usize) {
        if form.len() >= shortest {
            self.0.push(form);
        }
    }

    /// A text of one line, or the lines of a longer one that are long enough to tell something.
    fn add_lines(&mut self, text: &str) {
        let shortest = if text.contains(['\n', '\r']) {
            SHORTEST_PART
        } else {
            SHORTEST
        };
        // What is printed has no control characters.
        for line in text.split(['\n', '\r']) {
            self.add(Zeroizing::new(line.trim().to_owned()), shortest);
            self.add(
                Zeroizing::new(crate::event::printable(line.trim())),
                shortest,
            );
        }
    }

    fn add_base64(&mut self, bytes: &[u8]) {
        self.add_exact_base64(bytes);
        for alphabet in [STANDARD, URL_SAFE] {
            for shift in 0..3 {
                self.add(within_base64(bytes, &alphabet, shift), SHORTEST_PART);
            }
        }
        let encoded = Zeroizing::new(STANDARD.encode(bytes));
        for width in WRAPPED_AT {
            let mut rest = encoded.as_str();
            while let Some((line, after)) = rest.split_at_checked(width) {
                self.add(Zeroizing::new(line.to_owned()), SHORTEST_PART);
                rest = after;
            }
            if rest.len() < encoded.len() {
                self.add(Zeroizing::new(rest.to_owned()), SHORTEST_PART);
            }
        }
    }

    fn add_exact_base64(&mut self, bytes: &[u8]) {
        for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE] {
            self.add(Zeroizing::new(alphabet.encode(bytes)), SHORTEST);
        }
        let padded = Zeroizing::new(URL_SAFE.encode(bytes));
        let bare = padded.trim_end_matches('=');
        self.add(Zeroizing::new(bare.to_owned()), SHORTEST);
    }
}

/// What base64 always makes of `bytes` that stand after `shift` others (and any multiple of three)
/// and before more: the characters that no neighbour has a part in.
fn within_base64(bytes: &[u8], alphabet: &GeneralPurpose, shift: usize) -> Form {
    let mut shifted = Zeroizing::new(Vec::with_capacity(shift + bytes.len()));
    shifted.resize(shift, 0);
    shifted.extend_from_slice(bytes);
    let encoded = Zeroizing::new(alphabet.encode(shifted.as_slice()));
    // A character holds six bits: the first whole one after the shift, the last whole one.
    let first = (shift * 8).div_ceil(6);
    let end = shifted.len() * 8 / 6;
    Zeroizing::new(encoded.get(first..end).unwrap_or_default().to_owned())
}

/// RFC 3986, section 2.1. Where a space is to be left it becomes `+`, as in HTML's forms.
fn percent(text: &str, left: &str, lower_case: bool) -> Form {
    const UPPER: &[u8; 16] = b"0123456789ABCDEF";
    const LOWER: &[u8; 16] = b"0123456789abcdef";
    let digits = if lower_case { LOWER } else { UPPER };
    let digit = |value: u8| {
        let digit = digits.get(usize::from(value & 15)).copied();
        char::from(digit.unwrap_or_default())
    };
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || left.contains(character) {
            encoded.push(character);
        } else if byte == b' ' && left == "-._*" {
            encoded.push('+');
        } else {
            encoded.push('%');
            encoded.push(digit(byte >> 4));
            encoded.push(digit(byte));
        }
    }
    encoded
}

/// `text` as it stands between the quotes of a JSON string, with its line ends as they are.
fn json(text: &str) -> Form {
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() * 6));
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        // The longest escape has six characters for one.
        let mut quoted = Zeroizing::new(Vec::with_capacity(line.len() * 6 + 2));
        // Writing a text to memory cannot fail.
        let _ = serde_json::to_writer(&mut *quoted, line);
        let quoted = std::str::from_utf8(&quoted).unwrap_or_default();
        escaped.push_str(
            quoted
                .get(1..quoted.len().saturating_sub(1))
                .unwrap_or_default(),
        );
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(secret: &str, form: &str) -> bool {
        forms_of(secret.as_bytes())
            .iter()
            .any(|known| known.as_str() == form)
    }

    #[test]
    fn encodings_of_a_secret() {
        let secret = "p/a+s \"ö?~>";
        for form in [
            "p/a+s \"ö?~>",
            "p/a+s \\\"ö?~>",
            "p%2Fa%2Bs%20%22%C3%B6%3F~%3E",
            "p%2fa%2bs%20%22%c3%b6%3f~%3e",
            "p%2Fa%2Bs+%22%C3%B6%3F%7E%3E",
            "cC9hK3MgIsO2P34+",
            "cC9hK3MgIsO2P34-",
            "cC9hK3MgIsO2P34+Cg==",
        ] {
            assert!(has(secret, form), "{form}");
        }
        for form in ["c2VjcmV0MQ==", "c2VjcmV0MQ"] {
            assert!(has("secret1", form), "{form}");
        }
    }

    #[test]
    fn a_secret_within_base64_is_found_wherever_it_stands() {
        let secret = "correct-horse-battery~~>>staple";
        let forms = forms_of(secret.as_bytes());
        for before in ["", "a", "ab", "abc", "user:", "{\"password\":\""] {
            for after in ["", "\"", "\"}", "and more"] {
                for alphabet in [STANDARD, URL_SAFE] {
                    let encoded = alphabet.encode(format!("{before}{secret}{after}"));
                    let found = forms.iter().any(|form| {
                        // All but what a neighbour has a part in.
                        form.len() >= secret.len() * 4 / 3 - 2 && encoded.contains(form.as_str())
                    });
                    assert!(found, "{before}SECRET{after}");
                }
            }
        }
    }

    #[test]
    fn several_lines() {
        let secret = "-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nBg==\n-----END KEY-----\n";
        assert!(has(secret, "MIIEvQIBADAN"));
        assert!(has(secret, "-----END KEY-----"));
        // Too short to tell something.
        assert!(!has(secret, "Bg=="));
        let long = "x".repeat(100);
        let encoded = STANDARD.encode(&long);
        for line in [
            &encoded[..76],
            &encoded[76..],
            &encoded[..64],
            &encoded[128..],
        ] {
            assert!(has(&long, line), "{line}");
        }
    }

    #[test]
    fn too_short_to_be_told_from_other_text() {
        assert!(forms_of(b"abc\n").is_empty());
        assert!(forms_of(b"").is_empty());
        assert!(has("abcd", "abcd"));
    }

    #[test]
    fn bytes_that_are_no_text() {
        let forms = forms_of(b"\xff\xfe\x00secret");
        let encoded = STANDARD.encode(b"\xff\xfe\x00secret");
        assert!(forms.iter().any(|form| form.as_str() == encoded));
    }
}
