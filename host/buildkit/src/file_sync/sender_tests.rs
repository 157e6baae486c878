use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{self, ffi::OsStrExt, fs::PermissionsExt},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use bollard_buildkit_proto::fsutil::types::Stat;
use cap_std::ambient_authority;
use tokio::time::timeout;
use tonic::{
    Code,
    metadata::{MetadataKey, MetadataMap},
};

use super::*;

/// The other side of one transfer, driven by a test.
struct Receiver {
    folder: tempfile::TempDir,
    packets: Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>,
    requests: mpsc::Sender<Result<Packet, Status>>,
    progress: Arc<TransferProgress>,
    fault: LocalFault,
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn receiver(folder: tempfile::TempDir, metadata: &[(&'static str, &str)]) -> Receiver {
    let mut map = MetadataMap::new();
    for (key, value) in metadata {
        map.append(MetadataKey::from_static(key), value.parse().unwrap());
    }
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let (requests, mut incoming) = mpsc::channel(1);
    let progress = Arc::<TransferProgress>::default();
    let fault = LocalFault::default();
    let packets = send(
        Arc::new(root),
        TransferOptions::from_metadata(&map).unwrap(),
        stream::poll_fn(move |context| incoming.poll_recv(context)),
        Arc::clone(&progress),
        fault.clone(),
    );
    Receiver {
        folder,
        packets: Box::pin(packets),
        requests,
        progress,
        fault,
    }
}

impl Receiver {
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    async fn next(&mut self) -> Option<Result<Packet, Status>> {
        let next = timeout(Duration::from_secs(60), self.packets.next());
        next.await.expect("the sender does not stop")
    }

    /// Ends when the sender has taken it, or takes nothing any more.
    async fn say(&self, kind: PacketType, id: u32) {
        let said = self.requests.send(Ok(Packet { id, ..packet(kind) }));
        let _ = timeout(Duration::from_secs(60), said)
            .await
            .expect("the sender listens");
    }

    async fn request(&self, id: u32) {
        self.say(PacketType::PacketReq, id).await;
    }

    async fn stats(&mut self) -> Vec<Stat> {
        let mut stats = Vec::new();
        loop {
            let packet = self.next().await.unwrap().unwrap();
            assert_eq!(packet.r#type(), PacketType::PacketStat);
            match packet.stat {
                Some(stat) => stats.push(stat),
                None => return stats,
            }
        }
    }

    /// The whole content of files that were asked for.
    async fn contents(&mut self, ids: &[u32]) -> BTreeMap<u32, Vec<u8>> {
        let mut contents: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut ended = 0;
        while ended < ids.len() {
            let packet = self.next().await.unwrap().unwrap();
            assert_eq!(packet.r#type(), PacketType::PacketData);
            assert!(packet.data.len() <= CHUNK && ids.contains(&packet.id));
            ended += usize::from(packet.data.is_empty());
            contents.entry(packet.id).or_default().extend(packet.data);
        }
        contents
    }

    async fn finish(mut self) -> Arc<TransferProgress> {
        self.say(PacketType::PacketFin, 0).await;
        let last = self.next().await.unwrap().unwrap();
        assert_eq!(last.r#type(), PacketType::PacketFin);
        assert!(self.next().await.is_none());
        assert!(self.fault.take().is_none());
        self.progress
    }

    /// What ends the transfer with an error, and the fault that this side keeps.
    async fn failure(&mut self) -> (Status, Option<String>) {
        let mut told = None;
        let status = loop {
            match self.next().await.expect("an error before the end") {
                Ok(packet) if packet.r#type() == PacketType::PacketErr => told = Some(packet.data),
                Ok(_) => assert!(told.is_none()),
                Err(status) => break status,
            }
        };
        assert!(self.next().await.is_none());
        let fault = self.fault.take().map(|fault| fault.to_string());
        if let Some(fault) = &fault {
            assert_eq!(
                (status.code(), status.message()),
                (Code::Unknown, fault.as_str())
            );
            assert_eq!(told.unwrap(), fault.as_bytes());
        }
        (status, fault)
    }
}

fn set_modified(path: &std::path::Path, seconds: i64, nanoseconds: i64) {
    let time = rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
}

#[tokio::test]
async fn every_kind_of_entry_is_told_as_fsutil_tells_it() {
    let folder = folder(&[
        ("dir/tool", "run"),
        ("empty", ""),
        ("new\nline and space", "x"),
    ]);
    let at = |path: &str| folder.path().join(path);
    fs::set_permissions(at("dir"), Permissions::from_mode(0o3755)).unwrap();
    fs::set_permissions(at("dir/tool"), Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(at("empty"), Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(at("new\nline and space"), Permissions::from_mode(0o644)).unwrap();
    fs::hard_link(at("dir/tool"), at("same")).unwrap();
    unix::fs::symlink("../..//etc/", at("link")).unwrap();
    let node = |path: &str, kind, device| {
        rustix::fs::mknodat(rustix::fs::CWD, at(path), kind, 0o600.into(), device).unwrap();
    };
    node("pipe", rustix::fs::FileType::Fifo, 0);
    let _listener = unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::set_permissions(at("socket"), Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(at("void")).unwrap();
    fs::set_permissions(at("void"), Permissions::from_mode(0o700)).unwrap();
    set_modified(&at("dir/tool"), 1_000_000_000, 7);
    set_modified(&at("empty"), -2, 5);
    set_modified(&at("link"), 3, 0);
    let attributes = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at("empty"), "user.mark", b"\xff", attributes).unwrap();

    let mut receiver = receiver(folder, &[]);
    let stats = receiver.stats().await;
    let told: Vec<_> = stats
        .iter()
        .map(|stat| {
            (
                stat.path.as_str(),
                stat.mode,
                stat.size,
                stat.linkname.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("dir", 1 << 31 | 1 << 22 | 1 << 20 | 0o755, 0, ""),
            ("dir/tool", 1 << 23 | 0o751, 3, ""),
            ("empty", 0o640, 0, ""),
            ("link", 1 << 27 | 0o777, 11, "../..//etc/"),
            ("new\nline and space", 0o644, 1, ""),
            ("pipe", 1 << 25 | 0o600, 0, ""),
            ("same", 1 << 23 | 0o751, 3, "dir/tool"),
            ("socket", 0o755, 0, ""),
            ("void", 1 << 31 | 0o700, 0, ""),
        ]
    );
    let by_path = |path: &str| stats.iter().find(|stat| stat.path == path).unwrap();
    assert_eq!(by_path("dir/tool").mod_time, 1_000_000_000_000_000_007);
    assert_eq!(by_path("same").mod_time, 1_000_000_000_000_000_007);
    assert_eq!(by_path("empty").mod_time, -1_999_999_995);
    assert_eq!(by_path("link").mod_time, 3_000_000_000);
    assert_eq!(by_path("empty").xattrs["user.mark"], b"\xff");
    assert!(stats.iter().all(|stat| (stat.uid, stat.gid) == (0, 0)));

    for id in [1, 2, 4, 7] {
        receiver.request(id).await;
    }
    let contents = receiver.contents(&[1, 2, 4, 7]).await;
    let contents: Vec<_> = contents.values().map(Vec::as_slice).collect();
    assert_eq!(contents, [&b"run"[..], b"", b"x", b""]);
    let progress = receiver.finish().await;
    assert_eq!(
        (progress.entries(), progress.files(), progress.bytes()),
        (9, 4, 4)
    );
}

#[tokio::test]
async fn only_what_is_asked_for_is_told_and_counted() {
    let files = [
        ("a/first", ""),
        ("b/second", ""),
        ("b/third", ""),
        ("c", ""),
        ("Dockerfile.real", ""),
    ];
    for (metadata, expected) in [
        (
            &[("include-patterns", "b"), ("exclude-patterns", "b/second")][..],
            &["b", "b/third"][..],
        ),
        (
            &[("exclude-patterns", "*"), ("exclude-patterns", "!b/third")],
            &["b", "b/third"],
        ),
        (
            &[
                ("include-patterns", "Dockerfile"),
                ("include-patterns", "Dockerfile.dockerignore"),
                ("followpaths", "Dockerfile"),
            ],
            &["Dockerfile", "Dockerfile.real"],
        ),
        (
            &[("followpaths", "%61"), ("followpaths-encoded", "1")],
            &["a", "a/first"],
        ),
        (&[("followpaths", "nothing")], &[]),
    ] {
        let folder = folder(&files);
        unix::fs::symlink("Dockerfile.real", folder.path().join("Dockerfile")).unwrap();
        let mut receiver = receiver(folder, metadata);
        let stats = receiver.stats().await;
        let paths: Vec<_> = stats.iter().map(|stat| stat.path.as_str()).collect();
        assert_eq!(paths, expected, "{metadata:?}");
        if let Some(last) = paths.len().checked_sub(1) {
            let last = u32::try_from(last).unwrap();
            receiver.request(last).await;
            receiver.contents(&[last]).await;
        }
        receiver.finish().await;
    }
}

#[tokio::test]
async fn a_hard_link_refers_to_a_name_that_was_sent() {
    let folder = folder(&[("a", "same")]);
    for name in ["b", "c"] {
        fs::hard_link(folder.path().join("a"), folder.path().join(name)).unwrap();
    }
    let mut receiver = receiver(folder, &[("exclude-patterns", "a")]);
    let stats = receiver.stats().await;
    let links: Vec<_> = stats.iter().map(|stat| stat.linkname.as_str()).collect();
    assert_eq!(links, ["", "b"]);
    receiver.finish().await;
}

#[tokio::test]
async fn many_files_are_asked_for_before_any_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let count = 3000;
    for index in 0..count {
        fs::write(
            folder.path().join(format!("{index:05}")),
            format!("{index}"),
        )
        .unwrap();
    }
    let mut receiver = receiver(folder, &[]);
    assert_eq!(receiver.stats().await.len(), 3000);
    let ids: Vec<u32> = (0..count).collect();
    // Nobody takes a packet, and yet no request is left waiting.
    for id in &ids {
        receiver.request(*id).await;
    }
    for (id, content) in receiver.contents(&ids).await {
        assert_eq!(content, id.to_string().as_bytes());
    }
    assert_eq!(receiver.finish().await.files(), 3000);
}

#[tokio::test]
async fn large_and_sparse_files_arrive_in_bounded_memory() {
    let folder = folder(&[("first", "not a hole")]);
    let size = (CHUNK * WAITING_BATCHES * 4) as u64;
    for name in ["first", "sparse"] {
        let mut options = fs::File::options();
        options.create(true).write(true).truncate(false);
        let file = options.open(folder.path().join(name)).unwrap();
        file.set_len(size).unwrap();
    }
    let mut receiver = receiver(folder, &[]);
    assert!(
        receiver
            .stats()
            .await
            .iter()
            .all(|stat| stat.size == size as i64)
    );
    receiver.request(0).await;
    receiver.request(1).await;
    // The readers stop where nobody takes what they have read.
    let mut read = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = receiver.progress.bytes();
        if now > 0 && now == read {
            break;
        }
        read = now;
    }
    assert!(
        read <= (CHUNK * (WAITING_BATCHES + READERS)) as u64,
        "{read}"
    );
    let contents = receiver.contents(&[0, 1]).await;
    assert!(contents[&0].starts_with(b"not a hole\0"));
    assert!(contents[&1].iter().all(|byte| *byte == 0));
    assert!(
        contents
            .values()
            .all(|content| content.len() as u64 == size)
    );
    assert_eq!(receiver.finish().await.bytes(), size * 2);
}

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
    let cases: [(Spoil, &[(&'static str, &str)], &str); 5] = [
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

#[tokio::test]
async fn dropping_the_stream_ends_all_work() {
    let folder = folder(&[("data", "")]);
    let size = (CHUNK * WAITING_BATCHES * 4) as u64;
    let data = fs::File::options()
        .write(true)
        .open(folder.path().join("data"));
    data.unwrap().set_len(size).unwrap();
    for index in 0..BATCH * WAITING_BATCHES * 2 {
        fs::write(folder.path().join(format!("x{index}")), "").unwrap();
    }
    let mut receiver = receiver(folder, &[]);
    receiver.next().await.unwrap().unwrap();
    receiver.request(0).await;
    let Receiver {
        packets,
        progress,
        requests: _requests,
        folder: _folder,
        ..
    } = receiver;
    drop(packets);
    // What was started holds the counters: they are ours alone when it is gone.
    let gone = async {
        while Arc::strong_count(&progress) > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), gone).await.unwrap();
}
