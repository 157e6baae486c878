//! Who logs in to the registries of components.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{command, project};
use crate::support::project::Project;
use crate::support::run::{self, REGISTRY_PASSWORD, assert_no_secret};
use crate::support::{files_below, service};

/// Searches what the command has written for the password.
#[track_caller]
fn assert_written_without_secret(project: &Project) {
    for folder in ["cache", "temp", "home"] {
        for (path, bytes) in files_below(&project.path(folder)) {
            assert_no_secret(&bytes, &path);
        }
    }
}

#[test]
fn the_logins_of_docker_are_used_and_shown_nowhere() {
    let registry = service("STEPYARD_TEST_REGISTRY");
    let project = project();
    let reference = format!("{registry}/{}:1", project.repository);
    let docker = project.path("docker");
    fs::create_dir(&docker).unwrap();
    let publishing = |path: Option<&Path>| {
        let arguments = ["publish", &reference, "--component", "hello.wasm"];
        let mut command = command(&project, &arguments);
        command.env("DOCKER_CONFIG", &docker);
        if let Some(folder) = path {
            let path = std::env::var("PATH").unwrap();
            command.env("PATH", format!("{}:{path}", folder.display()));
        }
        run::to_end(&mut command)
    };
    let configure = |text: &str| fs::write(docker.join("config.json"), text).unwrap();

    publishing(None)
        .expect(1)
        .says(&format!("log in with `docker login {registry}`"));
    let auth = BASE64_STANDARD.encode(format!("AWS:{REGISTRY_PASSWORD}"));
    configure(&format!(
        r#"{{"auths": {{"{registry}": {{"auth": "{auth}"}}}}}}"#
    ));
    let pinned = publishing(None).expect(0).stdout.trim().to_owned();
    let running = |component: &str| {
        let mut command = command(&project, &["run", component, "--set", "name=world"]);
        command.env("DOCKER_CONFIG", &docker);
        run::to_end(&mut command)
    };
    running(&pinned).expect(0).says("Hello, world!");
    assert_written_without_secret(&project);
    // A wrong one.
    let auth = BASE64_STANDARD.encode("AWS:wrong-password-of-this-test");
    configure(&format!(
        r#"{{"auths": {{"{registry}": {{"auth": "{auth}"}}}}}}"#
    ));
    publishing(None)
        .expect(1)
        .says("401")
        .says_nothing_of("wrong-password-of-this-test");

    // A program that holds the login.
    let helpers = project.path("helpers");
    fs::create_dir(&helpers).unwrap();
    let helper = |script: &str| {
        let path = helpers.join("docker-credential-e2e");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    for named in [
        format!(r#"{{"credHelpers": {{"{registry}": "e2e"}}}}"#),
        r#"{"credsStore": "e2e"}"#.to_owned(),
    ] {
        configure(&named);
        helper(&format!(
            "read server\n[ \"$1 $server\" = 'get {registry}' ] || exit 9\n\
             echo '{{\"ServerURL\":\"x\",\"Username\":\"AWS\",\"Secret\":\"{REGISTRY_PASSWORD}\"}}'"
        ));
        assert_eq!(publishing(Some(&helpers)).expect(0).stdout.trim(), pinned);
        publishing(None)
            .expect(1)
            .says("docker-credential-e2e")
            .says("no such program in PATH");
        helper(&format!(
            "echo {REGISTRY_PASSWORD}; echo broken {REGISTRY_PASSWORD} >&2; exit 1"
        ));
        publishing(Some(&helpers)).expect(1).says("broken ***");
        helper("echo credentials not found in native keychain; exit 1");
        publishing(Some(&helpers)).expect(1).says("docker login");
    }
    assert_written_without_secret(&project);
}

/// A registry that says in its errors what it was sent.
fn telling_registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while let Some(Ok(line)) = lines.next().filter(|line| {
                let line = line.as_ref();
                line.is_ok_and(|line| !line.is_empty())
            }) {
                head += &line;
            }
            let (status, message) = match head.split_once("Basic ") {
                None => ("401 Unauthorized", String::new()),
                Some((_, sent)) => ("403 Forbidden", format!("{REGISTRY_PASSWORD} {sent:.60}")),
            };
            let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

#[test]
fn a_registry_that_repeats_a_password_is_not_repeated() {
    let registry = telling_registry();
    let project = project();
    let auth = BASE64_STANDARD.encode(format!("AWS:{REGISTRY_PASSWORD}"));
    project.write(
        "home/.docker/config.json",
        &format!(r#"{{"auths": {{"{registry}": {{"auth": "{auth}"}}}}}}"#),
    );
    let pinned = format!("oci://{registry}/a@sha256:{}", "0".repeat(64));
    run::to_end(&mut command(&project, &["inspect", &pinned]))
        .expect(1)
        .says("DENIED: *** ");
}

#[test]
fn a_connector_is_used_for_its_own_registry() {
    let registry = service("STEPYARD_TEST_REGISTRY");
    let project = project();
    project.write(
        "registry.yaml",
        &format!(
            "connector:\n  name: registry\n  identifier: registry\n  type: DockerRegistry\n  spec:\n\
             \x20   dockerRegistryUrl: http://{registry}\n    auth:\n      type: UsernamePassword\n\
             \x20     spec: {{username: AWS, passwordRef: registry_password}}\n"
        ),
    );
    let reference = format!("{registry}/{}:1", project.repository);
    let with_password = |arguments: &[&str]| {
        let mut command = command(&project, arguments);
        command
            .args(["--connectors", "registry.yaml"])
            .env("STEPYARD_SECRET_REGISTRY_PASSWORD", REGISTRY_PASSWORD);
        run::to_end(&mut command).expect(0)
    };
    let published = with_password(&["publish", &reference, "--component", "hello.wasm"]);
    let pinned = published.stdout.trim();
    with_password(&["run", pinned, "--set", "name=world"]).says("Hello, world!");
    assert_written_without_secret(&project);
}
