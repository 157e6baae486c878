//! What `stepyard doctor` has found, as a list.

use stepyard::doctor::{Diagnosis, Finding, Verdict};

use super::measure;
use super::text::{continued, one_line, without_commands};
use super::theme::{Theme, unicode_locale};

/// How verdicts are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FindingView {
    /// By words, for logs and pipes.
    Words,
    /// By marks, for a terminal.
    Marks(Theme),
}

impl FindingView {
    /// Marks that the terminal can show.
    pub(crate) fn marks(color: bool) -> Self {
        Self::Marks(Theme::new(color, unicode_locale()))
    }
}

/// The list: each thing that was looked at, with its findings and their remedies.
pub(crate) fn findings(diagnosis: &Diagnosis, view: FindingView) -> String {
    let mut lines = Vec::new();
    for section in &diagnosis.sections {
        lines.push(one_line(&section.subject.to_string()));
        for finding in &section.findings {
            lines.push(line(finding, view));
        }
    }
    lines.push(summary(diagnosis));
    without_commands(&lines.join("\n")).into_owned() + "\n"
}

fn line(finding: &Finding, view: FindingView) -> String {
    let (mark, indent) = match view {
        FindingView::Words => (format!("{:<9}", word(finding.verdict)), " ".repeat(12)),
        FindingView::Marks(theme) => (theme.verdict(finding.verdict), " ".repeat(4)),
    };
    let mut line = format!("  {mark} {}", continued(&finding.message, &indent));
    if let Some(remedy) = &finding.remedy {
        let indent = format!("{indent}  ");
        line.push_str(&format!("\n{indent}{}", continued(remedy, &indent)));
    }
    line
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Unproven => "unproven",
        Verdict::Failed => "failed",
    }
}

fn summary(diagnosis: &Diagnosis) -> String {
    let count = |verdict| diagnosis.count(verdict);
    let warnings = measure::count(count(Verdict::Warning) as u64, "warning");
    format!(
        "{} ok, {warnings}, {} unproven, {} failed",
        count(Verdict::Ok),
        count(Verdict::Unproven),
        count(Verdict::Failed)
    )
}

#[cfg(test)]
mod tests {
    use stepyard::doctor::{Check, Section, Subject};

    use super::*;

    fn diagnosis() -> Diagnosis {
        let unproven = Finding::unproven(Check::Push, "only a push\nshows it");
        Diagnosis {
            sections: vec![Section {
                subject: Subject::Step("build".to_owned()),
                findings: vec![
                    Finding::ok(Check::Tag, "the tag 1 is free"),
                    Finding::new(Check::Login, Verdict::Failed, "no\u{1b}[2J login")
                        .with_remedy("log in"),
                    unproven,
                ],
            }],
        }
    }

    #[test]
    fn words_and_marks() {
        assert_eq!(
            findings(&diagnosis(), FindingView::Words),
            "step build\n\
             \x20 ok        the tag 1 is free\n\
             \x20 failed    no login\n\
             \x20             log in\n\
             \x20 unproven  only a push\n\
             \x20           shows it\n\
             1 ok, 0 warnings, 1 unproven, 1 failed\n"
        );
        assert_eq!(
            findings(&diagnosis(), FindingView::Marks(Theme::new(false, true))),
            "step build\n  ✓ the tag 1 is free\n  ✗ no login\n      log in\n  ? only a push\n    \
             shows it\n1 ok, 0 warnings, 1 unproven, 1 failed\n"
        );
    }
}
