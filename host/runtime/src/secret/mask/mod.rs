//! Keeps secrets out of what is shown.

mod forms;
mod known;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use self::known::Known;
use crate::capability::{CapabilityError, ErrorKind};

/// What stands in place of a secret.
const IN_PLACE: &str = "***";

/// The secrets that are known, to be left out of whatever is shown. Clones share them.
///
/// Each is found as it is, line by line, and encoded: in base64 (also as a part of what was
/// encoded, such as `user:password`), percent-encoded, and escaped for JSON. A secret of fewer than
/// four bytes is not looked for, nor is a line of fewer than eight of a secret of several lines.
///
/// Of very many and large secrets, those that were not noted for longest are forgotten.
#[derive(Clone, Default)]
pub struct Mask {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether anything is known, to be asked without a lock.
    any: AtomicBool,
    known: RwLock<Known>,
}

impl Mask {
    /// Takes note of a secret.
    pub fn note(&self, secret: impl AsRef<[u8]>) {
        let mut known = self
            .shared
            .known
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.note(secret.as_ref());
        self.shared.any.store(!known.is_empty(), Ordering::Release);
    }

    /// Takes note of a password, alone and with its user name before it, as HTTP's Basic
    /// authentication encodes it.
    pub fn note_password(&self, user_name: &str, password: &str) {
        self.note(password);
        if password.len() >= forms::SHORTEST {
            self.note(Zeroizing::new(format!("{user_name}:{password}")).as_bytes());
        }
    }

    /// `text` with `***` in place of every secret.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let covered = self.known(|known| known.covered(text.as_bytes()));
        if covered.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for range in covered {
            // Secrets are text, so both ends are at characters' bounds.
            masked.push_str(text.get(shown..range.start).unwrap_or_default());
            masked.push_str(IN_PLACE);
            shown = range.end;
        }
        masked.push_str(text.get(shown..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// Masks `text` where it stands.
    pub(crate) fn apply(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
    }

    /// Masks whatever an error says.
    pub(crate) fn apply_to_error(&self, error: &mut CapabilityError) {
        self.apply(&mut error.message);
        if let Some(hint) = &mut error.hint {
            self.apply(hint);
        }
        if let ErrorKind::Other(kind) = &mut error.kind {
            self.apply(kind);
        }
    }

    /// How much of the beginning of `text` can be shown before its continuation is known: no
    /// secret that is or may become whole is cut there.
    pub(crate) fn safe_cut(&self, text: &[u8]) -> usize {
        if self.is_empty() {
            return text.len();
        }
        self.known(|known| known.safe_cut(text))
    }

    /// The length of the longest form of a secret, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.known(Known::longest)
    }

    fn is_empty(&self) -> bool {
        !self.shared.any.load(Ordering::Acquire)
    }

    fn known<T: Default>(&self, look: impl FnOnce(&Known) -> T) -> T {
        if self.is_empty() {
            return T::default();
        }
        let known = self.shared.known.read();
        look(&known.unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mask({})", self.known(Known::len))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn mask(secrets: &[&str]) -> Mask {
        let mask = Mask::default();
        for secret in secrets {
            mask.note(secret);
        }
        mask
    }

    #[test]
    fn every_secret_is_masked_wherever_it_stands() {
        let mask = mask(&["hunter2", "hunter2-long", "s3cr3t\n"]);
        for (text, expected) in [
            ("", ""),
            ("nothing here: hunter", "nothing here: hunter"),
            ("hunter2", "***"),
            ("a hunter2-long b", "a *** b"),
            ("ähunter2ös3cr3tü", "ä***ö***ü"),
            ("hunter2hunter2", "***"),
            ("hunter2,hunter2", "***,***"),
        ] {
            assert_eq!(mask.text(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one() {
        let mask = mask(&["abcdef", "defghi", "cde-"]);
        assert_eq!(mask.text("xabcdefghix"), "x***x");
        assert_eq!(mask.text("abcdefabcdef-"), "***-");
    }

    #[test]
    fn what_is_left_of_a_secret_in_a_line_that_was_cut_off_is_masked() {
        let mask = mask(&["0123456789-secret"]);
        assert_eq!(
            mask.text("is 01234567…\nis 0123456789-sec…\nis 012345"),
            "is ***…\nis ***…\nis 012345"
        );
        assert_eq!(mask.text("is 012…"), "is 012…");
    }

    #[test]
    fn a_password_is_masked_with_its_user_name() {
        let mask = Mask::default();
        mask.note_password("AWS", "eyJwYXlsb2Fk");
        let header = BASE64_STANDARD.encode("AWS:eyJwYXlsb2Fk");
        assert_eq!(mask.text(&format!("Basic {header}")), "Basic ***");
        assert_eq!(mask.text("AWS:eyJwYXlsb2Fk"), "***");
    }

    #[test]
    fn nothing_is_masked_where_nothing_is_known() {
        let mask = mask(&["", "ab", "\n\n"]);
        assert!(matches!(mask.text("ab"), Cow::Borrowed("ab")));
        assert_eq!(mask.safe_cut(b"ab"), 2);
    }

    #[test]
    fn formatting_shows_no_secret() {
        let mask = mask(&["hunter2", "hunter3", "hunter2"]);
        assert_eq!(format!("{mask:?} {:?}", mask.clone()), "Mask(2) Mask(2)");
    }

    #[test]
    fn a_cut_is_never_within_a_secret() {
        let mask = mask(&["0123456789"]);
        for (text, safe) in [
            ("abc", 3),
            ("abc0", 3),
            ("abc012345678", 3),
            ("abc0123456789", 13),
            ("abc0123456789012", 13),
            ("abc0123x", 8),
        ] {
            assert_eq!(mask.safe_cut(text.as_bytes()), safe, "{text}");
        }
        // What may become whole begins within one that is whole.
        let mask = self::mask(&["abcabcd"]);
        mask.note("cabx-and-more");
        assert_eq!(mask.safe_cut(b"__abcabcdab"), 9);
        mask.note("dab-and-more");
        assert_eq!(mask.safe_cut(b"__abcabcdab"), 2);
    }
}
