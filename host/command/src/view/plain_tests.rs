//! Event lists and the text that the plain view makes of them.

use std::sync::Arc;
use std::time::Duration;

use stepyard::event::{
    Event, EventKind, EventSink, LayerState, LogLevel, OutputSource, Reporter, StepStatus,
};
use stepyard::{CapabilityError, ErrorKind, PushedImage};
use time::OffsetDateTime;

use super::plain::PlainView;

/// What the plain view writes for `events`, each with its step.
fn shown(verbose: bool, events: Vec<(&str, EventKind)>) -> String {
    let view = Arc::new(PlainView::new(Vec::new(), verbose));
    for (step, kind) in events {
        Reporter::new(view.clone(), step).report(kind);
    }
    String::from_utf8(view.written()).unwrap()
}

fn started(component: &str) -> EventKind {
    EventKind::StepStarted {
        component: component.to_owned(),
        digest: "sha256:c0".to_owned(),
    }
}

fn phase(name: &str) -> EventKind {
    EventKind::PhaseStarted {
        name: name.to_owned(),
    }
}

fn log(level: LogLevel, message: &str) -> EventKind {
    EventKind::Log {
        level,
        message: message.to_owned(),
    }
}

fn output(line: &str) -> EventKind {
    EventKind::Output {
        source: OutputSource::Build,
        line: line.to_owned(),
    }
}

fn context(files: u64, bytes: u64, complete: bool) -> EventKind {
    EventKind::ContextProgress {
        files,
        bytes,
        rate: (!complete).then_some(bytes / 2),
        complete,
    }
}

fn layer(layer: &str, state: LayerState, current: u64, total: Option<u64>) -> EventKind {
    EventKind::LayerProgress {
        layer: layer.to_owned(),
        state,
        current,
        total,
        rate: (state == LayerState::Uploading).then_some(current / 2),
    }
}

fn finished(status: StepStatus, milliseconds: u64) -> EventKind {
    EventKind::StepFinished {
        status,
        milliseconds,
        error: (status != StepStatus::Succeeded).then(|| "no room".to_owned()),
        would_be_denied: 0,
        audit: None,
    }
}

fn calls() -> Vec<(&'static str, EventKind)> {
    let started = |call, permitted| EventKind::CallStarted {
        call,
        action: "push",
        resource: "registry.test/app".to_owned(),
        permitted,
        rule: Some("own-repository".to_owned()),
        observed: false,
    };
    let finished = |call, error| EventKind::CallFinished {
        call,
        milliseconds: 1_500,
        error,
    };
    vec![
        ("a", started(1, true)),
        ("a", finished(1, None)),
        ("a", started(2, true)),
        (
            "a",
            finished(
                2,
                Some(CapabilityError::new(
                    ErrorKind::Other("x".to_owned()),
                    "no room",
                )),
            ),
        ),
        ("a", started(3, false)),
    ]
}

#[test]
fn a_build_and_push() {
    let image = PushedImage {
        registry: "registry.test".to_owned(),
        repository: "app".to_owned(),
        tag: "1.0".to_owned(),
        digest: "sha256:0123".to_owned(),
        size: Some(3_400_000),
    };
    let events = [
        started("build-push-ecr"),
        phase("Build"),
        context(3, 1_000, false),
        context(12, 3_400_000, true),
        output("Step 1/2 : FROM scratch"),
        output("\tindented"),
        phase("Push"),
        layer("5f70bf18", LayerState::Waiting, 0, None),
        layer("5f70bf18", LayerState::Uploading, 512, Some(12_300_000)),
        layer("a3ed95ca", LayerState::Exists, 0, None),
        layer("5f70bf18", LayerState::Uploading, 1024, Some(12_300_000)),
        layer("5f70bf18", LayerState::Done, 0, None),
        layer("99999999", LayerState::Done, 0, None),
        EventKind::ImagePushed(image),
        finished(StepStatus::Succeeded, 12_345),
    ];
    let expected = "\
== Step push (build-push-ecr)
== Build
context: 12 files, 3.4 MB
  Step 1/2 : FROM scratch
  \tindented
== Push
layer a3ed95ca: already there
layer 5f70bf18: pushed 12.3 MB
layer 99999999: done
pushed registry.test/app:1.0 as sha256:0123, 3.4 MB
== Step push succeeded after 12.3s
";
    let events = events.into_iter().map(|kind| ("push", kind)).collect();
    assert_eq!(shown(false, events), expected);
}

#[test]
fn what_takes_long_is_told_now_and_then() {
    let view = PlainView::new(Vec::new(), false);
    let megabytes = |count: u64| count * 1_000_000;
    for (second, kind) in [
        (0, phase("Build")),
        (1, context(1, megabytes(2), false)),
        (10, context(2, megabytes(4), false)),
        (11, context(3, megabytes(6), false)),
        (12, context(4, megabytes(8), false)),
        (22, context(5, megabytes(10), true)),
        (23, phase("Push")),
        (
            24,
            layer("a", LayerState::Uploading, megabytes(1), Some(megabytes(9))),
        ),
        (
            34,
            layer("b", LayerState::Uploading, megabytes(2), Some(megabytes(3))),
        ),
        (
            35,
            layer("a", LayerState::Uploading, megabytes(4), Some(megabytes(9))),
        ),
        (
            45,
            layer("a", LayerState::Uploading, megabytes(6), Some(megabytes(9))),
        ),
    ] {
        view.emit(Event {
            time: OffsetDateTime::UNIX_EPOCH + Duration::from_secs(second),
            step: Arc::from("push"),
            kind,
        });
    }
    let expected = "\
== Build
context: 3 files, 6.0 MB so far, 3.0 MB/s
context: 5 files, 10.0 MB
== Push
2 layers moving: 3.0 MB of 12.0 MB, 1.0 MB/s
2 layers moving: 8.0 MB of 12.0 MB, 3.0 MB/s
";
    assert_eq!(String::from_utf8(view.written()).unwrap(), expected);
}

#[test]
fn cases() {
    let all_levels = || {
        vec![
            ("a", log(LogLevel::Debug, "one")),
            ("a", log(LogLevel::Info, "two")),
            ("a", log(LogLevel::Warn, "three")),
            ("a", log(LogLevel::Error, "four")),
        ]
    };
    let cases = [
        (
            "debug lines are left out",
            false,
            all_levels(),
            "two\nwarning: three\nerror: four\n",
        ),
        (
            "unless asked for",
            true,
            all_levels(),
            "debug: one\ntwo\nwarning: three\nerror: four\n",
        ),
        (
            "only denied calls",
            false,
            calls(),
            "denied: push registry.test/app, by own-repository\n",
        ),
        (
            "all calls",
            true,
            calls(),
            "call 1: push registry.test/app, permitted by own-repository\n\
             call 1: took 1.5s\n\
             call 2: push registry.test/app, permitted by own-repository\n\
             call 2: failed after 1.5s: no room\n\
             denied: push registry.test/app, by own-repository\n",
        ),
        (
            "nobody forges a heading with a second line",
            false,
            vec![
                ("a", log(LogLevel::Warn, "first\n== Step b\n")),
                ("a", phase("one\n== two")),
            ],
            "warning: first\n  == Step b\n== one == two\n",
        ),
        (
            "no control characters",
            false,
            vec![
                ("a", phase("\u{1b}[31mred\r\u{7}")),
                ("a", output("\u{1b}[2Kgone")),
            ],
            "== red\n  gone\n",
        ),
        (
            "steps at the same time",
            false,
            vec![
                ("a", started("x")),
                ("b", started("y")),
                ("a", phase("Build")),
                ("a", output("1")),
                ("b", phase("Build")),
                ("b", finished(StepStatus::Failed, 10)),
                ("a", finished(StepStatus::Interrupted, 2_000)),
                ("c", finished(StepStatus::Skipped, 0)),
            ],
            "== Step a (x)\n== Step b (y)\n== Step a continues\n== Build\n  1\n\
             == Step b continues\n== Build\n== Step b failed after 10ms\n\
             == Step a interrupted after 2.0s\n== Step c skipped\n",
        ),
        (
            "a layer moves again in the next phase",
            false,
            vec![
                ("a", layer("1", LayerState::Downloading, 7, None)),
                ("a", layer("1", LayerState::Done, 0, None)),
                ("a", layer("1", LayerState::Done, 0, None)),
                ("a", phase("Push")),
                ("a", layer("1", LayerState::Uploading, 9, None)),
                ("a", layer("1", LayerState::Done, 0, None)),
            ],
            "layer 1: pulled 7 B\n== Push\nlayer 1: pushed 9 B\n",
        ),
    ];
    for (case, verbose, events, expected) in cases {
        assert_eq!(shown(verbose, events), expected, "{case}");
    }
}
