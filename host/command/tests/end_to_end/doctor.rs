//! `stepyard doctor`. Each folder of `tests/cases/doctor` holds the exact list that a case prints;
//! `UPDATE_EXPECT=1` writes the lists anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stepyard_local_ecr::LocalEcr;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::{ACCOUNT, REGISTRY, aws, service};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/doctor");

/// A test for each case: its folder, the arguments of `stepyard local-ecr`, how the project is
/// made and the command changed.
macro_rules! cases {
    ($($test:ident: $arguments:expr, $project:expr, $change:expr;)*) => {$(
        #[test]
        fn $test() {
            let backend = Backend::local_ecr(&$arguments);
            let make: fn(&Backend) -> Project = $project;
            let change: fn(&Project, &mut Command) = $change;
            check(stringify!($test), &backend, &make(&backend), change);
        }
    )*};
}

cases! {
    all_is_well: [], Project::new, |_, _| {};
    no_token: ["--deny", "ecr:GetAuthorizationToken"], Project::new, |_, _| {};
    no_description: ["--deny", "ecr:DescribeRepositories"], Project::new, |_, _| {};
    no_manifests: ["--deny", "ecr:BatchGetImage"], Project::new, |_, _| {};
    neither_description_nor_manifests:
        ["--deny", "ecr:DescribeRepositories", "--deny", "ecr:BatchGetImage"],
        Project::new, |_, _| {};
    no_question_for_layers:
        ["--deny", "ecr:BatchCheckLayerAvailability"], Project::new, |_, _| {};
    no_upload: ["--deny", "ecr:InitiateLayerUpload"], Project::new, |_, _| {};
    no_manifest_written: ["--deny", "ecr:PutImage"], Project::new, |_, _| {};
    no_identity: ["--deny", "sts:GetCallerIdentity"], Project::new, |_, _| {};
    throttled: ["--throttle", "ecr:GetAuthorizationToken=1"], Project::new, |_, _| {};
    another_account: ["--account", "210987654321"], Project::without_repository, |_, _| {};
    missing_repository: [], Project::without_repository, |_, _| {};
    created_on_push: ["--create-on-push"], Project::without_repository, |_, _| {};
    missing_secret: [], Project::new, |project, command| {
        project.pipeline("[one]", "envDockerSecrets: {npm: <+secrets.getValue(\"npm_token\")>}");
        command.env_remove("STEPYARD_SECRET_SECRET_KEY");
    };
    settings_beyond_the_engine: [], Project::new, |project, _| {
        project.pipeline("[one]", "runAsUser: 1000\nresources: {limits: {memory: 1Gi}}");
    };
    refused_by_the_engine: [], Project::new, |project, _| {
        project.pipeline("[one]", "sbom: true");
    };
    host_network_not_allowed: [], Project::new, |project, _| {
        project.pipeline("[one]", "network: host");
    };
    missing_dockerfile: [], Project::new, |project, _| {
        fs::remove_file(project.path("workspace/Dockerfile")).unwrap();
    };
    missing_base_image: [], Project::new, |project, _| {
        let registry = service("STEPYARD_TEST_REGISTRY_OPEN");
        project.write("workspace/Dockerfile", &format!("FROM {registry}/no/such:image\n"));
    };
    caches: [], |backend| {
        aws::create_repository(&backend.aws, "test/cache", "IMMUTABLE");
        Project::new(backend)
    }, |project, _| {
        let caches = "remoteCacheImage: test/cache\ncacheFrom: [test/cache:old]\ncacheTo: test/none";
        project.pipeline("[one]", caches);
    };
    no_engine: [], Project::new, |project, command| {
        command.env("DOCKER_HOST", format!("unix://{}", project.path("absent.sock").display()));
    };
    unreachable_api: [], Project::new, |project, _| {
        let configuration = project.read("stepyard.toml");
        let (registries, _) = configuration.split_once("[aws]").unwrap();
        let aws = "[aws]\nendpoint-url = \"http://127.0.0.1:1\"\n";
        project.write("stepyard.toml", &format!("{registries}{aws}"));
    };
    unreachable_registry: [], Project::new, |project, _| {
        let configuration = project.read("stepyard.toml");
        let (_, aws) = configuration.split_once("[aws]").unwrap();
        let registry = format!("[registries.\"{REGISTRY}\"]\n");
        let endpoint = "endpoint = \"http://127.0.0.1:1\"\n";
        project.write("stepyard.toml", &format!("{registry}{endpoint}[aws]{aws}"));
    };
    wrong_base_image_login: [], Project::new, |project, command| {
        add_base_image_connector(project, "user");
        command.env("STEPYARD_SECRET_BASE", "wrong");
    };
    base_image_login: [], Project::new, |project, command| {
        add_base_image_connector(project, "AWS");
        command.env("STEPYARD_SECRET_BASE", run::REGISTRY_PASSWORD);
    };
}

/// A connector for the test's registry with passwords, which the pipeline names.
fn add_base_image_connector(project: &Project, user: &str) {
    let registry = service("STEPYARD_TEST_REGISTRY");
    let connectors = project.read("connectors.yaml");
    let spec = format!(
        "  spec:\n    dockerRegistryUrl: http://{registry}\n    auth:\n      type: UsernamePassword\n\
         \x20     spec: {{username: {user}, passwordRef: base}}\n"
    );
    let base = "---\nconnector:\n  name: base\n  identifier: base\n  type: DockerRegistry\n";
    project.write("connectors.yaml", &format!("{connectors}{base}{spec}"));
    project.pipeline("[one]", "baseImageConnectorRefs: base");
}

/// Runs `stepyard doctor pipeline.yaml` and compares what it prints.
fn check(name: &str, backend: &Backend, project: &Project, change: fn(&Project, &mut Command)) {
    prepare(project, "[one, two]", "");
    let mut command = doctor(project, &["pipeline.yaml"]);
    change(project, &mut command);
    compare(name, backend, project, &run::to_end(&mut command));
}

/// A pipeline of one build that takes no base image.
fn prepare(project: &Project, tags: &str, more: &str) {
    project.write("workspace/Dockerfile", "FROM scratch\nLABEL doctor=yes\n");
    project.pipeline(tags, more);
}

fn doctor(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(&["doctor"]);
    command
        .args(arguments)
        .args(["--connectors", "connectors.yaml"])
        .args(["--workspace", "workspace"]);
    command
}

fn compare(name: &str, backend: &Backend, project: &Project, run: &Run) {
    let found = normalized(backend, project, run);
    let path = Path::new(FOLDER).join(name).join("expected.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

/// What a run printed, with names for what is different in each run.
fn normalized(backend: &Backend, project: &Project, run: &Run) -> String {
    let mut text = format!("exit code {}\n{}{}", run.code, run.stdout, run.stderr);
    replace_after(&mut text, "sha256:", "@DIGEST", |rest| {
        rest.get(..64).map(str::len)
    });
    replace_after(&mut text, "valid until ", "@TIME", |rest| rest.find(" UTC"));
    replace_after(&mut text, "Docker Engine ", "@VERSION", |rest| {
        rest.find(" at ")
    });
    let folder = project.path("home").parent().unwrap().display().to_string();
    for (value, name) in [
        (folder, "@FOLDER"),
        (project.repository.clone(), "@REPOSITORY"),
        (service("STEPYARD_TEST_REGISTRY_OPEN"), "@OPEN_REGISTRY"),
        (service("STEPYARD_TEST_REGISTRY"), "@PRIVATE_REGISTRY"),
        (backend.registry.clone(), "@REGISTRY_ADDRESS"),
        (service("DOCKER_HOST"), "@ENGINE"),
    ] {
        text = text.replace(&value, name);
    }
    text
}

/// Replaces what stands after each `mark`, as long as `length` says.
fn replace_after(text: &mut String, mark: &str, name: &str, length: fn(&str) -> Option<usize>) {
    let mut result = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(mark) {
        result.push_str(before);
        result.push_str(mark);
        rest = after;
        if let Some(length) = length(after) {
            result.push_str(name);
            rest = &after[length..];
        }
    }
    result.push_str(rest);
    *text = result;
}

#[test]
fn the_machine_and_all_connectors() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    add_base_image_connector(&project, "AWS");
    let mut command = doctor(&project, &[]);
    command.env("STEPYARD_SECRET_BASE", run::REGISTRY_PASSWORD);
    let run = run::to_end(&mut command);
    compare("the_machine_and_all_connectors", &backend, &project, &run);
}

#[test]
fn taken_tags() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::with_immutable_tags(&backend);
    project.dockerfile("LABEL doctor=taken");
    project.pipeline("[one]", "");
    project.run().expect(0);
    check("taken_tags", &backend, &project, |_, _| {});
}

#[test]
fn a_copy() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL doctor=copied");
    project.pipeline("[one]", "");
    project.run().expect(0);
    aws::create_repository(&backend.aws, "test/live", "MUTABLE");
    let repository = &project.repository;
    project.write(
        "pipeline.yaml",
        &format!(
            "step:\n  type: PromoteImage\n  name: copy\n  identifier: copy\n  spec:\n\
             \x20   source: {REGISTRY}/{repository}:one\n    destination: {REGISTRY}/test/live\n\
             \x20   connectorRef: aws\n    tags: [live]\n",
        ),
    );
    let run = run::to_end(&mut doctor(&project, &["pipeline.yaml"]));
    compare("a_copy", &backend, &project, &run);
}

#[test]
fn wrong_input_is_told_as_check_tells_it() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.pipeline("['-']", "");
    let told = |subcommand: &str| {
        let mut command = project.command(&[subcommand, "pipeline.yaml"]);
        command.args(["--connectors", "connectors.yaml"]);
        run::to_end(&mut command).expect(2).stderr
    };
    assert_eq!(told("doctor"), told("check"));
    let mut command = doctor(&project, &["--set", "tags=1"]);
    run::to_end(&mut command).expect(2).says("--set and --step");
}

#[test]
fn findings_as_json() {
    let backend = Backend::local_ecr(&["--deny", "ecr:InitiateLayerUpload"]);
    let project = Project::new(&backend);
    prepare(&project, "[one]", "");
    let mut command = doctor(&project, &["pipeline.yaml", "--format", "json"]);
    let run = run::to_end(&mut command).expect(1);
    let diagnosis: Value = serde_json::from_str(&run.stdout).unwrap();
    let sections = diagnosis["sections"].as_array().unwrap();
    let step = sections.last().unwrap();
    assert_eq!(
        (&step["subject"], &step["name"]),
        (&"step".into(), &"build".into())
    );
    let failed: Vec<&Value> = step["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["verdict"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{diagnosis:#}");
    assert_eq!(failed[0]["check"], "begin-upload");
    assert!(failed[0]["remedy"].is_string());
}

/// Every file below a folder with its size.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        }
        found.insert(entry.path().display().to_string(), metadata.len());
    }
    found
}

#[test]
fn nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime
        .block_on(
            LocalEcr::builder(&data)
                .account(ACCOUNT)
                .bind("127.0.0.1:0".parse().unwrap()),
        )
        .unwrap();
    let address = server.address().to_string();
    let backend = Backend::at(&address, &address);
    let project = Project::new(&backend);
    prepare(&project, "[one]", "remoteCacheImage: test/absent");
    let before = files(&data);
    run::to_end(&mut doctor(&project, &["pipeline.yaml"])).expect(1);
    assert_eq!(files(&data), before);
    assert_eq!(server.calls("ecr:InitiateLayerUpload"), 1);
    assert_eq!(server.calls("ecr:CompleteLayerUpload"), 0);
}

/// A host that takes connections and never answers ends only its own checks.
#[test]
fn a_silent_host_does_not_hold_up_the_list() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let api = Backend::local_ecr(&[]);
    let backend = Backend::at(&address, &api.aws);
    let project = Project::new(&backend);
    prepare(&project, "[one]", "");
    let mut command = doctor(&project, &["pipeline.yaml", "--timeout", "1s"]);
    let run = run::to_end(&mut command).expect(1);
    run.says("no answer within 1s")
        .says("the policy permits the build")
        .says("is not looked at");
}
