use std::{fs, os::unix};

use cap_std::ambient_authority;

use super::*;

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "b.txt",
        "a/z",
        "a/b/c",
        "a.txt",
        "keep/in/x",
        "keep/out",
        "vendor/lib/LICENSE",
        "vendor/lib/code",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

fn walk(folder: &tempfile::TempDir, rules: &str) -> Result<Vec<Entry>, ContextError> {
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    Walk::new(root, IgnoreRules::parse(".dockerignore", rules).unwrap())
        .unwrap()
        .collect()
}

fn paths(folder: &tempfile::TempDir, rules: &str) -> Vec<String> {
    walk(folder, rules)
        .unwrap()
        .into_iter()
        .map(|entry| entry.path)
        .collect()
}

#[test]
fn goes_in_order_and_obeys_the_rules() {
    let folder = tree();
    assert_eq!(
        paths(&folder, "keep\nvendor"),
        ["a", "a/b", "a/b/c", "a/z", "a.txt", "b.txt"]
    );
    assert_eq!(
        paths(&folder, "*\n!keep/in/**"),
        ["keep", "keep/in", "keep/in/x"]
    );
    assert_eq!(
        paths(&folder, "*\n!**/LICENSE"),
        ["vendor", "vendor/lib", "vendor/lib/LICENSE"]
    );
    assert_eq!(paths(&folder, "*\n!keep\nkeep/in"), ["keep", "keep/out"]);
    assert_eq!(paths(&folder, "**"), [""; 0]);
}

#[test]
fn does_not_enter_what_no_exception_reaches() {
    let folder = tree();
    // An unreadable name below would be an error, if the walk came by.
    let name: &OsStr = unix::ffi::OsStrExt::from_bytes(b"bad\xff");
    fs::write(folder.path().join("vendor").join(name), "").unwrap();
    assert_eq!(paths(&folder, "*\n!b.txt"), ["b.txt"]);
    let error = walk(&folder, "").unwrap_err();
    assert!(error.to_string().contains("vendor/bad\u{fffd}"), "{error}");
}

#[test]
fn links_are_never_followed() {
    let folder = tempfile::tempdir().unwrap();
    unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
    unix::fs::symlink("../../x//y/", folder.path().join("up")).unwrap();
    let entries = walk(&folder, "").unwrap();
    let targets: Vec<_> = entries.iter().map(|entry| entry.kind.clone()).collect();
    let link = |target: &str| EntryKind::Symlink {
        target: target.to_owned(),
    };
    assert_eq!(targets, [link("/etc"), link("../../x//y/")]);
}

#[test]
fn sockets_are_left_out_and_pipes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let _socket = unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let entries = walk(&folder, "").unwrap();
    assert_eq!(
        entries
            .iter()
            .map(|entry| (entry.path.as_str(), &entry.kind))
            .collect::<Vec<_>>(),
        [("pipe", &EntryKind::Fifo)]
    );
}

#[test]
fn a_replaced_file_is_noticed() {
    let folder = tree();
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let entries = walk(&folder, "*\n!a.txt\n!b.txt").unwrap();
    fs::remove_file(folder.path().join("a.txt")).unwrap();
    unix::fs::symlink("b.txt", folder.path().join("a.txt")).unwrap();
    let error = entries[0].open(&root).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"a.txt\" in the build context was replaced"),
        "{error}"
    );
    fs::remove_file(folder.path().join("b.txt")).unwrap();
    let error = entries[1].open(&root).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"b.txt\" in the build context vanished"),
        "{error}"
    );
}
