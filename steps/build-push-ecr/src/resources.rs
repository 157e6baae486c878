//! How much memory and processor time the builder may use and asks for.

use stepyard_sdk::{
    grammar::{CpuQuantity, MemoryQuantity},
    setting::{Amount, Problems},
};

use crate::settings::Resources;

/// Resources whose amounts are amounts, and whose requests are within their limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckedResources {
    /// The most memory.
    pub memory_limit: Option<MemoryQuantity>,
    /// The most processor time.
    pub cpu_limit: Option<CpuQuantity>,
    /// The memory to ask the scheduler for.
    pub memory_request: Option<MemoryQuantity>,
    /// The processor time to ask the scheduler for.
    pub cpu_request: Option<CpuQuantity>,
}

impl CheckedResources {
    /// Checks resources.
    pub fn new(resources: Option<Resources>, problems: &mut Problems) -> Self {
        let Some(Resources { limits, requests }) = resources else {
            return Self::default();
        };
        let mut memory = |path: &str, amount: Option<Amount>| {
            problems.check(path, MemoryQuantity::parse(&amount?.0))
        };
        let memory_limit = memory("resources.limits.memory", limits.memory);
        let memory_request = memory("resources.requests.memory", requests.memory);
        let mut cpu = |path: &str, amount: Option<Amount>| {
            problems.check(path, CpuQuantity::parse(&amount?.0))
        };
        let cpu_limit = cpu("resources.limits.cpu", limits.cpu);
        let cpu_request = cpu("resources.requests.cpu", requests.cpu);
        if let (Some(request), Some(limit)) = (memory_request, memory_limit)
            && request > limit
        {
            exceeds("memory", request, limit, problems);
        }
        if let (Some(request), Some(limit)) = (cpu_request, cpu_limit)
            && request > limit
        {
            exceeds("cpu", request, limit, problems);
        }
        Self {
            memory_limit,
            cpu_limit,
            memory_request,
            cpu_request,
        }
    }
}

fn exceeds(
    resource: &str,
    request: impl std::fmt::Display,
    limit: impl std::fmt::Display,
    problems: &mut Problems,
) {
    problems.add(
        format_args!("resources.requests.{resource}"),
        format_args!(
            "{request} is more than resources.limits.{resource}; expected at most {limit}"
        ),
    );
}
