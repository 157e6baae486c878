//! Settings that a step refuses before anything is done, and steps that would act.

use serde_json::{Value, json};
use stepyard::document::render_plain;
use stepyard::{ComponentSource, Host, Limits, RunError, RunRequest};
use stepyard_tests::expectation::assert_expected;
use stepyard_tests::guests;

use stepyard_tests::transcript::Transcript;

/// What validating a fixture's settings returns, and the events of it.
async fn validate(name: &str, settings: Value) -> (Result<(), RunError>, String) {
    let limits = Limits {
        cpu_time: std::time::Duration::from_millis(500),
        ..Limits::default()
    };
    let host = Host::builder().limits(limits).build().unwrap();
    let source = ComponentSource::file(guests::component(name));
    let component = host.load(source).await.unwrap();
    let transcript = Transcript::default();
    let request = RunRequest::new(settings).events(transcript.clone());
    let result = host.validate(&component, request).await;
    (result, transcript.events())
}

#[tokio::test]
async fn faulty_settings_are_refused() {
    let (result, events) = validate("hello", json!({"nme": "world"})).await;
    let text = render_plain(&result.unwrap_err());
    assert_expected("components", "faulty-settings", &text);
    assert_eq!(events, "");
}

#[tokio::test]
async fn valid_settings_are_accepted_in_silence() {
    for (name, settings) in [
        ("hello", json!({"name": "world"})),
        // One is denied and the other waits: both are past their settings.
        ("hostile-push", json!({})),
        ("sleeps", json!({})),
    ] {
        let (result, events) = validate(name, settings).await;
        assert!(result.is_ok(), "{name}: {result:?}");
        assert_eq!(events, "", "{name}");
    }
}
