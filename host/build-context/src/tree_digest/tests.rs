use std::{
    fs::{self, Permissions},
    os::unix::{
        self,
        fs::{MetadataExt as _, PermissionsExt},
    },
    path::PathBuf,
};

use cap_std::ambient_authority;

use super::*;

/// A context, and beside it the file of its index.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    /// A tree whose last change is long ago, as far as its user can set it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree = Self { folder };
        fs::create_dir_all(tree.at("dir/below")).unwrap();
        fs::write(tree.at("dir/a"), "content").unwrap();
        fs::write(tree.at("dir/below/b"), "other").unwrap();
        unix::fs::symlink("dir/a", tree.at("link")).unwrap();
        fs::hard_link(tree.at("dir/a"), tree.at("same")).unwrap();
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join("context").join(path)
    }

    fn index(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    fn digest_ignoring(&self, rules: &str) -> TreeDigest {
        let root = Dir::open_ambient_dir(self.at(""), ambient_authority()).unwrap();
        let rules = IgnoreRules::parse(".dockerignore", rules).unwrap();
        TreeDigest::of(&root, rules, Some(&self.index()), &AtomicBool::new(false)).unwrap()
    }

    fn digest(&self) -> TreeDigest {
        self.digest_ignoring("")
    }

    /// Waits until the index may remember what was just changed: nobody can set a file's ctime.
    fn settle(&self) {
        thread::sleep(RACY + Duration::from_millis(1100));
    }
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let tree = Tree::new();
    tree.settle();
    let first = tree.digest();
    assert_eq!((first.entries, first.files_read, first.bytes), (6, 2, 19));
    let second = tree.digest();
    assert_eq!((second.digest, second.files_read), (first.digest, 0));
    let mode = fs::metadata(tree.index()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // The same content with the time of before: only the ctime tells.
    let modified = fs::metadata(tree.at("dir/a")).unwrap().modified().unwrap();
    fs::write(tree.at("dir/a"), "CONTENT").unwrap();
    let file = fs::File::options()
        .write(true)
        .open(tree.at("dir/a"))
        .unwrap();
    file.set_modified(modified).unwrap();
    let changed = tree.digest();
    assert_eq!(changed.files_read, 1);
    assert_ne!(changed.digest, first.digest);
    assert_eq!(tree.digest().files_read, 1, "it changed just now");
    fs::write(tree.at("dir/a"), "content").unwrap();
    assert_eq!(tree.digest().digest, first.digest, "times do not count");

    for damage in [
        |content: &mut Vec<u8>| content[40] ^= 1,
        |content: &mut Vec<u8>| content.truncate(60),
        |content: &mut Vec<u8>| content.clear(),
        |content: &mut Vec<u8>| content[20] = b'2',
    ] {
        let mut content = fs::read(tree.index()).unwrap();
        damage(&mut content);
        fs::write(tree.index(), content).unwrap();
        assert_eq!(tree.digest().files_read, 2);
    }
}

#[test]
fn a_new_file_is_not_remembered() {
    let tree = Tree::new();
    tree.digest();
    assert_eq!(tree.digest().files_read, 2);
    let ctime = fs::metadata(tree.at("dir/a")).unwrap().ctime();
    let at = |seconds: i64| UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
    let root = Dir::open_ambient_dir(tree.at(""), ambient_authority()).unwrap();
    let entry = Walk::new(root, IgnoreRules::default())
        .unwrap()
        .map(Result::unwrap)
        .find(|entry| entry.path == "dir/a")
        .unwrap();
    assert!(!Stamp::of(&entry).is_settled(at(ctime + 2)));
    assert!(Stamp::of(&entry).is_settled(at(ctime + 3)));
}

#[test]
fn every_property_counts() {
    type Change = (&'static str, fn(&Tree));
    let changes: [Change; 11] = [
        ("content", |tree| {
            fs::write(tree.at("dir/a"), "c0ntent").unwrap()
        }),
        ("mode", |tree| {
            fs::set_permissions(tree.at("dir/a"), Permissions::from_mode(0o600)).unwrap();
        }),
        ("directory's mode", |tree| {
            fs::set_permissions(tree.at("dir"), Permissions::from_mode(0o1777)).unwrap();
        }),
        ("name", |tree| {
            fs::rename(tree.at("dir/a"), tree.at("dir/A")).unwrap()
        }),
        ("place", |tree| {
            fs::rename(tree.at("dir/below/b"), tree.at("b")).unwrap()
        }),
        ("empty file", |tree| {
            fs::write(tree.at("empty"), "").unwrap()
        }),
        ("empty directory", |tree| {
            fs::create_dir(tree.at("empty")).unwrap()
        }),
        ("link's text", |tree| {
            fs::remove_file(tree.at("link")).unwrap();
            unix::fs::symlink("./dir/a", tree.at("link")).unwrap();
        }),
        ("link becomes a file", |tree| {
            fs::remove_file(tree.at("link")).unwrap();
            fs::write(tree.at("link"), "dir/a").unwrap();
        }),
        ("hard link becomes a copy", |tree| {
            fs::remove_file(tree.at("same")).unwrap();
            fs::copy(tree.at("dir/a"), tree.at("same")).unwrap();
        }),
        ("pipe", |tree| {
            let (kind, mode) = (rustix::fs::FileType::Fifo, 0o600.into());
            rustix::fs::mknodat(rustix::fs::CWD, tree.at("pipe"), kind, mode, 0).unwrap();
        }),
    ];
    let mut digests = vec![Tree::new().digest().digest];
    for (what, change) in changes {
        let tree = Tree::new();
        change(&tree);
        let digest = tree.digest().digest;
        assert!(!digests.contains(&digest), "{what}");
        digests.push(digest);
    }
}

#[test]
fn what_is_ignored_does_not_count() {
    let tree = Tree::new();
    let before = tree.digest_ignoring("dir/below");
    fs::write(tree.at("dir/below/b"), "changed").unwrap();
    fs::write(tree.at("dir/below/new"), "new").unwrap();
    assert_eq!(tree.digest_ignoring("dir/below").digest, before.digest);
    assert_ne!(tree.digest().digest, before.digest);
}

#[test]
fn many_files_are_read_in_any_order_and_digested_in_one() {
    let tree = Tree::new();
    for number in 0..200 {
        fs::write(tree.at(&format!("dir/{number}")), number.to_string()).unwrap();
    }
    let first = tree.digest();
    assert_eq!(first.files_read, 202);
    assert_eq!(tree.digest().digest, first.digest);
}

#[test]
fn it_ends_where_nobody_waits() {
    let tree = Tree::new();
    let root = Dir::open_ambient_dir(tree.at(""), ambient_authority()).unwrap();
    let result = TreeDigest::of(&root, IgnoreRules::default(), None, &AtomicBool::new(true));
    assert!(matches!(result, Err(ContextError::Cancelled)));
    let result = TreeDigest::of(&root, IgnoreRules::default(), None, &AtomicBool::new(false));
    assert_eq!(result.unwrap().digest, tree.digest().digest);
}
