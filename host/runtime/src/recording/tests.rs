use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepyard_grammar::{Digest, RegistryHost};

use super::*;
use crate::auth::Credential;
use crate::build::BuiltImage;
use crate::capability::{CapabilityError, ErrorKind};
use crate::ecr::Repository;
use crate::registry::{Descriptor, Manifest};
use crate::secret::Mask;

fn digest() -> Digest {
    Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap()
}

/// What is written is read as the same.
fn round_trip<T: Answered + std::fmt::Debug>(value: &T) {
    let written = value.to_answer();
    let read = T::from_answer(written.clone()).unwrap();
    assert_eq!(format!("{value:?}"), format!("{read:?}"), "{written}");
}

#[test]
fn answers_are_read_as_they_were_written() {
    let descriptor = Descriptor {
        digest: digest(),
        media_type: "a/b".to_owned(),
        size: 3,
    };
    round_trip(&Some(descriptor.clone()));
    round_trip(&None::<Descriptor>);
    round_trip(&vec!["one".to_owned()]);
    round_trip(&BuiltImage {
        id: digest(),
        pushed: Some(descriptor),
        unchanged: true,
        ignored_settings: Vec::new(),
    });
    round_trip(&Manifest {
        media_type: "a/b".to_owned(),
        content: b"{}".to_vec(),
    });
    let repository = json!({
        "name": "a", "arn": "arn", "uri": "uri", "tag-mutability": "MUTABLE_WITH_EXCLUSION",
        "mutability-exclusions": ["dev-*"], "encryption": "KMS", "kms-key": "alias/a",
    });
    round_trip(&Repository::from_answer(repository).unwrap());
    let registry = RegistryHost::parse("ghcr.io").unwrap();
    round_trip(&Credential::anonymous(registry));
}

#[test]
fn a_manifest_that_was_too_long_is_known_by_its_digest() {
    let long = Manifest {
        media_type: "a/b".to_owned(),
        content: vec![b' '; 70_000],
    };
    let written = long.to_answer();
    assert!(written["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(
        Manifest::from_answer(written).unwrap_err(),
        "the manifest was too long to be kept"
    );
}

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Exchange>>>);

impl ExchangeSink for Kept {
    fn exchanged(&self, exchange: Exchange) {
        self.0.lock().unwrap().push(exchange);
    }
}

#[tokio::test]
async fn what_is_told_holds_no_secret() {
    let mask = Mask::default();
    mask.note("hunter2-hunter2");
    let kept = Kept::default();
    let exchanges = Exchanges::told(Arc::new(kept.clone()));
    let arguments = || json!({"labels": [["a", "hunter2-hunter2"]]});
    let fails = async { Err::<(), _>(CapabilityError::unavailable("it said hunter2-hunter2")) };
    let result = exchanges.pass(&mask, "build.build", arguments, fails).await;
    assert!(result.is_err());
    let answers = async { Ok("hunter2-hunter2".to_owned()) };
    let result = exchanges.pass(&mask, "a", || Value::Null, answers).await;
    assert_eq!(result.unwrap(), "hunter2-hunter2");
    let told = serde_json::to_string(&*kept.0.lock().unwrap()).unwrap();
    assert!(
        !told.contains("hunter2") && told.contains("it said ***"),
        "{told}"
    );
}

fn exchange(function: &str, arguments: Value, answer: Answer) -> Exchange {
    Exchange {
        function: function.to_owned(),
        arguments,
        answer,
        microseconds: 0,
    }
}

async fn ask(
    replay: &Arc<Replay>,
    function: &str,
    arguments: Value,
) -> Result<bool, CapabilityError> {
    let exchanges = Exchanges::Replayed(replay.clone());
    let act = async { unreachable!("it is replayed") };
    exchanges
        .pass(&Mask::default(), function, || arguments, act)
        .await
}

#[tokio::test]
async fn a_recording_answers_in_its_order_and_questions_at_any_time() {
    let failure = CapabilityError::not_found("gone");
    let replay = Arc::new(Replay::new([
        exchange(
            "build.supports",
            json!({"feature": "hold"}),
            Answer::Answer(json!(true)),
        ),
        exchange("a", json!({"x": 1}), Answer::Answer(json!(true))),
        exchange("a", json!({"x": 2}), Answer::Error(failure.clone())),
    ]));
    assert_eq!(ask(&replay, "a", json!({"x": 1})).await, Ok(true));
    for _ in 0..2 {
        let hold = ask(&replay, "build.supports", json!({"feature": "hold"})).await;
        assert_eq!(hold, Ok(true));
    }
    let difference = replay.difference().unwrap();
    assert_eq!(difference.function, None);
    assert_eq!(ask(&replay, "a", json!({"x": 2})).await, Err(failure));
    assert_eq!(replay.difference(), None);
}

#[tokio::test]
async fn the_first_other_call_is_the_difference() {
    let replay = Arc::new(Replay::new([
        exchange("a", json!({"x": 1}), Answer::Answer(json!(true))),
        exchange("b", json!({}), Answer::Answer(json!(true))),
    ]));
    let error = ask(&replay, "a", json!({"x": 7})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Other("replay".to_owned()));
    assert!(ask(&replay, "c", json!({})).await.is_err());
    let difference = replay.difference().unwrap();
    assert_eq!(difference.call, 1);
    assert_eq!(difference.function.as_deref(), Some("a"));
    assert_eq!(difference.arguments, json!({"x": 7}));
    assert_eq!(difference.expected.unwrap().arguments, json!({"x": 1}));
}

#[tokio::test]
async fn a_tolerant_one_answers_by_the_function_and_keeps_what_was_asked() {
    let answer = |value: bool| Answer::Answer(json!(value));
    let replay = Arc::new(Replay::tolerant([
        exchange("a", json!({"x": 1}), answer(true)),
        exchange("b", json!({}), answer(false)),
        exchange("a", json!({"x": 2}), answer(false)),
    ]));
    // The same arguments first, wherever they stand; then the function alone.
    assert_eq!(ask(&replay, "a", json!({"x": 2})).await, Ok(false));
    assert_eq!(ask(&replay, "a", json!({"x": 7})).await, Ok(true));
    let made: Vec<Value> = replay
        .made()
        .into_iter()
        .map(|call| call.arguments)
        .collect();
    assert_eq!(made, [json!({"x": 2}), json!({"x": 7})]);
    // What is left is no difference, and what has no answer is.
    assert_eq!(replay.difference(), None);
    assert!(ask(&replay, "a", json!({"x": 8})).await.is_err());
    assert_eq!(replay.difference().unwrap().call, 3);
}
