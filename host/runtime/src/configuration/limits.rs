//! `[limits]` and `[steps."NAME".limits]`: the most that steps may use.

use std::collections::BTreeMap;
use std::time::Duration;

use stepyard_grammar::MemoryQuantity;

use super::components::PinnedComponent;
use super::file::duration;
use crate::component::Limits;
use crate::document::{Field, Fields, ProblemKind};
use crate::host::Host;

/// `[limits]`: the most that one step may use. What is absent has the default of [`Limits`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsConfiguration {
    /// `memory`: bytes of the component's memory, such as `256Mi`.
    pub memory: Option<u64>,
    /// `cpu-time`: processor time of the component, without the waits, such as `10s`.
    pub cpu_time: Option<Duration>,
    /// `wall-clock`: time from start to end; a step's own `timeout` may be shorter.
    pub wall_clock: Option<Duration>,
    /// `output-bytes`: bytes of standard output, of standard error and of log lines that are kept,
    /// such as `1Mi`.
    pub output_bytes: Option<u64>,
    /// `events`: lines and phases that the step may log and print.
    pub events: Option<u64>,
    /// `calls`: capability calls.
    pub calls: Option<u64>,
    /// `resources`: handles (credentials, requests, images, files, streams …) at the same time.
    pub resources: Option<u64>,
    /// `noted-bytes`: bytes that the step may note in build requests and repository settings.
    pub noted_bytes: Option<u64>,
    /// `settings-bytes`: bytes of the settings as JSON.
    pub settings_bytes: Option<u64>,
    /// `concurrent-builds`: builds of this process at the same time; further ones wait. Only in
    /// `[limits]`.
    pub concurrent_builds: Option<usize>,
}

impl LimitsConfiguration {
    /// These limits, and those of `limits` where nothing is configured.
    pub fn over(&self, limits: &Limits) -> Limits {
        let size = |value: Option<u64>, otherwise: usize| {
            value.map_or(otherwise, |value| {
                usize::try_from(value).unwrap_or(usize::MAX)
            })
        };
        Limits {
            memory: size(self.memory, limits.memory),
            cpu_time: self.cpu_time.unwrap_or(limits.cpu_time),
            wall_clock: self.wall_clock.or(limits.wall_clock),
            output: size(self.output_bytes, limits.output),
            events: self.events.unwrap_or(limits.events),
            calls: self.calls.unwrap_or(limits.calls),
            resources: size(self.resources, limits.resources),
            noted: size(self.noted_bytes, limits.noted),
            settings: size(self.settings_bytes, limits.settings),
        }
    }
}

pub(super) fn read_limits(field: &Field<'_>) -> Option<LimitsConfiguration> {
    let mut fields = field.fields()?;
    let mut limits = read_shared(&mut fields);
    limits.concurrent_builds = fields
        .optional("concurrent-builds")
        .and_then(|field| usize::try_from(field.integer(1, 10_000)?).ok());
    fields.finish();
    Some(limits)
}

/// The keys that one step may have too.
fn read_shared<'a>(fields: &mut Fields<'a>) -> LimitsConfiguration {
    let mut bytes = |key: &'a str| {
        let quantity = fields.optional(key)?;
        let quantity = quantity.parse(MemoryQuantity::parse, "write an amount such as `256Mi`");
        quantity.map(MemoryQuantity::bytes)
    };
    let memory = bytes("memory");
    let output_bytes = bytes("output-bytes");
    let noted_bytes = bytes("noted-bytes");
    let settings_bytes = bytes("settings-bytes");
    let mut time = |key: &'a str| duration(&fields.optional(key)?);
    let cpu_time = time("cpu-time");
    let wall_clock = time("wall-clock");
    let mut number = |key: &'a str| {
        let number = fields.optional(key)?.integer(1, 1_000_000_000)?;
        u64::try_from(number).ok()
    };
    LimitsConfiguration {
        memory,
        cpu_time,
        wall_clock,
        output_bytes,
        events: number("events"),
        calls: number("calls"),
        resources: number("resources"),
        noted_bytes,
        settings_bytes,
        concurrent_builds: None,
    }
}

/// `[steps]`: a table for each component, which has `limits`.
pub(super) fn read_steps(
    field: &Field<'_>,
    pinned: &BTreeMap<String, PinnedComponent>,
) -> BTreeMap<String, LimitsConfiguration> {
    let mut steps = BTreeMap::new();
    let fields = field.fields().map(|fields| fields.all());
    for (entry, field) in fields.unwrap_or_default() {
        let is_known =
            pinned.contains_key(&entry.key) || Host::built_in_steps().any(|step| step == entry.key);
        if !is_known {
            field.problem(
                ProblemKind::InvalidValue,
                "no built-in or pinned component has this name",
                "name one such as `build-push-ecr`, or pin it with `[components.\"NAME\"]`",
            );
        }
        let Some(mut fields) = field.fields() else {
            continue;
        };
        let limits = fields.required("limits", "write `[steps.\"NAME\".limits]`");
        let limits = limits.and_then(|field| {
            let mut fields = field.fields()?;
            let limits = read_shared(&mut fields);
            fields.finish();
            Some(limits)
        });
        fields.finish();
        if let Some(limits) = limits {
            steps.insert(entry.key.clone(), limits);
        }
    }
    steps
}
