//! Dropping a build's future.

use std::fs;
use std::process::id;

use stepyard_buildkit::BuildProgress;

use crate::support::{Destination, Engine, Workspace, eventually, on};

on!(dropping_ends_the_command: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn dropping_ends_the_command(engine: Engine) {
    // The engines run on this machine, so that their processes are seen.
    let argument = format!("300.{}{}", id(), engine as u8);
    let workspace = Workspace::new(&format!("FROM base\nRUN sleep {argument}\n"));
    let destination = Destination::new(engine, "cancelled");
    let client = engine.client();
    let progress = BuildProgress::default();
    let mut request = workspace.build(destination.output());
    request.no_cache = true;
    {
        let building = client.build(request, &progress, |_| {});
        let running = eventually("the command runs", || is_running(&argument));
        tokio::select! {
            result = building => panic!("{result:?}"),
            () = running => {}
        }
    }
    eventually("the command has ended", || !is_running(&argument)).await;
    assert!(!destination.is_taken());
    // The engine still builds, the same folder too.
    workspace.dockerfile("FROM base\nRUN true\n");
    crate::support::build(engine, workspace.trial())
        .await
        .succeeded();
}

/// Whether a `sleep` with this argument runs on this machine.
fn is_running(argument: &str) -> bool {
    let expected = format!("sleep\0{argument}\0");
    fs::read_dir("/proc").unwrap().any(|process| {
        let command = process.unwrap().path().join("cmdline");
        fs::read(command).is_ok_and(|command| command.ends_with(expected.as_bytes()))
    })
}

on!(dropping_ends_a_transfer: docker_20, docker_26_classic, docker_26_containerd, daemon);

/// In the midst of a large file, whose next build then sends it as a whole.
async fn dropping_ends_a_transfer(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUN --mount=target=/context wc -c /context/large\n");
    let file = fs::File::create(workspace.path("large")).unwrap();
    file.set_len(256 << 20).unwrap();
    let progress = BuildProgress::default();
    let client = engine.client();
    {
        let building = client.build(workspace.trial(), &progress, |_| {});
        let sending = eventually("content is sent", || progress.files.bytes() > 1 << 20);
        tokio::select! {
            result = building => panic!("{result:?}"),
            () = sending => {}
        }
    }
    file.set_len(8 << 20).unwrap();
    let built = crate::support::build(engine, workspace.anew()).await;
    assert!(built.succeeded().sent_file_bytes >= 8 << 20);
    let size = format!("{} /context/large", 8 << 20);
    assert!(built.output().contains(&size), "{}", built.output());
    // Nobody reads on for the build that was dropped.
    assert!(progress.files.bytes() < 256 << 20);
}
