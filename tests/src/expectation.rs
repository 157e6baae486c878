//! Texts that a user sees, kept in folders of `tests/cases`. `UPDATE_EXPECT=1` writes them anew.

use std::path::PathBuf;

/// The folder of the case `name` of the group `group`.
#[must_use]
pub fn folder(group: &str, name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "cases", group, name]
        .iter()
        .collect()
}

/// Fails where the case expects another text than `found`.
///
/// # Panics
/// As said, and where the text cannot be written.
pub fn assert_expected(group: &str, name: &str, found: &str) {
    let folder = folder(group, name);
    let path = folder.join("expected.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, found));
        if let Err(error) = written {
            panic!("{}: {error}", path.display());
        }
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{}: expected\n{expected}\nbut got\n{found}",
        path.display()
    );
}
