//! The step ECR Scan Gate, behind a build and on its own.

use std::fs;
use std::path::Path;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::{aws, run};

const REPOSITORY: &str = "team/gated";
const FINDINGS: &str = r#"{"team/gated": [
    {"name": "CVE-2023-4911", "severity": "LOW"},
    {"name": "CVE-2024-3094", "severity": "HIGH", "attributes": [
        {"key": "package_name", "value": "xz-utils"},
        {"key": "package_version", "value": "5.6.0"}
    ]}
]}"#;

/// The gate's step, with further lines of its spec.
fn gate(more: &str) -> String {
    format!(
        "step:\n  type: ECRScanGate\n  name: gate\n  spec:\n    connectorRef: aws\n    region: \
         us-east-1\n    account: \"123456789012\"\n    imageName: {REPOSITORY}\n    pollInterval: \
         1s\n{more}"
    )
}

#[test]
fn a_pushed_image_is_scanned_and_fails_until_its_finding_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings.json");
    fs::write(&findings, FINDINGS).unwrap();
    let backend = Backend::local_ecr(&["--findings", findings.to_str().unwrap()]);
    let mut project = Project::without_repository(&backend);
    project.repository = REPOSITORY.to_owned();
    aws::create_repository(&backend.aws, REPOSITORY, "MUTABLE");
    project.dockerfile("LABEL gated=yes");
    let build = project.step("build", "[1.0.0]", "");

    project.steps(&[build.clone(), gate("    tag: 1.0.0\n")]);
    project
        .run()
        .expect(1)
        .says("team/gated:1.0.0 is ")
        .says("severity  finding        package   version  fixed in")
        .says("HIGH      CVE-2024-3094  xz-utils  5.6.0    -")
        .says("LOW       CVE-2023-4911  -         -        -")
        .says("team/gated:1.0.0 has findings: 1 HIGH")
        .says("can stand in ignore");

    let ignore = "    tag: 1.0.0\n    ignore:\n    - {name: CVE-2024-3094, reason: the backdoor is \
                  not in it}\n";
    project.steps(&[build, gate(ignore)]);
    project
        .run()
        .expect(0)
        .says("HIGH CVE-2024-3094 does not count: the backdoor is not in it");

    project.write(
        "pipeline.yaml",
        &gate("    tag: 1.0.0\n    failOn: CRITICAL\n"),
    );
    project.run().expect(0).says("CVE-2024-3094");
    // Nobody has pushed that.
    project.write("pipeline.yaml", &gate("    tag: \"2\"\n"));
    project.run().expect(1).says("2");
}

#[test]
fn a_scan_is_started_only_where_the_settings_say_so() {
    let backend = Backend::local_ecr(&[]);
    let mut project = Project::without_repository(&backend);
    project.repository = "team/not-scanned".to_owned();
    aws::create_repository(&backend.aws, &project.repository, "MUTABLE");
    project.dockerfile("LABEL scanned=no");
    let gate = |more: &str| gate(more).replace(REPOSITORY, "team/not-scanned");
    let build = project.step("build", "[1.0.0]", "");
    project.steps(&[build, gate("    tag: 1.0.0\n    startScan: false\n")]);
    project
        .run()
        .expect(1)
        .says("team/not-scanned:1.0.0 was never scanned");
    project.write("pipeline.yaml", &gate("    tag: 1.0.0\n"));
    project
        .run()
        .expect(0)
        .says("team/not-scanned:1.0.0 has no findings");
}

#[test]
fn the_step_passes_its_cases() {
    let project = Project::new(&Backend::local_ecr(&[]));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../steps/ecr-scan-gate");
    let mut test = project.command(&["test", "--component", "ecr-scan-gate"]);
    run::to_end(test.arg(cases))
        .expect(0)
        .says("6 passed, 0 failed");
}
