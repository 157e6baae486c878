//! Settings of the repository itself: making it, and its policies.

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::engine::Engine;
use crate::support::project::Project;
use crate::support::{aws, run};

const LIFECYCLE: &str = r#"{"rules": [{"rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
    "action": {"type": "expire"}}]}"#;
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Lambda", "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"}, "Action": ["ecr:BatchGetImage"]}]}"#;

/// A repository as ECR describes it.
fn described(backend: &Backend, project: &Project) -> Value {
    let parameters = json!({"repositoryNames": [project.repository]});
    let answer = aws::answer(&backend.aws, "DescribeRepositories", &parameters);
    answer["repositories"][0].clone()
}

fn a_missing_repository_is_made_with_its_policies(backend: &Backend) {
    let project = Project::without_repository(backend);
    project.dockerfile("LABEL repository=made");
    project.write("workspace/ecr/lifecycle.json", LIFECYCLE);
    project.write("workspace/ecr/policy.json", POLICY);
    project.pipeline(
        "[1.0.0, also]",
        "createRepository:\n  immutableTags: true\n  scanOnPush: true\n  encryption: KMS\n\
         \u{20} kmsKey: alias/images\n  tags: {team: web}\n\
         lifecyclePolicy: ecr/lifecycle.json\nrepositoryPolicy: ecr/policy.json",
    );
    project
        .run()
        .expect(0)
        .says("was made: its tags are IMMUTABLE");
    let repository = described(backend, &project);
    assert_eq!(repository["imageTagMutability"], "IMMUTABLE");
    assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true);
    assert_eq!(
        repository["encryptionConfiguration"],
        json!({"encryptionType": "KMS", "kmsKey": "alias/images"})
    );
    let arn = json!({"resourceArn": repository["repositoryArn"]});
    let tags = aws::answer(&backend.aws, "ListTagsForResource", &arn);
    assert_eq!(tags["tags"], json!([{"Key": "team", "Value": "web"}]));
    let name = json!({"repositoryName": project.repository});
    for (operation, member, text) in [
        ("GetLifecyclePolicy", "lifecyclePolicyText", LIFECYCLE),
        ("GetRepositoryPolicy", "policyText", POLICY),
    ] {
        let kept = aws::answer(&backend.aws, operation, &name);
        let kept = kept[member].as_str().unwrap();
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(json(kept), json(text));
    }
    assert!(backend.digest(&project.repository, "also").is_some());
    // The second run finds it, and the same image under the same tags.
    project
        .run()
        .expect(0)
        .says("was there already")
        .says_nothing_of("was made");
}

#[test]
fn a_missing_repository_is_made_with_moto_and_docker_registry() {
    a_missing_repository_is_made_with_its_policies(&Backend::moto());
}

#[test]
fn a_missing_repository_is_made_with_local_ecr() {
    a_missing_repository_is_made_with_its_policies(&Backend::local_ecr(&[]));
}

#[test]
fn tags_may_be_immutable_but_for_some() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::without_repository(&backend);
    project.pipeline(
        "[1.0.0, latest]",
        "createRepository: {immutableTags: {except: [latest]}}",
    );
    project.dockerfile("LABEL image=first");
    project.run().expect(0);
    let first = backend.digest(&project.repository, "1.0.0");
    project.pipeline("[1.0.1, latest]", "createRepository: true");
    project.dockerfile("LABEL image=second");
    project
        .run()
        .expect(0)
        .says("its tags are IMMUTABLE_WITH_EXCLUSION (latest), not MUTABLE");
    assert_eq!(backend.digest(&project.repository, "1.0.0"), first);
    let latest = backend.digest(&project.repository, "latest");
    assert_ne!(latest, first);
    assert_eq!(latest, backend.digest(&project.repository, "1.0.1"));
}

/// With an engine that holds images, and with one that pushes while it builds.
#[test]
fn a_repository_may_be_made_by_the_push() {
    for engine in [Engine::Docker20, Engine::BuildKit] {
        let backend = Backend::local_ecr(&["--create-on-push"]);
        let project = Project::without_repository(&backend).built_by(engine);
        project.dockerfile("LABEL repository=pushed");
        project.write("workspace/lifecycle.json", LIFECYCLE);
        project.pipeline("[1.0.0, also]", "lifecyclePolicy: lifecycle.json");
        project
            .run()
            .expect(1)
            .says("set createRepository: true (on-push")
            .says_nothing_of("== Build");
        project.pipeline(
            "[1.0.0, also]",
            "createRepository: on-push\nlifecyclePolicy: lifecycle.json\ncaching: true",
        );
        project
            .run()
            .expect(0)
            .says("does not exist yet: the push makes it");
        let digest = backend.digest(&project.repository, "1.0.0");
        assert!(digest.is_some());
        assert_eq!(backend.digest(&project.repository, "also"), digest);
        let name = json!({"repositoryName": project.repository});
        let kept = aws::answer(&backend.aws, "GetLifecyclePolicy", &name);
        assert_eq!(kept["lifecyclePolicyText"], LIFECYCLE);
        project.run().expect(0).says_nothing_of("the push makes it");
    }
}

#[test]
fn a_repository_is_made_with_a_setting_of_the_command_line() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::without_repository(&backend);
    project.dockerfile("LABEL settings=arguments");
    let settings = [
        "connectorRef=aws".to_owned(),
        format!("region={}", crate::support::REGION),
        format!("account={}", crate::support::ACCOUNT),
        format!("imageName={}", project.repository),
        "tags=one".to_owned(),
        "createRepository.scanOnPush=true".to_owned(),
    ];
    let mut arguments = vec!["build-push-ecr"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    run::to_end(&mut project.run_command(&arguments)).expect(0);
    let repository = described(&backend, &project);
    assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true);
    assert!(backend.digest(&project.repository, "one").is_some());
}
