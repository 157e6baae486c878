use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepyard::CapabilityError;
use stepyard::event::{LayerState, LogLevel, StepStatus};
use stepyard::recording::Answer;

use super::*;

/// A run whose texts all want to be a part of the page.
const EVIL: &str = "</script><img src=\"http://evil.example/\" onerror='x'><!--";

struct Shown {
    folder: tempfile::TempDir,
    report: Report,
    begin: OffsetDateTime,
}

impl Shown {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let report = Report::create(&folder.path().join("report.html")).unwrap();
        let begin = report.collected().begin;
        Self {
            folder,
            report,
            begin,
        }
    }

    fn event(&self, milliseconds: u64, kind: EventKind) {
        self.report.note(&Event {
            time: self.begin + Duration::from_millis(milliseconds),
            step: Arc::from("build"),
            kind,
        });
    }

    fn started(&self) {
        self.event(
            0,
            EventKind::StepStarted {
                component: EVIL.to_owned(),
                digest: "sha256:0".to_owned(),
            },
        );
    }

    fn finished(&self, status: StepStatus) {
        self.event(
            500,
            EventKind::StepFinished {
                status,
                milliseconds: 500,
                error: Some(EVIL.to_owned()),
                would_be_denied: 0,
                audit: Some("7:abc".to_owned()),
            },
        );
    }

    fn decided(&self, permitted: bool) {
        self.event(
            10,
            EventKind::CallStarted {
                call: 1,
                action: "push",
                resource: EVIL.to_owned(),
                permitted,
                rule: permitted.then(|| "rule-one".to_owned()),
                observed: false,
            },
        );
    }

    fn page(&self) -> String {
        self.report.write(EVIL, &RunSummary::default()).unwrap();
        std::fs::read_to_string(self.folder.path().join("report.html")).unwrap()
    }
}

fn exchange(answer: Answer) -> Exchange {
    Exchange {
        function: "registry.resolve".to_owned(),
        arguments: json!({"reference": EVIL}),
        answer,
        microseconds: 1_500,
    }
}

#[test]
fn a_page_shows_what_was_done_and_nothing_of_it_becomes_a_part() {
    let shown = Shown::new();
    shown.started();
    let name = EVIL.to_owned();
    shown.event(5, EventKind::PhaseStarted { name });
    shown.decided(true);
    let answer = Answer::Answer(json!({"digest": "sha256:1"}));
    shown.report.exchanged("build", &exchange(answer));
    shown.decided(false);
    let denied = CapabilityError::not_found(EVIL).with_hint(EVIL);
    shown
        .report
        .exchanged("build", &exchange(Answer::Error(denied)));
    for (milliseconds, state, current) in [
        (20, LayerState::Uploading, 10),
        (120, LayerState::Done, 2_000_000),
    ] {
        let layer = EventKind::LayerProgress {
            layer: EVIL.to_owned(),
            state,
            current,
            total: None,
            rate: None,
        };
        shown.event(milliseconds, layer);
    }
    let message = EVIL.to_owned();
    let level = LogLevel::Warn;
    shown.event(130, EventKind::Log { level, message });
    shown.finished(StepStatus::Failed);

    let page = shown.page();
    for expected in [
        "permitted: push",
        "by rule-one",
        "<details class=\"denied\">",
        "not-found: ",
        "&quot;digest&quot;: &quot;sha256:1&quot;",
        "2.0 MB, 20.0 MB/s",
        "<tr class=\"warn\"><td>0.130<td>build<td>&lt;/script&gt;",
        "audit log up to <code>7:abc</code>",
        "<b class=\"status failed\">failed</b>",
        "default-src 'none'",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    // The only tags are the page's own, and none leads away from it.
    assert_eq!(page.matches("</script>").count(), 1);
    for tag in ["<img", "<!--"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(!page.contains("href=\"http"));
}

#[test]
fn what_did_not_end_is_shown_too() {
    let shown = Shown::new();
    shown.started();
    shown.decided(true);
    shown.finished(StepStatus::TimedOut);
    let page = shown.page();
    assert!(page.contains("a call that was not answered"), "{page}");
    assert!(page.contains("timed out"), "{page}");

    let shown = Shown::new();
    shown.started();
    assert!(shown.page().contains("interrupted"));
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anything_runs() {
    let Err(failure) = Report::create(Path::new("/nowhere/report.html")) else {
        panic!("it was made");
    };
    let told = format!("{failure:?}");
    assert!(told.contains("/nowhere/report.html"), "{told}");
}
