//! Errors as plain text, for logs.

use std::fmt::Write;

use miette::{Diagnostic, SourceSpan};

use super::source::line_and_column;

/// Renders a diagnostic without colours or drawings: one line
/// `FILE:LINE:COLUMN: FIELD: MESSAGE` a problem, each followed by its help, indented. A diagnostic
/// that only groups others is left out.
#[must_use]
pub fn render_plain(diagnostic: &dyn Diagnostic) -> String {
    let mut text = String::new();
    render(diagnostic, None, &mut text);
    text
}

fn render(diagnostic: &dyn Diagnostic, source: Option<&dyn miette::SourceCode>, text: &mut String) {
    let source = diagnostic.source_code().or(source);
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let mut related = diagnostic.related().into_iter().flatten().peekable();
    if label.is_some() || related.peek().is_none() {
        if let (Some(label), Some(source)) = (label, source)
            // Reading from the start of the file lets lines and characters be counted alike for
            // every source, and gives the file's name.
            && let Ok(contents) = source.read_span(&SourceSpan::from((0, label.offset())), 0, 0)
        {
            let (line, column) = line_and_column(contents.data(), label.offset());
            let name = contents.name().unwrap_or("-");
            let _ = write!(text, "{name}:{line}:{column}: ");
        }
        let _ = writeln!(text, "{diagnostic}");
        if let Some(help) = diagnostic.help() {
            for line in help.to_string().lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    for diagnostic in related {
        render(diagnostic, source, text);
    }
}
