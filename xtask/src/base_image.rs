//! A small base image, made from this machine's static busybox: tests and demo pull nothing.
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::error::{Doing, Result};
use crate::process;
use crate::services::docker_engine::DockerEngine;

const BUSYBOX: &str = "/bin/busybox";

/// Imports the image into the engine under `reference`.
pub(crate) fn import(engine: &DockerEngine, reference: &str) -> Result<()> {
    let folder = tempfile::tempdir().doing(|| "making a folder for the base image".into())?;
    let root = folder.path().join("root");
    write_root(&root)?;
    let archive = folder.path().join("base.tar");
    process::output(
        Command::new("tar")
            .args([
                "--sort=name",
                "--mtime=@0",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "-cf",
            ])
            .arg(&archive)
            .arg("-C")
            .arg(&root)
            .arg("."),
    )?;
    process::output(
        engine
            .docker()
            .args(["import", "--change", "CMD [\"/bin/sh\"]"])
            .arg(&archive)
            .arg(reference),
    )?;
    Ok(())
}

/// The program, a link for each of its commands, and the few files that commands look for.
fn write_root(root: &Path) -> Result<()> {
    let commands = process::output(Command::new(BUSYBOX).arg("--list"))?;
    let doing = || "writing the base image's files".to_owned();
    for folder in ["bin", "etc", "tmp", "root", "dev", "proc", "sys"] {
        fs::create_dir_all(root.join(folder)).doing(doing)?;
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).doing(doing)?;
    for command in commands.lines().filter(|command| *command != "busybox") {
        symlink("busybox", root.join("bin").join(command)).doing(doing)?;
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    )
    .doing(doing)?;
    fs::write(root.join("etc/group"), "root:x:0:\nnogroup:x:65534:\n").doing(doing)
}
