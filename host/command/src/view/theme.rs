//! Symbols and colours.

use std::env;

use stepyard::doctor::Verdict;
use stepyard::event::StepStatus;

/// What a piece of text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// What stands out.
    Heading,
    /// What may be overlooked.
    Detail,
    /// What went well.
    Success,
    /// What a person should look at.
    Warning,
    /// What went wrong.
    Failure,
    /// What is going on.
    Active,
}

/// How a terminal is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    color: bool,
    unicode: bool,
}

impl Theme {
    pub(super) fn new(color: bool, unicode: bool) -> Self {
        Self { color, unicode }
    }

    /// `text` in the colour of its role (ECMA-48 SGR).
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let parameter = match role {
            Role::Heading => "1",
            Role::Detail => "2",
            Role::Success => "32",
            Role::Warning => "33",
            Role::Failure => "31",
            Role::Active => "36",
        };
        format!("\u{1b}[{parameter}m{text}\u{1b}[0m")
    }

    fn choose(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// The painted mark of how something ended.
    pub(super) fn mark(self, status: StepStatus) -> String {
        match status {
            StepStatus::Succeeded => self.paint(Role::Success, self.choose("✓", "+")),
            StepStatus::Skipped => self.paint(Role::Detail, "-"),
            StepStatus::Interrupted => self.paint(Role::Warning, self.choose("■", "!")),
            _ => self.paint(Role::Failure, self.choose("✗", "x")),
        }
    }

    /// The painted mark of how a check ended.
    pub(super) fn verdict(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Ok => self.paint(Role::Success, self.choose("✓", "+")),
            Verdict::Warning => self.paint(Role::Warning, "!"),
            Verdict::Unproven => self.paint(Role::Detail, "?"),
            Verdict::Failed => self.paint(Role::Failure, self.choose("✗", "x")),
        }
    }

    /// The spinner's picture number `frame`.
    pub(super) fn spinner(self, frame: u64) -> char {
        let frames = self.choose("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/");
        let frame = frame % frames.chars().count() as u64;
        frames.chars().nth(frame as usize).unwrap_or(' ')
    }

    /// A bar of `width` columns, filled for `current` of `total`.
    pub(super) fn bar(self, current: u64, total: u64, width: usize) -> String {
        let filled = if total == 0 {
            0
        } else {
            (current.min(total) as u128 * width as u128 / u128::from(total)) as usize
        };
        let rest = width.saturating_sub(filled);
        if self.unicode {
            let rest = self.paint(Role::Detail, &"─".repeat(rest));
            format!("{}{rest}", self.paint(Role::Active, &"━".repeat(filled)))
        } else {
            format!("[{}{}]", "=".repeat(filled), " ".repeat(rest))
        }
    }

    /// What stands before a line of output.
    pub(super) fn rule(self) -> &'static str {
        self.choose("│", "|")
    }

    /// What stands between two parts of a name.
    pub(super) fn separator(self) -> &'static str {
        self.choose("›", ">")
    }

    /// What stands for the part that is left out.
    pub(super) fn ellipsis(self) -> &'static str {
        self.choose("…", "~")
    }
}

/// Whether the locale's characters are encoded in UTF-8 (POSIX: the first of these that is set
/// and not empty decides).
pub(super) fn unicode_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| is_unicode(&value.to_string_lossy()))
}

fn is_unicode(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales() {
        for (locale, expected) in [
            ("en_GB.UTF-8", true),
            ("C.utf8", true),
            ("C", false),
            ("de_DE@euro", false),
        ] {
            assert_eq!(is_unicode(locale), expected, "{locale}");
        }
    }

    #[test]
    fn bars_are_filled_in_proportion() {
        let ascii = Theme::new(false, false);
        assert_eq!(ascii.bar(0, 0, 4), "[    ]");
        assert_eq!(ascii.bar(1, 2, 4), "[==  ]");
        assert_eq!(ascii.bar(9, 2, 4), "[====]");
        assert_eq!(Theme::new(false, true).bar(3, 4, 4), "━━━─");
        assert_eq!(ascii.bar(u64::MAX, u64::MAX, 4), "[====]");
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(Theme::new(false, true).paint(Role::Failure, "x"), "x");
        assert_eq!(
            Theme::new(true, true).paint(Role::Failure, "x"),
            "\u{1b}[31mx\u{1b}[0m"
        );
    }
}
