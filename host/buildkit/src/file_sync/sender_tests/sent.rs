//! What arrives.

use super::*;

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
