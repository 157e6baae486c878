//! The Docker Engine, seen through the docker command.

use std::process::Command;

use super::service;

/// `docker ARGUMENTS`
pub(crate) fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command
        .args(arguments)
        .env("DOCKER_HOST", service("DOCKER_HOST"))
        .env_remove("DOCKER_CONTEXT");
    command
}

/// What `docker ARGUMENTS` prints.
pub(crate) fn docker_output(arguments: &[&str]) -> Vec<u8> {
    let output = docker(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {error}");
    output.stdout
}

/// Removes the tags of every repository whose name ends so.
pub(crate) fn remove_images(repository: &str) {
    let list = docker_output(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    for image in String::from_utf8_lossy(&list).lines() {
        let name = image.rsplit_once(':').map_or(image, |(name, _)| name);
        if name.ends_with(repository) {
            // Another test may have removed it: what is not there needs no removal.
            let _ = docker(&["image", "rm", "--force", image]).output();
        }
    }
}
