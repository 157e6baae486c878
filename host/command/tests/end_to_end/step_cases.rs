//! `stepyard test`: components against the cases of their projects.

use std::path::PathBuf;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::service;

fn guest(name: &str) -> String {
    let guests = PathBuf::from(service("STEPYARD_TEST_GUESTS"));
    guests.join(name).display().to_string()
}

fn test(project: &Project, component: &str, arguments: &[&str]) -> Run {
    let mut command = project.command(&["test", "--component", &guest(component)]);
    run::to_end(command.args(arguments))
}

#[test]
fn an_expectation_is_written_and_then_holds() {
    let project = Project::new(&Backend::local_ecr(&[]));
    project.write("cases/greets/settings.yaml", "name: Ada\n");
    test(&project, "hello.wasm", &[])
        .expect(2)
        .says("./cases/greets/expected.yaml is not there")
        .says("stepyard test --update");
    let update = || test(&project, "hello.wasm", &["--update"]).expect(0);
    update().says("greets  updated");
    update().says("greets  ok");
    test(&project, "hello.wasm", &[])
        .expect(0)
        .says("1 passed, 0 failed");

    project.write("cases/greets/settings.yaml", "name: Bob\n");
    project.write("cases/another/settings.yaml", "name: Eve\n");
    project.write(
        "cases/another/expected.yaml",
        "status: succeeded\noutputs: {greeted: Eve}\n",
    );
    test(&project, "hello.wasm", &[])
        .expect(1)
        .says("another  ok")
        .says("outputs.greeted\n    - \"Ada\"\n    + \"Bob\"")
        .says("log\n    - Hello, Ada!\n      Hello, Bob!")
        .says("1 passed, 1 failed");
    test(&project, "hello.wasm", &["--case", "another"])
        .expect(0)
        .says("1 passed, 0 failed");
    test(&project, "hello.wasm", &["--case", "none"])
        .expect(2)
        .says("the cases are another, greets");
}

#[test]
fn calls_are_answered_and_compared() {
    let project = Project::new(&Backend::local_ecr(&[]));
    project.write("cases/logs-in/settings.yaml", "times: 2\ntext: \"\"\n");
    let login = |connector: &str| {
        format!(
            "- call: auth.login\n  arguments: {{connector: {connector}, registry: registry.test}}\n"
        )
    };
    let answer = "  answer: {registry: registry.test}\n";
    let calls = |text: &str| project.write("cases/logs-in/calls.yaml", text);
    project.write("cases/logs-in/expected.yaml", "status: succeeded\n");

    calls(&format!("{}{answer}", login("another")));
    test(&project, "logs-in.wasm", &[])
        .expect(1)
        .says("call 1, auth.login, has other arguments than ./cases/logs-in/calls.yaml says");
    test(&project, "logs-in.wasm", &["--update"])
        .expect(1)
        .says("call 2 is one more than ./cases/logs-in/calls.yaml has")
        .says("no answer is known: add the call and its answer");
    calls(&format!("{0}{answer}{0}{answer}", login("another")));
    test(&project, "logs-in.wasm", &["--update"])
        .expect(0)
        .says("updated");
    test(&project, "logs-in.wasm", &[])
        .expect(0)
        .says("1 passed");

    // An error is an answer too.
    calls(&format!(
        "{}  error: {{kind: forbidden, message: no}}\n",
        login("another")
    ));
    test(&project, "logs-in.wasm", &["--update"])
        .expect(0)
        .says("updated");
    let expected = project.read("cases/logs-in/expected.yaml");
    assert!(
        expected.contains("kind: forbidden") && expected.contains("message:"),
        "{expected}"
    );
}

#[test]
fn a_faulty_case_is_told_with_its_line() {
    let project = Project::new(&Backend::local_ecr(&[]));
    project.write("cases/faulty/settings.yaml", "name: Ada\n");
    project.write(
        "cases/faulty/calls.yaml",
        "- call: a\n- call: b\n  answers: 1\n",
    );
    test(&project, "hello.wasm", &[])
        .expect(2)
        .says("calls.yaml:2:3")
        .says("unknown field `answers`");
    project.write(
        "cases/faulty/calls.yaml",
        "- call: a\n  answer: 1\n  error: {kind: denied, message: no}\n",
    );
    test(&project, "hello.wasm", &[])
        .expect(2)
        .says("has an answer and an error");
    project.write("cases/faulty/calls.yaml", "");
    project.write("cases/faulty/expected.yaml", "status: perhaps\n");
    test(&project, "hello.wasm", &[])
        .expect(2)
        .says("unknown variant `perhaps`");
}
