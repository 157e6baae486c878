//! A folder with a pipeline, connectors, a configuration and a workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::backend::Backend;
use super::engine::Engine;
use super::run::{self, Run, SECRET_KEY, SESSION_TOKEN};
use super::{ACCOUNT, REGION, REGISTRY, aws, service};

const CONNECTORS: &str = "\
connector:
  name: aws
  identifier: aws
  type: Aws
  spec:
    credential:
      type: ManualConfig
      spec: {accessKeyRef: access_key, secretKeyRef: secret_key, sessionTokenRef: session_token}
    region: us-east-1
";

/// What one test runs the command on.
pub(crate) struct Project {
    folder: TempDir,
    /// What builds.
    engine: Engine,
    /// Of this test alone, and there already.
    pub(crate) repository: String,
}

impl Project {
    /// A project whose registry is `backend`, with a repository of mutable tags.
    pub(crate) fn new(backend: &Backend) -> Self {
        let project = Self::without_repository(backend);
        aws::create_repository(&backend.aws, &project.repository, "MUTABLE");
        project
    }

    /// The same with a repository whose tags are immutable.
    pub(crate) fn with_immutable_tags(backend: &Backend) -> Self {
        let project = Self::without_repository(backend);
        aws::create_repository(&backend.aws, &project.repository, "IMMUTABLE");
        project
    }

    /// The same without the repository.
    pub(crate) fn without_repository(backend: &Backend) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::Builder::new()
            .prefix("stepyard-test-")
            .tempdir()
            .unwrap();
        for name in ["workspace", "temp", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let project = Self {
            folder,
            engine: Engine::Docker20,
            repository: format!("test/e2e-{}-{number}", std::process::id()),
        };
        project.write("connectors.yaml", CONNECTORS);
        project.reach(backend);
        project
    }

    /// Has the command reach the registry and AWS's APIs at `backend`.
    pub(crate) fn reach(&self, backend: &Backend) {
        let configuration = format!(
            "[registries.\"{REGISTRY}\"]\nendpoint = \"http://{}\"\n\n\
             [aws]\nendpoint-url = \"http://{}\"\n",
            backend.registry, backend.aws
        );
        self.write("stepyard.toml", &configuration);
    }

    /// The same, with further tables in the operator's configuration.
    pub(crate) fn configure(&self, backend: &Backend, tables: &str) {
        self.reach(backend);
        let before = self.read("stepyard.toml");
        self.write("stepyard.toml", &format!("{before}\n{tables}"));
    }

    /// The same, built by another engine than Docker 20.10 with its BuildKit.
    pub(crate) fn built_by(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// What builds it.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// A path in the project's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the project's folder; `workspace/...` is what the step may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What a file in the project's folder holds.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes the workspace's Dockerfile: `FROM` the base image, these lines, and a label that makes
    /// the image this project's own: another that ends removes its images from the engine.
    pub(crate) fn dockerfile(&self, lines: &str) {
        let base = service("STEPYARD_TEST_BASE_IMAGE");
        let label = format!("LABEL project={}", self.repository);
        self.write(
            "workspace/Dockerfile",
            &format!("FROM {base}\n{lines}\n{label}\n"),
        );
    }

    /// The step's settings that every build has, for `write`. `more` are further lines of the spec.
    pub(crate) fn step(&self, identifier: &str, tags: &str, more: &str) -> String {
        let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "step:\n  type: BuildAndPushECR\n  name: {identifier}\n  identifier: {identifier}\n  spec:\n\
             \x20   connectorRef: aws\n    region: {REGION}\n    account: \"{ACCOUNT}\"\n\
             \x20   imageName: {}\n    tags: {tags}\n{more}",
            self.repository
        )
    }

    /// Writes a pipeline of one build.
    pub(crate) fn pipeline(&self, tags: &str, more: &str) {
        self.write("pipeline.yaml", &self.step("build", tags, more));
    }

    /// Writes a pipeline of several steps.
    pub(crate) fn steps(&self, steps: &[String]) {
        let steps: String = steps
            .iter()
            .map(|step| {
                let lines: Vec<&str> = step.lines().collect();
                format!("- {}\n", lines.join("\n  "))
            })
            .collect();
        self.write("pipeline.yaml", &format!("steps:\n{steps}"));
    }

    /// `stepyard ARGUMENTS` in this folder, with an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("temp"))
            .env("XDG_CACHE_HOME", cache())
            .env("STEPYARD_CONFIG", "stepyard.toml")
            .envs(self.engine.variables())
            .env("STEPYARD_SECRET_ACCESS_KEY", "AKIAENDTOENDTEST0000")
            .env("STEPYARD_SECRET_SECRET_KEY", SECRET_KEY)
            .env("STEPYARD_SECRET_SESSION_TOKEN", SESSION_TOKEN);
        command
    }

    /// `stepyard run ARGUMENTS` with the project's files.
    pub(crate) fn run_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["run"]);
        command
            .args(arguments)
            .args(["--connectors", "connectors.yaml"])
            .args(["--workspace", "workspace"]);
        command
    }

    /// Runs `stepyard run pipeline.yaml` to its end.
    pub(crate) fn run(&self) -> Run {
        run::to_end(&mut self.run_command(&["pipeline.yaml"]))
    }

    /// What is left in the folder for temporary files.
    pub(crate) fn left_in_temp(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("temp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.engine.remove_images(&self.repository);
    }
}

/// Where compiled components are kept for all tests.
fn cache() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
