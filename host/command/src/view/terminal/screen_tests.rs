//! What a terminal shows after an event list.

use std::sync::Arc;

use stepyard::PushedImage;
use stepyard::event::{Event, EventKind, LayerState, LogLevel, OutputSource, StepStatus};
use time::{Duration, OffsetDateTime};

use super::screen::Screen;
use crate::view::theme::Theme;

/// A screen without colours and Unicode, and a clock that a test sets.
struct Display {
    screen: Screen,
    now: OffsetDateTime,
    lasting: Vec<String>,
}

impl Display {
    fn new(verbose: bool) -> Self {
        Self {
            screen: Screen::new(Theme::new(false, false), verbose),
            now: OffsetDateTime::UNIX_EPOCH,
            lasting: Vec::new(),
        }
    }

    fn wait(&mut self, milliseconds: i64) {
        self.now += Duration::milliseconds(milliseconds);
    }

    fn emit(&mut self, step: &str, kind: EventKind) {
        let event = Event {
            time: self.now,
            step: Arc::from(step),
            kind,
        };
        self.lasting.extend(self.screen.apply(&event));
    }

    fn start(&mut self, step: &str) {
        let digest = "sha256:c0".to_owned();
        let component = "build-push-ecr".to_owned();
        self.emit(step, EventKind::StepStarted { component, digest });
    }

    fn phase(&mut self, step: &str, name: &str) {
        let name = name.to_owned();
        self.emit(step, EventKind::PhaseStarted { name });
    }

    fn build_line(&mut self, line: &str) {
        let source = OutputSource::Build;
        let line = line.to_owned();
        self.emit("push", EventKind::Output { source, line });
    }

    fn layer(&mut self, layer: &str, state: LayerState, current: u64, total: Option<u64>) {
        let layer = layer.to_owned();
        let kind = EventKind::LayerProgress {
            layer,
            state,
            current,
            total,
            rate: (state == LayerState::Uploading).then_some(current / 2),
        };
        self.emit("push", kind);
    }

    fn finish(&mut self, step: &str, status: StepStatus, milliseconds: u64) {
        let kind = EventKind::StepFinished {
            status,
            milliseconds,
            error: None,
            would_be_denied: 0,
            audit: None,
        };
        self.emit(step, kind);
    }

    fn lasting(&self) -> String {
        self.lasting.join("\n")
    }

    fn moving(&self, width: usize) -> String {
        self.screen.moving_lines(self.now, width).join("\n")
    }
}

#[test]
fn finished_phases_stay_with_what_they_did() {
    let mut display = Display::new(false);
    display.start("push");
    display.wait(10);
    display.phase("push", "Build");
    let context = EventKind::ContextProgress {
        files: 12,
        bytes: 3_400_000,
        rate: None,
        complete: true,
    };
    display.emit("push", context);
    display.build_line("Step 1/2 : FROM scratch");
    display.wait(4_250);
    display.phase("push", "Push");
    display.layer("5f70bf18", LayerState::Uploading, 1, Some(12_300_000));
    display.layer("5f70bf18", LayerState::Done, 0, None);
    display.layer("a3ed95ca", LayerState::Exists, 0, None);
    let image = PushedImage {
        registry: "registry.test".to_owned(),
        repository: "app".to_owned(),
        tag: "1.0".to_owned(),
        digest: "sha256:0123".to_owned(),
        size: None,
    };
    display.emit("push", EventKind::ImagePushed(image));
    display.wait(120);
    display.finish("push", StepStatus::Succeeded, 4_380);
    let expected = "\
push (build-push-ecr)
  + Build                  4.2s  context 12 files, 3.4 MB
    pushed registry.test/app:1.0
  + Push                  120ms  1 layer pushed (12.3 MB), 1 already there";
    assert_eq!(display.lasting(), expected);
    assert_eq!(display.moving(80), "");
}

#[test]
fn build_output_rolls_and_is_printed_when_the_step_fails() {
    let mut display = Display::new(false);
    display.start("push");
    assert_eq!(display.moving(80), "  - Starting                0ms");
    display.phase("push", "Build");
    for line in 1..=42 {
        display.build_line(&format!("line {line}"));
    }
    display.wait(1_100);
    let expected = "  / Build                  1.1s
    | line 37
    | line 38
    | line 39
    | line 40
    | line 41
    | line 42";
    assert_eq!(display.moving(80), expected);
    display.finish("push", StepStatus::Failed, 1_200);
    assert_eq!(display.moving(80), "");
    let lasting = &display.lasting;
    assert_eq!(lasting[1], "  x Build                  1.1s");
    assert_eq!(lasting[2], "    | (2 earlier lines left out)");
    assert_eq!(lasting[3], "    | line 3");
    assert_eq!(lasting[42], "    | line 42");
    assert_eq!(lasting[43..], ["x push failed after 1.2s"]);
}

#[test]
fn an_interrupted_step_keeps_its_output_to_itself() {
    let mut display = Display::new(false);
    display.phase("push", "Build");
    display.build_line("line 1");
    display.finish("push", StepStatus::Interrupted, 1_200);
    let expected = "  ! Build                   0ms\n! push interrupted after 1.2s";
    assert_eq!(display.lasting(), expected);
}

#[test]
fn what_nobody_waits_for_says_how_far_it_was() {
    let mut display = Display::new(false);
    display.phase("push", "Build");
    display.wait(1_500);
    let lines = display.screen.interrupt(display.now);
    assert_eq!(lines, ["  ! Build                  1.5s"]);
    assert_eq!(display.moving(80), "");
}

#[test]
fn transfers_have_sizes_and_rates() {
    let mut display = Display::new(false);
    display.phase("push", "Push");
    let context = EventKind::ContextProgress {
        files: 1,
        bytes: 4_000_000,
        rate: Some(2_000_000),
        complete: false,
    };
    display.emit("push", context);
    display.layer("half", LayerState::Uploading, 6_000_000, Some(12_000_000));
    display.layer("unknown", LayerState::Uploading, 2_000, None);
    display.layer("later", LayerState::Waiting, 0, None);
    display.layer("there", LayerState::Exists, 0, None);
    display.layer("sent", LayerState::Uploading, 5_000, Some(6_000));
    display.layer("sent", LayerState::Done, 0, None);
    display.wait(2_000);
    let expected = "  - Push                   2.0s
    sending the context: 1 file, 4.0 MB, 2.0 MB/s
    half         [============            ]  6.0 MB / 12.0 MB  3.0 MB/s
    unknown      [                        ]            2.0 kB  1.0 kB/s
    layers: 1 waiting, 1 done (6.0 kB), 1 already there";
    assert_eq!(display.moving(80), expected);
    for line in display.screen.moving_lines(display.now, 30) {
        assert!(line.len() <= 30, "{line}");
    }
    // Nothing was heard of them since.
    display.wait(2_000);
    assert!(!display.moving(80).contains("/s"));
}

#[test]
fn many_layers_are_summed_up() {
    let mut display = Display::new(false);
    display.phase("push", "Push");
    for layer in 1..=11 {
        display.layer(&layer.to_string(), LayerState::Uploading, 1_000, None);
    }
    let moving = display.moving(80);
    assert_eq!(moving.lines().count(), 1 + 8 + 1);
    assert_eq!(
        moving.lines().last(),
        Some("    layers: 3 more moving, 3.0 kB")
    );
}

#[test]
fn steps_at_the_same_time_are_named() {
    let mut display = Display::new(false);
    display.start("a");
    display.start("b");
    display.phase("a", "Build");
    display.phase("b", "Copy");
    let expected = "  - a > Build               0ms\n  - b > Copy                0ms";
    assert_eq!(display.moving(80), expected);
    display.finish("a", StepStatus::Succeeded, 0);
    assert_eq!(
        display.lasting.last().unwrap(),
        "  + a > Build               0ms"
    );
    assert_eq!(display.moving(80), "  - Copy                    0ms");
}

#[test]
fn messages_stay() {
    let call = || EventKind::CallStarted {
        call: 1,
        action: "push",
        resource: "registry.test/app".to_owned(),
        permitted: true,
        rule: Some("own-repository".to_owned()),
        observed: false,
    };
    let all = |verbose| {
        let mut display = Display::new(verbose);
        for (level, message) in [
            (LogLevel::Debug, "one"),
            (LogLevel::Info, "two"),
            (LogLevel::Warn, "three\nlines\u{1b}[2J"),
            (LogLevel::Error, "four"),
        ] {
            let message = message.to_owned();
            display.emit("push", EventKind::Log { level, message });
        }
        display.emit("push", call());
        display.lasting()
    };
    assert_eq!(
        all(false),
        "    two\n  warning: three\n    lines\n  error: four"
    );
    let expected = "    one\n    two\n  warning: three\n    lines\n  error: four\n    \
                    call 1: push registry.test/app, permitted by own-repository";
    assert_eq!(all(true), expected);
}
