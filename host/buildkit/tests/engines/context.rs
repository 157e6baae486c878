//! What arrives of a folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};
use stepyard_buildkit::{DockerfileLocation, Error};

use crate::support::{Destination, Engine, Kind, Workspace, build, on, sha256, unique};

on!(every_kind_of_file_arrives: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn every_kind_of_file_arrives(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY tree /tree\n");
    let tree = workspace.path("tree");
    fill(&workspace);
    let destination = Destination::new(engine, "tree");
    build(engine, workspace.build(destination.output()))
        .await
        .succeeded();
    let image = destination.image();
    let entries = image.entries();

    let arrived: BTreeMap<String, (Kind, u32, u64)> = entries
        .iter()
        .filter_map(|(path, entry)| {
            let path = path.strip_prefix("tree/")?.to_owned();
            Some((path, (entry.kind.clone(), entry.mode, entry.modified)))
        })
        .collect();
    let mut sent = BTreeMap::new();
    walk(&tree, &tree, &mut sent);
    // One by one, because a difference among so many would not be seen.
    for (path, expected) in &mut sent {
        match expected.0 {
            // It arrives, as another test sees, and `COPY` passes over it.
            Kind::Fifo if engine.is_old() => continue,
            // Links that are made in it later change its time.
            Kind::Directory if engine.is_old() => {
                expected.2 = arrived.get(path).map_or(0, |(.., modified)| *modified);
            }
            _ => {}
        }
        assert_eq!(arrived.get(path), Some(&*expected), "{path:?}");
    }
    let missing = usize::from(engine.is_old());
    assert_eq!(arrived.len() + missing, sent.len(), "{:?}", arrived.keys());
    assert!(entries.values().all(|entry| entry.owner == (0, 0)));
    for (second, first) in [
        ("tree/links/hard-b", "tree/links/hard-a"),
        ("tree/zz-hard", "tree/links/hard-a"),
    ] {
        let same_as = entries[second].same_as.as_deref();
        assert_eq!(same_as, Some(first), "{second}");
    }
}

on!(a_long_ignore_file: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// Each line of it travels in a header field of its own.
async fn a_long_ignore_file(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUN --mount=target=/context ls -x /context\n");
    let mut lines: String = (0..5_000)
        .map(|line| format!("no/such/file-{line}\n"))
        .collect();
    lines.push_str("ignored\n");
    workspace.write(".dockerignore", lines);
    workspace.write("ignored", "");
    workspace.write("sent", "");
    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    let output = built.output();
    assert!(
        output.contains("sent") && !output.contains("ignored"),
        "{output}"
    );
}

on!(what_no_layer_keeps_arrives: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// Seen within the context itself.
async fn what_no_layer_keeps_arrives(engine: Engine) {
    let workspace = Workspace::new(
        "FROM base\nRUN --mount=target=/context cd /context && \
         stat -c '%F %a %n,' fifo socket && ./attribute\n",
    );
    workspace.compile("attribute", ATTRIBUTE);
    setxattr(
        workspace.path("Dockerfile"),
        "user.note",
        b"kept\xff",
        XattrFlags::empty(),
    )
    .unwrap();
    let fifo = workspace.path("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(workspace.path("socket")).unwrap();
    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    let output = built.output();
    assert!(output.contains("fifo 640 fifo,"), "{output}");
    assert!(
        output.contains("regular empty file 755 socket,"),
        "{output}"
    );
    assert!(
        output.contains("user.note: [107, 101, 112, 116, 255]"),
        "{output}"
    );
}

/// Prints an extended attribute of the Dockerfile.
const ATTRIBUTE: &str = r#"
use std::ffi::{c_char, c_void};
unsafe extern "C" {
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: usize) -> isize;
}
fn main() {
    let mut value = [0u8; 64];
    let (path, name) = (c"Dockerfile".as_ptr(), c"user.note".as_ptr());
    let size = unsafe { getxattr(path, name, value.as_mut_ptr().cast(), value.len()) };
    println!("user.note: {:?}", &value[..usize::try_from(size).expect("an attribute")]);
}
"#;

/// The kinds, modes and names that make trouble.
fn fill(workspace: &Workspace) {
    let write = |path: &str, content: &[u8]| workspace.write(&format!("tree/{path}"), content);
    let at = |path: &str| workspace.path(&format!("tree/{path}"));
    for path in ["empty", "one/in/another", "closed"] {
        fs::create_dir_all(at(path)).unwrap();
    }
    let names = [
        "a space",
        " leading and trailing ",
        "a\nnewline",
        "a\ttab",
        "ü-日本語-🦀",
        "back\\slash",
        "star*[x]?",
        "-dash",
        "quotes'\"`$HOME",
        "%41+plus",
        "..dots",
        "sub/a space/ü",
    ];
    for name in names {
        write(name, name.as_bytes());
    }
    write(&"long".repeat(63), b"");
    write("empty-file", b"");
    write("of-a-chunk", &pattern(128 << 10));
    write("of-three-chunks-and-a-bit", &pattern((384 << 10) + 1));
    // Such layers are in no engine's cache: what is compared was sent by this test.
    write("unique", unique("tree").as_bytes());

    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"island", 7 << 20).unwrap();

    for (name, mode) in [
        ("setuid", 0o4755),
        ("setgid", 0o2711),
        ("sticky-file", 0o1600),
        ("all", 0o7777),
        ("none", 0o000),
    ] {
        write(name, name.as_bytes());
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(at("empty"), Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(at("closed"), Permissions::from_mode(0o2700)).unwrap();

    write("links/hard-a", b"one file of three names");
    fs::hard_link(at("links/hard-a"), at("links/hard-b")).unwrap();
    fs::hard_link(at("links/hard-a"), at("zz-hard")).unwrap();
    for (name, target) in [
        ("dangling", "nowhere"),
        ("absolute", "/etc/hostname"),
        ("outside", "../../../outside"),
        ("folder", "../one"),
        ("loop", "loop"),
        ("ü", "a space/ü"),
        ("newline", "a\nnewline"),
    ] {
        symlink(target, at(&format!("links/{name}"))).unwrap();
    }
    mknodat(
        CWD,
        at("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o640),
        0,
    )
    .unwrap();
    fs::set_permissions(at("fifo"), Permissions::from_mode(0o640)).unwrap();

    // A time with which no build could mark a file by itself.
    let old = fs::File::options()
        .write(true)
        .open(at("empty-file"))
        .unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    old.set_modified(time).unwrap();
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 % 251) as u8).collect()
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, (Kind, u32, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = if metadata.is_dir() {
            walk(root, &path, found);
            Kind::Directory
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            Kind::Symlink {
                target: target.to_str().unwrap().to_owned(),
            }
        } else if metadata.is_file() {
            let content = fs::read(&path).unwrap();
            Kind::File {
                size: content.len(),
                sha256: sha256(&content),
            }
        } else {
            Kind::Fifo
        };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let modified = u64::try_from(metadata.mtime()).unwrap();
        found.insert(name.to_owned(), (kind, metadata.mode() & 0o7777, modified));
    }
}

on!(a_file_larger_than_all_windows_arrives: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// Larger than what either side holds of a transfer, and read within the build.
async fn a_file_larger_than_all_windows_arrives(engine: Engine) {
    let content = pattern(80 << 20);
    let workspace =
        Workspace::new("FROM base\nRUN --mount=target=/context sha256sum /context/large\n");
    workspace.write("large", &content);
    let built = build(engine, workspace.anew()).await;
    let result = built.succeeded();
    assert!(
        built.output().contains(&sha256(&content)),
        "{}",
        built.output()
    );
    assert!(result.sent_file_bytes >= 80 << 20, "{result:?}");
    assert!(result.session_bytes.0 > 80 << 20, "{result:?}");
}

#[tokio::test]
async fn a_hundred_thousand_files_arrive() {
    let workspace = Workspace::new(
        "FROM base\nRUN --mount=target=/context find /context/many -type f | wc -l\n",
    );
    for folder in 0..100 {
        for file in 0..1000 {
            let path = format!("many/{folder}/{file}");
            if file == 0 {
                workspace.write(&path, path.as_bytes());
            } else {
                fs::write(workspace.path(&path), &path).unwrap();
            }
        }
    }
    let built = build(Engine::docker_26_containerd(), workspace.anew()).await;
    built.succeeded();
    assert!(built.output().contains("100000\n"), "{}", built.output());
}

on!(only_what_changed_travels: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn only_what_changed_travels(engine: Engine) {
    const FILES: usize = 10_000;
    let workspace = Workspace::new("FROM scratch\nCOPY many /many\n");
    for file in 0..FILES {
        workspace.write(&format!("many/{}/{file}", file / 100), [b'x'; 200]);
    }
    workspace.write("many/large", pattern(4 << 20));
    let size = u64::try_from(FILES * 200 + (4 << 20)).unwrap();

    let first = build(engine, workspace.trial()).await.succeeded().clone();
    assert!(first.sent_file_bytes >= size, "{first:?}");
    let nothing = build(engine, workspace.trial()).await;
    // The Dockerfile is sent each time.
    assert!(
        nothing.succeeded().sent_file_bytes < 200,
        "{:?}",
        nothing.result
    );
    let (sent, received) = nothing.succeeded().session_bytes;
    // A few tens of bytes for each entry.
    assert!(
        sent < 700_000 && received < 100_000,
        "{sent} and {received}"
    );
    assert!(nothing.was_cached("COPY many /many"));

    let content = unique("changed").repeat(40);
    workspace.write("many/3/changed", &content[..1000]);
    let changed = build(engine, workspace.trial()).await;
    let sent = changed.succeeded().sent_file_bytes;
    assert!((1000..1400).contains(&sent), "{sent}");
    assert!(!changed.was_cached("COPY many /many"));
}

on!(ignored_files_stay_here: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn ignored_files_stay_here(engine: Engine) {
    let workspace =
        Workspace::new("FROM base\nCOPY . /all\nRUN cd /all && find . | sort | tr '\\n' ','\n");
    for path in [
        "kept",
        "logs/a.log",
        "logs/keep.log",
        "deep/er/secret",
        "deep/er/plain",
        "vendor/x/dropped",
        "vendor/x/wanted",
    ] {
        workspace.write(path, pattern(10_000));
    }
    workspace.write(
        ".dockerignore",
        "# comment\n**/*.log\n!logs/keep.log\n**/secret\nvendor\n!vendor/x/wanted\n.dockerignore\n",
    );
    let built = build(engine, workspace.anew()).await;
    let result = built.succeeded();
    let listed = ".,./Dockerfile,./deep,./deep/er,./deep/er/plain,./kept,./logs,./logs/keep.log,\
                  ./vendor,./vendor/x,./vendor/x/wanted,";
    assert!(built.output().contains(listed), "{}", built.output());
    // Four files, the Dockerfile twice, and the ignore file.
    let sent = result.sent_file_bytes;
    assert!((40_000..41_000).contains(&sent), "{sent}");
}

on!(a_dockerfile_has_its_own_ignore_file: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// It stands beside the Dockerfile, which may be outside the context.
async fn a_dockerfile_has_its_own_ignore_file(engine: Engine) {
    let workspace = Workspace::new("FROM nowhere\n");
    workspace.write("a", "");
    workspace.write("b", "");
    workspace.write(".dockerignore", "a\n");
    let elsewhere = Workspace::new("");
    elsewhere.write(
        "Special.Dockerfile",
        format!(
            "FROM {}\nCOPY . /all\nRUN cd /all && ls -A | tr '\\n' ','\n",
            crate::support::base_image()
        ),
    );
    elsewhere.write(
        "Special.Dockerfile.dockerignore",
        "b\nDockerfile\n.dockerignore\n",
    );
    let mut request = workspace.anew();
    request.dockerfile = Some(DockerfileLocation {
        directory: elsewhere.directory(),
        file_name: "Special.Dockerfile".to_owned(),
    });
    let built = build(engine, request).await;
    built.succeeded();
    assert!(built.output().contains("a,"), "{}", built.output());
    assert!(!built.output().contains("b,"), "{}", built.output());
}

on!(only_paths_that_are_needed_travel: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn only_paths_that_are_needed_travel(engine: Engine) {
    let workspace = Workspace::new(
        "FROM scratch AS unused\nCOPY other /other\nFROM scratch\nCOPY wanted/ü /ü\nCOPY link /link\n",
    );
    workspace.write("wanted/ü", pattern(3000));
    workspace.write("wanted/unwanted", pattern(50_000));
    workspace.write("other", pattern(50_000));
    workspace.write("target/file", pattern(2000));
    symlink("target", workspace.path("link")).unwrap();
    let destination = Destination::new(engine, "needed");
    let built = build(engine, workspace.build(destination.output())).await;
    let sent = built.succeeded().sent_file_bytes;
    assert!((5000..5500).contains(&sent), "{sent}");
    let entries = destination.image().entries();
    assert!(entries.contains_key("ü"));
    // A link that is named itself is followed.
    assert!(entries.contains_key("link/file"), "{:?}", entries.keys());
}

on!(a_name_that_is_not_utf_8_is_an_error: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_name_that_is_not_utf_8_is_an_error(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY . /\n");
    fs::create_dir(workspace.path("folder")).unwrap();
    let name = OsStr::from_bytes(b"na\xffme");
    fs::write(workspace.path("folder").join(name), "").unwrap();
    let destination = Destination::new(engine, "illegal");
    let built = build(engine, workspace.build(destination.output())).await;
    assert!(
        matches!(built.error(), Error::Context(_)),
        "{:?}",
        built.result
    );
    let message = built.error().to_string();
    assert!(message.contains("folder/na\u{fffd}me"), "{message}");
    assert!(message.contains("not UTF-8"), "{message}");
    assert!(!destination.is_taken());
    // What is excluded is in nobody's way.
    workspace.write(".dockerignore", "folder\n");
    build(engine, workspace.build(destination.output()))
        .await
        .succeeded();
}
