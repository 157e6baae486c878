//! Faults of the network and of the services, one at a time, at each request of a whole run: the
//! run gets over those that pass, and whatever becomes of it, no tag names a wrong image or a part
//! of one. `cargo xtask faults` goes through all of them, the tests through a few.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::backend::Backend;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::proxy::{Fault, Proxy};
use crate::support::run::{self, Run};
use crate::support::{REGISTRY, aws};

/// Set where all faults are wanted.
const ALL: &str = "STEPYARD_TEST_ALL_FAULTS";
/// How many faults each kind of run sees otherwise.
const SAMPLE: usize = 4;
/// Runs at a time: most of one is waiting.
const PARALLEL: usize = 4;
const TAGS: [&str; 2] = ["one", "two"];

#[test]
fn an_engine_that_pushes_what_it_holds() {
    sweep(Work::Build(Engine::Docker20));
}

#[test]
fn an_engine_that_pushes_while_it_builds() {
    sweep(Work::Build(Engine::Containerd));
}

#[test]
fn an_image_that_is_copied() {
    sweep(Work::Copy);
}

#[test]
fn the_reason_of_a_further_attempt_is_told_once() {
    let backend = Backend::local_ecr(&[]);
    for (fault, reason) in [
        (Fault::Throttled, "throttled"),
        (Fault::ThrottledFor(1), "throttled"),
        (Fault::Status(503), "the answer is 503"),
    ] {
        let attempt = Attempt::new(Work::Build(Engine::Docker20), &backend, Some((0, fault)));
        let told = format!("ecr:GetAuthorizationToken: {reason}; trying again\n");
        let count = attempt.run.stdout.matches(&told).count();
        assert_eq!((attempt.run.code, count), (0, 1), "{}", attempt.run.stdout);
    }
}

/// Where not AWS answers but what stands before it, the status has to do.
#[test]
fn statuses_without_words_are_understood() {
    let backend = Backend::local_ecr(&[]);
    for (fault, told) in [
        (Fault::Throttled, "AWS asks for fewer requests"),
        (Fault::Status(503), "answers with a server error"),
    ] {
        let project = Project::new(&backend);
        project.dockerfile("LABEL words=none");
        project.pipeline("[one]", "");
        let proxy = Proxy::start(&backend.aws, move |_, _| Some(fault));
        project.reach(&Backend::at(&proxy.address, &proxy.address));
        project.run().expect(1).says(told);
        assert_eq!(proxy.requests(), ["POST /"; 4]);
    }
}

/// A name server may know the name soon.
#[test]
fn a_name_that_is_not_known_is_tried_again() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    project.dockerfile("LABEL host=unknown");
    project.pipeline("[one]", "");
    for (registry, aws, call) in [
        (
            backend.registry.as_str(),
            "absent.invalid:80",
            "ecr:GetAuthorizationToken: ",
        ),
        (
            "absent.invalid:80",
            backend.aws.as_str(),
            "HEAD 123456789012.",
        ),
    ] {
        project.reach(&Backend::at(registry, aws));
        let run = project.run().expect(1).says("absent.invalid");
        let told = run
            .stdout
            .lines()
            .filter(|line| line.ends_with("; trying again"));
        let told: Vec<&str> = told.collect();
        assert!(
            matches!(told[..], [line] if line.starts_with(call)),
            "{}",
            run.stdout
        );
    }
}

/// What is done through a bad line.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// A build, a push and a further tag.
    Build(Engine),
    /// A copy by digest to another repository, and a further tag.
    Copy,
}

impl Work {
    fn engine(self) -> Engine {
        match self {
            Self::Build(engine) => engine,
            Self::Copy => Engine::Docker20,
        }
    }

    /// The repository that is written, and the command that does it.
    fn prepare(self, project: &Project, backend: &Backend) -> (String, Command) {
        let repository = project.repository.clone();
        if matches!(self, Self::Build(_)) {
            project.pipeline(&format!("{TAGS:?}"), "");
            return (repository, project.run_command(&["pipeline.yaml"]));
        }
        project.pipeline("[source]", "");
        project.run().expect(0);
        let destination = format!("{repository}/copy");
        aws::create_repository(&backend.aws, &destination, "IMMUTABLE");
        let command = project.run_command(&[
            "promote-image",
            "--set=connectorRef=aws",
            &format!("--set=source={REGISTRY}/{repository}:source"),
            &format!("--set=destination={REGISTRY}/{destination}:{}", TAGS[0]),
            &format!("--set=tags={}", TAGS[1]),
        ]);
        (destination, command)
    }
}

/// A run of a project of its own whose requests go through a proxy.
struct Attempt {
    /// Keeps the image in the engine's cache.
    _project: Project,
    /// The repository.
    destination: String,
    proxy: Proxy,
    run: Run,
}

impl Attempt {
    fn new(work: Work, backend: &Backend, fault: Option<(usize, Fault)>) -> Self {
        // Where tags are immutable, an attempt whose answer was lost stands in the way of the next.
        let project = Project::with_immutable_tags(backend).built_by(work.engine());
        let proxy = Proxy::start(&backend.registry, move |index, _| {
            fault.filter(|(at, _)| *at == index).map(|(_, fault)| fault)
        });
        project.write(
            "workspace/Dockerfile",
            "FROM scratch\nCOPY greeting /greeting\n",
        );
        project.write("workspace/greeting", "hello through a bad line\n");
        let (destination, mut command) = work.prepare(&project, backend);
        project.reach(&Backend::at(&proxy.address, &proxy.address));
        let run = run::to_end(command.args(["--timeout", "15s"]));
        Self {
            destination,
            _project: project,
            proxy,
            run,
        }
    }

    /// What a fault at a request has led to, in a line.
    fn at(&self, index: usize, fault: Fault, what: &str) -> String {
        let request = self.proxy.requests().get(index).cloned();
        let request = request.unwrap_or_default();
        format!(
            "{fault:?} at request {index} ({request}): {}",
            what.trim_end()
        )
    }

    /// How the run ended, or what is wrong with that. `expected` is the digest of the image.
    fn verdict(&self, fault: Fault, backend: &Backend, expected: &str) -> Result<End, String> {
        let run = &self.run;
        let end = match run.code {
            0 => End::Succeeded,
            1 | 124 if !run.stderr.trim().is_empty() => End::Failed,
            code => return Err(format!("it ended with {code}: {}", run.stderr)),
        };
        if end == End::Failed && fault.must_be_overcome() {
            return Err(format!("it failed: {}", run.stderr));
        }
        for tag in TAGS {
            match backend.digest(&self.destination, tag) {
                Some(digest) if digest == expected => {
                    // Each part is read, and has its digest.
                    backend.image(&self.destination, tag);
                }
                Some(digest) => return Err(format!("{tag} names {digest}")),
                None if end == End::Succeeded => return Err(format!("{tag} names nothing")),
                None => {}
            }
        }
        if end == End::Succeeded && !run.stdout.contains(expected) {
            return Err(format!("another digest is told: {}", run.stdout));
        }
        Ok(end)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
}

fn sweep(work: Work) {
    let backend = Backend::local_ecr(&[]);
    // It stays until the end: with its image, an engine's cache may go.
    let whole = Attempt::new(work, &backend, None);
    assert_eq!(whole.run.code, 0, "{}", whole.run.stderr);
    let expected = backend.digest(&whole.destination, TAGS[0]).unwrap();
    let requests = whole.proxy.requests();
    let points = points(requests.len());
    let next = AtomicUsize::new(0);
    let ends = Mutex::new(Vec::new());
    let violations = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some((index, fault)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let attempt = Attempt::new(work, &backend, Some((*index, *fault)));
                    match attempt.verdict(*fault, &backend, &expected) {
                        Ok(end) => {
                            if end == End::Failed {
                                eprintln!("{}", attempt.at(*index, *fault, &attempt.run.stderr));
                            }
                            ends.lock().unwrap().push(end);
                        }
                        Err(problem) => {
                            let violation = attempt.at(*index, *fault, &problem);
                            violations.lock().unwrap().push(violation);
                        }
                    }
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    let violations = violations.into_inner().unwrap();
    let succeeded = ends.iter().filter(|end| **end == End::Succeeded).count();
    eprintln!(
        "{work:?}: {} faults at {} requests: {succeeded} runs succeeded, {} failed as they \
         should, {} are violations",
        points.len(),
        requests.len(),
        ends.len() - succeeded,
        violations.len()
    );
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Each fault at each request, or a few that are spread over both.
fn points(requests: usize) -> Vec<(usize, Fault)> {
    let all: Vec<(usize, Fault)> = (0..requests)
        .flat_map(|index| Fault::ALL.map(|fault| (index, fault)))
        .collect();
    if std::env::var_os(ALL).is_some() {
        return all;
    }
    // A step that is not a multiple of the number of faults meets all kinds.
    let step = (all.len() / SAMPLE) | 1;
    all.into_iter().step_by(step).take(SAMPLE).collect()
}
