//! Measures what a capability call costs with and without a policy in Cedar and an audit log, and
//! how soon steps start that are all started at once. Prints a line of JSON for each.
//!
//! `cargo run -p stepyard --example call_bench -- COMPONENT`, with the fixture `logs-in`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use stepyard::audit::{AuditFile, AuditSync};
use stepyard::auth::{Authenticator, Credential, Login};
use stepyard::policy::{Authorized, CedarPolicy, Decision, Policy, Question};
use stepyard::{CapabilityError, Component, ComponentSource, Host, RunRequest};
use stepyard_grammar::RegistryHost;

/// How many calls a measured run makes.
const CALLS: u32 = 2_000;
/// How often each host is measured; they take turns.
const ROUNDS: usize = 15;
/// How many steps are started at once.
const AT_ONCE: usize = 1_000;

/// What a team may write: a permission for the step, and some rules that forbid.
const RULES: &str = r#"
@id("logins")
permit (principal, action == Action::"login", resource is Connector);
@id("production-stays")
forbid (principal, action in Action::"write-images", resource)
when { resource.name like "production/*" && context has tagExists && context.tagExists };
@id("main-only")
forbid (principal, action == Action::"push", resource)
unless { context has branch && context.branch == "main" };
@id("no-machine")
forbid (principal, action in Action::"reach-the-machine", resource);
@id("no-release-by-strangers")
forbid (principal in Origin::"elsewhere", action == Action::"login", resource == Connector::"release");
"#;

struct PermitAll;

impl Policy for PermitAll {
    fn decide(&self, _: &Question<'_>) -> Decision {
        Decision::permit("all")
    }
}

/// Logs in at once, so that what is around it is measured.
struct AtOnce(RegistryHost);

#[async_trait]
impl Authenticator for AtOnce {
    async fn login(&self, _: Authorized<Login>) -> Result<Credential, CapabilityError> {
        Ok(Credential::anonymous(self.0.clone()))
    }
}

/// A host, and how long each call took in the rounds.
struct Measured {
    name: &'static str,
    host: Host,
    calls: Vec<Duration>,
}

type Failure = Box<dyn std::error::Error>;

fn hosts(folder: &Path) -> Result<Vec<Measured>, Failure> {
    let registry = RegistryHost::parse("registry.test")?;
    let builder = || Host::builder().authenticator(AtOnce(registry.clone()));
    let policy = || {
        let policy = CedarPolicy::builder().with_built_in_rules();
        policy.text("rules.cedar", RULES).build()
    };
    let audit = AuditFile::open(&folder.join("audit.jsonl"), AuditSync::Run)?;
    let hosts = [
        ("neither", builder().policy(PermitAll).build()?),
        ("policy", builder().policy(policy()?).build()?),
        (
            "policy and audit",
            builder().policy(policy()?).audit(audit).build()?,
        ),
    ];
    let measured = hosts.into_iter().map(|(name, host)| Measured {
        name,
        host,
        calls: Vec::new(),
    });
    Ok(measured.collect())
}

async fn run(
    host: &Host,
    component: &Component,
    times: u32,
    anew: bool,
) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let settings = json!({"times": times, "text": "", "anew": anew});
    host.run(component, RunRequest::new(settings)).await?;
    Ok(begin.elapsed())
}

fn median(durations: &mut [Duration]) -> Duration {
    percentile(durations, 50)
}

fn percentile(durations: &mut [Duration], percent: usize) -> Duration {
    durations.sort();
    let place = durations.len() * percent / 100;
    durations.get(place).copied().unwrap_or_default()
}

/// The cost of one call with each of the hosts: of the same one again and again, or each time with
/// a resource that was not asked for before.
async fn calls(component: &str, anew: bool) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut hosts = hosts(folder.path())?;
    for round in 0..=ROUNDS {
        for measured in &mut hosts {
            let component = measured.host.load(ComponentSource::file(component)).await?;
            let without = run(&measured.host, &component, 0, anew).await?;
            let with = run(&measured.host, &component, CALLS, anew).await?;
            // The first round warms up.
            if round > 0 {
                measured.calls.push(with.saturating_sub(without) / CALLS);
            }
        }
    }
    let medians: Vec<(&str, f64)> = hosts
        .iter_mut()
        .map(|measured| (measured.name, micros(median(&mut measured.calls))))
        .collect();
    let first = medians.first().map_or(0.0, |(_, first)| *first);
    for (name, each) in medians {
        print(&json!({"call-with": name, "anew": anew, "us": each, "more_us": each - first}));
    }
    Ok(())
}

/// Notes when each of the steps that are started at once first calls the host.
#[derive(Clone)]
struct FirstCalls {
    begin: Instant,
    called: Arc<Mutex<Vec<Duration>>>,
    registry: RegistryHost,
}

#[async_trait]
impl Authenticator for FirstCalls {
    async fn login(&self, _: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let called = self.begin.elapsed();
        let mut all = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(called);
        Ok(Credential::anonymous(self.registry.clone()))
    }
}

/// How long the steps take to their first call when they are all started at once.
async fn at_once(component: &str) -> Result<(), Failure> {
    let called: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let first_calls = FirstCalls {
        begin: Instant::now(),
        called: called.clone(),
        registry: RegistryHost::parse("registry.test")?,
    };
    let host = Host::builder().policy(PermitAll);
    let host = host.authenticator(first_calls.clone()).build()?;
    let component = host.load(ComponentSource::file(component)).await?;
    for warm_up in [true, false] {
        called
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let begin = first_calls.begin.elapsed();
        let runs: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (host, component) = (host.clone(), component.clone());
                let request = RunRequest::new(json!({"times": 1, "text": ""}));
                tokio::spawn(async move { host.run(&component, request).await })
            })
            .collect();
        for run in runs {
            run.await??;
        }
        if warm_up {
            continue;
        }
        let mut called = called.lock().unwrap_or_else(PoisonError::into_inner);
        for start in called.iter_mut() {
            *start = start.saturating_sub(begin);
        }
        print(&json!({
            "started-at-once": AT_ONCE,
            "p50_us": micros(percentile(&mut called, 50)),
            "p99_us": micros(percentile(&mut called, 99)),
        }));
    }
    Ok(())
}

fn micros(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e8).round() / 100.0
}

#[allow(
    clippy::print_stdout,
    reason = "the lines are what this program is for"
)]
fn print(line: &serde_json::Value) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("name a component's file")?;
    for anew in [false, true] {
        calls(&path, anew).await?;
    }
    at_once(&path).await
}
