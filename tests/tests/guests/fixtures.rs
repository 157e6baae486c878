//! Each package of `tests/guests` is run, and its user reads the text of its folder in
//! `tests/cases/guests`, whose `settings.json` are the settings (none is `{}`).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stepyard::document::render_plain;
use stepyard::{ComponentSource, Host, Limits, RunRequest, Workspace};
use stepyard_tests::expectation::{self, assert_expected};
use stepyard_tests::guests;

use stepyard_tests::transcript::Transcript;

const GROUP: &str = "guests";

/// Runs a fixture as its case says, and compares the text.
async fn check(name: &str, limits: Limits, timeout: Option<Duration>) {
    let workspace = workspace();
    let before = names(workspace.path());
    let text = run(name, limits, timeout, workspace.path()).await;
    assert_expected(GROUP, name, &text);
    assert_eq!(names(workspace.path()), before, "the workspace has changed");
}

async fn run(name: &str, limits: Limits, timeout: Option<Duration>, workspace: &Path) -> String {
    let host = Host::builder().limits(limits).build().unwrap();
    let source = ComponentSource::file(guests::component(name));
    let component = match host.load(source).await {
        Ok(component) => component,
        Err(error) => return render_plain(&error),
    };
    let transcript = Transcript::default();
    let mut request = RunRequest::new(settings(name))
        .workspace(Workspace::open(workspace).unwrap())
        .events(transcript.clone());
    if let Some(timeout) = timeout {
        request = request.timeout(timeout);
    }
    let text = transcript.with_result(&host.run(&component, request).await);
    // It changes with the compiler.
    text.replace(component.digest().as_str(), "sha256:…")
}

fn settings(name: &str) -> Value {
    let path = expectation::folder(GROUP, name).join("settings.json");
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => json!({}),
    }
}

/// What the fixtures try to read, to change and to leave.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(folder.path().join("inside"), "what is inside").unwrap();
    symlink("/etc/passwd", folder.path().join("absolute-link")).unwrap();
    symlink(
        "../../../../etc/passwd",
        folder.path().join("climbing-link"),
    )
    .unwrap();
    folder
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

macro_rules! fixtures {
    ($($test:ident $name:literal $limits:expr, $timeout:expr;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                check($name, $limits, $timeout).await;
            }
        )*

        #[test]
        fn every_fixture_has_a_case() {
            let mut packages = names(Path::new(guests::SOURCES));
            packages.retain(|name| {
                let is_package = Path::new(guests::SOURCES).join(name).join("Cargo.toml").is_file();
                is_package && !OF_OTHER_TESTS.contains(&name.as_str())
            });
            assert_eq!(packages, [$($name.to_owned()),*].into());
            assert_eq!(names(&expectation::folder(GROUP, "")), packages);
        }
    };
}

/// The fixtures of `tests/attacks`, and of the command's replays.
const OF_OTHER_TESTS: [&str; 8] = [
    "attack",
    "describe-calls-out",
    "describe-forges",
    "describe-loops",
    "describe-traps",
    "pushes-tag",
    "pushes-tag-fixed",
    "reads-surroundings",
];

fixtures! {
    allocates_forever "allocates-forever" Limits { memory: 32 << 20, ..Limits::default() }, None;
    calls_host "calls-host" Limits::default(), None;
    claims_image "claims-image" Limits::default(), None;
    echo_settings "echo-settings" Limits::default(), None;
    floods_log "floods-log" Limits { output: 2_500, ..Limits::default() }, None;
    floods_stdout "floods-stdout" Limits { output: 2_500, ..Limits::default() }, None;
    hello "hello" Limits::default(), None;
    hostile_push "hostile-push" Limits::default(), None;
    imports_unknown "imports-unknown" Limits::default(), None;
    logs_in "logs-in" Limits::default(), None;
    loops_forever "loops-forever" brief(), None;
    noop "noop" Limits::default(), None;
    opens_socket "opens-socket" Limits::default(), None;
    panics "panics" Limits::default(), None;
    plain_bindgen "plain-bindgen" Limits::default(), None;
    reads_environment "reads-environment" Limits::default(), None;
    reads_outside "reads-outside" Limits::default(), None;
    // It waits for longer than it may compute, and is stopped by the clock alone.
    sleeps "sleeps" brief(), Some(Duration::from_millis(700));
    uses_ecr "uses-ecr" Limits::default(), None;
    writes_workspace "writes-workspace" Limits::default(), None;
}

/// Little CPU time.
fn brief() -> Limits {
    Limits {
        cpu_time: Duration::from_millis(200),
        ..Limits::default()
    }
}
