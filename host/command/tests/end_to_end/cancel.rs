//! A build that ends early leaves no work behind in the engine.

use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::engine::Engine;
use crate::support::process::{await_for, runs, signal};
use crate::support::project::Project;
use crate::support::run;

/// How soon the engine's work must have ended.
const CLEAN_WITHIN: Duration = Duration::from_secs(5);
/// How long a build may take to reach its second instruction on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A build whose RUN sleeps for `seconds`, which no other process of this machine does.
struct SleepingBuild {
    seconds: String,
    _project: Project,
    _backend: Backend,
    run: Child,
}

impl SleepingBuild {
    /// Starts the build, with these arguments, and waits until it sleeps.
    fn start(engine: Engine, arguments: &[&str], timeout: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let backend = Backend::local_ecr(&[]);
        let project = Project::new(&backend).built_by(engine);
        let seconds = format!("613.{number}{}", std::process::id());
        project.dockerfile(&format!("RUN sleep {seconds}"));
        let step = project.step("build", "[one]", "");
        project.write(
            "pipeline.yaml",
            &step.replacen("  spec:", &format!("{timeout}  spec:"), 1),
        );
        let mut command = project.run_command(&["pipeline.yaml"]);
        let run = run::start(command.args(arguments));
        await_for("the build sleeps", START_WITHIN, || {
            runs(&["sleep", &seconds]).then_some(())
        });
        Self {
            seconds,
            _project: project,
            _backend: backend,
            run,
        }
    }

    /// Fails the test unless the process is gone soon.
    fn expect_clean(&self) {
        await_for("the build's process ends", CLEAN_WITHIN, || {
            (!runs(&["sleep", &self.seconds])).then_some(())
        });
    }
}

/// Sends a signal in the middle of the build and returns how it ended.
fn ended_by(name: &str, engine: Engine) -> run::Run {
    let build = SleepingBuild::start(engine, &[], "");
    signal(name, build.run.id());
    build.expect_clean();
    run::ended(build.run)
}

#[test]
fn a_timeout_of_the_step_stops_the_build() {
    let build = SleepingBuild::start(Engine::Docker20, &[], "  timeout: 10s\n");
    let pid = build.run.id();
    await_for("the command ends", START_WITHIN, || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        state.contains(") Z ").then_some(())
    });
    build.expect_clean();
    run::ended(build.run).expect(124).says("10s");
}

#[test]
fn a_timeout_of_the_command_line_stops_the_build() {
    let build = SleepingBuild::start(Engine::Docker20, &["--timeout", "10s"], "");
    let pid = build.run.id();
    await_for("the command ends", START_WITHIN, || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        state.contains(") Z ").then_some(())
    });
    build.expect_clean();
    run::ended(build.run).expect(124);
}

/// On every engine, which has ways of its own to end a build.
macro_rules! an_interrupt_stops_the_build {
    ($($engine:ident),+) => {
        mod an_interrupt_stops_the_build {$(
            #[test]
            fn $engine() {
                let run = super::ended_by("INT", super::Engine::$engine());
                run.expect(130).says("interrupted");
            }
        )+}
    };
}

an_interrupt_stops_the_build!(
    docker_20,
    classic,
    docker_26,
    containerd,
    buildkit,
    buildkit_tls
);

#[test]
fn the_last_event_of_an_interrupted_step_says_so() {
    let build = SleepingBuild::start(Engine::Docker20, &["--events", "ndjson"], "");
    signal("INT", build.run.id());
    build.expect_clean();
    let run = run::ended(build.run).expect(130);
    let events: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["event"], "step-finished");
    assert_eq!(last["status"], "interrupted");
}

#[test]
fn a_request_to_terminate_stops_the_build() {
    ended_by("TERM", Engine::Docker20)
        .expect(130)
        .says("interrupted");
}

#[test]
fn a_killed_command_stops_the_build() {
    ended_by("KILL", Engine::Docker20).expect(-1);
}
