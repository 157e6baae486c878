//! Tables.

use super::Level;

/// Logs a table: a line of headings and a line a row, its columns as wide as they need be. Without
/// rows it logs nothing.
///
/// ```
/// use stepyard_sdk::{log, testing::Host};
///
/// let run = Host::new().call(|| {
///     log::table(["tag", "size"], [["1.0", "1.2 MB"], ["latest", "900 kB"]]);
///     Ok(())
/// });
/// assert_eq!(run.log(), [
///     "tag     size",
///     "1.0     1.2 MB",
///     "latest  900 kB",
/// ]);
/// ```
pub fn table<const N: usize, T: AsRef<str>>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [T; N]>,
) {
    let mut lines = vec![headings.map(one_line)];
    lines.extend(
        rows.into_iter()
            .map(|row| row.map(|cell| one_line(cell.as_ref()))),
    );
    if lines.len() == 1 {
        return;
    }
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    // A line each, because a host cuts off what is very long.
    for line in &lines {
        let cells = line.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        super::write(Level::Info, cells.join("  ").trim_end());
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}
