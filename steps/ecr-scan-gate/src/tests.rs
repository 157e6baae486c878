//! The step as a whole, with answers of ECR.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stepyard_sdk::testing::{Finding, Host, Run, Scan};
use stepyard_sdk::{Error, ErrorKind, Outcome};

use crate::EcrScanGate;

const APP: &str = "team/app";

fn finding(name: &str, severity: &str) -> Finding {
    Finding::new(name, severity)
        .with_package("openssl", "3.0.1")
        .with_fix("3.0.2")
}

fn complete(findings: impl IntoIterator<Item = Finding>) -> Scan {
    let scan = Scan::new("COMPLETE").with_completed_at("2026-01-01T00:00:00Z");
    findings.into_iter().fold(scan, Scan::with_finding)
}

fn found(scan: Scan) -> Host {
    Host::new().on_scan_findings(APP, "1.0", Ok(Some(scan)))
}

/// Runs the step on `team/app:1.0`, with these settings too.
fn run(host: Host, more: Value) -> Run<Outcome> {
    let mut settings = json!({
        "connectorRef": "aws",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": APP,
        "tag": "1.0",
    });
    if let (Value::Object(settings), Value::Object(more)) = (&mut settings, more) {
        settings.extend(more);
    }
    host.run::<EcrScanGate>(settings)
}

fn other(kind: &str) -> ErrorKind {
    ErrorKind::Other(kind.to_owned())
}

#[test]
fn what_is_severe_fails_and_is_shown() {
    let findings = [
        finding("CVE-2", "MEDIUM"),
        finding("CVE-3", "CRITICAL"),
        Finding::new("CVE-1", "HIGH"),
    ];
    let run = run(found(complete(findings)), json!({}));
    assert_eq!(*run.error().kind(), other("findings"));
    assert_eq!(
        run.error().message(),
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1.0 has findings: 1 CRITICAL, 1 HIGH"
    );
    assert_eq!(
        run.log()[1..],
        [
            "severity  finding  package  version  fixed in",
            "CRITICAL  CVE-3    openssl  3.0.1    3.0.2",
            "HIGH      CVE-1    -        -        -",
            "MEDIUM    CVE-2    openssl  3.0.1    3.0.2",
        ]
    );
}

#[test]
fn below_the_threshold_there_are_counts() {
    let findings = || [finding("CVE-1", "MEDIUM"), finding("CVE-2", "UNTRIAGED")];
    let passed = run(found(complete(findings())), json!({}));
    assert_eq!(passed.output("high_count"), "0");
    assert_eq!(passed.output("medium_count"), "1");
    assert_eq!(passed.output("undefined_count"), "1");
    let failed = run(found(complete(findings())), json!({"failOn": "UNDEFINED"}));
    assert!(failed.error().message().ends_with("1 MEDIUM, 1 UNDEFINED"));
    let reported = run(
        found(complete([finding("CVE-1", "CRITICAL")])),
        json!({"failOn": "NONE"}),
    );
    assert_eq!(reported.output("critical_count"), "1");
}

#[test]
fn what_is_ignored_does_not_count_until_its_day_is_over() {
    let ignore = json!({"ignore": [
        "CVE-1",
        {"name": "CVE-2", "reason": "not reachable", "expires": "2026-01-31"},
        "CVE-9",
    ]});
    let scan = || complete([finding("CVE-1", "HIGH"), finding("CVE-2", "CRITICAL")]);
    let passed = run(found(scan()), ignore.clone());
    assert_eq!(passed.output("ignored_count"), "2");
    assert!(passed.has_logged("CRITICAL CVE-2 does not count: not reachable, until 2026-01-31"));
    assert!(passed.has_logged("CVE-9 was not found: ignore need not name it"));

    let february = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_904_000);
    let failed = run(found(scan()).at(february), ignore);
    assert!(failed.error().message().ends_with("1 CRITICAL"));
    assert!(failed.has_logged("what ignore says of CVE-2 has ended on 2026-01-31"));
}

#[test]
fn a_scan_is_started_where_there_is_none_and_waited_for() {
    let host = Host::new()
        .on_scan_findings(APP, "1.0", Ok(None))
        .on_start_scan(APP, "1.0", Ok("IN_PROGRESS"))
        .on_scan_findings(APP, "1.0", Ok(None))
        .on_scan_findings(APP, "1.0", Ok(Some(Scan::new("IN_PROGRESS"))))
        .on_scan_findings(APP, "1.0", Ok(Some(complete([]))));
    let run = run(host, json!({"pollInterval": "20s"}));
    assert_eq!(run.output("critical_count"), "0");
    assert_eq!(run.waited(), Duration::from_secs(60));
    assert!(run.has_logged("team/app:1.0 has no findings"));
}

#[test]
fn a_scan_that_ecr_starts_by_itself_is_waited_for() {
    let host = Host::new()
        .on_scan_findings(APP, "1.0", Ok(None))
        .on_start_scan(APP, "1.0", Err(Error::conflict("scans continuously")))
        .on_scan_findings(APP, "1.0", Ok(Some(Scan::new("ACTIVE"))));
    assert_eq!(run(host, json!({})).output("ignored_count"), "0");
}

#[test]
fn a_scan_that_may_not_be_started_is_told() {
    let host = || Host::new().on_scan_findings(APP, "1.0", Ok(None));
    let refused = run(host(), json!({"startScan": false}));
    assert_eq!(*refused.error().kind(), other("not-scanned"));
    let denied = Error::new(ErrorKind::Denied, "no rule permits this");
    let denied = run(host().on_start_scan(APP, "1.0", Err(denied)), json!({}));
    assert_eq!(*denied.error().kind(), ErrorKind::Denied);
}

#[test]
fn a_scan_that_does_not_end_ends_the_step() {
    let host = found(Scan::new("PENDING")).repeatedly();
    let run = run(host, json!({"timeout": "1m", "pollInterval": 30}));
    assert_eq!(*run.error().kind(), ErrorKind::TimedOut);
    assert!(run.error().is_retryable());
    assert_eq!(run.waited(), Duration::from_secs(60));
}

#[test]
fn what_ecr_cannot_scan_is_told_with_its_words() {
    for (status, kind) in [
        ("FAILED", other("scan-failed")),
        ("UNSUPPORTED_IMAGE", ErrorKind::Unsupported),
        ("SCAN_ELIGIBILITY_EXPIRED", other("no-findings")),
    ] {
        let scan = Scan::new(status).with_description("the reason");
        let run = run(found(scan), json!({}));
        assert_eq!(*run.error().kind(), kind);
        assert!(run.error().message().contains("(the reason)"));
    }
    let missing = Error::not_found("the image does not exist");
    let host = Host::new().on_scan_findings(APP, "1.0", Err(missing.clone()));
    assert_eq!(*run(host, json!({})).error(), missing);
}

#[test]
fn every_problem_of_the_settings_is_told() {
    let faulty = json!({
        "region": "nowhere",
        "account": "12345",
        "failOn": "BAD",
        "ignore": [{"name": "CVE-1", "expires": "soon"}],
        "pollInterval": "0s",
        "timeout": "long",
    });
    let run = run(Host::new(), faulty);
    let mut paths: Vec<&str> = run
        .error()
        .message()
        .lines()
        .filter_map(|line| Some(line.split_once(": ")?.0))
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "account",
            "failOn",
            "ignore[0].expires",
            "pollInterval",
            "region",
            "timeout"
        ]
    );
}

#[test]
fn an_image_is_named_by_a_tag_or_a_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let both = run(Host::new(), json!({"digest": digest}));
    assert_eq!(
        both.error().message(),
        "digest: given beside tag; expected one of the two"
    );
    let neither = run(Host::new(), json!({"tag": null}));
    assert_eq!(
        neither.error().message(),
        "tag: missing; expected it or digest"
    );
    let host = Host::new().on_scan_findings(APP, &digest, Ok(Some(complete([]))));
    let by_digest = run(host, json!({"tag": null, "digest": digest}));
    assert_eq!(by_digest.output("high_count"), "0");
}
