//! Many builds in one process leave nothing behind. A program of its own with one test, because it
//! counts what the whole process has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

#[path = "../engines/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "shared with other tests"
)]
mod support;

use std::fs;

use support::{Engine, Workspace, build, eventually};

const IN_TURN: usize = 20;
const AT_ONCE: usize = 8;

/// What this process has open and runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    files: usize,
    tasks: usize,
}

impl Held {
    fn now() -> Self {
        let files = fs::read_dir("/proc/self/fd").unwrap().filter(|file| {
            // The runtime's own and the standard streams are there from the beginning.
            let target = fs::read_link(file.as_ref().unwrap().path()).unwrap_or_default();
            !target.to_string_lossy().starts_with("/proc/")
        });
        Self {
            files: files.count(),
            tasks: tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
        }
    }
}

/// What runs within the engine for the sake of somebody: goroutines, open files.
fn held_by(engine: Engine) -> (u64, u64) {
    let engine = match engine {
        // It is that engine's BuildKit.
        Engine::Daemon => Engine::Docker26Containerd,
        engine => engine,
    };
    let information: serde_json::Value = serde_json::from_slice(&engine.get("/info")).unwrap();
    let count = |name: &str| information[name].as_u64().unwrap();
    (count("NGoroutines"), count("NFd"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_many_builds() {
    for engine in [
        Engine::docker_20(),
        Engine::docker_26_classic(),
        Engine::docker_26_containerd(),
        Engine::daemon(),
    ] {
        let workspace = Workspace::new("FROM base\nCOPY . /\nRUN cat /changing\n");
        workspace.write("changing", "");
        // What a first build sets up for good does not count.
        build(engine, workspace.trial()).await.succeeded();
        // What that build held is let go of in the background.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let before = Held::now();
        let engine_before = held_by(engine);
        for number in 0..IN_TURN {
            workspace.write("changing", format!("{number}"));
            build(engine, workspace.trial()).await.succeeded();
        }
        // Some fail, and some are dropped on their way.
        let failing = Workspace::new("FROM base\nRUN false\n");
        let lasting = Workspace::new("FROM base\nRUN sleep 100\n");
        let at_once: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let request = match number % 4 {
                    2 => failing.trial(),
                    3 => lasting.trial(),
                    _ => workspace.trial(),
                };
                tokio::spawn(async move {
                    let building = build(engine, request);
                    if number % 4 == 3 {
                        let patience = std::time::Duration::from_secs(2);
                        assert!(tokio::time::timeout(patience, building).await.is_err());
                        return;
                    }
                    assert_eq!(building.await.result.is_ok(), number % 4 != 2);
                })
            })
            .collect();
        for build in at_once {
            build.await.unwrap();
        }
        eventually(&format!("{engine:?}: {before:?} again"), || {
            let now = Held::now();
            now.files <= before.files && now.tasks <= before.tasks
        })
        .await;
        // An engine has work of its own. A session left over would be several goroutines and a file.
        let builds = u64::try_from(IN_TURN + AT_ONCE).unwrap();
        eventually(
            &format!("{engine:?}: about {engine_before:?} again"),
            || {
                let (goroutines, files) = held_by(engine);
                goroutines < engine_before.0 + builds && files < engine_before.1 + builds
            },
        )
        .await;
    }
}
