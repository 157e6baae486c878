//! The step as a whole, with answers of registries.

use stepyard_sdk::testing::{Host, descriptor, json};
use stepyard_sdk::{Error, ErrorKind};

use crate::PromoteImage;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const SOURCE: &str = "docker.io/team/app:1.2";
const LIVE: &str = "registry.example.com/live/app";

/// A host whose source is there.
fn host() -> Host {
    Host::new()
        .on_anonymous("docker.io", Ok(()))
        .on_resolve(SOURCE, Ok(Some(descriptor(DIGEST))))
        .on_login("aws", "registry.example.com", Ok(()))
}

fn settings() -> stepyard_sdk::testing::Value {
    json!({
        "destinationConnectorRef": "aws", "source": SOURCE, "destination": LIVE, "tags": "stable",
    })
}

#[test]
fn an_image_is_copied_by_its_digest_and_tagged() {
    let run = host()
        .on_resolve(format!("{LIVE}:1.2"), Ok(None))
        .on_copy(
            format!("docker.io/team/app@{DIGEST}"),
            format!("{LIVE}:1.2"),
            Ok(descriptor(DIGEST)),
        )
        .on_tag(format!("{LIVE}@{DIGEST}"), "stable", Ok(descriptor(DIGEST)))
        .run::<PromoteImage>(settings());
    assert_eq!(run.output("digest"), DIGEST);
    assert_eq!(run.output("tags"), "1.2,stable");
    assert_eq!(run.value().images().count(), 2);
    assert_eq!(run.phases(), ["Prepare", "Copy", "Tag"]);
}

#[test]
fn what_is_there_already_is_not_copied() {
    let run = host()
        .on_resolve(format!("{LIVE}:1.2"), Ok(Some(descriptor(DIGEST))))
        .on_tag(format!("{LIVE}@{DIGEST}"), "stable", Ok(descriptor(OTHER)))
        .run::<PromoteImage>(settings());
    assert!(run.has_logged("was there already"));
    // Another run has moved the tag in between.
    assert_eq!(*run.error().kind(), ErrorKind::Conflict);
}

#[test]
fn an_image_that_does_not_exist_is_told_before_anything_is_written() {
    let run = Host::new()
        .on_anonymous("docker.io", Ok(()))
        .on_resolve(SOURCE, Ok(None))
        .run::<PromoteImage>(settings());
    let expected = Error::not_found(format!("{SOURCE} does not exist"))
        .with_hint("check the tag or digest of the setting source");
    assert_eq!(*run.error(), expected);
}
