//! The clients that people use: Docker, skopeo, buildah and the AWS command line.
//!
//! `cargo xtask test` provides them: a Docker daemon by `DOCKER_HOST`, the AWS command line by
//! `STEPYARD_TEST_AWS` (the path of its executable), the others on the `PATH`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use stepyard_local_ecr::{AccessKey, LocalEcr, Server};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const REPOSITORY: &str = "team/app";

/// A server that verifies signatures, with one repository, and a folder for the clients' files.
struct Fixture {
    server: Server,
    folder: TempDir,
}

fn required(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask test`, which provides the clients")
    })
}

/// Runs a command to its end; returns whether it succeeded and all that it printed.
async fn attempt(command: &mut Command, input: &[u8]) -> (bool, String) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

async fn run(command: &mut Command) -> String {
    run_with(command, b"").await
}

async fn run_with(command: &mut Command, input: &[u8]) -> String {
    let (success, output) = attempt(command, input).await;
    assert!(success, "{command:?}\n{output}");
    output
}

fn command<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command
}

impl Fixture {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = AccessKey {
            id: "AKIAEXAMPLE".into(),
            secret: "secret/key".to_owned().into(),
        };
        let server = LocalEcr::builder(folder.path().join("ecr"))
            .access_key(key)
            .bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let fixture = Self { server, folder };
        run(&mut fixture.aws(["create-repository", "--repository-name", REPOSITORY])).await;
        fixture
    }

    /// The AWS command line, pointed at the server.
    fn aws<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = command(&required("STEPYARD_TEST_AWS"), ["ecr"]);
        command
            .args(arguments)
            .envs(self.server.environment())
            .env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_CONFIG_FILE", self.folder.path().join("none"));
        command
    }

    async fn password(&self) -> String {
        run(&mut self.aws(["get-login-password"]))
            .await
            .trim()
            .to_owned()
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.server.address())
    }

    /// The digest that a tag points at, as the AWS command line tells it.
    async fn digest(&self, tag: &str) -> String {
        let identifier = format!("imageTag={tag}");
        let mut describe = self.aws([
            "describe-images",
            "--repository-name",
            REPOSITORY,
            "--image-ids",
        ]);
        describe.args([&identifier, "--query", "imageDetails[0].imageDigest"]);
        run(describe.args(["--output", "text"]))
            .await
            .trim()
            .to_owned()
    }

    fn docker<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = command("docker", arguments);
        command.env("DOCKER_HOST", required("DOCKER_HOST"));
        command.env("DOCKER_CONFIG", self.folder.path().join("docker"));
        command
    }

    /// An image as a folder in the form of skopeo's `dir:` transport.
    fn image_folder(&self, name: &str) -> String {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let archive = tar_archive(name);
        let blob = |content: &[u8], media_type: &str| {
            let hash = Sha256::digest(content);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(folder.join(&hash), content).unwrap();
            serde_json::json!({
                "mediaType": media_type, "size": content.len(), "digest": format!("sha256:{hash}"),
            })
        };
        let layer = blob(&archive, "application/vnd.oci.image.layer.v1.tar");
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let config = blob(
            config.to_string().as_bytes(),
            "application/vnd.oci.image.config.v1+json",
        );
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer],
        });
        std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        std::fs::write(folder.join("version"), "Directory Transport Version: 1.1\n").unwrap();
        format!("dir:{}", folder.display())
    }
}

/// A tar archive with one file, whose name and content are `name`.
fn tar_archive(name: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(name.len()).unwrap());
    header.set_mode(0o644);
    archive
        .append_data(&mut header, name, name.as_bytes())
        .unwrap();
    archive.into_inner().unwrap()
}

#[tokio::test]
async fn docker_logs_in_pushes_and_pulls() {
    let fixture = Fixture::new().await;
    let address = fixture.server.address().to_string();
    let image = fixture.image("v1");
    run_with(
        &mut fixture.docker(["import", "-", &image]),
        &tar_archive("docker"),
    )
    .await;

    let (success, output) = attempt(&mut fixture.docker(["push", &image]), b"").await;
    assert!(
        !success && output.contains("no basic auth credentials"),
        "{output}"
    );
    let password = fixture.password().await;
    let mut login = fixture.docker(["login", "--username", "AWS", "--password-stdin", &address]);
    run_with(&mut login, password.as_bytes()).await;
    let pushed = run(&mut fixture.docker(["push", &image])).await;
    let digest = fixture.digest("v1").await;
    assert!(
        pushed.contains(&format!("v1: digest: {digest}")),
        "{pushed}"
    );

    run(&mut fixture.docker(["rmi", &image])).await;
    let pulled = run(&mut fixture.docker(["pull", &image])).await;
    assert!(pulled.contains(&digest), "{pulled}");

    let missing = format!("{address}/absent:v1");
    run(&mut fixture.docker(["tag", &image, &missing])).await;
    let (success, output) = attempt(&mut fixture.docker(["push", &missing]), b"").await;
    assert!(
        !success && output.contains("does not exist in the registry"),
        "{output}"
    );

    fixture.server.expire_tokens();
    let (success, output) = attempt(&mut fixture.docker(["push", &image]), b"").await;
    assert!(!success && output.contains("token has expired"), "{output}");
    run(&mut fixture.docker(["rmi", &image, &missing])).await;
}

#[tokio::test]
async fn skopeo_copies_in_out_and_across() {
    let fixture = Fixture::new().await;
    let authentication = fixture.folder.path().join("auth.json");
    let skopeo = |arguments: &[&str]| {
        let mut command = command("skopeo", arguments);
        command.env("REGISTRY_AUTH_FILE", &authentication);
        command
    };
    let address = fixture.server.address().to_string();
    let password = fixture.password().await;
    let mut login = skopeo(&[
        "login",
        "--tls-verify=false",
        "-u",
        "AWS",
        "--password-stdin",
    ]);
    run_with(login.arg(&address), password.as_bytes()).await;

    let source = fixture.image_folder("first");
    let target = format!("docker://{}", fixture.image("v1"));
    run(&mut skopeo(&[
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        &source,
        &target,
    ]))
    .await;
    let digest = fixture.digest("v1").await;
    let query = [
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        &target,
    ];
    assert_eq!(run(&mut skopeo(&query)).await.trim(), digest);

    run(&mut fixture.aws(["create-repository", "--repository-name", "promoted"])).await;
    let promoted = format!("docker://{address}/promoted:v1");
    let insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let mut copy = skopeo(&["copy", "--preserve-digests"]);
    run(copy.args(insecure).args([&target, &promoted])).await;
    let out = format!("dir:{}", fixture.folder.path().join("out").display());
    run(&mut skopeo(&[
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        &promoted,
        &out,
    ]))
    .await;
    let read = |name: &str| std::fs::read(fixture.folder.path().join(name)).unwrap();
    assert_eq!(read("out/manifest.json"), read("first/manifest.json"));

    let mut immutable = fixture.aws(["put-image-tag-mutability", "--repository-name", REPOSITORY]);
    run(immutable.args(["--image-tag-mutability", "IMMUTABLE"])).await;
    run(&mut skopeo(&[
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        &source,
        &target,
    ]))
    .await;
    let other = fixture.image_folder("second");
    let mut copy = skopeo(&[
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        &other,
        &target,
    ]);
    let (success, output) = attempt(&mut copy, b"").await;
    assert!(!success && output.contains("tag is immutable"), "{output}");
    assert_eq!(fixture.digest("v1").await, digest);
}

#[tokio::test]
async fn buildah_builds_and_pushes() {
    let fixture = Fixture::new().await;
    let storage = fixture.folder.path().join("containers");
    let buildah = |arguments: &[&str]| {
        let mut command = command("buildah", ["--storage-driver", "vfs", "--root"]);
        command
            .arg(storage.join("root"))
            .arg("--runroot")
            .arg(storage.join("run"));
        command.args(arguments);
        command.env(
            "REGISTRY_AUTH_FILE",
            fixture.folder.path().join("auth.json"),
        );
        command
    };
    let password = fixture.password().await;
    let address = fixture.server.address().to_string();
    let mut login = buildah(&[
        "login",
        "--tls-verify=false",
        "-u",
        "AWS",
        "--password-stdin",
    ]);
    run_with(login.arg(&address), password.as_bytes()).await;

    write_context(fixture.folder.path());
    let context = fixture.folder.path().join("context");
    let image = fixture.image("v1");
    run(buildah(&["bud", "--isolation", "chroot", "-t", &image]).arg(&context)).await;
    let mut push = buildah(&["push", "--tls-verify=false", "--digestfile"]);
    run(push.arg(fixture.folder.path().join("digest")).arg(&image)).await;
    let digest = std::fs::read_to_string(fixture.folder.path().join("digest")).unwrap();
    assert_eq!(fixture.digest("v1").await, digest);
}

fn write_context(folder: &Path) {
    let context = folder.join("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY file /file\n",
    )
    .unwrap();
    std::fs::write(context.join("file"), "content").unwrap();
}

#[tokio::test]
async fn the_aws_command_line_reads_errors_and_assumed_roles() {
    let fixture = Fixture::new().await;
    let mut describe = fixture.aws(["describe-images", "--repository-name", "absent"]);
    let (success, output) = attempt(&mut describe, b"").await;
    assert!(
        !success && output.contains("(RepositoryNotFoundException)"),
        "{output}"
    );
    let mut wrong = fixture.aws(["describe-repositories"]);
    let (success, output) = attempt(wrong.env("AWS_SECRET_ACCESS_KEY", "wrong"), b"").await;
    assert!(
        !success && output.contains("(InvalidSignatureException)"),
        "{output}"
    );

    let sts = |arguments: &[&str]| {
        let mut command = command(&required("STEPYARD_TEST_AWS"), ["sts"]);
        command
            .args(arguments)
            .args(["--output", "text"])
            .envs(fixture.server.environment());
        command.env_remove("AWS_SESSION_TOKEN");
        command
    };
    let role = "arn:aws:iam::210987654321:role/push";
    let query = "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]";
    let mut assume = sts(&[
        "assume-role",
        "--role-arn",
        role,
        "--role-session-name",
        "ci",
    ]);
    let assumed = run(assume.args(["--query", query])).await;
    let credentials: Vec<&str> = assumed.split_whitespace().collect();
    let [id, secret, token] = credentials.as_slice() else {
        panic!("{assumed}")
    };
    let temporary = [
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_SESSION_TOKEN", token),
    ];
    let identity = run(sts(&["get-caller-identity", "--query", "Arn"]).envs(temporary)).await;
    assert_eq!(
        identity.trim(),
        "arn:aws:sts::210987654321:assumed-role/push/ci"
    );
    let mut create = fixture.aws(["create-repository", "--repository-name", "theirs"]);
    create.args(["--query", "repository.registryId", "--output", "text"]);
    assert_eq!(run(create.envs(temporary)).await.trim(), "210987654321");
}
