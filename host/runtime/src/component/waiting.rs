//! Waiting by WASI's clock. In a replay nobody waits: the time has passed at once.

use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime_wasi::clocks::WasiClocksView as _;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;

use super::state::RunState;
use crate::recording::ReplayedTime;

/// The interface whose functions are replaced, as the linker has it already.
const INTERFACE: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// Replaces WASI's `subscribe-duration` and `subscribe-instant`.
pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut clock = linker.instance(INTERFACE)?;
    clock.func_wrap("subscribe-duration", |mut store, (duration,): (u64,)| {
        let state: &mut RunState = store.data_mut();
        let left = left_to_wait(state, |_| duration).unwrap_or(duration);
        Ok((state.clocks().subscribe_duration(left)?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store, (instant,): (u64,)| {
        let state: &mut RunState = store.data_mut();
        let pollable = match left_to_wait(state, |time| instant.saturating_sub(time.monotonic())) {
            Some(left) => state.clocks().subscribe_duration(left)?,
            None => state.clocks().subscribe_instant(instant)?,
        };
        Ok((pollable,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Nothing is left to wait where the time is a replay's, which then passes; otherwise it is not known
/// here.
fn left_to_wait(state: &RunState, duration: impl FnOnce(&ReplayedTime) -> u64) -> Option<u64> {
    let time = state.context.replayed_time()?;
    time.pass(Duration::from_nanos(duration(time)));
    Some(0)
}
