//! One call of an export, in a store of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::{Engine, Store, UpdateDeadline};

use super::bindings::{self, Step};
use super::engine::Ticker;
use super::limits::{CpuLimitReached, Limits};
use super::load::{Component, Description};
use super::state::RunState;
use super::trap::GuestFailure;
use crate::capability::CapabilityError;
use crate::own_stack;

/// How many bytes of text and lists a guest may hand over in one call.
const LARGEST_CALL: usize = 16 << 20;

/// Calls `run`. The future must be dropped with the store when a limit on time is reached: a
/// store whose call was cut off cannot be entered again.
pub(crate) async fn run(
    engine: &Engine,
    ticker: &Ticker,
    component: &Component,
    state: RunState,
    limits: &Limits,
    settings: &str,
) -> Result<Result<bindings::Outcome, CapabilityError>, GuestFailure> {
    let mut store = store(engine, state, limits);
    let _ticking = ticker.run();
    let called = async {
        let step = component.instance().instantiate_async(&mut store).await?;
        step.call_run(&mut store, settings).await
    };
    let result = own_stack::serving(called).await;
    let (printed, dropped) = finish_output(&store);
    if dropped > 0 {
        store.data().reporter().log(
            crate::event::LogLevel::Warn,
            format!(
                "the step printed {dropped} bytes more than its limit of {}; they were dropped",
                limits.output
            ),
        );
    }
    match result {
        Ok(result) => Ok(result.map_err(CapabilityError::from)),
        Err(error) => Err(GuestFailure::explain(&error, &printed, limits)),
    }
}

/// Calls `describe`.
pub(crate) async fn describe(
    engine: &Engine,
    ticker: &Ticker,
    component: &Component,
    state: RunState,
    limits: &Limits,
) -> Result<Description, GuestFailure> {
    let mut store = store(engine, state, limits);
    let _ticking = ticker.run();
    let called = async {
        let step: Step = component.instance().instantiate_async(&mut store).await?;
        step.call_describe(&mut store).await
    };
    let faulty = |message: String| GuestFailure::Trapped {
        message,
        help: "this is a fault of the step; report it to the step's author".to_owned(),
    };
    let result = match limits.wall_clock {
        Some(limit) => tokio::time::timeout(limit, called)
            .await
            .map_err(|_| faulty("the step does not say what it is within 10 s".to_owned()))?,
        None => called.await,
    };
    let (printed, _) = finish_output(&store);
    let description = result.map_err(|error| GuestFailure::explain(&error, &printed, limits))?;
    let settings_schema = serde_json::from_str(&description.settings_schema)
        .map_err(|error| faulty(format!("the step's settings schema is not JSON: {error}")))?;
    Ok(Description {
        name: crate::event::printable(&description.name),
        version: crate::event::printable(&description.version),
        summary: crate::event::printable(&description.summary),
        settings_schema,
    })
}

fn finish_output(store: &Store<RunState>) -> (String, u64) {
    let (_, dropped_stdout) = store.data().stdout.finish();
    let (printed, dropped_stderr) = store.data().stderr.finish();
    (printed, dropped_stdout + dropped_stderr)
}

fn store(engine: &Engine, state: RunState, limits: &Limits) -> Store<RunState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(LARGEST_CALL);
    // One tick at a time: the callback is called once for the ticks that pass while the guest
    // waits for the host, so waiting does not count.
    let ticks = AtomicU64::new(0);
    let most = limits.ticks();
    let limit = limits.cpu_time;
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if ticks.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(wasmtime::Error::new(CpuLimitReached { limit }));
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}
