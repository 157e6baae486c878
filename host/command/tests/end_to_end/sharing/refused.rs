//! What is not what a reference pins, and references that pin nothing.

use std::fs;

use super::{empty_cache, ended, fetched, greet, guest, pipeline, project, publish, without_tag};
use crate::support::digest_of;
use crate::support::registry::Registry;

#[test]
fn a_changed_component_or_manifest_is_refused() {
    let registry = Registry::start();
    let project = project();
    let reference = format!("{}/team/hello:1", registry.address);
    let pinned = publish(&project, &reference, "hello.wasm", &[]);
    let component = registry.stored(&digest_of(&fs::read(guest("hello")).unwrap()));
    let original = fs::read(&component).unwrap();

    let mut changed = original.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&component, &changed).unwrap();
    greet(&project, &pinned)
        .expect(1)
        .says("the registry's blob does not have the digest sha256:")
        .says("damaged or was tampered with");
    let longer = [original.as_slice(), b"more"].concat();
    fs::write(&component, &longer).unwrap();
    greet(&project, &pinned).expect(1).says("is longer than");
    fs::write(&component, &original[..original.len() - 1]).unwrap();
    greet(&project, &pinned).expect(1).says("ends after");
    assert_eq!(fetched(&project).len(), 0);
    fs::write(&component, &original).unwrap();

    let manifest = registry.stored(pinned.rsplit_once('@').unwrap().1);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"hello\"", "\"hallo\"")).unwrap();
    let without_tag = without_tag(&pinned);
    greet(&project, &without_tag)
        .expect(1)
        .says("does not have the digest sha256:");
    assert_eq!(fetched(&project).len(), 0);
    fs::write(&manifest, text).unwrap();
    greet(&project, &without_tag).expect(0);
}

#[test]
fn a_tag_is_not_moved_by_accident_and_a_moved_one_is_refused() {
    let registry = Registry::start();
    let project = project();
    fs::copy(guest("noop"), project.path("noop.wasm")).unwrap();
    let reference = format!("{}/team/hello:1", registry.address);
    let first = publish(&project, &reference, "hello.wasm", &[]);
    let digest = |pinned: &str| pinned.rsplit_once('@').unwrap().1.to_owned();
    let again = |more: &[&str]| {
        let arguments = ["publish", &reference, "--component", "noop.wasm"];
        ended(&project, &[&arguments[..], more].concat())
    };
    again(&[])
        .expect(1)
        .says(&format!("the tag 1 of {}/team/hello", registry.address))
        .says(&digest(&first))
        .says("--move-tag");
    greet(&project, &first).expect(0);
    let second = publish(&project, &reference, "noop.wasm", &["--move-tag"]);
    assert_ne!(first, second);

    empty_cache(&project);
    greet(&project, &first)
        .expect(2)
        .says("the tag 1 does not name this digest")
        .says(&format!("names {}", digest(&second)))
        .says(&without_tag(&first));
    greet(&project, &without_tag(&first)).expect(0);
}

#[test]
fn a_reference_without_a_digest_is_refused_with_the_line_to_write() {
    let registry = Registry::start();
    let project = project();
    let reference = format!("{}/team/hello:1", registry.address);
    let pinned = publish(&project, &reference, "hello.wasm", &[]);
    let unpinned = format!("oci://{reference}");
    greet(&project, &unpinned)
        .expect(2)
        .says(&format!("the component {unpinned} has no digest"))
        .says(&format!("write {pinned} in its place"));
    project.write("pipeline.yaml", &pipeline(&unpinned));
    ended(&project, &["check", "pipeline.yaml"])
        .expect(2)
        .says(&pinned);
    greet(&project, unpinned.strip_suffix(":1").unwrap())
        .expect(2)
        .says(":TAG@sha256:");
    greet(&project, &unpinned.replace("hello:1", "hello:2"))
        .expect(2)
        .says("the registry has no tag 2");
    assert_eq!(fetched(&project).len(), 0);
    for wrong in ["oci://team/hello", "oci://r.example.com/Team@sha256:12"] {
        greet(&project, wrong).expect(2).says("invalid");
    }
    for (wrong, expected) in [
        ("team/hello", "no tag to publish under"),
        ("team/hello:1@", ""),
    ] {
        let reference = format!("{}/{wrong}", registry.address);
        ended(
            &project,
            &["publish", &reference, "--component", "hello.wasm"],
        )
        .expect(2)
        .says(expected);
    }
}
