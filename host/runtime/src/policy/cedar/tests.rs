use serde_json::{Value, json};
use stepyard_grammar::{RegistryHost, RepositoryName, Tag};

use super::*;
use crate::component::Origin;
use crate::policy::{
    BuildFacts, CallFacts, Entitlement, NamedResources, Resource, RunFacts, imported_calls,
};
use crate::testing::principal;

const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

fn repository(registry: &str, name: &str, tag: Option<&str>) -> Resource {
    Resource::Repository {
        registry: RegistryHost::parse(registry).unwrap(),
        repository: RepositoryName::parse(name).unwrap(),
        tag: tag.map(|tag| Tag::parse(tag).unwrap()),
    }
}

fn stranger() -> Principal {
    Principal {
        name: "build-push-ecr".to_owned(),
        version: "1.0.0".to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)),
        origin: Origin::Elsewhere,
    }
}

fn policy(text: &str) -> CedarPolicy {
    CedarPolicy::builder()
        .text("test.cedar", text)
        .build()
        .unwrap()
}

struct Asking {
    principal: Principal,
    call: CallFacts,
    run: RunFacts,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            principal: principal(),
            call: CallFacts::default(),
            run: RunFacts {
                step: "release".into(),
                branch: Some("main".to_owned()),
                engine: Some("docker".to_owned()),
                ..RunFacts::default()
            },
        }
    }
}

impl Asking {
    fn ask(&self, policy: &dyn Policy, action: Action, resource: Resource) -> Decision {
        policy.decide(&Question {
            principal: &self.principal,
            access: &Access::new(action, resource),
            call: &self.call,
            run: &self.run,
        })
    }

    fn permits(&self, text: &str, action: Action, resource: Resource) -> bool {
        self.ask(&policy(text), action, resource).is_permit()
    }
}

fn build_facts() -> BuildFacts {
    BuildFacts {
        network: "none",
        user: Some(1000),
        target: Some("app".to_owned()),
        platforms: vec!["linux/arm64".to_owned()],
        labels: vec!["team=a".to_owned()],
        arguments: vec!["VERSION".to_owned()],
    }
}

/// What each action acts upon.
fn example(action: Action) -> Resource {
    match action {
        Action::Login => Resource::Connector {
            connector: "aws".to_owned(),
            registry: Some(RegistryHost::parse(ECR).unwrap()),
        },
        Action::LoginAnonymously | Action::InspectRegistry => {
            Resource::Registry(RegistryHost::parse("ghcr.io").unwrap())
        }
        Action::InspectEngine | Action::Build | Action::UseHostNetwork => Resource::Engine,
        Action::ReadWorkspace => Resource::WorkspacePath("services/api/Dockerfile".to_owned()),
        Action::UseSecret => Resource::Secret("account.npm".to_owned()),
        Action::UseSshAgent => Resource::SshAgent,
        Action::ImportCache | Action::ExportCache => Resource::Cache("local a".to_owned()),
        _ => repository(ECR, "team/app", Some("1.0")),
    }
}

#[test]
fn every_question_fits_the_schema() {
    let policy = policy("permit (principal, action, resource);");
    let schema = PARSED_SCHEMA.as_ref().unwrap();
    let asking = Asking {
        call: CallFacts {
            build: Some(build_facts()),
            tag_exists: Some(true),
        },
        ..Asking::default()
    };
    for action in Action::ALL {
        let access = Access::new(action, example(action));
        let question = Question {
            principal: &asking.principal,
            access: &access,
            call: &asking.call,
            run: &asking.run,
        };
        let asked = policy.shared.entities.request(&question).unwrap();
        let request = &asked.request;
        cedar_policy::Request::new(
            request.principal().unwrap().clone(),
            request.action().unwrap().clone(),
            request.resource().unwrap().clone(),
            request.context().unwrap().clone(),
            Some(schema),
        )
        .unwrap_or_else(|error| panic!("{action}: {error}"));
        let entities = asked.subject.entities.iter().cloned();
        cedar_policy::Entities::from_entities(entities, Some(schema))
            .unwrap_or_else(|error| panic!("{action}: {error:?}"));
        assert!(policy.decide(&question).is_permit(), "{action}");
    }
    let of_schema = schema.actions().count();
    let groups = 4;
    assert_eq!(of_schema, Action::ALL.len() + groups);
}

#[test]
fn a_strangers_name_is_not_the_name_of_a_step() {
    let rule = "permit (principal == Step::\"build-push-ecr\", action, resource);";
    let mut asking = Asking {
        principal: stranger(),
        ..Asking::default()
    };
    let resource = || repository(ECR, "team/app", Some("1.0"));
    assert!(!asking.permits(rule, Action::Push, resource()));
    for origin in [Origin::BuiltIn, Origin::Pinned] {
        asking.principal.origin = origin;
        assert!(asking.permits(rule, Action::Push, resource()));
    }
    asking.principal.origin = Origin::Elsewhere;
    let digest = &asking.principal.digest;
    let rule = format!("permit (principal == Step::\"{digest}\", action, resource);");
    assert!(asking.permits(&rule, Action::Push, resource()));
}

#[test]
fn rules_see_what_the_schema_says() {
    let asking = Asking {
        call: CallFacts {
            build: Some(build_facts()),
            tag_exists: Some(false),
        },
        ..Asking::default()
    };
    let push = || repository(ECR, "team/app", Some("1.0"));
    let path = || Resource::WorkspacePath("services/api/Dockerfile".to_owned());
    for (condition, action, resource, expected) in [
        (
            "resource in Registry::\"ghcr.io\"",
            Action::Push,
            push(),
            false,
        ),
        (
            "resource.registry.account == \"123456789012\"",
            Action::Push,
            push(),
            true,
        ),
        (
            "resource.registry has account && resource.registry.account == \"123456789012\"",
            Action::Push,
            push(),
            true,
        ),
        ("resource.name like \"team/*\"", Action::Push, push(), true),
        (
            "resource.name like \"other/*\"",
            Action::Push,
            push(),
            false,
        ),
        (
            "context has tag && context.tag == \"1.0\"",
            Action::Push,
            push(),
            true,
        ),
        (
            "context has tag && context.tag == \"latest\"",
            Action::Push,
            push(),
            false,
        ),
        (
            "context has tagExists && !context.tagExists",
            Action::Push,
            push(),
            true,
        ),
        (
            "context has branch && context.branch == \"main\"",
            Action::Pull,
            push(),
            true,
        ),
        (
            "context has branch && context.branch like \"release/*\"",
            Action::Pull,
            push(),
            false,
        ),
        (
            "context has engine && context.engine == \"docker\"",
            Action::Push,
            push(),
            true,
        ),
        ("context.named", Action::Push, push(), false),
        (
            "context.network == \"none\"",
            Action::Build,
            Resource::Engine,
            true,
        ),
        (
            "context has user && context.user > 0",
            Action::Build,
            Resource::Engine,
            true,
        ),
        (
            "context has user && context.user == 0",
            Action::Build,
            Resource::Engine,
            false,
        ),
        (
            "context has target && context.target == \"app\"",
            Action::Build,
            Resource::Engine,
            true,
        ),
        (
            "context.platforms == [\"linux/arm64\"]",
            Action::Build,
            Resource::Engine,
            true,
        ),
        (
            "context.labels.contains(\"team=b\")",
            Action::Build,
            Resource::Engine,
            false,
        ),
        (
            "[\"VERSION\", \"A\"].containsAll(context.arguments)",
            Action::Build,
            Resource::Engine,
            true,
        ),
        (
            "resource in Path::\"services\"",
            Action::ReadWorkspace,
            path(),
            true,
        ),
        (
            "resource in Path::\".\"",
            Action::ReadWorkspace,
            path(),
            true,
        ),
        (
            "resource in Path::\"services/ap\"",
            Action::ReadWorkspace,
            path(),
            false,
        ),
        (
            "principal in Origin::\"built-in\" && principal.version == \"0.1.0\"",
            Action::ReadWorkspace,
            path(),
            true,
        ),
    ] {
        let scope = action.name();
        let condition = condition.replace(
            "resource.registry.account ==",
            "resource.registry has account && resource.registry.account ==",
        );
        let rule = format!(
            "permit (principal, action == Action::\"{scope}\", resource) when {{ {condition} }};"
        );
        assert_eq!(asking.permits(&rule, action, resource), expected, "{rule}");
    }
}

/// What is told of an action by its own scope.
fn groups_of(policy: &CedarPolicy, action: Action) -> Vec<String> {
    let actions = policy.shared.entities.actions(action).unwrap();
    let groups = actions.iter().skip(1);
    groups
        .map(|group| group.id().unescaped().to_owned())
        .collect()
}

#[test]
fn groups_hold_their_actions() {
    let asking = Asking::default();
    let policy = policy("");
    let groups = [
        "read-images",
        "write-images",
        "change-repositories",
        "reach-the-machine",
    ];
    for action in Action::ALL {
        for group in groups {
            let rule = format!("permit (principal, action in Action::\"{group}\", resource);");
            assert_eq!(
                asking.permits(&rule, action, example(action)),
                groups_of(&policy, action).iter().any(|of| of == group),
                "{action} in {group}"
            );
        }
    }
    assert!(groups_of(&policy, Action::UseSshAgent).contains(&"reach-the-machine".to_owned()));
    assert!(groups_of(&policy, Action::Copy).contains(&"write-images".to_owned()));
    assert!(groups_of(&policy, Action::Login).is_empty());
}

#[test]
fn forbidding_beats_permitting_and_says_which_rule_did_it() {
    let text = "permit (principal, action, resource);\n\n@id(\"no-latest\")\n@reason(\"latest moves\")\n@ask(\"write to #platform\")\nforbid (principal, action == Action::\"push\", resource)\nwhen { context has tag && context.tag == \"latest\" };";
    let policy = policy(text);
    let asking = Asking::default();
    let latest = repository(ECR, "team/app", Some("latest"));
    match asking.ask(&policy, Action::Push, latest) {
        Decision::Deny {
            rules,
            reason,
            remedy,
        } => {
            let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
            assert_eq!(rules, ["no-latest (test.cedar:3)"]);
            assert_eq!(reason, "latest moves");
            assert_eq!(remedy, "write to #platform");
        }
        decision @ Decision::Permit { .. } => panic!("{decision:?}"),
    }
    match asking.ask(
        &policy,
        Action::Push,
        repository(ECR, "team/app", Some("1")),
    ) {
        Decision::Permit { rules } => {
            assert_eq!(rules[0].to_string(), "rule at line 1 (test.cedar:1)");
        }
        decision @ Decision::Deny { .. } => panic!("{decision:?}"),
    }
}

#[test]
fn a_denial_tells_the_rule_that_would_permit_it() {
    let policy = CedarPolicy::builder()
        .with_built_in_rules()
        .text("/etc/stepyard/policy.cedar", "")
        .build()
        .unwrap();
    let asking = Asking {
        principal: stranger(),
        ..Asking::default()
    };
    let resource = || repository(ECR, "team/app", Some("1.0"));
    let Decision::Deny {
        rules,
        reason,
        remedy,
    } = asking.ask(&policy, Action::Push, resource())
    else {
        panic!()
    };
    assert!(rules.is_empty());
    assert!(reason.contains("build-push-ecr may only log"), "{reason}");
    assert!(
        remedy.contains("stepyard policy add /etc/stepyard/policy.cedar --step 'sha256:aaa"),
        "{remedy}"
    );
    let begin = remedy.find("permit (").unwrap();
    let end = remedy.find(");").unwrap() + 2;
    assert!(asking.permits(&remedy[begin..end], Action::Push, resource()));
    let other = repository(ECR, "team/other", Some("1.0"));
    assert!(!asking.permits(&remedy[begin..end], Action::Push, other));
}

#[test]
fn names_that_a_guest_chose_stay_names() {
    let asking = Asking::default();
    for hostile in [
        "a\"); permit (principal, action, resource",
        "a\\",
        "a\nb",
        "*",
        "aws\u{202e}",
        "",
    ] {
        let login = |connector: &str| Resource::Connector {
            connector: connector.to_owned(),
            registry: None,
        };
        let rule = permitting_rule(&asking.principal, Action::Login, &login(hostile), None);
        assert!(
            asking.permits(&rule, Action::Login, login(hostile)),
            "{rule}"
        );
        assert!(
            !asking.permits(&rule, Action::Login, login("aws")),
            "{rule}"
        );
        assert!(
            !asking.permits(&rule, Action::Push, repository(ECR, "a", None)),
            "{rule}"
        );
    }
}

#[test]
fn what_cannot_be_decided_is_denied() {
    let asking = Asking::default();
    let overflow = "permit (principal, action, resource); @id(\"sum\") forbid (principal, action == Action::\"push\", resource) when { context.limits.cpuTime + 9223372036854775807 > 0 && context.limits.memory + 9223372036854775807 == 1 };";
    let mut asking_with_limits = asking;
    asking_with_limits.run.memory = 5;
    let decision =
        asking_with_limits.ask(&policy(overflow), Action::Push, repository(ECR, "a", None));
    match decision {
        Decision::Deny { rules, reason, .. } => {
            assert_eq!(rules[0].to_string(), "undecided");
            assert!(reason.contains("overflow"), "{reason}");
        }
        decision @ Decision::Permit { .. } => panic!("{decision:?}"),
    }
    let deep = Resource::WorkspacePath(vec!["a"; 200].join("/"));
    let all = policy("permit (principal, action, resource);");
    assert!(
        !asking_with_limits
            .ask(&all, Action::ReadWorkspace, deep)
            .is_permit()
    );
}

#[test]
fn the_built_in_rules_permit_what_settings_name() {
    let schema = json!({"properties": {
        "account": {"x-stepyard": "ecr-account"},
        "region": {"x-stepyard": "ecr-region"},
        "imageName": {"x-stepyard": "ecr-repository"},
        "createRepository": {"x-stepyard": "ecr-create-repository"},
        "network": {"x-stepyard": "network-mode"},
        "ssh": {"x-stepyard": "ssh-agent"},
    }});
    let settings = json!({
        "account": "123456789012", "region": "us-east-1", "imageName": "team/app",
        "createRepository": true, "network": "host", "ssh": "default",
    });
    let mut asking = Asking::default();
    asking.run.named = NamedResources::from_settings(&schema, &settings).unwrap();
    let policy = CedarPolicy::built_in().unwrap();
    let named = |action| {
        asking
            .ask(&policy, action, repository(ECR, "team/app", None))
            .is_permit()
    };
    assert!(named(Action::CreateRepository));
    assert!(named(Action::DescribeImage));
    for action in [
        Action::PutLifecyclePolicy,
        Action::SetRepositoryPolicy,
        Action::PutTagMutability,
        Action::DeleteImages,
        Action::StartScan,
    ] {
        assert!(!named(action), "{action}");
    }
    let other = repository(ECR, "team/other", None);
    match asking.ask(&policy, Action::CreateRepository, other) {
        Decision::Deny { remedy, .. } => assert_eq!(remedy, "name it in the settings of the step"),
        decision @ Decision::Permit { .. } => panic!("{decision:?}"),
    }
    asking.principal.origin = Origin::Pinned;
    let pinned = asking.ask(
        &policy,
        Action::DescribeImage,
        repository(ECR, "team/app", None),
    );
    assert!(!pinned.is_permit());
}

#[test]
fn the_built_in_rules_permit_a_scan_where_settings_ask_for_one() {
    let schema = json!({"properties": {
        "account": {"x-stepyard": "ecr-account"},
        "region": {"x-stepyard": "ecr-region"},
        "imageName": {"x-stepyard": "ecr-source-repository"},
        "startScan": {"x-stepyard": "ecr-start-scan", "default": true},
    }});
    let policy = CedarPolicy::built_in().unwrap();
    let permits = |action, name, more: Value| {
        let mut settings = json!({
            "account": "123456789012", "region": "us-east-1", "imageName": "team/app",
        });
        if let (Value::Object(settings), Value::Object(more)) = (&mut settings, more) {
            settings.extend(more);
        }
        let mut asking = Asking::default();
        asking.run.named = NamedResources::from_settings(&schema, &settings).unwrap();
        asking
            .ask(&policy, action, repository(ECR, name, Some("1.0")))
            .is_permit()
    };
    assert!(permits(Action::StartScan, "team/app", json!({})));
    assert!(permits(Action::ReadScanFindings, "team/app", json!({})));
    let without = json!({"startScan": false});
    assert!(!permits(Action::StartScan, "team/app", without.clone()));
    assert!(permits(Action::ReadScanFindings, "team/app", without));
    for action in [Action::StartScan, Action::ReadScanFindings] {
        assert!(!permits(action, "team/other", json!({})));
    }
    for action in [Action::Push, Action::Tag, Action::DeleteImages] {
        assert!(!permits(action, "team/app", json!({})));
    }
}

#[test]
fn rights_over_the_machine_need_the_operator_and_the_settings() {
    let schema = json!({"properties": {
        "network": {"x-stepyard": "network-mode"},
        "ssh": {"x-stepyard": "ssh-agent"},
    }});
    let policy = CedarPolicy::built_in().unwrap();
    for (entitlement, action, resource) in [
        (
            Entitlement::HostNetwork,
            Action::UseHostNetwork,
            Resource::Engine,
        ),
        (
            Entitlement::SshAgent,
            Action::UseSshAgent,
            Resource::SshAgent,
        ),
    ] {
        let ask = |settings: &serde_json::Value, allowed: &[Entitlement]| {
            let mut asking = Asking::default();
            asking.run.named = NamedResources::from_settings(&schema, settings).unwrap();
            asking.run.allowed = allowed.iter().copied().collect();
            asking.ask(&policy, action, resource.clone())
        };
        let named = json!({"network": "host", "ssh": "default"});
        assert!(ask(&named, &[entitlement]).is_permit());
        assert!(!ask(&json!({"network": "none"}), &Entitlement::ALL).is_permit());
        match ask(&named, &[]) {
            Decision::Deny { remedy, .. } => {
                assert!(remedy.contains(entitlement.name()), "{remedy}");
            }
            decision @ Decision::Permit { .. } => panic!("{decision:?}"),
        }
    }
}

#[test]
fn a_strangers_defaults_name_nothing() {
    let schema =
        json!({"properties": {"connector": {"x-stepyard": "connector", "default": "aws"}}});
    let own = NamedResources::from_settings(&schema, &json!({})).unwrap();
    let strangers = NamedResources::without_defaults(&schema, &json!({})).unwrap();
    assert!(own.names_connector("aws"));
    assert!(!strangers.names_connector("aws"));
}

#[test]
fn what_a_scope_excludes_can_never_be_permitted() {
    let built_in = CedarPolicy::built_in().unwrap();
    assert!(built_in.could_permit(&principal(), Action::Push));
    assert!(!built_in.could_permit(&stranger(), Action::Push));
    let one = policy(&format!(
        "permit (principal == Step::\"{}\", action in Action::\"read-images\", resource) when {{ context.named }}; forbid (principal, action, resource) when {{ context.named }};",
        stranger().digest
    ));
    assert!(one.could_permit(&stranger(), Action::Pull));
    assert!(!one.could_permit(&stranger(), Action::Push));
    assert!(!one.could_permit(&principal(), Action::Pull));
}

#[test]
fn every_function_that_asks_the_policy_is_known() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    for interface in ["auth", "build", "registry", "ecr"] {
        let text = std::fs::read_to_string(format!("{folder}/{interface}.wit")).unwrap();
        let mut resource = None;
        for line in text.lines().map(str::trim_end) {
            if let Some(name) = line.strip_prefix("    resource ") {
                resource = Some(name.trim_end_matches([' ', '{']).to_owned());
            } else if line == "    }" {
                resource = None;
            }
            let Some((name, _)) = line.trim().split_once(": func(") else {
                continue;
            };
            let function = match &resource {
                Some(resource) => format!("[method]{resource}.{name}"),
                None => name.to_owned(),
            };
            let import = crate::component::Import {
                interface: format!("stepyard:step/{interface}@0.1.0"),
                functions: vec![function.clone()],
            };
            // What only notes or reads what the guest holds.
            let holds = resource.is_some()
                && !matches!(
                    function.as_str(),
                    "[method]image.push"
                        | "[method]image-list.next"
                        | "[method]scan.next-findings"
                        | "[method]request.add-ssh-agent"
                );
            assert_eq!(
                imported_calls(&[import]).is_empty(),
                holds,
                "{interface} {function}"
            );
        }
    }
}

#[test]
fn faults_have_their_line_and_column() {
    for (text, expected) in [
        ("permit (principal, action, resource)", "test.cedar:1:37"),
        (
            "permit (principal, action == Action::\"fly\", resource);",
            "test.cedar:1:",
        ),
        (
            "\npermit (principal, action, resource)\nwhen { context.colour == \"red\" };",
            "test.cedar:3:",
        ),
        (
            "permit (principal, action, resource == Repo::\"a\");",
            "test.cedar:1:",
        ),
        (
            "permit (principal, action == Action::\"push\", resource) when { context.tag == \"a\" };",
            "test.cedar:1:",
        ),
        (
            "permit (principal == ?principal, action, resource);",
            "test.cedar:1:1",
        ),
        (
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            "test.cedar:2:1: there is another rule a (test.cedar:1)",
        ),
    ] {
        let error = CedarPolicy::builder()
            .text("test.cedar", text)
            .build()
            .unwrap_err();
        assert!(error.to_string().starts_with(expected), "{text}\n{error}");
    }
}
