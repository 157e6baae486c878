//! The Wasm engine, and the clock that lets a busy guest be interrupted.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

/// How often a busy guest gives way and its CPU time is counted.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The most memory that any limit can grant one guest: what the allocator reserves addresses for.
pub(crate) const MOST_MEMORY: usize = 4 << 30;

/// How many guests can be in memory at once.
pub(crate) const MOST_INSTANCES: u32 = 2_000;

/// The engine's settings. Compiled code depends on them: see [`super::CodeCache`].
pub(crate) fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MOST_INSTANCES)
        .total_core_instances(MOST_INSTANCES * 4)
        .total_memories(MOST_INSTANCES)
        .total_tables(MOST_INSTANCES * 2)
        .total_stacks(MOST_INSTANCES)
        .max_memory_size(MOST_MEMORY)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_core_instances_per_component(64)
        .table_elements(100_000)
        // What a run dirtied is zeroed in place up to these sizes, which is faster than to give
        // the pages back and fault them in again.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(64 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        // No asynchronous interface is in the contract, and without this support a host call
        // costs half as much.
        .concurrency_support(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .memory_init_cow(true);
    config
}

/// Advances the engine's epoch while a guest runs, and rests while none does.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    running: Mutex<Running>,
    changed: Condvar,
}

#[derive(Default)]
struct Running {
    guests: usize,
    ended: bool,
}

impl Ticker {
    /// Starts the clock of `engine`. It stops when the ticker is dropped.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let engine = engine.weak();
        let clock = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("stepyard-epoch".to_owned())
            .spawn(move || {
                while wait_for_a_guest(&clock) {
                    let Some(engine) = engine.upgrade() else {
                        return;
                    };
                    engine.increment_epoch();
                    std::thread::sleep(TICK);
                }
            })?;
        Ok(Self { shared })
    }

    /// Keeps the clock going until the guard is dropped.
    pub(crate) fn run(&self) -> TickerGuard {
        let mut running = lock(&self.shared.running);
        running.guests += 1;
        if running.guests == 1 {
            self.shared.changed.notify_one();
        }
        TickerGuard {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        lock(&self.shared.running).ended = true;
        self.shared.changed.notify_one();
    }
}

/// Keeps a [`Ticker`] going.
pub(crate) struct TickerGuard {
    shared: Arc<Shared>,
}

impl Drop for TickerGuard {
    fn drop(&mut self) {
        lock(&self.shared.running).guests -= 1;
    }
}

/// Returns true as soon as a guest runs, and false when the ticker is gone.
fn wait_for_a_guest(clock: &Weak<Shared>) -> bool {
    let Some(shared) = clock.upgrade() else {
        return false;
    };
    let running = lock(&shared.running);
    let running = shared
        .changed
        .wait_while(running, |running| running.guests == 0 && !running.ended)
        .unwrap_or_else(PoisonError::into_inner);
    !running.ended
}

fn lock(running: &Mutex<Running>) -> std::sync::MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
