//! A small run on the page, and texts that try to get out of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepyard::event::{Event, EventKind, LayerState, LogLevel, OutputSource, StepStatus};
use stepyard::recording::{Answer, Exchange};
use stepyard::{CapabilityError, PushedImage};
use time::OffsetDateTime;

use super::collect::Collector;
use super::page::{self, RunHead, StepHead};
use super::step;
use html::Page;

#[path = "../../tests/end_to_end/support/html.rs"]
mod html;

/// A run that is told event by event.
struct Told {
    collector: Collector,
    now: OffsetDateTime,
    head: RunHead,
    sections: String,
}

const BEGIN: i64 = 1_767_225_600;

impl Told {
    fn new() -> Self {
        let begin = OffsetDateTime::from_unix_timestamp(BEGIN).unwrap();
        Self {
            collector: Collector::default(),
            now: begin,
            head: RunHead {
                begin,
                took: Duration::ZERO,
                status: Some(StepStatus::Succeeded),
                problem: None,
                is_dry: false,
                steps: Vec::new(),
            },
            sections: String::new(),
        }
    }

    fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    fn keep(&mut self, run: Option<super::StepRun>) {
        if let Some(run) = run {
            self.head.steps.push(StepHead::of(&run));
            let section = step::section(&run, self.head.steps.len());
            self.sections.push_str(&section.into_string());
        }
    }

    fn event(&mut self, step: &str, kind: EventKind) -> &mut Self {
        let over = self.collector.event(&Event {
            time: self.now,
            step: Arc::from(step),
            kind,
        });
        self.keep(over);
        self
    }

    fn started(&mut self, step: &str) -> &mut Self {
        let component = format!("component of {step}");
        let digest = "sha256:9f86d081".to_owned();
        self.event(step, EventKind::StepStarted { component, digest })
    }

    fn phase(&mut self, step: &str, name: &str) -> &mut Self {
        let name = name.to_owned();
        self.event(step, EventKind::PhaseStarted { name })
    }

    fn log(&mut self, step: &str, level: LogLevel, message: &str) -> &mut Self {
        let message = message.to_owned();
        self.event(step, EventKind::Log { level, message })
    }

    fn call(
        &mut self,
        step: &str,
        action: &'static str,
        resource: &str,
        rule: Option<&str>,
    ) -> &mut Self {
        let kind = EventKind::CallStarted {
            call: 1,
            action,
            resource: resource.to_owned(),
            permitted: rule.is_some(),
            rule: rule.map(str::to_owned),
            observed: false,
        };
        self.event(step, kind)
    }

    fn answered(
        &mut self,
        step: &str,
        function: &str,
        milliseconds: u64,
        answer: Answer,
    ) -> &mut Self {
        let exchange = Exchange {
            function: function.to_owned(),
            arguments: json!({"of": function}),
            answer,
            microseconds: milliseconds * 1_000,
        };
        self.collector.exchange(step, &exchange, self.now);
        self
    }

    fn layer(
        &mut self,
        step: &str,
        state: LayerState,
        current: u64,
        total: Option<u64>,
    ) -> &mut Self {
        let kind = EventKind::LayerProgress {
            layer: "5f70bf18a086".to_owned(),
            state,
            current,
            total,
            rate: None,
        };
        self.event(step, kind)
    }

    fn finished(
        &mut self,
        step: &str,
        status: StepStatus,
        milliseconds: u64,
        error: Option<&str>,
    ) -> &mut Self {
        let kind = EventKind::StepFinished {
            status,
            milliseconds,
            error: error.map(str::to_owned),
            would_be_denied: 0,
            audit: Some("12:abcdef".to_owned()),
        };
        self.event(step, kind)
    }

    fn page(&mut self) -> String {
        let over = self.collector.take();
        self.keep(over);
        self.head.took = (self.now - self.head.begin).try_into().unwrap();
        page::beginning(&self.head) + &self.sections + &page::end()
    }
}

fn small_run() -> Told {
    let mut run = Told::new();
    run.started("build")
        .phase("build", "Prepare")
        .wait(10)
        .call(
            "build",
            "login",
            "connector aws for example.com",
            Some("own-registry (rules.cedar:2)"),
        )
        .log(
            "build",
            LogLevel::Info,
            "ecr:GetAuthorizationToken: Rate exceeded; trying again",
        )
        .wait(340)
        .answered(
            "build",
            "auth.login",
            340,
            Answer::Answer(json!({"registry": "example.com"})),
        )
        .phase("build", "Build")
        .call("build", "build", "the build engine", Some("own-build"))
        .log(
            "build",
            LogLevel::Info,
            "the build engine is Docker Engine 26",
        )
        .event(
            "build",
            EventKind::VertexStarted {
                vertex: 1,
                name: "[1/2] FROM base".to_owned(),
            },
        )
        .event(
            "build",
            EventKind::VertexFinished {
                vertex: 1,
                cached: true,
                milliseconds: Some(0),
                error: None,
            },
        )
        .event(
            "build",
            EventKind::VertexStarted {
                vertex: 2,
                name: "[2/2] RUN make".to_owned(),
            },
        )
        .event(
            "build",
            EventKind::Output {
                source: OutputSource::Build,
                line: "#2 made".to_owned(),
            },
        )
        .wait(1_200)
        .event(
            "build",
            EventKind::VertexFinished {
                vertex: 2,
                cached: false,
                milliseconds: Some(1_190),
                error: None,
            },
        )
        .layer("build", LayerState::Uploading, 0, Some(2_000_000))
        .wait(500)
        .layer("build", LayerState::Done, 0, None)
        .answered("build", "build.build", 1_700, Answer::Answer(json!(null)))
        .event(
            "build",
            EventKind::ImagePushed(PushedImage {
                registry: "example.com".to_owned(),
                repository: "app".to_owned(),
                tag: "1.0".to_owned(),
                digest: "sha256:44e97712".to_owned(),
                size: Some(2_000_000),
            }),
        )
        .finished("build", StepStatus::Succeeded, 2_050, None);
    if let Some(last) = run.collector.last() {
        last.outputs
            .push(("digest".to_owned(), "sha256:44e97712".to_owned()));
    }
    run.started("hostile")
        .call("hostile", "push", "example.com/other:1", None)
        .wait(2);
    let denied =
        CapabilityError::new(stepyard::ErrorKind::Denied, "denied: push").with_hint("add a rule");
    run.answered("hostile", "build.image.push", 2, Answer::Error(denied))
        .finished("hostile", StepStatus::Denied, 2, Some("denied: push"))
        .finished(
            "later",
            StepStatus::Skipped,
            0,
            Some("the step hostile failed"),
        );
    run.head.status = Some(StepStatus::Denied);
    run
}

#[test]
fn a_small_run_looks_as_it_did() {
    let page = small_run().page();
    let read = Page::read(&page);
    read.is_alone();
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, _) = body.split_once("<footer>").unwrap();
    // Texts hold no such characters as they are.
    let found = body.replace("><", ">\n<") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/small-run.html");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "it looks otherwise; UPDATE_EXPECT=1 writes it anew:\n{found}"
    );
}

#[test]
fn calls_are_told_with_all_that_belongs_to_them() {
    let mut run = small_run();
    let text = Page::read(&run.page()).text;
    for part in [
        "✓ succeeded build",
        "Docker Engine 26",
        "tried again",
        "ecr:GetAuthorizationToken: Rate exceeded; trying again",
        "by own-registry (rules.cedar:2)",
        "cached[1/2] FROM base",
        "pushed 2.0 MB, 4.0 MB/s",
        "1.1 s",
        "340 ms",
        "12:abcdef",
        "by no rule",
        "add a rule",
        "the step hostile failed",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn no_text_gets_out_of_its_place() {
    let evil = "</script><script>alert(1)</script><!-- </style> --> \"'><img src=x onerror=a> &amp; \
                \u{1b}[31mred\u{1b}[0m\u{2028}x\u{2029}\u{202e}\u{0}]]>";
    let shown = "</script><script>alert(1)</script><!-- </style> --> \"'><img src=x onerror=a> &amp; \
                 red x ]]>";
    let mut run = Told::new();
    let error = || CapabilityError::invalid(evil).with_hint(evil);
    run.event(
        evil,
        EventKind::StepStarted {
            component: evil.to_owned(),
            digest: evil.to_owned(),
        },
    )
    .phase(evil, evil)
    .call(evil, "push", evil, Some(evil))
    .log(evil, LogLevel::Info, &format!("the build engine is {evil}"))
    .log(evil, LogLevel::Warn, evil)
    .event(
        evil,
        EventKind::VertexStarted {
            vertex: 1,
            name: evil.to_owned(),
        },
    )
    .event(
        evil,
        EventKind::VertexFinished {
            vertex: 1,
            cached: false,
            milliseconds: None,
            error: Some(evil.to_owned()),
        },
    )
    .event(
        evil,
        EventKind::LayerProgress {
            layer: evil.to_owned(),
            state: LayerState::Uploading,
            current: 1,
            total: None,
            rate: None,
        },
    )
    .event(
        evil,
        EventKind::Output {
            source: OutputSource::Stdout,
            line: evil.to_owned(),
        },
    )
    .answered(evil, evil, 1, Answer::Error(error()))
    .answered(evil, evil, 1, Answer::Answer(json!({ evil: evil })))
    .event(
        evil,
        EventKind::ImagePushed(PushedImage {
            registry: evil.to_owned(),
            repository: evil.to_owned(),
            tag: evil.to_owned(),
            digest: evil.to_owned(),
            size: None,
        }),
    )
    .finished(evil, StepStatus::Failed, 1, Some(evil));
    if let Some(last) = run.collector.last() {
        last.outputs.push((super::clean(evil), super::clean(evil)));
        last.hint = Some(super::clean(evil));
    }
    run.head.problem = Some((super::clean(evil), Some(super::clean(evil))));
    let html = run.page();
    let page = Page::read(&html);
    page.is_alone();
    assert!(page.text.matches(shown).count() > 20, "{}", page.text);
    assert!(!html.contains(['\u{1b}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{0}']));
}

#[test]
fn a_step_of_which_no_end_is_heard_is_shown_as_far_as_it_was() {
    let mut run = Told::new();
    run.started("build")
        .phase("build", "Build")
        .call("build", "build", "the build engine", Some("own"))
        .event(
            "build",
            EventKind::VertexStarted {
                vertex: 1,
                name: "[1/1] RUN sleep".to_owned(),
            },
        )
        .wait(100)
        .log("build", LogLevel::Info, "x");
    let text = Page::read(&run.page()).text;
    for part in [
        "not finished",
        "not answered",
        "did not end",
        "[1/1] RUN sleep",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn attempts_at_a_step_are_told_apart() {
    let mut run = Told::new();
    for (attempt, status) in [(1, StepStatus::Failed), (2, StepStatus::Succeeded)] {
        run.started("build")
            .wait(attempt)
            .finished("build", status, attempt, None);
        run.log("build", LogLevel::Warn, "retry 1 of 1 in 1s: it failed");
    }
    let html = run.page();
    let text = Page::read(&html).text;
    assert!(text.contains("✓ succeeded build attempt 2"), "{text}");
    assert_eq!(run.head.steps.len(), 2);
    assert!(html.contains(r##"href="#step-2""##));
}

#[test]
fn however_many_calls_there_are_those_that_matter_are_shown() {
    let mut run = Told::new();
    run.started("busy");
    for _ in 0..2_100 {
        run.answered("busy", "build.supports", 0, Answer::Answer(json!(true)));
    }
    run.call("busy", "push", "example.com/other:1", None);
    run.answered(
        "busy",
        "build.image.push",
        0,
        Answer::Error(CapabilityError::invalid("no")),
    );
    run.finished("busy", StepStatus::Failed, 1, Some("no"));
    let text = Page::read(&run.page()).text;
    assert!(text.contains("100 further calls are left out"));
    assert!(text.contains("2101 1 denied") && text.contains("build.image.push"));
}
