//! Dry runs, and the policies that are made of them and decide on real runs.

use std::path::PathBuf;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::run::{self, Run};
use crate::support::{REGISTRY, service};

/// `stepyard policy SUBCOMMAND ARGUMENTS` with the project's files.
fn policy(project: &Project, subcommand: &str, arguments: &[&str]) -> Run {
    let mut command = project.command(&["policy", subcommand]);
    command
        .args(arguments)
        .args(["--connectors", "connectors.yaml"])
        .args(["--workspace", "workspace"]);
    run::to_end(&mut command)
}

/// A pipeline of a build and of a promotion of what it pushes.
fn build_and_promote(project: &Project) {
    project.dockerfile("COPY file /file");
    project.write("workspace/file", "content");
    let promote = format!(
        "step:\n  type: PromoteImage\n  name: promote\n  identifier: promote\n  spec:\n\
         \x20   connectorRef: aws\n    source: {REGISTRY}/{repository}:1.0\n\
         \x20   destination: {REGISTRY}/{repository}:stable\n",
        repository = project.repository
    );
    project.steps(&[project.step("build", "[\"1.0\", latest]", ""), promote]);
}

#[test]
fn a_dry_run_changes_nothing_and_leaves_no_files_for_the_agent() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    build_and_promote(&project);
    let mut command = project.run_command(&["pipeline.yaml", "--dry-run"]);
    command
        .env("PLUGIN_ARTIFACT_FILE", project.path("artifacts.json"))
        .env("DRONE_OUTPUT", project.path("outputs"));
    let run = run::to_end(&mut command).expect(0);
    let run = run
        .says("dry run: build on the build engine is not done")
        .says(&format!(
            "dry run: push on {REGISTRY}/{}:1.0 is not done",
            project.repository
        ))
        .says(&format!(
            "dry run: tag on {REGISTRY}/{}:latest is not done",
            project.repository
        ));
    run.says(&format!(
        "dry run: copy on {REGISTRY}/{}:stable is not done",
        project.repository
    ));
    for tag in ["1.0", "latest", "stable"] {
        assert_eq!(backend.digest(&project.repository, tag), None, "{tag}");
    }
    assert!(!project.path("artifacts.json").exists());
    assert!(!project.path("outputs").exists());
}

#[test]
fn a_dry_run_sees_what_it_would_have_made() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::without_repository(&backend);
    project.dockerfile("");
    project.pipeline("[one, two]", "createRepository: true");
    run::to_end(&mut project.run_command(&["pipeline.yaml", "--dry-run"]))
        .expect(0)
        .says("create-repository on");
    // It is still not there.
    project.pipeline("[one, two]", "");
    run::to_end(&mut project.run_command(&["pipeline.yaml", "--dry-run"])).expect(1);
}

#[test]
fn a_generated_policy_permits_the_run_and_nothing_else() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    build_and_promote(&project);
    let init = policy(
        &project,
        "init",
        &["pipeline.yaml", "--output", "policy.cedar"],
    );
    init.expect(0);
    let text = project.read("policy.cedar");
    for expected in [
        "principal == Step::\"build-push-ecr\"",
        "principal == Step::\"promote-image\"",
        "resource == Connector::\"aws\"",
        "resource == Path::\".\"",
        "[\"1.0\", \"latest\"].contains(context.tag)",
        "[\"stable\"].contains(context.tag)",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let only_the_file = "[policy]\nfiles = [\"policy.cedar\"]\nbuilt-in = false\n";
    project.configure(&backend, only_the_file);
    run::to_end(&mut project.command(&["policy", "check"])).expect(0);
    policy(&project, "explain", &["pipeline.yaml"])
        .expect(0)
        .says("build-push-ecr.write (policy.cedar:");
    project.run().expect(0);
    assert!(backend.digest(&project.repository, "stable").is_some());

    // Another tag is none that the dry run has written.
    project.pipeline("[\"1.1\"]", "");
    project
        .run()
        .expect(3)
        .says("denied: push on")
        .says("no rule permits it");
    policy(&project, "explain", &["pipeline.yaml"])
        .expect(3)
        .says("deny    push")
        .says("permit (");
    assert_eq!(backend.digest(&project.repository, "1.1"), None);
}

#[test]
fn each_line_of_a_generated_policy_is_needed() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    build_and_promote(&project);
    let text = policy(&project, "init", &["pipeline.yaml"])
        .expect(0)
        .stdout;
    let only_the_file = "[policy]\nfiles = [\"policy.cedar\"]\nbuilt-in = false\n";
    project.configure(&backend, only_the_file);
    let rules: Vec<&str> = text.split_inclusive(";\n").collect();
    assert!(rules.len() > 6, "{text}");
    for left_out in 0..rules.len() {
        let rest: Vec<&str> = rules
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != left_out)
            .map(|(_, rule)| *rule)
            .collect();
        project.write("policy.cedar", &rest.concat());
        policy(&project, "explain", &["pipeline.yaml"]).expect(3);
    }
    project.write("policy.cedar", &text);
    policy(&project, "explain", &["pipeline.yaml"]).expect(0);
}

#[test]
fn a_rule_of_the_operator_forbids_what_the_settings_name() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one, latest]", "");
    let rules = "@id(\"no-latest\")\n@reason(\"latest does not say what is deployed\")\n\
                 @ask(\"write to #platform\")\n\
                 forbid (principal, action in Action::\"write-images\", resource)\n\
                 when { context has tag && context.tag == \"latest\" };\n";
    project.write("policy.cedar", rules);
    project.configure(&backend, "[policy]\nfiles = [\"policy.cedar\"]\n");
    project
        .run()
        .expect(3)
        .says("latest does not say what is deployed")
        .says("write to #platform (rule no-latest (policy.cedar:1))");
    assert!(backend.digest(&project.repository, "one").is_some());
    assert_eq!(backend.digest(&project.repository, "latest"), None);

    let observing = "[policy]\nfiles = [\"policy.cedar\"]\nmode = \"observe\"\n";
    project.configure(&backend, observing);
    project
        .run()
        .expect(0)
        .says("would be denied: tag")
        .says("1 call");
    assert!(backend.digest(&project.repository, "latest").is_some());
}

#[test]
fn a_rule_asks_whether_a_tag_exists() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL version=1");
    project.pipeline("[one]", "");
    let rules = "@id(\"tags-stay\")\nforbid (principal, action in Action::\"write-images\", resource)\n\
                 when { context has tagExists && context.tagExists };\n";
    project.write("policy.cedar", rules);
    project.configure(&backend, "[policy]\nfiles = [\"policy.cedar\"]\n");
    project.run().expect(0);
    let first = backend.digest(&project.repository, "one");
    project.dockerfile("LABEL version=2");
    project.run().expect(3).says("rule tags-stay");
    assert_eq!(backend.digest(&project.repository, "one"), first);
}

#[test]
fn rules_know_the_branch_and_the_pipeline() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("");
    project.pipeline("[one]", "");
    let rules = "@id(\"main-only\")\nforbid (principal, action == Action::\"push\", resource)\n\
                 unless { context has branch && context.branch == \"main\" };\n";
    project.write("policy.cedar", rules);
    let run = |branch: &[&str]| {
        let mut command = project.run_command(&["pipeline.yaml", "--policy", "policy.cedar"]);
        run::to_end(command.args(branch))
    };
    run(&[]).expect(3);
    run(&["--branch", "feature"]).expect(3).says("main-only");
    run(&["--branch", "main"]).expect(0);
}

#[test]
fn a_stranger_is_told_the_rule_and_the_command_that_adds_it() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let component = component("hostile-push");
    let run = || {
        let mut command = project.run_command(&["--component", &component]);
        command.args(["--policy", "policy.cedar"]);
        run::to_end(&mut command)
    };
    project.write("policy.cedar", "");
    let denied = run().expect(3);
    let denied = denied
        .says("no rule permits the component hostile-push.wasm what it imports")
        .says("permit (");
    // The command is the last line of the hint.
    let line = denied
        .stderr
        .lines()
        .find(|line| line.contains("stepyard policy add"))
        .unwrap();
    let command = line.trim().strip_suffix(" adds it").unwrap();
    let stepyard = env!("CARGO_BIN_EXE_stepyard");
    let command = command.replacen("stepyard", stepyard, 1);
    let shell = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(project.path("."))
        .status();
    assert!(shell.unwrap().success(), "{command}");
    assert!(project.read("policy.cedar").contains("Action::\"login\""));
    // What was denied is permitted now, and fails at what it asks for.
    run().expect(1).says("there is no connector aws_local");
}

#[test]
fn a_component_is_granted_its_imports_by_a_person_and_not_in_ci() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let component = component("hostile-push");
    let run = |ci: Option<&str>| {
        let mut command = project.run_command(&["--component", &component, "--allow-imports"]);
        if let Some(ci) = ci {
            command.env("CI", ci);
        }
        run::to_end(&mut command)
    };
    run(Some("true"))
        .expect(2)
        .says("refused where the variable CI is set");
    let granted = run(None);
    assert_ne!(granted.code, 3, "{}", granted.stderr);
    assert_ne!(granted.code, 2, "{}", granted.stderr);
}

#[test]
fn wrong_rules_are_told_with_their_place() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.write(
        "policy.cedar",
        "permit (principal, action == Action::\"push\", resource)\nwhen { context.tga == \"1\" };\n",
    );
    run::to_end(&mut project.command(&["policy", "check", "policy.cedar"]))
        .expect(2)
        .says("policy.cedar:2:")
        .says("tga")
        .says("stepyard policy schema");
    project.configure(&backend, "[policy]\nfiles = [\"policy.cedar\"]\n");
    project.dockerfile("");
    project.pipeline("[one]", "");
    project.run().expect(2).says("policy.cedar:2:");
    let schema = run::to_end(&mut project.command(&["policy", "schema"])).expect(0);
    assert!(
        schema.stdout.contains("action \"push\""),
        "{}",
        schema.stdout
    );
}

#[test]
fn a_component_gives_no_commands_to_a_ci_system() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.configure(&backend, "[audit]\nfile = \"audit.jsonl\"\n");
    let attack = component("attack");
    for (attack_name, setting, text) in [
        ("log", "text", "::set-output name=a::b"),
        ("log", "text", "one\n::add-mask::x"),
        ("log", "text", "##vso[task.setvariable variable=a]b"),
        ("log", "text", "###vso[task.setvariable variable=a]b"),
        ("panic", "text", "\n::error::x"),
        ("begin-phase", "text", "x ##teamcity[message]"),
        ("return-error", "text", "x\n::error::x\n####[error]x"),
        (
            "return-output",
            "text",
            "###vso[task.setvariable variable=a]b",
        ),
        ("login", "connector", "###vso[task.setvariable variable=a]b"),
    ] {
        for events in [&[][..], &["--events", "ndjson"]] {
            let mut command = project.run_command(&["--component", &attack]);
            let text_setting = format!("{setting}={text}");
            command.args(["--set", &format!("attack={attack_name}")]);
            command.args(["--set", "name=a", "--set", &text_setting]);
            command.args(events);
            let run = run::to_end(&mut command);
            assert_no_commands(&run);
            run.says_nothing_of("there is no attack");
        }
    }
    for arguments in [
        &["audit", "show"][..],
        &["audit", "show", "--format", "json"],
    ] {
        let shown = run::to_end(&mut project.command(arguments)).expect(0);
        assert_no_commands(&shown);
        shown.says("vso[task");
    }
}

#[test]
fn a_component_that_is_looked_at_gives_no_commands_to_a_ci_system() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    let forges = component("describe-forges");
    for arguments in [&["inspect", &forges][..], &["inspect", "--json", &forges]] {
        let run = run::to_end(&mut project.command(arguments)).expect(0);
        assert_no_commands(&run);
        run.says("vso[task");
    }
    let mut command = project.run_command(&["--component", &forges]);
    let run = run::to_end(&mut command).expect(0);
    assert_no_commands(&run);
    run.says("vso[task");
}

/// Fails the test if a line of the outputs is a command of a CI system, or holds an escape sequence.
#[track_caller]
fn assert_no_commands(run: &run::Run) {
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        let is_command = line.trim_start().starts_with("::") || line.contains("##");
        assert!(!is_command && !line.contains('\u{1b}'), "{line}");
    }
}

/// A compiled fixture.
fn component(name: &str) -> String {
    let path = PathBuf::from(service("STEPYARD_TEST_GUESTS")).join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there", path.display());
    path.to_string_lossy().into_owned()
}
