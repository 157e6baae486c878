use serde_json::json;

use super::{BuiltImage, EcrImage, Finding, Host, Repository, Scan, descriptor};
use crate::build::{self, feature};
use crate::ecr::NamedRepository;
use crate::grammar::{EcrRegistry, EcrRepositoryName, ImageReference, Tag};
use crate::{Error, Outcome, auth, registry};

/// What a test that fails says.
fn said(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panicked = std::panic::catch_unwind(test).unwrap_err();
    match panicked.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
    }
}

fn image(text: &str) -> ImageReference {
    ImageReference::parse(text).unwrap()
}

fn repository() -> NamedRepository {
    NamedRepository::new(
        "aws",
        &EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com").unwrap(),
        &EcrRepositoryName::parse("team/app").unwrap(),
    )
}

#[test]
fn a_call_without_an_answer_fails_and_says_how_to_script_it() {
    let text = said(|| {
        Host::new()
            .on_login("aws", "ghcr.io", Ok(()))
            .on_resolve("ghcr.io/team/app:2", Ok(None))
            .call(|| {
                let credential = auth::login("aws", None)?;
                registry::tag(
                    &image("ghcr.io/team/app:1"),
                    &Tag::parse("latest")?,
                    &credential,
                )
            });
    });
    // Whether a JSON object keeps its order is up to what else is in the program.
    assert!(text.starts_with("the test has no answer for registry.tag {"));
    assert!(text.contains("\"credential\":\"ghcr.io\""), "{text}");
    let advice = "\n  script it: Host::new().on_tag(\"ghcr.io/team/app:1\", \"latest\", \
                  Ok(descriptor(\"sha256:…\")))\n  \
                  an answer is left for registry.resolve {\"reference\":\"ghcr.io/team/app:2\"}";
    assert!(text.ends_with(advice), "{text}");
}

#[test]
fn an_answer_that_nothing_asks_for_fails_with_how_the_run_ended() {
    let text = said(|| {
        Host::new()
            .on_login("aws", "ghcr.io", Ok(()))
            .call(|| Err::<(), _>(Error::conflict("taken")));
    });
    assert_eq!(
        text,
        "the step has not made these calls, which the test answers:\n  \
         auth.login {\"connector\":\"aws\"}\nit failed, Conflict: taken"
    );
}

#[test]
fn a_call_outside_of_a_script_is_told() {
    let text = said(|| {
        let _ = auth::login("aws", None);
    });
    assert!(
        text.starts_with("there is no host for auth.login {\"connector\":\"aws\""),
        "{text}"
    );
    assert!(text.contains(".on_login(\"aws\", …, Ok(()))"), "{text}");
}

#[test]
fn a_failed_test_leaves_no_script_behind() {
    said(|| {
        Host::new().call(|| auth::login("aws", None));
    });
    assert!(said(|| drop(auth::login("aws", None))).starts_with("there is no host"));
}

#[test]
fn answers_to_the_same_call_serve_one_after_the_other() {
    let reference = image("ghcr.io/team/app:1");
    let run = Host::new()
        .on_login("aws", "ghcr.io", Ok(()))
        .on_resolve(&reference, Err(Error::unavailable("away")))
        .on_resolve(&reference, Ok(Some(descriptor("sha256:1"))))
        .repeatedly()
        .call(|| {
            let credential = auth::login("aws", Some(reference.registry()))?;
            let first = registry::resolve(&reference, &credential);
            assert_eq!(first, Err(Error::unavailable("away")));
            registry::resolve(&reference, &credential)?;
            registry::resolve(&reference, &credential)
        });
    assert_eq!(*run.value(), Some(descriptor("sha256:1")));
    assert_eq!(run.calls().len(), 4);
}

#[test]
fn a_build_is_answered_and_its_request_is_kept() {
    let reference = image("ghcr.io/team/app:1");
    let run = Host::new()
        .engine("docker", [feature::HOLD])
        .on_login("aws", "ghcr.io", Ok(()))
        .on_build(Ok(
            BuiltImage::new("sha256:1").with_ignored("run-as-user", "not here")
        ))
        .on_push(&reference, Ok(descriptor("sha256:2")))
        .call(|| {
            assert_eq!(build::engine()?, "docker");
            assert!(build::supports(feature::HOLD) && !build::supports(feature::SBOM));
            let credential = auth::login("aws", None)?;
            let image = build::Request::new()
                .context("app")
                .label("a", "1")
                .label("b", "2")
                .cache_source(&reference, None)
                .pull(false)
                .build()?;
            assert_eq!(image.ignored_settings()[0].setting, "run-as-user");
            image.push(&reference, &credential)
        });
    assert_eq!(run.value().digest, "sha256:2");
    assert_eq!(
        *run.call("build.build").argument("request"),
        json!({
            "context": "app",
            "labels": [["a", "1"], ["b", "2"]],
            "cache-sources": [["ghcr.io/team/app:1", null]],
        })
    );
    assert_eq!(run.call("build.image.push").argument("image"), "sha256:1");
}

#[test]
fn lists_of_ecr_come_in_pages() {
    let images = (0..150).map(|number| EcrImage::new(format!("sha256:{number}")).with_tag("a"));
    let run = Host::new()
        .on_list_images("team/app", Ok(images.collect()))
        .call(|| repository().images()?.collect::<Result<Vec<_>, _>>());
    assert_eq!(run.value().len(), 150);
    let next = "ecr.image-list.next";
    assert_eq!(run.calls(), ["ecr.list-images", next, next, next]);
}

#[test]
fn a_scan_counts_its_findings_and_may_fail_on_the_way() {
    let scan = Scan::new("COMPLETE")
        .with_finding(Finding::new("CVE-1", "LOW"))
        .with_finding(Finding::new("CVE-2", "CRITICAL").with_fix("2.0"))
        .with_finding(Finding::new("CVE-3", "LOW"))
        .with_failure(Error::unavailable("away"));
    let run = Host::new()
        .on_scan_findings("team/app", "1.0", Ok(Some(scan)))
        .call(|| {
            let scan = repository().scan_findings("1.0")?.unwrap();
            Ok((scan.severity_counts(), scan.findings().collect::<Vec<_>>()))
        });
    let (counts, findings) = run.value();
    assert_eq!(*counts, [("CRITICAL".to_owned(), 1), ("LOW".to_owned(), 2)]);
    assert_eq!(findings.len(), 4);
    assert_eq!(findings[3], Err(Error::unavailable("away")));
}

#[test]
fn a_repository_knows_which_tags_cannot_move() {
    let answer = Repository::new("team/app")
        .with_tag_mutability("IMMUTABLE_WITH_EXCLUSION", ["latest*"])
        .newly_made();
    let run = Host::new()
        .on_describe_repository("team/app", Ok(Some(answer)))
        .call(|| Ok(repository().describe()?.unwrap()));
    let found = run.value();
    assert!(found.is_new());
    assert!(found.tag_is_immutable(&Tag::parse("1.0").unwrap()));
    assert!(!found.tag_is_immutable(&Tag::parse("latest-1").unwrap()));
}

#[test]
fn an_output_that_a_host_does_not_take_fails() {
    for (name, value) in [("a-b", "1"), ("1", "1"), ("a", "1\n2")] {
        let text = said(|| {
            Host::new()
                .call(|| Ok(Outcome::new().output(name, value)))
                .check_outputs();
        });
        assert!(text.starts_with("a host does not take "), "{text}");
    }
}
