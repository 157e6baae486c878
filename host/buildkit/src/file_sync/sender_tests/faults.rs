//! What goes wrong.

use super::*;

/// A change of the file `data` before its content is asked for, and how it is told.
type Change = (fn(&std::path::Path), &'static str);

#[tokio::test]
async fn a_file_that_changed_since_its_stat_is_an_error() {
    let cases: [Change; 9] = [
        (|data| fs::remove_file(data).unwrap(), "vanished"),
        (
            |data| fs::write(data, "longer than before").unwrap(),
            "grew",
        ),
        (|data| fs::write(data, "x").unwrap(), "shrank"),
        (|data| fs::write(data, "").unwrap(), "shrank"),
        (
            |data| {
                fs::write(data, "AFTER!").unwrap();
                set_modified(data, 1, 1);
            },
            "was written to",
        ),
        (
            |data| {
                let other = data.with_file_name("other");
                fs::write(&other, "AFTER!").unwrap();
                fs::rename(other, data).unwrap();
            },
            "was replaced",
        ),
        (
            |data| {
                fs::remove_file(data).unwrap();
                unix::fs::symlink("kept", data).unwrap();
            },
            "was replaced",
        ),
        (
            |data| {
                fs::remove_file(data).unwrap();
                fs::create_dir(data).unwrap();
            },
            "was replaced",
        ),
        (
            |data| {
                fs::remove_file(data).unwrap();
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, data, kind, 0o600.into(), 0).unwrap();
            },
            "was replaced",
        ),
    ];
    for (change, expected) in cases {
        let mut receiver = receiver(folder(&[("data", "before"), ("kept", "before")]), &[]);
        assert_eq!(receiver.stats().await.len(), 2);
        change(&receiver.at("data"));
        receiver.request(0).await;
        let (_, fault) = receiver.failure().await;
        let fault = fault.expect("a fault of this side");
        let start = format!("\"data\" in the build context {expected} while it was being sent");
        assert!(fault.starts_with(&start), "{fault}");
        assert_eq!(receiver.progress.files(), 0);
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let cases: [Change; 4] = [
        (
            |data| {
                fs::File::options()
                    .write(true)
                    .open(data)
                    .unwrap()
                    .set_len(1 << 30)
                    .unwrap()
            },
            "grew",
        ),
        (
            |data| {
                fs::File::options()
                    .write(true)
                    .open(data)
                    .unwrap()
                    .set_len(9)
                    .unwrap()
            },
            "shrank",
        ),
        (|data| set_modified(data, 1, 1), "was written to"),
        // What was opened stays whole, whatever becomes of its name.
        (|data| fs::remove_file(data).unwrap(), ""),
    ];
    for (change, expected) in cases {
        let folder = folder(&[]);
        let size = (CHUNK * WAITING_BATCHES * 4) as u64;
        let data = folder.path().join("data");
        fs::File::create(&data).unwrap().set_len(size).unwrap();
        let mut receiver = receiver(folder, &[]);
        receiver.stats().await;
        receiver.request(0).await;
        let first = receiver.next().await.unwrap().unwrap();
        assert_eq!(first.data.len(), CHUNK);
        change(&data);
        if expected.is_empty() {
            let rest = receiver.contents(&[0]).await;
            assert_eq!(rest[&0].len() as u64, size - CHUNK as u64);
            continue;
        }
        let (_, fault) = receiver.failure().await;
        let fault = fault.expect("a fault of this side");
        assert!(
            fault.starts_with(&format!("\"data\" in the build context {expected} ")),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_an_error_that_names_it() {
    type Spoil = fn(&std::path::Path);
    type Metadata = [(&'static str, &'static str)];
    let cases: [(Spoil, &Metadata, &str); 5] = [
        (
            |folder| fs::write(folder.join(OsStr::from_bytes(b"bad\xff")), "").unwrap(),
            &[],
            "\"bad\u{fffd}\" in the build context: the name is not UTF-8",
        ),
        (
            |folder| unix::fs::symlink(OsStr::from_bytes(b"\xff"), folder.join("link")).unwrap(),
            &[],
            "\"link\" in the build context: the link's target is not UTF-8",
        ),
        (
            |folder| unix::fs::symlink(OsStr::from_bytes(b"\xff"), folder.join("link")).unwrap(),
            &[("followpaths", "link/x")],
            "\"link\" in the build context: the link's target is not UTF-8",
        ),
        (
            |_| {},
            &[("exclude-patterns", "fine"), ("exclude-patterns", "a[")],
            "exclude-patterns, line 2: invalid pattern \"a[\"",
        ),
        (
            |_| {},
            &[("include-patterns", "!")],
            "include-patterns, line 1: invalid pattern",
        ),
    ];
    for (spoil, metadata, expected) in cases {
        let folder = folder(&[("a", "")]);
        spoil(folder.path());
        let (_, fault) = receiver(folder, metadata).failure().await;
        let fault = fault.expect("a fault of this side");
        assert!(fault.starts_with(expected), "{fault}");
    }
}

/// Runs a test without root's right to read everything.
fn without_privilege<Test: Future<Output = ()> + 'static>(test: fn() -> Test) {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let thread = std::thread::spawn(move || {
        let mut sets = capabilities(None).unwrap();
        sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, sets).unwrap();
        // The runtime's other threads have what the one that starts them has.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test());
    });
    thread.join().unwrap();
}

#[test]
fn what_may_not_be_read_is_an_error_where_it_is_needed() {
    without_privilege(|| async {
        let secret = |folder: &tempfile::TempDir, path: &str| {
            let mode = Permissions::from_mode(0o000);
            fs::set_permissions(folder.path().join(path), mode).unwrap();
        };
        let file = folder(&[("data", "x"), ("open", "y")]);
        secret(&file, "data");
        let mut one = receiver(file, &[]);
        assert_eq!(one.stats().await.len(), 2);
        // It was not asked for, so that nobody minds.
        one.request(1).await;
        one.contents(&[1]).await;
        one.request(0).await;
        let (_, fault) = one.failure().await;
        let fault = fault.unwrap();
        assert!(
            fault.starts_with("cannot open \"data\" in the build context: "),
            "{fault}"
        );

        let directory = folder(&[("dir/x", "x"), ("open", "y")]);
        secret(&directory, "dir");
        let excluded = [("exclude-patterns", "dir"), ("exclude-patterns", "!dir/x")];
        let mut excluded = receiver(directory, &excluded);
        assert_eq!(excluded.stats().await.len(), 1);

        let directory = folder(&[("dir/x", "x")]);
        secret(&directory, "dir");
        let (_, fault) = receiver(directory, &[]).failure().await;
        let fault = fault.unwrap();
        assert!(
            fault.starts_with("cannot list \"dir\" in the build context: "),
            "{fault}"
        );
    });
}

#[tokio::test]
async fn a_receiver_that_breaks_the_protocol_is_refused() {
    use PacketType::*;
    for (says, expected) in [
        (&[(PacketReq, 7)][..], "PACKET_REQ of 7"),
        (&[(PacketReq, 0)], "PACKET_REQ of 0"),
        (&[(PacketReq, 1), (PacketReq, 1)], "PACKET_REQ of 1"),
        (&[(PacketStat, 0)], "PACKET_STAT of 0"),
        (&[(PacketData, 1)], "PACKET_DATA of 1"),
    ] {
        let mut receiver = receiver(folder(&[("dir/file", "x")]), &[]);
        receiver.stats().await;
        for (kind, id) in says {
            receiver.say(*kind, *id).await;
        }
        let (status, fault) = receiver.failure().await;
        assert_eq!((status.code(), fault), (Code::InvalidArgument, None));
        assert!(status.message().starts_with(expected), "{status}");
    }
}

#[tokio::test]
async fn a_receiver_that_fails_or_leaves_ends_the_transfer() {
    let start = || receiver(folder(&[("file", "x")]), &[]);
    let mut receiver = start();
    let mut error = packet(PacketType::PacketErr);
    error.data = b"no space".to_vec();
    receiver.requests.send(Ok(error)).await.unwrap();
    let (status, fault) = receiver.failure().await;
    assert_eq!((status.message(), fault), ("the daemon: no space", None));

    let mut receiver = start();
    receiver
        .requests
        .send(Err(Status::unavailable("reset")))
        .await
        .unwrap();
    assert_eq!(receiver.failure().await.0.message(), "reset");

    let mut receiver = start();
    receiver.requests = mpsc::channel(1).0;
    assert_eq!(receiver.failure().await.0.code(), Code::Cancelled);
}
