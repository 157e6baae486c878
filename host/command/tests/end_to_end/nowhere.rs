//! The bytes of every secret of a run are nowhere: not in what the command prints and writes, not in
//! the processes that it starts, not in the image, its history and the build's cache. Each search
//! must find a control text, which is planted where the secrets must not be.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::support::REGISTRY;
use crate::support::backend::Backend;
use crate::support::engine::docker_output;
use crate::support::process::descendants;
use crate::support::project::Project;
use crate::support::run::{self, Run, SECRET_KEY, SESSION_TOKEN, holds};

/// The name of an environment variable of the supplying program, and an argument of its.
const CONTROL_VARIABLE: &str = "STEPYARD_TEST_PLANTED";

/// The program that supplies every secret. It takes long enough to be seen.
const SUPPLIER: &str = "#!/bin/sh\nsleep 0.2\ncat \"$(dirname \"$0\")/values/$1\"\n";

/// Prints the build secrets, whole, encoded and in pieces, and the control text.
const DOCKERFILE: &str = "\
RUN --mount=type=secret,id=npm --mount=type=secret,id=key --mount=type=secret,id=file \
cd /run/secrets && cat npm key file && echo && for name in npm key file; do \
base64 $name; printf 'u:%s' \"$(cat $name)\" | base64 | tr -d '\\n'; echo; \
head -c 9 $name; sleep 0.3; tail -c +10 $name; echo; done; \
echo CONTROL; echo CONTROL > /control";

/// The secrets of one run, none of which another test has.
struct Secrets {
    control: String,
    npm: String,
    key: String,
    file: String,
}

impl Secrets {
    fn new(form: &str) -> Self {
        let id = format!("{}-{form}", std::process::id());
        let lines: String = (0..4)
            .map(|line| BASE64_STANDARD.encode(format!("key of {id}, line {line}, of many")) + "\n")
            .collect();
        Self {
            control: format!("planted-control-{id}"),
            npm: format!("npm/token+of~{id}=?&x"),
            key: format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n"),
            file: format!("password-in-a-file-{id}\n"),
        }
    }

    /// What must not be found.
    fn forms(&self) -> Vec<String> {
        let lines = self.key.lines().filter(|line| !line.starts_with("--"));
        let texts = [SECRET_KEY, SESSION_TOKEN, run::REGISTRY_PASSWORD]
            .into_iter()
            .chain([self.npm.as_str(), self.file.trim()])
            .chain(lines);
        let mut forms = Vec::new();
        for text in texts {
            forms.push(text.to_owned());
            forms.push(percent_encoded(text));
            for before in ["", "u:", "AWS:"] {
                let pair = format!("{before}{text}");
                for alphabet in [BASE64_STANDARD, BASE64_URL_SAFE] {
                    let encoded = alphabet.encode(&pair);
                    // Whatever follows has a part in the end.
                    forms.push(encoded[..encoded.len() - 4].to_owned());
                }
            }
        }
        forms.push(BASE64_STANDARD.encode(&self.key)[40..100].to_owned());
        forms
    }

    #[track_caller]
    fn assert_absent(&self, bytes: &[u8], place: &str) {
        for form in self.forms() {
            assert!(!holds(bytes, &form), "{place} holds {form}");
        }
    }

    /// Fails the test unless a search finds the control text, and no secret, in one of `contents`.
    #[track_caller]
    fn assert_only_control<B: AsRef<[u8]>>(&self, contents: &[B], place: &str) {
        let mut contents = contents.iter().map(AsRef::as_ref);
        let mut seen = false;
        for bytes in contents.by_ref() {
            self.assert_absent(bytes, place);
            seen |= holds(bytes, &self.control);
        }
        assert!(
            seen,
            "{place} is not searched: the control text is not found"
        );
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A project whose secrets a program supplies and whose base image is private.
fn project(backend: &Backend, secrets: &Secrets) -> Project {
    let base = Project::new(backend);
    base.dockerfile(&format!("RUN echo {} > /base", secrets.control));
    base.pipeline("[one]", "");
    base.run().expect(0);

    let project = Project::new(backend);
    let image = format!("{}/{}:one", backend.registry, base.repository);
    let lines = DOCKERFILE.replace("CONTROL", &secrets.control);
    let dockerfile = format!("FROM {image}\n{lines}\nLABEL control={}\n", secrets.control);
    project.write("workspace/Dockerfile", &dockerfile);
    project.write("workspace/.dockerignore", "password.txt\n");
    project.write("workspace/password.txt", &secrets.file);
    project.pipeline(
        "[one, two]",
        "baseImageConnectorRefs: base\n\
         envDockerSecrets:\n\
         \x20 npm: <+secrets.getValue(\"npm\")>\n\
         \x20 key: <+secrets.getValue(\"org.key\")>\n\
         fileDockerSecrets: {file: password.txt}",
    );
    let connector = format!(
        "---\nconnector:\n  name: base\n  identifier: base\n  type: DockerRegistry\n  spec:\n\
         \x20   dockerRegistryUrl: http://{}\n    providerType: Other\n    auth:\n\
         \x20     type: UsernamePassword\n      spec: {{username: AWS, passwordRef: base}}\n",
        backend.registry
    );
    project.write(
        "connectors.yaml",
        &(project.read("connectors.yaml") + &connector),
    );
    let supplier = project.path("store/supply");
    project.write("store/supply", SUPPLIER);
    fs::set_permissions(&supplier, fs::Permissions::from_mode(0o700)).unwrap();
    for (name, value) in [
        ("access_key", "AKIAENDTOENDTEST0000"),
        ("secret_key", SECRET_KEY),
        ("session_token", SESSION_TOKEN),
        ("base", run::REGISTRY_PASSWORD),
        ("npm", &secrets.npm),
        ("org.key", &secrets.key),
    ] {
        project.write(&format!("store/values/{name}"), value);
    }
    let store = format!(
        "[[secrets]]\nenvironment = false\n[[secrets]]\n\
         command = [\"store/supply\", \"{{name}}\", \"{}\"]\n\
         pass-environment = [\"{CONTROL_VARIABLE}\"]\n",
        secrets.control
    );
    project.write("stepyard.toml", &(project.read("stepyard.toml") + &store));
    project
}

/// What was seen of the processes and temporary files of a run while it ran.
#[derive(Default)]
struct Observed {
    arguments: BTreeSet<Vec<u8>>,
    environments: BTreeSet<Vec<u8>>,
    files: BTreeSet<Vec<u8>>,
}

impl Observed {
    /// Looks again and again until `ended`.
    fn while_running(pid: u32, temp: &Path, ended: &AtomicBool) -> Self {
        let mut observed = Self::default();
        let own = PathBuf::from(format!("/proc/{pid}"));
        while !ended.load(Ordering::Relaxed) {
            for process in descendants(pid).into_iter().chain([own.clone()]) {
                // A process may end between its listing and its reading.
                observed.arguments.extend(fs::read(process.join("cmdline")));
                observed
                    .environments
                    .extend(fs::read(process.join("environ")));
            }
            for file in files_below(temp) {
                observed.files.extend(fs::read(file));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        observed
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What is temporary may be gone.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

fn observed_run(project: &Project, child: Child) -> (Run, Observed) {
    let pid = child.id();
    let ended = AtomicBool::new(false);
    let temp = project.path("temp");
    std::thread::scope(|scope| {
        let observing = scope.spawn(|| Observed::while_running(pid, &temp, &ended));
        let run = run::ended(child);
        ended.store(true, Ordering::Relaxed);
        (run, observing.join().unwrap())
    })
}

fn the_bytes_of_every_secret_are_nowhere(form: &str) {
    let started = SystemTime::now() - Duration::from_secs(5);
    let backend = Backend::moto();
    let secrets = Secrets::new(form);
    let project = project(&backend, &secrets);
    project.write("temp/planted", &secrets.control);
    let arguments = ["pipeline.yaml", "--verbose", "--events", form];
    let mut command = project.run_command(&arguments);
    for name in ["ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN"] {
        command.env_remove(format!("STEPYARD_SECRET_{name}"));
    }
    command
        .env(CONTROL_VARIABLE, &secrets.control)
        .env("PLUGIN_ARTIFACT_FILE", project.path("artifacts.json"))
        .env("DRONE_OUTPUT", project.path("outputs.env"));
    let (run, observed) = observed_run(&project, run::start(&mut command));
    let run = run.expect(0);

    // What the command prints.
    for text in [&run.stdout, &run.stderr] {
        secrets.assert_absent(text.as_bytes(), "the output");
    }
    let shown = format!("{}{}", run.stdout, run.stderr);
    assert!(shown.contains(&secrets.control), "{shown}");
    // Each build secret whole, in base64, in base64 behind a user name, and in pieces.
    assert!(shown.matches("***").count() >= 12, "{shown}");

    // What it writes.
    for (file, control) in [
        ("artifacts.json", &project.repository),
        ("outputs.env", &project.repository),
    ] {
        let text = project.read(file);
        assert!(text.contains(control.as_str()), "{text}");
        secrets.assert_absent(text.as_bytes(), file);
    }
    let observed_files: Vec<_> = observed.files.into_iter().collect();
    secrets.assert_only_control(&observed_files, "the temporary files of the run");
    let left: Vec<_> = ["temp", "home"]
        .iter()
        .flat_map(|folder| files_below(&project.path(folder)))
        .map(|file| fs::read(file).unwrap())
        .collect();
    secrets.assert_only_control(&left, "what is left of temporary files");

    // Its processes.
    let arguments: Vec<_> = observed.arguments.into_iter().collect();
    secrets.assert_only_control(&arguments, "the arguments of processes");
    let environments: Vec<_> = observed.environments.into_iter().collect();
    secrets.assert_only_control(&environments, "the environment of processes");
    let supplied = format!("{CONTROL_VARIABLE}={}\0", secrets.control);
    let suppliers = environments
        .iter()
        .filter(|environment| !holds(environment, "STEPYARD_CONFIG="));
    assert!(
        suppliers.clone().any(|own| holds(own, &supplied)),
        "no supplying program is seen"
    );
    for environment in suppliers {
        assert!(
            !holds(environment, "DOCKER_HOST="),
            "a child has the command's environment"
        );
    }

    // The image.
    let content = backend.image_content(&project.repository, "one");
    let (configuration, layers) = content.split_last().unwrap();
    secrets.assert_only_control(layers, "the manifest and layers");
    secrets.assert_only_control(&[configuration], "the configuration");
    let image = format!("{REGISTRY}/{}:one", project.repository);
    let history = docker_output(&["history", "--no-trunc", &image]);
    secrets.assert_only_control(&[history], "the image's history");

    // The engine: layers, cache and metadata.
    let root = docker_output(&["info", "--format", "{{.DockerRootDir}}"]);
    let root = PathBuf::from(String::from_utf8(root).unwrap().trim());
    let recent = |file: &PathBuf| {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified >= started)
    };
    let kept: Vec<_> = files_below(&root)
        .into_iter()
        .filter(recent)
        .filter_map(|file| fs::read(file).ok())
        .collect();
    secrets.assert_only_control(&kept, "what the engine keeps");
}

#[test]
fn the_bytes_of_every_secret_are_nowhere_with_lines() {
    the_bytes_of_every_secret_are_nowhere("pretty");
}

#[test]
fn the_bytes_of_every_secret_are_nowhere_with_events() {
    the_bytes_of_every_secret_are_nowhere("ndjson");
}
