use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{self, fs::PermissionsExt},
};

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
fn sockets_and_pipes_are_told_apart() {
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
        [("pipe", &EntryKind::Fifo), ("socket", &EntryKind::Socket)]
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

#[test]
fn keeps_what_is_included_and_not_ignored() {
    let folder = tree();
    for (ignored, included, expected) in [
        ("", &["a.txt"][..], &["a.txt"][..]),
        ("", &["a"], &["a", "a/b", "a/b/c", "a/z"]),
        ("", &["a/b/c", "!keep"], &["a", "a/b", "a/b/c"]),
        ("", &["keep", "!keep/in"], &["keep", "keep/out"]),
        (
            "",
            &["*/in/x", "**/LICENSE"],
            &[
                "keep",
                "keep/in",
                "keep/in/x",
                "vendor",
                "vendor/lib",
                "vendor/lib/LICENSE",
            ],
        ),
        (
            "keep\n!keep/in",
            &["keep"],
            &["keep", "keep/in", "keep/in/x"],
        ),
        ("vendor/*\n", &["vendor"], &["vendor"]),
        ("", &["nothing"], &[]),
        (
            "",
            &[" ", ""],
            &[
                "a",
                "a/b",
                "a/b/c",
                "a/z",
                "a.txt",
                "b.txt",
                "keep",
                "keep/in",
                "keep/in/x",
                "keep/out",
                "vendor",
                "vendor/lib",
                "vendor/lib/LICENSE",
                "vendor/lib/code",
            ],
        ),
    ] {
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let rules = IgnoreRules::parse(".dockerignore", ignored).unwrap();
        let included = IncludeRules::from_patterns("include-patterns", included.iter().copied());
        let walk = Walk::new(root, rules).unwrap().including(included.unwrap());
        let paths: Vec<_> = walk.map(|entry| entry.unwrap().path).collect();
        assert_eq!(paths, expected);
    }
}

#[test]
fn what_is_not_kept_may_be_unreadable_or_nameless() {
    let folder = tree();
    let name: &OsStr = unix::ffi::OsStrExt::from_bytes(b"bad\xff");
    fs::write(folder.path().join(name), "").unwrap();
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let included = IncludeRules::from_patterns("", ["a.txt", "keep/in/x"]).unwrap();
    let walk = Walk::new(root, IgnoreRules::default())
        .unwrap()
        .including(included);
    let paths: Vec<_> = walk.map(|entry| entry.unwrap().path).collect();
    assert_eq!(paths, ["a.txt", "keep", "keep/in", "keep/in/x"]);
}

#[test]
fn directories_deeper_than_are_held_open() {
    let folder = tempfile::tempdir().unwrap();
    let depth = OPEN_DIRECTORIES * 3;
    let mut path = folder.path().to_owned();
    let mut expected = Vec::new();
    for level in 0..depth {
        path.push("d");
        fs::create_dir(&path).unwrap();
        // Found on the way back.
        fs::write(path.join("z"), "").unwrap();
        expected.push(vec!["d"; level + 1].join("/"));
    }
    for level in (0..depth).rev() {
        expected.push(format!("{}/z", vec!["d"; level + 1].join("/")));
    }
    assert_eq!(paths(&folder, ""), expected);
    // A directory that has become another one meanwhile is not walked on.
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let mut walk = Walk::new(root, IgnoreRules::default()).unwrap();
    for _ in 0..depth {
        walk.next().unwrap().unwrap();
    }
    fs::rename(folder.path().join("d"), folder.path().join("moved")).unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let error = walk.find_map(Result::err).unwrap();
    assert!(matches!(error, ContextError::Changed { .. }), "{error}");
}

#[test]
fn extended_attributes_are_read_where_asked() {
    let folder = tree();
    let set = |path: &str, name: &str, value: &[u8]| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(folder.path().join(path), name, value, flags).unwrap();
    };
    let large = vec![7; ATTRIBUTE_BYTES];
    set("a.txt", "user.one", b"1");
    set("a.txt", "user.two", b"");
    set("a", "user.large", &large);
    fs::set_permissions(folder.path().join("a.txt"), Permissions::from_mode(0o000)).unwrap();
    let with = |walk: Walk| {
        walk.filter_map(|entry| {
            let entry = entry.unwrap();
            let mut attributes = entry.extended_attributes;
            attributes.retain(|(name, _)| name.starts_with("user."));
            attributes.sort_unstable();
            (!attributes.is_empty()).then_some((entry.path, attributes))
        })
        .collect::<Vec<_>>()
    };
    let walk = || {
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        Walk::new(root, IgnoreRules::default()).unwrap()
    };
    assert_eq!(with(walk()), []);
    assert_eq!(
        with(walk().with_extended_attributes()),
        [
            (
                "a".to_owned(),
                vec![("user.large".to_owned(), large.clone())]
            ),
            (
                "a.txt".to_owned(),
                vec![
                    ("user.one".to_owned(), b"1".to_vec()),
                    ("user.two".to_owned(), Vec::new())
                ]
            ),
        ]
    );
}

/// More than the buffer for usual attributes, and what ext4 still keeps.
const ATTRIBUTE_BYTES: usize = 2000;
