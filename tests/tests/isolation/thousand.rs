//! A thousand runs in one process, all of them in the middle of a call at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::*;

const RUNS: usize = 1_000;

/// How many components a process holds at once.
const ROOMS: usize = 2_000;

/// What one waiting run may cost, in bytes.
const MOST_PER_RUN: usize = 1 << 20;

/// Lets nobody in until it is told to.
#[derive(Clone)]
struct Door {
    /// How many must wait before it tells.
    expected: usize,
    waiting: Arc<AtomicUsize>,
    arrived: Arc<Notify>,
    open: watch::Receiver<bool>,
}

#[async_trait]
impl Authenticator for Door {
    async fn login(&self, _: Authorized<Login>) -> Result<Credential, CapabilityError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) + 1 == self.expected {
            self.arrived.notify_one();
        }
        let mut open = self.open.clone();
        open.wait_for(|open| *open).await.unwrap();
        Ok(Credential::anonymous(
            stepyard_grammar::RegistryHost::parse("registry.test").unwrap(),
        ))
    }
}

/// The memory of this process that is not in other processes too, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() << 10
}

/// Starts the runs, and returns once `expected` of them wait in the middle of a call; what opens the
/// door, the host, and the runs.
async fn start(
    runs: usize,
    expected: usize,
) -> (watch::Sender<bool>, Host, Vec<tokio::task::JoinHandle<()>>) {
    let (opens, open) = watch::channel(false);
    let door = Door {
        expected,
        waiting: Arc::default(),
        arrived: Arc::default(),
        open,
    };
    let host = Host::builder()
        .authenticator(door.clone())
        .policy(PermitAll)
        .build()
        .unwrap();
    let component = load(&host, "logs-in").await;
    let run = |number: usize| {
        let (host, component) = (host.clone(), component.clone());
        tokio::spawn(async move {
            let text = format!("only {number} knows");
            let (sink, mut events) = channel();
            let request = RunRequest::new(json!({"times": 1, "text": text}))
                .step(format!("run-{number}"))
                .events(sink);
            let outcome = host.run(&component, request).await.unwrap();
            assert_eq!(outcome.outputs, [("text".to_owned(), text)]);
            while let Ok(event) = events.try_recv() {
                assert_eq!(*event.step, *format!("run-{number}"));
            }
        })
    };
    let runs = (0..runs).map(run).collect();
    door.arrived.notified().await;
    (opens, host, runs)
}

async fn end(opens: &watch::Sender<bool>, runs: Vec<tokio::task::JoinHandle<()>>) {
    opens.send(true).unwrap();
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_waiting_runs_are_isolated_and_small() {
    // No scratch folder is made, but those of the other tests are counted.
    let _scratch = SCRATCH.lock().await;
    let before = memory();
    let (opens, host, runs) = start(RUNS, RUNS).await;
    let each = memory().saturating_sub(before) / RUNS;
    assert!(
        each < MOST_PER_RUN,
        "each waiting run holds {each} bytes, more than {MOST_PER_RUN}"
    );
    end(&opens, runs).await;
    assert_usable(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_runs_than_a_process_holds_wait_for_their_turn() {
    let _scratch = SCRATCH.lock().await;
    let (opens, host, runs) = start(ROOMS + 20, ROOMS).await;
    end(&opens, runs).await;
    assert_usable(&host).await;
}
