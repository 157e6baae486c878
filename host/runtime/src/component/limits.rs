//! What a guest may use of the host.

use std::time::Duration;

use super::engine::{MOST_MEMORY, TICK};

/// The limits of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most linear memory, in bytes. At most 4 GiB.
    pub memory: usize,
    /// The most time that the guest itself may compute; waiting for the host does not count.
    /// Measured in steps of 10 ms.
    pub cpu_time: Duration,
    /// The most time between the start and the end of the run; none is without end.
    pub wall_clock: Option<Duration>,
    /// The most bytes of standard output, of standard error and of log lines that are passed on,
    /// each counted for itself; more is dropped, which is said.
    pub output: usize,
    /// The most lines and phases that are passed on, of the log and of both outputs together; more
    /// are dropped, which is said.
    pub events: u64,
    /// The most capability calls.
    pub calls: u64,
    /// The most handles (credentials, requests, images, files, streams …) at the same time.
    pub resources: usize,
    /// The most bytes that are noted in build requests and repository settings, each entry with 64
    /// more.
    pub noted: usize,
    /// The largest value of settings, in bytes of JSON.
    pub settings: usize,
}

impl Default for Limits {
    /// 256 MiB, 60 s of CPU time, no end by the clock, 1 MiB of output, 100,000 events, 10,000 calls,
    /// 1,000 handles, 64 MiB of notes, 1 MiB of settings.
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            cpu_time: Duration::from_secs(60),
            wall_clock: None,
            output: 1 << 20,
            events: 100_000,
            calls: 10_000,
            resources: 1_000,
            noted: 64 << 20,
            settings: 1 << 20,
        }
    }
}

impl Limits {
    /// For asking a component what it is: it need only return a constant.
    pub(crate) fn for_description() -> Self {
        Self {
            memory: 64 << 20,
            cpu_time: Duration::from_secs(2),
            wall_clock: Some(Duration::from_secs(10)),
            output: 64 << 10,
            settings: 0,
            ..Self::default()
        }
    }

    /// For a look at the settings, which takes milliseconds: a step that computes for longer is past
    /// its validation, or will fail in the same way when it is run.
    pub(crate) fn for_validation(limits: &Self) -> Self {
        Self {
            cpu_time: limits.cpu_time.min(Duration::from_secs(2)),
            ..limits.clone()
        }
    }

    /// The less of both, limit by limit.
    pub(crate) fn tightened(&self, other: &Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            cpu_time: self.cpu_time.min(other.cpu_time),
            wall_clock: match (self.wall_clock, other.wall_clock) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            output: self.output.min(other.output),
            events: self.events.min(other.events),
            calls: self.calls.min(other.calls),
            resources: self.resources.min(other.resources),
            noted: self.noted.min(other.noted),
            settings: self.settings.min(other.settings),
        }
    }

    /// How many ticks of the engine's clock the CPU time is.
    pub(crate) fn ticks(&self) -> u64 {
        let ticks = self.cpu_time.as_millis() / TICK.as_millis().max(1);
        u64::try_from(ticks).unwrap_or(u64::MAX).max(1)
    }
}

/// The guest asked for more memory than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory limit of {limit} bytes is reached")]
pub(crate) struct MemoryLimitReached {
    pub(crate) limit: usize,
}

/// The guest has used up something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the step {what}: its limit is {limit}")]
pub(crate) struct CountLimitReached {
    /// Such as `holds too many handles`.
    pub(crate) what: &'static str,
    pub(crate) limit: usize,
    /// In `[limits]`.
    pub(crate) key: &'static str,
}

/// The guest computed for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CPU time limit of {limit:?} is reached")]
pub(crate) struct CpuLimitReached {
    pub(crate) limit: Duration,
}

/// Counts the memory of all of a guest's linear memories together.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    used: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(MOST_MEMORY),
            used: 0,
        }
    }
}

impl wasmtime::ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            // A trap rather than a refusal, so that the user reads of the limit and not of an
            // allocation failure inside the guest.
            return Err(wasmtime::Error::new(MemoryLimitReached {
                limit: self.limit,
            }));
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000 && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
