//! The boundary between a component and the host: a component that is made of the input calls
//! whatever the contract has, with arguments that no compiler would hand over.

mod guest;

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;
use stepyard::policy::CedarPolicy;
use stepyard::{ComponentSource, Host, Limits, RunRequest};
use tokio::runtime::Runtime;

/// A host that permits everything and has nothing, so that every call gets past the decision.
static HOST: LazyLock<Option<(Runtime, Host)>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let rules = "permit (principal, action, resource);";
    let policy = CedarPolicy::builder()
        .text("all.cedar", rules)
        .build()
        .ok()?;
    let limits = Limits {
        memory: 4 << 20,
        cpu_time: Duration::from_millis(200),
        wall_clock: Some(Duration::from_secs(5)),
        calls: 1_000,
        ..Limits::default()
    };
    let host = Host::builder().policy(policy).limits(limits).build().ok()?;
    Some((runtime, host))
});

/// Runs the component that the input describes. However it ends, the host goes on.
pub(crate) fn run(input: &[u8]) {
    let Some((runtime, host)) = &*HOST else {
        panic!("the host does not start");
    };
    let component = match guest::component(input) {
        Ok(component) => component,
        Err(error) => panic!("the component cannot be made: {error:#}"),
    };
    runtime.block_on(async {
        let source = ComponentSource::bytes("generated", component);
        let component = match host.load(source).await {
            Ok(component) => component,
            Err(error) => panic!("the component is refused: {error}"),
        };
        let ended = host.run(&component, RunRequest::new(json!({}))).await;
        if let Err(error) = ended {
            assert!(!error.to_string().is_empty());
        }
    });
}
