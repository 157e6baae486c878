//! Files that do not stay as they are, or may not be read: a clear error, and no image.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Uid;
use stepyard_buildkit::{BuildProgress, Error, TransferProgress};

use crate::support::{Destination, Engine, Workspace, on};

/// Together larger than what can be on the way unread.
const LARGE: u64 = 32 << 20;
/// Four files are read at a time, about in the order of their names: `zz` has to wait.
const BEFORE: usize = 7;
const AFTER: usize = 2;
/// The daemon may ask for `zz` early. That it changes after it was sent is nobody's fault.
const ATTEMPTS: usize = 5;

/// Builds a folder of large files and `zz`, and calls `change` once the files have been told of and
/// some of their content is sent. Returns the error.
async fn build_while(engine: Engine, change: fn(&Workspace)) -> String {
    for _ in 0..ATTEMPTS {
        let workspace = Workspace::new("FROM scratch\nCOPY . /\n");
        let large = (0..BEFORE + AFTER).map(|index| match index {
            0..BEFORE => format!("large-{index}"),
            _ => format!("zzz-{index}"),
        });
        for name in large {
            let file = fs::File::create(workspace.path(&name)).unwrap();
            file.set_len(LARGE).unwrap();
        }
        workspace.write("zz", "as it was");
        let destination = Destination::new(engine, "changing");
        let progress = BuildProgress::default();
        let files = Arc::clone(&progress.files);
        let client = engine.client();
        let building = client.build(workspace.build(destination.output()), &progress, |_| {});
        let built = std::thread::scope(|scope| {
            scope.spawn(|| {
                wait_for_content(&files);
                change(&workspace);
            });
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(building))
        });
        let Err(error) = built else { continue };
        assert!(matches!(error, Error::Context(_)), "{error:?}");
        assert!(!destination.is_taken());
        return error.to_string();
    }
    panic!("images of files that have changed");
}

fn wait_for_content(files: &TransferProgress) {
    let begin = Instant::now();
    while files.bytes() < 1 << 20 {
        assert!(begin.elapsed() < Duration::from_secs(30), "nothing is sent");
        std::thread::sleep(Duration::from_micros(200));
    }
}

on!(a_file_that_shrinks: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_shrinks(engine: Engine) {
    let message = build_while(engine, |workspace| {
        let file = fs::File::options()
            .write(true)
            .open(workspace.path("large-2"))
            .unwrap();
        file.set_len(100).unwrap();
    })
    .await;
    assert!(
        message.contains(r#""large-2" in the build context shrank"#),
        "{message}"
    );
}

on!(a_file_that_grows: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_grows(engine: Engine) {
    let message = build_while(engine, |workspace| {
        workspace.write("zz", "more than it was");
    })
    .await;
    assert!(
        message.contains(r#""zz" in the build context grew"#),
        "{message}"
    );
}

on!(a_file_that_is_written_to: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_is_written_to(engine: Engine) {
    let message = build_while(engine, |workspace| {
        let file = fs::File::options()
            .write(true)
            .open(workspace.path("large-0"))
            .unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"new", 0).unwrap();
    })
    .await;
    assert!(
        message.contains(r#""large-0" in the build context was written to"#),
        "{message}"
    );
}

on!(a_file_that_vanishes: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_vanishes(engine: Engine) {
    let message = build_while(engine, |workspace| {
        fs::remove_file(workspace.path("zz")).unwrap();
    })
    .await;
    assert!(
        message.contains(r#""zz" in the build context vanished"#),
        "{message}"
    );
}

on!(a_file_that_is_replaced: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_is_replaced(engine: Engine) {
    let message = build_while(engine, |workspace| {
        workspace.write("other", "as it was");
        fs::rename(workspace.path("other"), workspace.path("zz")).unwrap();
    })
    .await;
    assert!(
        message.contains(r#""zz" in the build context was replaced"#),
        "{message}"
    );
}

on!(a_file_that_becomes_a_link_to_outside: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_file_that_becomes_a_link_to_outside(engine: Engine) {
    let message = build_while(engine, |workspace| {
        fs::remove_file(workspace.path("zz")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", workspace.path("zz")).unwrap();
    })
    .await;
    assert!(
        message.contains(r#""zz" in the build context"#),
        "{message}"
    );
}

/// The threads that read files have another user than the test.
#[test]
fn a_file_that_may_not_be_read() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(|| {
            let nobody = Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        })
        .build()
        .unwrap();
    for engine in [
        Engine::docker_20(),
        Engine::docker_26_classic(),
        Engine::docker_26_containerd(),
        Engine::daemon(),
    ] {
        for (closed, mode) in [("closed-file", 0o600), ("closed-folder", 0o700)] {
            let message = runtime.block_on(build_closed(engine, closed, mode));
            let denied = format!("{closed:?} in the build context: Permission denied");
            assert!(message.contains(&denied), "{engine:?}: {message}");
        }
    }
}

async fn build_closed(engine: Engine, closed: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt;

    let workspace = Workspace::new("FROM scratch\nCOPY . /\n");
    let path = workspace.path(closed);
    if closed.ends_with("folder") {
        fs::create_dir(&path).unwrap();
    } else {
        fs::write(&path, "closed").unwrap();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    fs::set_permissions(workspace.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let destination = Destination::new(engine, "closed");
    let built = crate::support::build(engine, workspace.build(destination.output())).await;
    assert!(
        matches!(built.error(), Error::Context(_)),
        "{:?}",
        built.result
    );
    assert!(!destination.is_taken());
    built.error().to_string()
}
