//! The command line: help, exit codes, wrong input.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::process::signal;
use crate::support::project::Project;
use crate::support::{REGION, REGISTRY, run, service};

/// A project for runs that never reach a backend.
fn offline() -> Project {
    Project::without_repository(&Backend::at("127.0.0.1:1", "127.0.0.1:1"))
}

#[test]
fn each_command_has_a_help() {
    let project = offline();
    for (arguments, text) in [
        (vec!["--help"], "124  a time limit was reached"),
        (vec!["run", "--help"], "--timeout <TIME>"),
        (vec!["check", "--help"], "--connectors <FILE>"),
        (vec!["inspect", "--help"], "--json"),
        (vec!["local-ecr", "--help"], "--throttle <ACTION=N>"),
    ] {
        let run = run::to_end(&mut project.command(&arguments)).expect(0);
        assert!(run.stdout.contains(text), "{arguments:?}: {}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_wrong() {
    let project = offline();
    project.write(
        "two.yaml",
        &format!(
            "steps:\n- {}- {}",
            "step: {type: BuildAndPushECR, name: first, spec: {}}\n",
            "step: {type: BuildAndPushECR, name: second, spec: {}}\n"
        ),
    );
    let cases: [(&[&str], &str); 14] = [
        (&[], "Usage: stepyard <COMMAND>"),
        (&["bild"], "unrecognized subcommand 'bild'"),
        (&["run"], "nothing to run is named\n  name a file, "),
        (
            &["run", "--tiemout", "1s"],
            "a similar argument exists: '--timeout'",
        ),
        (
            &["run", "x.yaml", "--timeout", "soon"],
            "invalid value 'soon' for '--timeout <TIME>'",
        ),
        (
            &["run", "x.yaml", "--digest", "sha256:0"],
            "invalid value 'sha256:0'",
        ),
        (
            &["run", "absent.yaml"],
            "absent.yaml cannot be read: No such file or directory",
        ),
        (
            &["run", "build-and-push"],
            "build-and-push is neither a file nor a built-in or pinned step\n  these have names: build-push-ecr, ecr-scan-gate, promote-image\n",
        ),
        (
            &["run", "build-push-ecr", "--set", "tags"],
            "--set tags: there is no =\n  write --set NAME=VALUE\n",
        ),
        (
            &["run", "build-push-ecr", "--set", "imageNam=x"],
            "--set imageNam: the step has no setting imageNam\n  its settings are account, ",
        ),
        (
            &[
                "run",
                "build-push-ecr",
                "--set",
                "region=a",
                "--set",
                "region=b",
            ],
            "--set region: it is given a second time\n",
        ),
        (
            &["run", "two.yaml", "--set", "a=b"],
            "--set a=b goes with a built-in step or --component, not with a file\n",
        ),
        (
            &["run", "two.yaml", "--step", "frist"],
            "there is no step frist\n  the steps are first, second\n",
        ),
        (&["inspect", "absent.wasm"], "absent.wasm"),
    ];
    for (arguments, text) in cases {
        let run = run::to_end(&mut project.command(arguments)).expect(2);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_good_file_is_checked_in_one_line_without_acting() {
    let project = offline();
    project.pipeline("[one]", "");
    let arguments = ["check", "pipeline.yaml", "--connectors", "connectors.yaml"];
    let run = run::to_end(&mut project.command(&arguments)).expect(0);
    assert_eq!(run.stdout, "1 step checked, nothing wrong\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_home_that_cannot_be_written_is_no_reason_to_fail() {
    let project = offline();
    project.pipeline("[one]", "");
    let arguments = ["check", "pipeline.yaml", "--connectors", "connectors.yaml"];
    let mut command = project.command(&arguments);
    command.env_remove("XDG_CACHE_HOME").env("HOME", "/proc");
    run::to_end(&mut command).expect(0);
}

/// `check` and `run` say the same of a wrong file, and where.
#[test]
fn wrong_files_are_answered_with_line_and_column() {
    let project = offline();
    let good = project.step("build", "[one]", "");
    let cases = [
        (
            good.replace("imageName:", "imagName:"),
            "pipeline.yaml:9:15: step.spec.imagName: no such setting; expected one of ",
        ),
        (
            good.replace("tags: [one]", "tags: [-one]"),
            "pipeline.yaml:10:12: step.spec.tags[0]",
        ),
        (
            good.replace("connectorRef: aws", "connectorRef: aws2"),
            "pipeline.yaml:6:19: step.spec.connectorRef: there is no connector aws2",
        ),
        (
            format!("{good}    labels: {{a: <+pipeline.sequenceID>}}\n"),
            "pipeline.yaml:11:",
        ),
        ("step: [\n".to_owned(), "pipeline.yaml:"),
    ];
    for (text, expected) in cases {
        project.write("pipeline.yaml", &text);
        for command in ["check", "run"] {
            let arguments = [command, "pipeline.yaml", "--connectors", "connectors.yaml"];
            let run = run::to_end(&mut project.command(&arguments)).expect(2);
            assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
            assert_eq!(run.stdout, "");
        }
    }
}

#[test]
fn a_wrong_configuration_is_answered_with_line_and_column() {
    let project = offline();
    project.pipeline("[one]", "");
    project.write("stepyard.toml", "[docker]\nhots = \"unix:///x\"\n");
    let run = run::to_end(&mut project.command(&["check", "pipeline.yaml"])).expect(2);
    assert!(run.stderr.contains("stepyard.toml:2:1: "), "{}", run.stderr);
}

#[test]
fn a_stage_for_a_cluster_needs_an_engine_that_the_operator_names() {
    let project = offline();
    let promote = "step:\n  type: PromoteImage\n  name: promote\n  spec:\n    \
                   connectorRef: aws\n    source: r.test/a:1\n    destination: r.test/b:1\n";
    let build = project.step("build", "[one]", "");
    let check = |infrastructure: &str, step: &str| {
        let step = step.replace('\n', "\n            ");
        project.write(
            "pipeline.yaml",
            &format!(
                "pipeline:\n  stages:\n  - stage:\n      spec:\n        \
                 infrastructure: {{type: {infrastructure}}}\n        \
                 execution:\n          steps:\n          - {step}\n"
            ),
        );
        let arguments = ["check", "pipeline.yaml", "--connectors", "connectors.yaml"];
        run::to_end(&mut project.command(&arguments))
    };
    for infrastructure in ["VM", "Docker"] {
        check(infrastructure, &build).expect(0);
    }
    check("KubernetesDirect", promote).expect(0);
    let refused = check("KubernetesDirect", &build).expect(2);
    let expected = "no engine builds in a cluster\n  set infrastructure.type to Docker or VM";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    let configuration = project.read("stepyard.toml");
    for engine in ["docker", "buildkit"] {
        let named = format!("{configuration}\n[build]\nengine = \"{engine}\"\n");
        project.write("stepyard.toml", &named);
        check("KubernetesDirect", &build).expect(0);
    }
}

#[test]
fn a_component_without_rights_is_denied() {
    let project = offline();
    let guest = Path::new(&service("STEPYARD_TEST_GUESTS")).join("hostile-push.wasm");
    assert!(
        guest.is_file(),
        "{} is not there: run `cargo xtask fixtures`",
        guest.display()
    );
    let guest = guest.display().to_string();
    run::to_end(&mut project.run_command(&["--component", &guest]))
        .expect(3)
        .says("denied: ");
}

#[test]
fn a_component_of_another_digest_is_not_run() {
    let project = offline();
    let guest = Path::new(&service("STEPYARD_TEST_GUESTS")).join("hello.wasm");
    let guest = guest.display().to_string();
    let digest = format!("sha256:{}", "0".repeat(64));
    let arguments = ["--component", guest.as_str(), "--digest", &digest];
    run::to_end(&mut project.run_command(&arguments))
        .expect(2)
        .says(&digest);
}

#[test]
fn inspect_shows_what_a_built_in_step_is() {
    let project = offline();
    for step in ["build-push-ecr", "promote-image"] {
        let run = run::to_end(&mut project.command(&["inspect", step, "--json"])).expect(0);
        let shown: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(shown["name"], step);
        assert_eq!(shown["built-in"], true);
        assert!(shown["settings-schema"]["properties"].is_object());
        let imports = shown["imports"].as_array().unwrap();
        let sockets = imports
            .iter()
            .any(|import| import["interface"].as_str().unwrap().contains("sockets"));
        assert!(!sockets, "{imports:?}");
        let text = run::to_end(&mut project.command(&["inspect", step])).expect(0);
        let digest = shown["digest"].as_str().unwrap();
        assert!(
            text.stdout.starts_with(&format!("{step} ")),
            "{}",
            text.stdout
        );
        assert!(text.stdout.contains(digest), "{}", text.stdout);
    }
}

/// Its printed lines point the AWS command at it, and SIGTERM ends it.
#[test]
fn local_ecr_serves_the_aws_command_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_stepyard"))
        .args(["local-ecr", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut variables = Vec::new();
    for _ in 0..5 {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let assignment = line.trim_end().strip_prefix("export ").unwrap();
        let (name, value) = assignment.split_once('=').unwrap();
        variables.push((name.to_owned(), value.to_owned()));
    }
    let aws = |arguments: &[&str]| {
        let output = Command::new(service("STEPYARD_TEST_AWS"))
            .args(arguments)
            .env("HOME", folder.path())
            .envs(variables.iter().cloned())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    };
    let created = aws(&["ecr", "create-repository", "--repository-name", "team/app"]);
    let created: Value = serde_json::from_str(&created).unwrap();
    assert_eq!(
        created["repository"]["repositoryUri"],
        format!("{REGISTRY}/team/app")
    );
    let region = variables.iter().find(|(name, _)| name == "AWS_REGION");
    assert_eq!(region.unwrap().1, REGION);
    assert!(!aws(&["ecr", "get-login-password"]).trim().is_empty());

    signal("TERM", server.id());
    let output = server.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
