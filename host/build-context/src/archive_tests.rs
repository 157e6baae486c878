use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::{self, fs::PermissionsExt},
    path::PathBuf,
    pin::pin,
};

use cap_std::ambient_authority;
use futures_util::StreamExt;

use super::*;
use crate::ContextError;

fn archive(folder: &tempfile::TempDir, rules: &str) -> ContextArchive {
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    ContextArchive::new(root, IgnoreRules::parse(".dockerignore", rules).unwrap())
}

async fn bytes(archive: ContextArchive) -> io::Result<Vec<u8>> {
    let mut stream = pin!(archive.into_stream());
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

/// Path, kind, mode, link target and content of an entry.
type Sent = (String, EntryType, u32, Option<String>, Vec<u8>);

fn entries(tar: &[u8]) -> Vec<Sent> {
    let mut read = tar::Archive::new(tar);
    let entries = read.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let link = entry
            .link_name_bytes()
            .map(|link| String::from_utf8(link.into_owned()).unwrap());
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        let (kind, mode) = (header.entry_type(), header.mode().unwrap());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, kind, mode, link, content)
    });
    entries.collect()
}

#[tokio::test]
async fn sends_what_docker_sends() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir(at("dir")).unwrap();
    fs::set_permissions(at("dir"), Permissions::from_mode(0o1755)).unwrap();
    fs::write(at("dir/tool"), "run").unwrap();
    fs::set_permissions(at("dir/tool"), Permissions::from_mode(0o4755)).unwrap();
    fs::hard_link(at("dir/tool"), at("same")).unwrap();
    unix::fs::symlink("../..//etc/", at("link")).unwrap();
    unix::fs::symlink("t/".repeat(120), at("long")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _left_out = unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::set_permissions(at("pipe"), Permissions::from_mode(0o640)).unwrap();
    let archive = archive(&folder, "");
    let progress = archive.progress();
    let tar = bytes(archive).await.unwrap();
    let text = |text: &str| text.to_owned();
    let content = |text: &str| text.as_bytes().to_vec();
    assert_eq!(
        entries(&tar),
        [
            (text("dir/"), EntryType::Directory, 0o1755, None, vec![]),
            (
                text("dir/tool"),
                EntryType::Regular,
                0o4755,
                None,
                content("run")
            ),
            (
                text("link"),
                EntryType::Symlink,
                0o777,
                Some(text("../..//etc/")),
                vec![]
            ),
            (
                text("long"),
                EntryType::Symlink,
                0o777,
                Some("t/".repeat(120)),
                vec![]
            ),
            (text("pipe"), EntryType::Fifo, 0o640, None, vec![]),
            (
                text("same"),
                EntryType::Link,
                0o4755,
                Some(text("dir/tool")),
                vec![]
            ),
        ]
    );
    assert_eq!((progress.bytes(), progress.files()), (tar.len() as u64, 1));
}

#[tokio::test]
async fn long_names_survive() {
    let folder = tempfile::tempdir().unwrap();
    let directory = PathBuf::from("d".repeat(200)).join("e".repeat(200));
    fs::create_dir_all(folder.path().join(&directory)).unwrap();
    let name = directory.join("ü".repeat(100));
    fs::write(folder.path().join(&name), "x").unwrap();
    fs::hard_link(folder.path().join(&name), folder.path().join("z")).unwrap();
    let tar = bytes(archive(&folder, "")).await.unwrap();
    let entries = entries(&tar);
    assert_eq!(entries[1].0, format!("{}/", directory.display()));
    assert_eq!(entries[2].0, name.to_str().unwrap());
    assert_eq!(entries[3].3.as_deref(), name.to_str());
}

#[tokio::test]
async fn the_same_files_give_the_same_bytes() {
    let mut archives = Vec::new();
    for order in [["a", "b", "c"], ["c", "a", "b"]] {
        let folder = tempfile::tempdir().unwrap();
        for name in order {
            fs::write(folder.path().join(name), name).unwrap();
            let file = fs::File::options()
                .write(true)
                .open(folder.path().join(name))
                .unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 5))
                .unwrap();
        }
        archives.push(
            bytes(archive(&folder, "").replacing("b", "B"))
                .await
                .unwrap(),
        );
    }
    assert_eq!(archives[0], archives[1]);
    let sent: Vec<_> = entries(&archives[0])
        .into_iter()
        .map(|entry| (entry.0, entry.4))
        .collect();
    assert_eq!(
        sent,
        [
            ("b".to_owned(), b"B".to_vec()),
            ("a".to_owned(), b"a".to_vec()),
            ("c".to_owned(), b"c".to_vec())
        ]
    );
}

/// The error of a stream from which one chunk was read before `change` happened to its only file,
/// which is larger than all chunks that may wait.
async fn error_after(change: impl FnOnce(&fs::File)) -> (Arc<ContextProgress>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let size = u64::try_from(CHUNK * (WAITING_CHUNKS + 4)).unwrap();
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let archive = archive(&folder, "");
    let progress = archive.progress();
    let mut stream = pin!(archive.into_stream());
    let mut sent = u64::try_from(stream.next().await.unwrap().unwrap().len()).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    change(&file);
    let error = loop {
        match stream.next().await.expect("an error before the end") {
            Ok(chunk) => sent += u64::try_from(chunk.len()).unwrap(),
            Err(error) => break error,
        }
    };
    assert!(stream.next().await.is_none());
    assert!(sent < size + 1024);
    assert!(error.get_ref().unwrap().is::<ContextError>());
    (progress, error.to_string())
}

#[tokio::test]
async fn a_growing_file_is_an_error() {
    let (progress, error) = error_after(|file| file.set_len(64 << 20).unwrap()).await;
    assert!(
        error.starts_with("\"data\" in the build context grew while it was being sent"),
        "{error}"
    );
    assert_eq!(progress.files(), 0);
}

#[tokio::test]
async fn a_shrinking_file_is_an_error() {
    let (_, error) = error_after(|file| file.set_len(10).unwrap()).await;
    assert!(
        error.starts_with("\"data\" in the build context shrank while it was being sent"),
        "{error}"
    );
}

#[tokio::test]
async fn memory_is_bounded_and_dropping_ends_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    fs::File::create(folder.path().join("huge"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let archive = archive(&folder, "");
    let progress = archive.progress();
    let mut stream = Box::pin(archive.into_stream());
    let mut read = 0;
    for _ in 0..50 {
        let chunk = stream.next().await.unwrap().unwrap();
        assert!(chunk.len() <= CHUNK);
        read += u64::try_from(chunk.len()).unwrap();
        let waiting = progress.bytes().saturating_sub(read);
        assert!(
            waiting <= u64::try_from(CHUNK * (WAITING_CHUNKS + 1)).unwrap(),
            "{waiting}"
        );
    }
    drop(stream);
    // The thread holds the counters: they are ours alone when it is gone.
    let gone = async {
        while Arc::strong_count(&progress) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone)
        .await
        .expect("the thread ends");
}

#[tokio::test]
async fn a_name_that_is_no_text_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let name: &std::ffi::OsStr = unix::ffi::OsStrExt::from_bytes(b"bad\xff.txt");
    fs::write(folder.path().join(name), "").unwrap();
    let error = bytes(archive(&folder, "")).await.unwrap_err();
    assert!(error.to_string().contains("bad\u{fffd}.txt"), "{error}");
    assert!(entries(&bytes(archive(&folder, "*.txt")).await.unwrap()).is_empty());
}
