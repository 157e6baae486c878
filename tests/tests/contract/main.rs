//! `docs/contract-reference.md` says what the files of `wit/` say. `UPDATE_EXPECT=1` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod reference;

use std::fs;
use std::path::Path;

#[test]
fn the_reference_is_that_of_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let reference = reference::of_contract(&root.join("wit"));
    let page = root.join("docs/contract-reference.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&page, &reference).unwrap();
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == reference,
        "docs/contract-reference.md is out of date; UPDATE_EXPECT=1 writes it"
    );
}
