use serde_json::{Value, json};
use stepyard::ErrorKind;
use stepyard::build::Feature;

use crate::capabilities::{Capabilities, digest};

pub(crate) const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app";
pub(crate) const STEP: &str = "build-push-ecr";

pub(crate) fn settings(changes: &Value) -> Value {
    let mut settings = json!({
        "connectorRef": "aws_main",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": "team/app",
        "tags": ["1.2.3", "1.2", "latest"],
    });
    for (name, value) in changes.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

#[tokio::test]
async fn an_image_is_pushed_once_and_tagged_in_order() {
    let world = Capabilities::new().repository(IMAGE, &[("latest", digest('b'))]);
    let outcome = world.run(STEP, settings(&json!({}))).await.unwrap();
    assert_eq!(
        world.calls(),
        [
            "login aws_main",
            "build .",
            &format!("push {IMAGE}:1.2.3"),
            "tag 1.2",
            "tag latest",
        ]
    );
    let tags: Vec<&str> = outcome
        .images
        .iter()
        .map(|image| image.tag.as_str())
        .collect();
    assert_eq!(tags, ["1.2.3", "1.2", "latest"]);
    assert!(
        outcome
            .images
            .iter()
            .all(|image| image.digest == digest('a').as_str())
    );
    assert_eq!(
        outcome.outputs[0],
        ("digest".to_owned(), digest('a').to_string())
    );
    assert_eq!(
        outcome.outputs[1],
        ("image".to_owned(), format!("{IMAGE}:1.2.3"))
    );
    assert_eq!(
        world.logged(),
        [
            "# Prepare".to_owned(),
            "the build engine is memory".to_owned(),
            format!("{IMAGE} is built with the engine memory"),
            "# Build".to_owned(),
            "# Push".to_owned(),
            "# Tag".to_owned(),
        ]
    );
}

#[tokio::test]
async fn an_engine_that_pushes_while_building_is_given_the_destination() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .features(&[Feature::PushWhileBuilding, Feature::SnapshotMode]);
    let outcome = world
        .run(STEP, settings(&json!({"tags": ["1"]})))
        .await
        .unwrap();
    assert_eq!(
        world.calls(),
        [
            "login aws_main",
            "build . snapshot-mode=redo",
            &format!("push {IMAGE}:1"),
        ]
    );
    assert_eq!(outcome.images.len(), 1);
}

#[tokio::test]
async fn a_missing_repository_ends_the_step_before_the_build() {
    let world = Capabilities::new();
    let error = world.fail(STEP, settings(&json!({}))).await;
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.hint.as_deref(),
        Some(
            "set createRepository: true (on-push where ECR makes it when something is pushed), or \
             make it: aws ecr create-repository --registry-id 123456789012 --region us-east-1 \
             --repository-name team/app"
        )
    );
    assert_eq!(world.calls(), ["login aws_main"]);
}

#[tokio::test]
async fn the_same_image_under_an_immutable_tag_is_a_success() {
    let world = Capabilities::new()
        .repository(IMAGE, &[("1.2.3", digest('a')), ("1.2", digest('a'))])
        .immutable();
    world.run(STEP, settings(&json!({}))).await.unwrap();
    let logged = world.logged();
    assert!(logged.contains(&format!("{IMAGE}:1.2.3 was there already: {}", digest('a'))));
    assert!(logged.contains(&format!("{IMAGE}:1.2 was there already: {}", digest('a'))));
    assert!(!world.calls().contains(&"tag 1.2".to_owned()));
}

#[tokio::test]
async fn another_image_under_an_immutable_tag_is_a_conflict() {
    let world = Capabilities::new()
        .repository(IMAGE, &[("1.2.3", digest('b'))])
        .immutable();
    let error = world.fail(STEP, settings(&json!({}))).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(
        error.message,
        format!(
            "{IMAGE}:1.2.3 is immutable and names another image, {}",
            digest('b')
        )
    );
}

#[tokio::test]
async fn no_tag_moves_where_a_later_one_is_taken() {
    let world = Capabilities::new()
        .repository(IMAGE, &[("latest", digest('b'))])
        .immutable();
    let error = world.fail(STEP, settings(&json!({}))).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        !world.calls().iter().any(|call| call.starts_with("tag ")),
        "{:?}",
        world.calls()
    );
}

#[tokio::test]
async fn the_permission_to_describe_is_not_needed() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .without_describing();
    world.run(STEP, settings(&json!({}))).await.unwrap();
}

#[tokio::test]
async fn what_does_not_apply_is_reported() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .ignores("run-as-user", "the daemon decides");
    let changes = json!({
        "runAsUser": 1000,
        "cacheTo": "team/cache",
        "envVariables": {"UNUSED": "1"},
        "baseImageConnectorRefs": ["hub"],
        "buildArgs": {"VERSION": "1.10"},
    });
    world.run(STEP, settings(&changes)).await.unwrap();
    let reported: Vec<String> = world
        .logged()
        .into_iter()
        .filter_map(|line| {
            Some(
                line.strip_prefix("not applicable with the engine memory: ")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(
        reported,
        [
            "envVariables[\"UNUSED\"] (the step has no container of its own; buildArgs and \
             envDockerSecrets reach the build)",
            "cacheTo (the engine does not write a cache to a registry)",
            "runAsUser (the daemon decides)",
        ]
    );
    assert_eq!(world.calls()[1..3], ["login hub", "build . VERSION=1.10"]);
}

#[tokio::test]
async fn every_setting_reaches_the_engine() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .features(&[
            Feature::Hold,
            Feature::CacheFrom,
            Feature::CacheTo,
            Feature::CacheLocal,
            Feature::CacheOther,
        ])
        .with_operator();
    let changes = json!({
        "ssh": "default",
        "platforms": ["linux/amd64", "linux/arm64"],
        "buildContexts": {"alpine": "docker-image://alpine:3.20", "assets": "web/assets"},
        "extraHosts": {"db.test": "192.0.2.1", "host.test": "host-gateway"},
        "annotations": {"org.example.a": "b"},
        "network": "host",
        "pull": true,
        "compression": "zstd:3",
        "provenance": "min",
        "sbom": true,
        "sourceDateEpoch": 1_700_000_000,
        "remoteCacheImage": "team/cache:main",
        "cacheFrom": ["type=local,src=team/app", "type=s3,bucket=b"],
        "cacheTo": "type=local,dest=team/app,mode=max",
        "skipUnchanged": true,
    });
    world.run(STEP, settings(&changes)).await.unwrap();
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let build = [
        "build . ssh=\"default\" platform=\"linux/amd64\" platform=\"linux/arm64\"",
        "alpine=Image(ImageReference",
        "assets=Folder(\"web/assets\")",
        "db.test=Some(192.0.2.1) host.test=None",
        "org.example.a=\"b\" network=Host pull=true compression=zstd:3",
        "provenance=Min sbom=true epoch=1700000000",
        &format!(
            "from=registry:{registry}/team/cache:main from=local:team/app from=s3:type=s3,bucket=b"
        ),
        &format!("to=registry:{registry}/team/cache:main to=local:team/app skip={IMAGE}"),
    ];
    let calls = world.calls();
    for part in build {
        assert!(calls[1].contains(part), "{part}\n{}", calls[1]);
    }
}

#[tokio::test]
async fn what_the_operator_does_not_allow_is_denied() {
    for (setting, value, denied) in [
        ("network", "host", "use-host-network on the build engine"),
        (
            "ssh",
            "default",
            "use-ssh-agent on the SSH agent of the host",
        ),
    ] {
        let world = Capabilities::new().repository(IMAGE, &[]);
        let error = world.fail(STEP, settings(&json!({setting: value}))).await;
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert_eq!(
            error.message,
            format!("denied: {denied}: the operator of this machine does not allow it")
        );
        assert!(error.hint.unwrap().contains("under [build]"));
        assert_eq!(world.calls(), ["login aws_main"]);
    }
}

#[tokio::test]
async fn caches_in_folders_need_a_folder_of_the_operator() {
    let world = Capabilities::new()
        .repository(IMAGE, &[])
        .features(&[Feature::Hold, Feature::CacheLocal]);
    let changes = json!({"cacheTo": "type=local,dest=team/app"});
    let error = world.fail(STEP, settings(&changes)).await;
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(error.message, "this host keeps no caches of the type local");
}

#[tokio::test]
async fn caching_keeps_the_cache_in_the_image_where_the_engine_can() {
    let features = [Feature::Hold, Feature::CacheInline, Feature::CacheTo];
    let world = || {
        Capabilities::new()
            .repository(IMAGE, &[("latest", digest('b'))])
            .features(&features)
    };
    let caching = world();
    let changes = json!({"caching": true});
    caching.run(STEP, settings(&changes)).await.unwrap();
    // Only the tags that exist are asked for layers.
    assert_eq!(
        caching.calls()[1],
        format!("build . from=registry:{IMAGE}:latest to=inline:")
    );
    let with_another = world();
    let changes = json!({"caching": true, "cacheTo": "team/cache"});
    with_another.run(STEP, settings(&changes)).await.unwrap();
    assert!(with_another.calls()[1].ends_with("/team/cache"));
    let without = Capabilities::new().repository(IMAGE, &[]);
    let changes = json!({"caching": true});
    without.run(STEP, settings(&changes)).await.unwrap();
    assert_eq!(without.calls()[1], "build .");
}

#[tokio::test]
async fn where_nothing_has_changed_only_tags_are_written() {
    let tags = [("old", digest('a')), ("latest", digest('b'))];
    for features in [[Feature::Hold], [Feature::PushWhileBuilding]] {
        let world = Capabilities::new()
            .repository(IMAGE, &tags)
            .features(&features)
            .unchanged();
        let changes = json!({"skipUnchanged": true});
        let outcome = world.run(STEP, settings(&changes)).await.unwrap();
        assert_eq!(
            world.calls(),
            [
                "login aws_main",
                &format!("build . skip={IMAGE}"),
                "tag 1.2.3",
                "tag 1.2",
                "tag latest",
            ]
        );
        assert_eq!(outcome.images.len(), 3);
        let logged = world.logged();
        assert!(!logged.contains(&"# Push".to_owned()), "{logged:?}");
    }
}

#[tokio::test]
async fn an_unchanged_image_does_not_move_an_immutable_tag() {
    let world = Capabilities::new()
        .repository(IMAGE, &[("old", digest('a')), ("latest", digest('b'))])
        .immutable()
        .unchanged();
    let error = world
        .fail(STEP, settings(&json!({"skipUnchanged": true})))
        .await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        !world.calls().iter().any(|call| call.starts_with("tag ")),
        "{:?}",
        world.calls()
    );
}

#[tokio::test]
async fn faulty_settings_are_reported_before_anything_is_called() {
    let world = Capabilities::new();
    let error = world
        .fail(STEP, settings(&json!({"region": "nowhere", "tags": ["-"]})))
        .await;
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    assert_eq!(error.message.lines().count(), 2);
    assert!(world.calls().is_empty());
}
