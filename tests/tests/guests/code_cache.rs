//! Compiled code on disk: when it is used, and when not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;
use stepyard::component::CodeCache;
use stepyard::{ComponentSource, Host, RunRequest};
use stepyard_tests::guests;
use tempfile::TempDir;

/// A folder for compiled code that holds the fixture `noop`.
struct Filled {
    folder: TempDir,
    entry: PathBuf,
}

impl Filled {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        load_and_run(folder.path()).await;
        let mut entries = fs::read_dir(folder.path()).unwrap();
        let entry = entries.next().unwrap().unwrap().path();
        assert_eq!(entry.extension().unwrap(), "cwasm");
        assert!(entries.next().is_none());
        Self { folder, entry }
    }

    /// The inode of the entry: writing an entry makes a new file and renames it.
    fn inode(&self) -> u64 {
        fs::symlink_metadata(&self.entry).unwrap().ino()
    }
}

/// Loads and runs the fixture `noop` with a new host that keeps compiled code in `folder`.
async fn load_and_run(folder: &Path) {
    let host = Host::builder()
        .code_cache(CodeCache::open(folder).unwrap())
        .build()
        .unwrap();
    let source = ComponentSource::file(guests::component("noop"));
    let component = host.load(source).await.unwrap();
    host.run(&component, RunRequest::new(json!({})))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_component_is_compiled_once() {
    let cache = Filled::new().await;
    let inode = cache.inode();
    load_and_run(cache.folder.path()).await;
    assert_eq!(cache.inode(), inode);
}

#[tokio::test]
async fn a_damaged_file_is_replaced() {
    let cache = Filled::new().await;
    let whole = fs::read(&cache.entry).unwrap();
    let half = &whole[..whole.len() / 2];
    for damaged in [b"".as_slice(), b"not compiled code", half] {
        fs::write(&cache.entry, damaged).unwrap();
        let inode = cache.inode();
        load_and_run(cache.folder.path()).await;
        assert_ne!(cache.inode(), inode, "{} bytes were used", damaged.len());
        assert_eq!(fs::read(&cache.entry).unwrap().len(), whole.len());
    }
}

#[tokio::test]
async fn a_file_that_others_can_write_to_is_replaced() {
    let cache = Filled::new().await;
    let inode = cache.inode();
    fs::set_permissions(&cache.entry, Permissions::from_mode(0o666)).unwrap();
    load_and_run(cache.folder.path()).await;
    assert_ne!(cache.inode(), inode);
}

#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let cache = Filled::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("planted.cwasm");
    fs::rename(&cache.entry, &target).unwrap();
    symlink(&target, &cache.entry).unwrap();
    let planted = fs::metadata(&target).unwrap();
    load_and_run(cache.folder.path()).await;
    let entry = fs::symlink_metadata(&cache.entry).unwrap();
    assert!(entry.is_file(), "the link is still there");
    let untouched = fs::metadata(&target).unwrap();
    assert_eq!(
        (untouched.ino(), untouched.mtime_nsec()),
        (planted.ino(), planted.mtime_nsec())
    );
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o707)).unwrap();
    let error = CodeCache::open(folder.path()).unwrap_err();
    let path = folder.path().display();
    assert_eq!(
        error.to_string(),
        format!(
            "the folder {path} for compiled components must belong to the user who runs Stepyard \
             and be closed to others, because what is in it is run as native code; run: chmod 700 \
             {path}, or choose another folder"
        )
    );
}
