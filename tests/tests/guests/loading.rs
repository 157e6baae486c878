//! Files that are no steps, and steps that are not what they seem.

use std::fs;

use serde_json::json;
use stepyard::document::render_plain;
use stepyard::{ComponentSource, Host, Limits, RunRequest};
use stepyard_grammar::Digest;
use stepyard_tests::expectation::assert_expected;
use stepyard_tests::guests;

use stepyard_tests::transcript::Transcript;

const GROUP: &str = "components";

async fn refused(source: ComponentSource) -> String {
    let host = Host::builder().build().unwrap();
    render_plain(&host.load(source).await.unwrap_err())
}

fn noop() -> Vec<u8> {
    fs::read(guests::component("noop")).unwrap()
}

#[tokio::test]
async fn a_core_module() {
    let module = [0, b'a', b's', b'm', 1, 0, 0, 0];
    let text = refused(ComponentSource::bytes("module.wasm", module)).await;
    assert_expected(GROUP, "core-module", &text);
}

#[tokio::test]
async fn an_empty_file() {
    let text = refused(ComponentSource::bytes("empty.wasm", [])).await;
    assert_expected(GROUP, "empty-file", &text);
}

#[tokio::test]
async fn a_component_without_exports() {
    let component = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    let text = refused(ComponentSource::bytes("bare.wasm", component)).await;
    assert_expected(GROUP, "no-step", &text);
}

#[tokio::test]
async fn a_truncated_component() {
    let mut bytes = noop();
    bytes.truncate(1_000);
    let text = refused(ComponentSource::bytes("truncated.wasm", bytes)).await;
    // The place depends on the compiler that made the fixture.
    let (before, place) = text.split_once("0x").unwrap();
    let after = place.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
    let text = format!("{before}0x…{after}");
    assert_expected(GROUP, "truncated", &text);
}

#[tokio::test]
async fn a_missing_file() {
    let text = refused(ComponentSource::file("/nowhere/step.wasm")).await;
    assert_expected(GROUP, "missing-file", &text);
}

#[tokio::test]
async fn an_unknown_built_in_step() {
    let text = refused(ComponentSource::built_in("build-push-ecs")).await;
    assert_expected(GROUP, "unknown-built-in", &text);
}

#[tokio::test]
async fn another_digest_than_the_pinned_one() {
    let host = Host::builder().build().unwrap();
    let source = ComponentSource::bytes("pinned.wasm", noop());
    let right = host.load(source.clone()).await.unwrap().digest().clone();
    host.load(source.clone().with_digest(right.clone()))
        .await
        .unwrap();
    let wrong = Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    let text = refused(source.with_digest(wrong)).await;
    let text = text.replace(&right.to_string(), "sha256:<of the fixture>");
    assert_expected(GROUP, "other-digest", &text);
}

#[tokio::test]
async fn settings_that_are_too_large() {
    let limits = Limits {
        settings: 1_000,
        ..Limits::default()
    };
    let host = Host::builder().limits(limits).build().unwrap();
    let source = ComponentSource::file(guests::component("echo-settings"));
    let component = host.load(source).await.unwrap();
    let transcript = Transcript::default();
    let request = RunRequest::new(json!({"text": "x".repeat(1_000)})).events(transcript.clone());
    let text = transcript.with_result(&host.run(&component, request).await);
    assert_expected(GROUP, "settings-too-large", &text);
}

/// The policy goes by where a component comes from, not by what it calls itself.
#[tokio::test]
async fn a_component_that_claims_the_name_of_a_built_in_step() {
    let host = Host::builder().build().unwrap();
    let bytes = fs::read(guests::component("hostile-push")).unwrap();
    let source = ComponentSource::bytes("build-push-ecr", bytes);
    let component = host.load(source).await.unwrap();
    assert_eq!(component.name(), "build-push-ecr");
    let transcript = Transcript::default();
    let request = RunRequest::new(json!({})).events(transcript.clone());
    let text = transcript.with_result(&host.run(&component, request).await);
    // It changes with the compiler.
    let text = text.replace(component.digest().as_str(), "sha256:…");
    assert_expected(GROUP, "claims-a-built-in-name", &text);
}
