use serde_json::{Value, json};
use stepyard_sdk::ErrorKind;

use super::*;

fn settings(changes: &Value) -> BuildPushEcr {
    let mut settings = json!({
        "connectorRef": "aws_main",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": "team/app",
        "tags": ["1.2.3", "latest"],
    });
    for (name, value) in changes.as_object().unwrap() {
        settings[name] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn plan(changes: &Value) -> Plan {
    Plan::new(settings(changes)).unwrap()
}

fn problems(changes: &Value) -> Vec<String> {
    let error = Plan::new(settings(changes)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::InvalidSettings);
    error.message().lines().map(str::to_owned).collect()
}

/// The only problem starts with `path` and a colon.
fn refused(path: &str, changes: Value) {
    let found = problems(&changes);
    assert!(
        found.len() == 1 && found[0].starts_with(&format!("{path}: ")),
        "{changes}: {found:#?}"
    );
}

#[test]
fn the_least_settings_make_a_plan() {
    let plan = plan(&json!({}));
    assert_eq!(
        plan.image().to_string(),
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"
    );
    assert_eq!(plan.first_tag.as_str(), "1.2.3");
    assert_eq!(plan.further_tags.len(), 1);
    assert_eq!(plan.build.context, ".");
    assert_eq!(plan.build.dockerfile, None);
    assert_eq!(plan.build.optimize, None);
    assert!(plan.not_applicable.is_empty());
}

#[test]
fn the_host_follows_the_partition_and_the_endpoint() {
    for (region, endpoint, host) in [
        (
            "us-east-1",
            "standard",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        ),
        (
            "us-gov-west-1",
            "standard",
            "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com",
        ),
        (
            "cn-north-1",
            "standard",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        ),
        (
            "eusc-de-east-1",
            "standard",
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        ),
        (
            "us-iso-east-1",
            "standard",
            "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
        ),
        (
            "us-east-1",
            "fips",
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        ),
        (
            "us-east-1",
            "dual-stack",
            "123456789012.dkr-ecr.us-east-1.on.aws",
        ),
        (
            "us-east-1",
            "fips-dual-stack",
            "123456789012.dkr-ecr-fips.us-east-1.on.aws",
        ),
        (
            "cn-north-1",
            "dual-stack",
            "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        ),
    ] {
        let plan = plan(&json!({"region": region, "registryEndpoint": endpoint}));
        assert_eq!(plan.registry.as_str(), host);
    }
    refused(
        "registryEndpoint",
        json!({"region": "us-iso-east-1", "registryEndpoint": "dual-stack"}),
    );
}

#[test]
fn every_setting_of_the_shape_is_accepted() {
    let plan = plan(&json!({
        "account": 123456789012_u64,
        "baseImageConnectorRefs": "hub",
        "optimize": true,
        "dockerfile": "docker/app.Dockerfile",
        "context": "app",
        "labels": {"k": "v"},
        "buildArgs": {"K": "V", "COUNT": 3, "DEBUG": false},
        "target": "build-env",
        "remoteCacheImage": "app/cache",
        "runAsUser": 1000,
        "resources": {
            "limits": {"memory": "500Mi", "cpu": 0.5},
            "requests": {"memory": 1_048_576, "cpu": "100m"},
        },
        "caching": true,
        "cacheFrom": ["team/app:main"],
        "cacheTo": "app/other-cache:x",
        "envVariables": {"TOKEN": "x"},
        "envDockerSecrets": {"token": "TOKEN"},
        "fileDockerSecrets": {"npmrc": ".npmrc"},
    }));
    let build = plan.build;
    assert_eq!(plan.base_image_connectors, ["hub"]);
    assert_eq!(build.run_as_user, Some(1000));
    assert_eq!(build.resources.memory_limit.unwrap().bytes(), 500 << 20);
    assert_eq!(build.resources.cpu_limit.unwrap().millicpu(), 500);
    assert_eq!(build.arguments["COUNT"].0, "3");
    let caches = |caches: &[Cache]| -> Vec<String> {
        caches.iter().map(|cache| cache.setting.clone()).collect()
    };
    assert_eq!(caches(&build.cache_imports), [REMOTE_CACHE, "cacheFrom[0]"]);
    assert_eq!(caches(&build.cache_exports), [REMOTE_CACHE, "cacheTo"]);
    assert_eq!(
        build.cache_exports[0].options.to_string(),
        "type=registry,image-manifest=true,mode=max,oci-mediatypes=true,\
         ref=123456789012.dkr.ecr.us-east-1.amazonaws.com/app/cache"
    );
    assert_eq!(build.secrets.values["token"], "x");
    assert_eq!(build.secrets.files["npmrc"], ".npmrc");
    assert!(plan.not_applicable.is_empty());
}

#[test]
fn all_problems_are_in_one_error() {
    let found = problems(&json!({
        "connectorRef": "",
        "region": "us-east",
        "account": "12345",
        "imageName": "Team/App",
        "tags": ["ok", "no good"],
        "context": "../elsewhere",
        "labels": {"": "v"},
        "runAsUser": "root",
        "resources": {"limits": {"memory": "400m"}},
        "cacheTo": "type=local,src=x",
        "platforms": "arm64",
        "extraHosts": {"db": "nowhere"},
    }));
    let paths: Vec<&str> = found
        .iter()
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        paths,
        [
            "connectorRef",
            "account",
            "region",
            "imageName",
            "tags[1]",
            "context",
            "labels[\"\"]",
            "runAsUser",
            "resources.limits.memory",
            "platforms[0]",
            "extraHosts[\"db\"]",
            "cacheTo",
        ]
    );
    assert!(
        found.iter().all(|line| line.contains("; expected ")),
        "{found:#?}"
    );
}

#[test]
fn a_repeated_tag_counts_once() {
    let plan = plan(&json!({"tags": ["a", "b", "a", "b"]}));
    assert_eq!(plan.first_tag.as_str(), "a");
    assert_eq!(plan.further_tags.len(), 1);
    refused("tags", json!({"tags": []}));
    assert_eq!(
        super::Plan::new(settings(&json!({"tags": "one"})))
            .unwrap()
            .further_tags,
        []
    );
}

#[test]
fn common_mistakes_in_the_image_name_are_explained() {
    let found = problems(&json!({"imageName": "team/app:1.2"}));
    assert_eq!(
        found,
        [
            "imageName: \"team/app:1.2\" has a tag or digest; expected \"team/app\", with the tags in tags"
        ]
    );
    refused(
        "imageName",
        json!({"imageName": "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"}),
    );
}

#[test]
fn a_lost_leading_zero_is_explained() {
    let found = problems(&json!({"account": 12345678901_u64}));
    assert!(found[0].contains("put the number in quotes"), "{found:?}");
}

#[test]
fn single_settings_are_refused_by_their_names() {
    refused("dockerfile", json!({"dockerfile": "/etc/passwd"}));
    refused(
        "context",
        json!({"context": "https://example.com/repository.git"}),
    );
    refused("context", json!({"context": "a/../.."}));
    refused("target", json!({"target": "two words"}));
    refused("runAsUser", json!({"runAsUser": -1}));
    refused(
        "baseImageConnectorRefs[1]",
        json!({"baseImageConnectorRefs": ["hub", "a b"]}),
    );
    refused(
        "remoteCacheImage",
        json!({"remoteCacheImage": "docker.io/team/cache"}),
    );
    refused("cacheFrom[0]", json!({"cacheFrom": ["App"]}));
    refused(
        "resources.limits.cpu",
        json!({"resources": {"limits": {"cpu": "0.0001"}}}),
    );
    refused(
        "resources.requests.memory",
        json!({"resources": {"limits": {"memory": "1Mi"}, "requests": {"memory": "1Gi"}}}),
    );
}

#[test]
fn further_settings_are_refused_by_their_names() {
    refused("ssh[0]", json!({"ssh": "a=b"}));
    refused(
        "platforms[1]",
        json!({"platforms": ["linux/amd64", "linux/"]}),
    );
    refused(
        "buildContexts[\"a\"]",
        json!({"buildContexts": {"a": "https://example.com/a.git"}}),
    );
    refused(
        "buildContexts[\"a\"]",
        json!({"buildContexts": {"a": "docker-image://A"}}),
    );
    refused(
        "buildContexts[\"a b\"]",
        json!({"buildContexts": {"a b": "x"}}),
    );
    refused(
        "extraHosts[\"a b\"]",
        json!({"extraHosts": {"a b": "10.0.0.1"}}),
    );
    refused("compression", json!({"compression": "gzip:11"}));
    refused(
        "annotations[\"index:a\"]",
        json!({"annotations": {"index:a": "b"}}),
    );
    refused("sourceDateEpoch", json!({"sourceDateEpoch": "yesterday"}));
    refused(
        "remoteCacheImage",
        json!({"remoteCacheImage": "type=inline"}),
    );
    refused(
        "cacheTo",
        json!({"cacheTo": "type=registry,ref=app/cache,mode=all"}),
    );
}

#[test]
fn a_cache_cannot_overwrite_the_image() {
    refused("remoteCacheImage", json!({"remoteCacheImage": "team/app"}));
    refused("cacheTo", json!({"cacheTo": "team/app:1.2.3"}));
    assert_eq!(
        plan(&json!({"cacheTo": "team/app:cache"}))
            .build
            .cache_exports
            .len(),
        1
    );
}
