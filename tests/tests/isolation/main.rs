//! Runs side by side, and runs that are cut off.

mod thousand;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde_json::{Value, json};
use stepyard::auth::{Authenticator, Credential, Login};
use stepyard::build::{Build, BuildEngine, BuiltImage, Feature, InspectEngine, Push};
use stepyard::event::{EventKind, Reporter, channel};
use stepyard::policy::{Authorized, Decision, Policy, Question};
use stepyard::{CapabilityError, Component, ComponentSource, Host, RunRequest, Workspace};
use stepyard_grammar::Digest;
use stepyard_tests::guests;
use tempfile::TempDir;
use tokio::sync::{Mutex, Notify};

/// Where the runs of this program put their scratch folders. A test holds the lock while it runs,
/// so that it sees its own alone.
static SCRATCH: LazyLock<Mutex<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    tempfile::env::override_temp_dir(folder.path()).unwrap();
    Mutex::new(folder)
});

async fn load(host: &Host, name: &str) -> Component {
    let source = ComponentSource::file(guests::component(name));
    host.load(source).await.unwrap()
}

async fn assert_usable(host: &Host) {
    let hello = load(host, "hello").await;
    let request = RunRequest::new(json!({"name": "world"}));
    let outcome = host.run(&hello, request).await.unwrap();
    assert_eq!(
        outcome.outputs,
        [("greeted".to_owned(), "world".to_owned())]
    );
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_runs_at_once_see_only_their_own_settings() {
    let scratch = SCRATCH.lock().await;
    let host = Host::builder().build().unwrap();
    let component = load(&host, "echo-settings").await;
    let start = |number| {
        let (host, component) = (host.clone(), component.clone());
        tokio::spawn(async move {
            let settings = json!({"number": number, "secret": format!("only-{number}-knows")});
            let (sink, mut events) = channel();
            let request = RunRequest::new(settings.clone())
                .step(format!("run-{number}"))
                .events(sink);
            let outcome = host.run(&component, request).await.unwrap();
            let echoed: Value = serde_json::from_str(&outcome.outputs[0].1).unwrap();
            assert_eq!(echoed, settings);
            while let Ok(event) = events.try_recv() {
                assert_eq!(*event.step, *format!("run-{number}"));
                if let EventKind::Log { message, .. } = event.kind {
                    let logged: Value = serde_json::from_str(&message).unwrap();
                    assert_eq!(logged, settings);
                }
            }
        })
    };
    let runs: Vec<_> = (0..200).map(start).collect();
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!(entries(scratch.path()), 0);
}

#[tokio::test]
async fn a_run_that_is_dropped_while_it_waits_leaves_nothing() {
    let scratch = SCRATCH.lock().await;
    let host = Host::builder().build().unwrap();
    let component = load(&host, "sleeps").await;
    let (sink, mut events) = channel();
    let request = RunRequest::new(json!({})).events(sink);
    let logged = async {
        while let Some(event) = events.recv().await {
            if matches!(event.kind, EventKind::Log { .. }) {
                break;
            }
        }
        assert_eq!(entries(scratch.path()), 1);
    };
    tokio::select! {
        result = host.run(&component, request) => panic!("the step returned {result:?}"),
        () = logged => {}
    }
    assert_eq!(entries(scratch.path()), 0);
    assert_usable(&host).await;
}

/// An engine whose builds never end, which tells when one begins and when one is dropped.
#[derive(Clone, Default)]
struct EndlessEngine {
    begun: Arc<Notify>,
    dropped: Arc<Notify>,
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl BuildEngine for EndlessEngine {
    fn name(&self) -> &'static str {
        "endless"
    }

    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok(self.name().to_owned())
    }

    async fn supports(&self, _: Feature) -> bool {
        false
    }

    async fn build(
        &self,
        _: Authorized<Build>,
        _: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let _work = NotifyOnDrop(self.dropped.clone());
        self.begun.notify_one();
        std::future::pending().await
    }

    async fn push(&self, _: Authorized<Push>, _: &Reporter) -> Result<Digest, CapabilityError> {
        Err(CapabilityError::unsupported("nothing is ever built"))
    }
}

struct Anonymous;

#[async_trait]
impl Authenticator for Anonymous {
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let registry = call.into_call().registry.unwrap();
        Ok(Credential::anonymous(registry))
    }
}

struct PermitAll;

impl Policy for PermitAll {
    fn decide(&self, _: &Question<'_>) -> Decision {
        Decision::permit("permit-all")
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_stops_the_work_of_its_engine() {
    let scratch = SCRATCH.lock().await;
    let engine = EndlessEngine::default();
    let host = Host::builder()
        .engine(engine.clone())
        .authenticator(Anonymous)
        .policy(PermitAll)
        .build()
        .unwrap();
    let component = load(&host, "hostile-push").await;
    let workspace = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let request = RunRequest::new(json!({})).workspace(Workspace::open(workspace.path()).unwrap());
    tokio::select! {
        result = host.run(&component, request) => panic!("the step returned {result:?}"),
        () = engine.begun.notified() => {}
    }
    engine.dropped.notified().await;
    assert_eq!(entries(scratch.path()), 0);
    assert_usable(&host).await;
}

#[tokio::test]
async fn builds_beyond_the_limit_wait_and_give_their_turn_back() {
    let _scratch = SCRATCH.lock().await;
    let engine = EndlessEngine::default();
    let host = Host::builder()
        .engine(engine.clone())
        .authenticator(Anonymous)
        .policy(PermitAll)
        .concurrent_builds(1)
        .build()
        .unwrap();
    let component = load(&host, "hostile-push").await;
    let workspace = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let start = || {
        let (sink, events) = channel();
        let request = RunRequest::new(json!({}))
            .workspace(Workspace::open(workspace.path()).unwrap())
            .events(sink);
        let (host, component) = (host.clone(), component.clone());
        let run = tokio::spawn(async move { host.run(&component, request).await });
        (run, events)
    };
    let (first, _events) = start();
    engine.begun.notified().await;
    // It waits, is given up, and is in nobody's way.
    for _ in 0..2 {
        let (waiting, mut events) = start();
        while let Some(event) = events.recv().await {
            if let EventKind::Log { message, .. } = event.kind
                && message.starts_with("waiting: ")
            {
                break;
            }
        }
        waiting.abort();
    }
    let (second, _events) = start();
    first.abort();
    engine.dropped.notified().await;
    engine.begun.notified().await;
    second.abort();
    engine.dropped.notified().await;
    assert_usable(&host).await;
}
