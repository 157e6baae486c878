use serde_json::json;

use super::*;

fn named() -> NamedResources {
    let schema = json!({"properties": {
        "account": {"x-stepyard": "ecr-account"},
        "region": {"x-stepyard": "ecr-region"},
        "imageName": {"x-stepyard": "ecr-repository"},
        "cacheFrom": {"x-stepyard": "ecr-cache-repository"},
        "cacheTo": {"x-stepyard": "ecr-cache-destination"},
        "tags": {"x-stepyard": "tag"},
        "connectors": {"x-stepyard": "connector"},
        "context": {"x-stepyard": "workspace-path", "default": "."},
        "files": {"x-stepyard": "workspace-path"},
        "source": {"x-stepyard": "pull-image"},
        "destination": {"x-stepyard": "push-image"},
        "free": {},
    }});
    let settings = json!({
        "account": 123_456_789_012_u64,
        "region": "us-east-1",
        "imageName": "team/app",
        "cacheFrom": ["team/cache:1", "type=registry,ref=team/build:2"],
        "cacheTo": "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/layers:main",
        "tags": ["1.2", "latest"],
        "connectors": ["aws"],
        "files": {"token": "secrets/token"},
        "source": "registry.test/a/b:1",
        "destination": "registry.test/c/d",
        "free": "team/other",
    });
    NamedResources::from_settings(&schema, &settings).unwrap()
}

fn ecr(account: &str, region: &str) -> RegistryHost {
    RegistryHost::parse(&format!("{account}.dkr.ecr.{region}.amazonaws.com")).unwrap()
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::parse(name).unwrap()
}

#[test]
fn only_the_named_repository_and_tags_can_be_written() {
    let named = named();
    let home = ecr("123456789012", "us-east-1");
    let app = repository("team/app");
    assert!(named.names_destination(&home, &app, Some("1.2")));
    assert!(!named.names_destination(&home, &app, Some("1.3")));
    assert!(!named.names_destination(&home, &repository("team/other"), Some("1.2")));
    assert!(!named.names_destination(&home, &repository("team/app/x"), Some("1.2")));
    assert!(!named.names_destination(&ecr("210987654321", "us-east-1"), &app, Some("1.2")));
    assert!(!named.names_destination(&ecr("123456789012", "eu-west-1"), &app, Some("1.2")));
    let elsewhere = RegistryHost::parse("registry.test").unwrap();
    assert!(!named.names_destination(&elsewhere, &app, Some("1.2")));
    assert!(named.names_destination(&elsewhere, &repository("c/d"), Some("any")));
    assert!(!named.names_destination(&elsewhere, &repository("a/b"), Some("1")));
}

#[test]
fn a_cache_is_written_only_where_it_is_named_as_a_destination() {
    let named = named();
    let home = ecr("123456789012", "us-east-1");
    assert!(named.names_source(&home, &repository("team/cache")));
    assert!(!named.names_destination(&home, &repository("team/cache"), Some("1")));
    assert!(named.names_source(&home, &repository("team/layers")));
    assert!(named.names_source(&home, &repository("team/build")));
    assert!(named.names_destination(&home, &repository("team/layers"), Some("main")));
    assert!(!named.names_destination(&home, &repository("team/layers"), Some("1")));
}

#[test]
fn defaults_and_values_of_mappings_count() {
    let named = named();
    assert!(named.names_workspace_path("./"));
    assert!(named.names_workspace_path("secrets/token"));
    assert!(!named.names_workspace_path("secrets"));
    assert!(named.names_connector("aws"));
    assert!(!named.names_connector("hub"));
}

#[test]
fn an_unknown_annotation_is_an_error() {
    let schema = json!({"properties": {"a": {"x-stepyard": "everything"}}});
    assert!(NamedResources::from_settings(&schema, &json!({"a": "b"})).is_err());
}

#[test]
fn a_repository_is_changed_only_as_the_settings_ask() {
    let schema = json!({"properties": {
        "account": {"x-stepyard": "ecr-account"},
        "region": {"x-stepyard": "ecr-region"},
        "imageName": {"x-stepyard": "ecr-repository"},
        "remoteCache": {"x-stepyard": "ecr-cache-destination"},
        "create": {"x-stepyard": "ecr-create-repository"},
        "lifecycle": {"x-stepyard": "ecr-lifecycle-policy"},
        "policy": {"x-stepyard": "ecr-repository-policy"},
    }});
    let names = |more: &[(&str, Value)], change, name: &str| {
        let mut settings = json!({
            "account": "123456789012", "region": "us-east-1", "imageName": "team/app",
            "remoteCache": "team/cache",
        });
        for (setting, value) in more {
            settings[*setting] = value.clone();
        }
        let named = NamedResources::from_settings(&schema, &settings).unwrap();
        named.names_change(change, &ecr("123456789012", "us-east-1"), &repository(name))
    };
    use RepositoryChange::{Create, LifecyclePolicy, RepositoryPolicy};
    for (value, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!({}), true),
        (json!(false), false),
        (json!("on-push"), false),
        (Value::Null, false),
        (json!([true]), false),
    ] {
        let settings = [("create", value)];
        assert_eq!(
            names(&settings, Create, "team/app"),
            expected,
            "{settings:?}"
        );
        assert!(!names(&settings, Create, "team/cache"));
        assert!(!names(&settings, LifecyclePolicy, "team/app"));
    }
    let lifecycle = [("lifecycle", json!("ecr/lifecycle.json"))];
    assert!(names(&lifecycle, LifecyclePolicy, "team/app"));
    assert!(!names(&lifecycle, LifecyclePolicy, "team/cache"));
    assert!(!names(&lifecycle, RepositoryPolicy, "team/app"));
    assert!(!names(&lifecycle, Create, "team/app"));
    let policy = [("policy", json!("ecr/policy.json"))];
    assert!(names(&policy, RepositoryPolicy, "team/app"));
    assert!(!names(&[], RepositoryPolicy, "team/app"));
}
