//! Measures how long it takes from `Host::run` to the step's first call of the host, and prints
//! one line of JSON.
//!
//! `cargo run -p stepyard --example start_bench -- COMPONENT [RUNS]`, with a component that logs
//! first thing, such as the fixture `calls-host`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use stepyard::event::{Event, EventKind, EventSink};
use stepyard::{ComponentSource, Host, RunRequest};

const WARM_UP: usize = 200;

/// Notes when the first line is logged.
#[derive(Clone, Default)]
struct FirstLog(Arc<Mutex<Option<Instant>>>);

impl FirstLog {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for FirstLog {
    fn emit(&self, event: Event) {
        if matches!(event.kind, EventKind::Log { .. }) {
            self.slot().get_or_insert_with(Instant::now);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a component's file")?;
    let runs = arguments.next().map_or(Ok(2_000), |runs| runs.parse())?;
    let host = Host::builder().build()?;
    let component = host.load(ComponentSource::file(path)).await?;
    let mut durations = Vec::with_capacity(runs);
    for run in 0..WARM_UP + runs {
        let first_log = FirstLog::default();
        let request = RunRequest::new(json!({})).events(first_log.clone());
        let begin = Instant::now();
        host.run(&component, request).await?;
        let called = first_log.slot().ok_or("the step logs nothing")?;
        if run >= WARM_UP {
            durations.push(called - begin);
        }
    }
    durations.sort();
    let percentile = |percent: usize| {
        let duration: Option<&Duration> = durations.get(durations.len() * percent / 100);
        duration
            .map(Duration::as_micros)
            .and_then(|micros| u64::try_from(micros).ok())
    };
    let line = json!({"p50_us": percentile(50), "p99_us": percentile(99), "runs": runs});
    #[allow(clippy::print_stdout, reason = "the line is what this program is for")]
    {
        println!("{line}");
    }
    Ok(())
}
