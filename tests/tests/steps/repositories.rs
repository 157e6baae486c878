//! What Build and Push to ECR does with the repository itself, and with tags that exist.

use serde_json::json;
use stepyard::ErrorKind;
use stepyard::build::Feature;

use crate::build_push_ecr::{IMAGE, STEP, settings};
use crate::capabilities::{Capabilities, digest};

#[tokio::test]
async fn a_missing_repository_is_made_as_the_settings_say() {
    let world = Capabilities::new().file("expire.json", "{\"rules\":[]}");
    let changes = json!({
        "tags": ["1"],
        "createRepository": {
            "immutableTags": {"except": ["latest"]},
            "scanOnPush": true,
            "encryption": "KMS",
            "tags": {"team": "web"},
        },
        "lifecyclePolicy": "expire.json",
    });
    let outcome = world.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(outcome.images.len(), 1);
    assert_eq!(
        world.calls(),
        [
            "login aws_main",
            "create team/app IMMUTABLE_WITH_EXCLUSION (latest) scan=true KMS team",
            "lifecycle of team/app {\"rules\":[]}",
            "build .",
            &format!("push {IMAGE}:1"),
        ]
    );
}

#[tokio::test]
async fn an_existing_repository_is_left_as_it_is_and_gets_its_policies() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .file("policy.json", "{}");
    let changes = json!({
        "tags": ["1"],
        "createRepository": {"immutableTags": true, "scanOnPush": true},
        "repositoryPolicy": "policy.json",
    });
    world.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(world.calls()[1..3], ["policy of team/app {}", "build ."]);
    let warning = format!(
        "{IMAGE} exists, and createRepository does not change it: its tags are MUTABLE, not \
         IMMUTABLE; scan on push is false"
    );
    assert!(world.logged().contains(&warning), "{:?}", world.logged());
}

#[tokio::test]
async fn a_repository_that_the_push_makes_is_no_failure() {
    for features in [[Feature::Hold], [Feature::PushWhileBuilding]] {
        let world = Capabilities::new()
            .creating_on_push()
            .features(&features)
            .file("expire.json", "{}");
        let changes = json!({
            "createRepository": "on-push",
            "lifecyclePolicy": "expire.json",
            "caching": true,
        });
        let outcome = world.run(STEP, settings(&changes)).await.unwrap();
        assert_eq!(outcome.images.len(), 3);
        assert_eq!(
            world.calls(),
            [
                "login aws_main",
                "build .",
                &format!("push {IMAGE}:1.2.3"),
                "tag 1.2",
                "tag latest",
                "lifecycle of team/app {}",
            ]
        );
    }
}

#[tokio::test]
async fn policies_are_read_before_anything_is_called() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .file("broken.json", "{\n  \"rules\": [\n");
    let changes = json!({"lifecyclePolicy": "broken.json", "repositoryPolicy": "absent.json"});
    let error = world.fail(STEP, settings(&changes)).await;
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    assert_eq!(
        error.message,
        "lifecyclePolicy: broken.json, line 3, column 0: EOF while parsing a list; expected JSON\n\
         repositoryPolicy: absent.json does not exist; expected a JSON file of the workspace"
    );
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn where_all_tags_exist_nothing_is_built() {
    let tags = [
        ("1.2.3", digest('b')),
        ("1.2", digest('b')),
        ("latest", digest('c')),
    ];
    let world = Capabilities::new().repository(IMAGE, &tags);
    let changes = json!({"skipPushIfTagExists": true});
    let outcome = world.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(world.calls(), ["login aws_main"]);
    let images = outcome.images.iter();
    let named: Vec<(&str, &str)> = images
        .map(|image| (image.tag.as_str(), image.digest.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("1.2.3", digest('b').as_str()),
            ("1.2", digest('b').as_str()),
            ("latest", digest('c').as_str()),
        ]
    );
    assert_eq!(
        outcome.outputs[0],
        ("digest".to_owned(), digest('b').to_string())
    );
    let told = format!("all tags exist in {IMAGE}: nothing is built or pushed");
    assert!(world.logged().contains(&told));
}

#[tokio::test]
async fn missing_tags_are_added_to_an_image_that_cannot_move() {
    let tags = [("1.2.3", digest('b')), ("latest", digest('c'))];
    let world = Capabilities::new()
        .repository(IMAGE, &tags)
        .immutable_except("latest");
    let changes = json!({"skipPushIfTagExists": true, "tags": ["latest", "1.2.3", "1.2"]});
    let outcome = world.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(world.calls(), ["login aws_main", "tag 1.2"]);
    let digests: Vec<&str> = outcome
        .images
        .iter()
        .map(|image| image.digest.as_str())
        .collect();
    let (old, image) = (digest('c'), digest('b'));
    assert_eq!(digests, [old.as_str(), image.as_str(), image.as_str()]);
    assert_eq!(
        outcome.outputs[..2],
        [
            ("digest".to_owned(), image.to_string()),
            ("image".to_owned(), format!("{IMAGE}:1.2.3")),
        ]
    );
}

#[tokio::test]
async fn a_new_version_is_built_where_only_movable_tags_exist() {
    let world = Capabilities::new().repository(IMAGE, &[("latest", digest('c'))]);
    let changes = json!({"skipPushIfTagExists": true});
    world.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(
        world.calls()[1..3],
        ["build .", &format!("push {IMAGE}:1.2.3")]
    );
}

#[tokio::test]
async fn a_conflict_that_no_build_can_avoid_ends_the_step_before_it() {
    let tags = [("1.2.3", digest('a')), ("1.2", digest('c'))];
    let world = Capabilities::new().repository(IMAGE, &tags).immutable();
    let error = world.fail(STEP, settings(&json!({}))).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error
            .message
            .contains("are immutable and name different images")
    );
    assert_eq!(world.calls(), ["login aws_main"]);

    // An attestation of the build holds its time.
    let world = Capabilities::new()
        .repository(IMAGE, &[("1.2.3", digest('a'))])
        .immutable()
        .features(&[Feature::Hold, Feature::Provenance]);
    let error = world
        .fail(STEP, settings(&json!({"provenance": "min"})))
        .await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(world.calls(), ["login aws_main"]);
}
