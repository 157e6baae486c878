//! `docs/events.md` shows every event exactly as it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepyard::event::{Event, EventKind, LayerState, LogLevel, OutputSource, StepStatus};
use stepyard::{CapabilityError, ErrorKind, PushedImage};
use time::OffsetDateTime;

const PAGE: &str = include_str!("../../../../docs/events.md");

/// The name of a kind. A kind that is new does not compile before it stands here, and the test
/// fails until the page and [`samples`] have it too.
fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::StepStarted { .. } => "step-started",
        EventKind::PhaseStarted { .. } => "phase-started",
        EventKind::Log { .. } => "log",
        EventKind::Output { .. } => "output",
        EventKind::VertexStarted { .. } => "vertex-started",
        EventKind::VertexFinished { .. } => "vertex-finished",
        EventKind::ContextProgress { .. } => "context-progress",
        EventKind::LayerProgress { .. } => "layer-progress",
        EventKind::CallStarted { .. } => "call-started",
        EventKind::CallFinished { .. } => "call-finished",
        EventKind::ImagePushed(_) => "image-pushed",
        EventKind::StepFinished { .. } => "step-finished",
    }
}

const KINDS: usize = 12;

fn samples() -> Vec<EventKind> {
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    vec![
        EventKind::StepStarted {
            component: "build-push-ecr".to_owned(),
            digest: digest.to_owned(),
        },
        EventKind::PhaseStarted {
            name: "Push".to_owned(),
        },
        EventKind::Log {
            level: LogLevel::Warn,
            message: "the tag `latest` moves".to_owned(),
        },
        EventKind::Output {
            source: OutputSource::Build,
            line: "#5 [2/3] COPY . /app".to_owned(),
        },
        EventKind::VertexStarted {
            vertex: 5,
            name: "[2/3] RUN make".to_owned(),
        },
        EventKind::VertexFinished {
            vertex: 5,
            cached: false,
            milliseconds: Some(1_200),
            error: Some("exit code: 2".to_owned()),
        },
        EventKind::ContextProgress {
            files: 120,
            bytes: 3_400_000,
            rate: Some(1_200_000),
            complete: false,
        },
        EventKind::LayerProgress {
            layer: "5f70bf18a086".to_owned(),
            state: LayerState::Uploading,
            current: 6_000_000,
            total: Some(12_300_000),
            rate: Some(2_500_000),
        },
        EventKind::CallStarted {
            call: 7,
            action: "push",
            resource: format!("{registry}/app"),
            permitted: true,
            rule: Some("own-repository".to_owned()),
            observed: false,
        },
        EventKind::CallFinished {
            call: 7,
            milliseconds: 1_500,
            error: Some(
                CapabilityError::new(ErrorKind::Conflict, "the tag 1.0 is taken and immutable")
                    .with_hint("choose another tag"),
            ),
        },
        EventKind::ImagePushed(PushedImage {
            registry: registry.to_owned(),
            repository: "app".to_owned(),
            tag: "1.0".to_owned(),
            digest: digest.to_owned(),
            size: Some(3_400_000),
        }),
        EventKind::StepFinished {
            status: StepStatus::Failed,
            milliseconds: 12_345,
            error: Some("the tag 1.0 is taken and immutable".to_owned()),
            would_be_denied: 0,
            audit: None,
        },
    ]
}

/// The examples of the page: the first `json` block below each heading "## `NAME`".
fn examples() -> BTreeMap<&'static str, Value> {
    PAGE.split("\n## `")
        .skip(1)
        .map(|section| {
            let (name, rest) = section.split_once('`').unwrap();
            let (_, rest) = rest.split_once("```json\n").unwrap();
            let (example, _) = rest.split_once("```").unwrap();
            let example = serde_json::from_str(example);
            (
                name,
                example.unwrap_or_else(|error| panic!("{name}: {error}")),
            )
        })
        .collect()
}

#[test]
fn the_page_shows_every_event() {
    let mut examples = examples();
    let samples = samples();
    assert_eq!(samples.len(), KINDS);
    for kind in samples {
        let name = name(&kind);
        let event = Event {
            time: OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap(),
            step: Arc::from("build-and-push"),
            kind,
        };
        let expected = serde_json::to_value(&event).unwrap();
        assert_eq!(expected["event"], name);
        assert_eq!(examples.remove(name), Some(expected), "{name}");
    }
    assert_eq!(examples, BTreeMap::new(), "events that there are not");
}

/// The names of an enumeration's values, as JSON has them.
fn names<T: serde::Serialize>(values: &[T]) -> Vec<String> {
    let values = serde_json::to_value(values).unwrap();
    serde_json::from_value(values).unwrap()
}

#[test]
fn the_page_names_every_value() {
    let names = [
        names(&[
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warn,
            LogLevel::Error,
        ]),
        names(&[
            OutputSource::Stdout,
            OutputSource::Stderr,
            OutputSource::Build,
        ]),
        names(&[
            LayerState::Waiting,
            LayerState::Uploading,
            LayerState::Downloading,
            LayerState::Exists,
            LayerState::Done,
        ]),
        names(&[
            StepStatus::Succeeded,
            StepStatus::Failed,
            StepStatus::Denied,
            StepStatus::TimedOut,
            StepStatus::Interrupted,
            StepStatus::Skipped,
        ]),
    ];
    for name in names.concat() {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
