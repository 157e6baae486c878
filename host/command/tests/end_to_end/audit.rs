//! The audit log of real runs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::process::{await_for, signal};
use crate::support::project::Project;
use crate::support::run::{self, Run, assert_no_secret};

const CONFIGURATION: &str = "[audit]\nfile = \"audit.jsonl\"\n";

fn project(backend: &Backend) -> Project {
    let project = Project::new(backend);
    project.configure(backend, CONFIGURATION);
    project.dockerfile("");
    project.pipeline("[one, two]", "");
    project
}

fn audit(project: &Project, arguments: &[&str]) -> Run {
    let mut command = project.command(&["audit"]);
    run::to_end(command.args(arguments))
}

/// The records of the log.
fn records(project: &Project) -> Vec<Value> {
    let text = project.read("audit.jsonl");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What follows `head ` in what a run printed.
fn head(run: &Run) -> String {
    let printed = run.stdout.split_once("head ").unwrap().1;
    printed.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_run_is_recorded_and_its_head_shows_that_nothing_is_missing() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    let first = head(&project.run().expect(0));
    let second = head(&project.run().expect(0));
    let heads = ["verify", "--head", &first, "--head", &second];
    audit(&project, &heads).expect(0).says("of 2 runs");

    let records = records(&project);
    let of = |record: &str, field: &str| -> Vec<String> {
        let found = records.iter().filter(|line| line["record"] == record);
        found.map(|line| line[field].to_string()).collect()
    };
    assert_eq!(of("intent", "decision").len(), of("outcome", "call").len());
    let started = &records[0];
    assert_eq!(started["component"]["name"], "build-push-ecr");
    assert_eq!(started["component"]["origin"], "built-in");
    let actions = of("intent", "accesses").join("\n");
    for expected in [
        "\"action\":\"login\"",
        "\"action\":\"build\"",
        "\"action\":\"push\"",
        "built-in.what-the-settings-name",
    ] {
        assert!(actions.contains(expected), "{expected} is not in {actions}");
    }
    assert_no_secret(project.read("audit.jsonl").as_bytes(), "the audit log");

    audit(&project, &["show"])
        .expect(0)
        .says("permitted push")
        .says("succeeded")
        .says(&first)
        .says(&second);
    audit(&project, &["show", "--denied"])
        .expect(0)
        .says_nothing_of("push");

    // The end is cut off: the log still holds, but not what a run has printed.
    let text = project.read("audit.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let (_, kept) = lines.split_last().unwrap();
    project.write("audit.jsonl", &format!("{}\n", kept.join("\n")));
    audit(&project, &["verify"]).expect(0);
    audit(&project, &heads)
        .expect(1)
        .says("its end was cut off");
}

#[test]
fn the_head_is_in_the_last_event() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    let mut command = project.run_command(&["pipeline.yaml", "--events", "ndjson"]);
    let run = run::to_end(&mut command).expect(0);
    let last: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "step-finished");
    let head = last["audit"].as_str().unwrap();
    audit(&project, &["verify", "--head", head]).expect(0);
}

#[test]
fn a_denied_call_is_recorded() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    project.write(
        "policy.cedar",
        "@id(\"nothing-is-pushed\")\nforbid (principal, action == Action::\"push\", resource);\n",
    );
    let tables = format!("{CONFIGURATION}[policy]\nfiles = [\"policy.cedar\"]\n");
    project.configure(&backend, &tables);
    let head = head(&project.run().expect(3));
    audit(&project, &["verify", "--head", &head]).expect(0);
    audit(&project, &["show", "--denied"])
        .expect(0)
        .says("denied    push")
        .says("by nothing-is-pushed (policy.cedar:1)");
}

#[test]
fn nothing_is_done_where_nothing_can_be_recorded() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    project.write("audit.jsonl", "notes\n");
    project
        .run()
        .expect(1)
        .says("audit.jsonl")
        .says("its last line cannot be continued");
    for tag in ["one", "two"] {
        assert_eq!(backend.digest(&project.repository, tag), None, "{tag}");
    }
}

#[test]
fn a_killed_run_leaves_its_intent_and_the_next_goes_on() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    let seconds = format!("614.{}", std::process::id());
    project.dockerfile(&format!("RUN sleep {seconds}"));
    let mut build = run::start(&mut project.run_command(&["pipeline.yaml"]));
    let log: PathBuf = project.path("audit.jsonl");
    await_for("the build is announced", Duration::from_secs(60), || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("\"action\":\"build\"").then_some(())
    });
    signal("KILL", build.id());
    build.wait().unwrap();
    project.dockerfile("");
    let head = head(&project.run().expect(0));
    audit(&project, &["verify", "--head", &head]).expect(0);
    audit(&project, &["show"]).expect(0).says("no outcome");
}

#[test]
fn runs_of_several_processes_make_one_chain() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    let both = [(); 2].map(|()| run::start(&mut project.run_command(&["pipeline.yaml"])));
    let heads = both.map(|child| head(&run::ended(child).expect(0)));
    let [first, second] = &heads;
    audit(&project, &["verify", "--head", first, "--head", second])
        .expect(0)
        .says("of 2 runs");
}

#[test]
fn a_log_in_the_workspace_is_refused_before_it_is_made() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend);
    project.configure(&backend, "[audit]\nfile = \"workspace/audit.jsonl\"\n");
    project
        .run()
        .expect(2)
        .says("(the audit log) is inside the workspace");
    assert!(!project.path("workspace/audit.jsonl").exists());
}
