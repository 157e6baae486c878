//! The credentials of AWS connectors in a whole run of the command. Which calls each makes, the
//! library's own tests see.

use std::process::Command;

use crate::support::backend::Backend;
use crate::support::project::Project;
use crate::support::{REGISTRY, aws, run};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJlbmQtdG8tZW5kIn0.c2lnbmF0dXJl";
const ROLE: &str = "arn:aws:iam::123456789012:role/build";

/// A project whose connector `aws` has this credential, and a role on top.
fn project(backend: &Backend, credential: &str) -> Project {
    let project = Project::new(backend);
    project.write(
        "connectors.yaml",
        &format!(
            "connector:\n  identifier: aws\n  type: Aws\n  spec:\n    credential:\n      {credential}\n\
             \x20     crossAccountAccess: {{crossAccountRoleArn: '{ROLE}'}}\n"
        ),
    );
    project.dockerfile("LABEL identity=role");
    project.pipeline("[one, two]", "");
    project
}

fn oidc(backend: &Backend) -> Project {
    let spec = format!("{{iamRoleArn: '{ROLE}'}}");
    project(
        backend,
        &format!("type: OidcAuthentication\n      spec: {spec}"),
    )
}

/// Runs to the end; no token is in the output.
fn run_to_end(command: &mut Command) -> run::Run {
    run::to_end(command).says_nothing_of(TOKEN)
}

#[test]
fn a_token_of_the_environment_is_exchanged_for_a_role() {
    let backend = Backend::local_ecr(&[]);
    let project = oidc(&backend);
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    run_to_end(command.env("STEPYARD_OIDC_TOKEN", TOKEN)).expect(0);
    assert!(backend.digest(&project.repository, "two").is_some());
    // Drone's plugins have it under another name.
    let mut command = project.run_command(&["pipeline.yaml"]);
    run_to_end(command.env("PLUGIN_OIDC_TOKEN_ID", TOKEN)).expect(0);
}

#[test]
fn a_registry_token_that_ends_during_the_build_is_replaced_before_the_push() {
    let backend = Backend::local_ecr(&["--token-lifetime", "2s"]);
    let project = oidc(&backend);
    project.dockerfile("RUN sleep 4");
    let mut command = project.run_command(&["pipeline.yaml"]);
    run_to_end(command.env("STEPYARD_OIDC_TOKEN", TOKEN)).expect(0);
    assert!(backend.digest(&project.repository, "two").is_some());
}

#[test]
fn a_token_in_a_file_is_exchanged_for_a_role() {
    let backend = Backend::local_ecr(&[]);
    let project = oidc(&backend);
    let configuration = project.read("stepyard.toml");
    let with_file = |path: &str| {
        project.write(
            "stepyard.toml",
            &format!("{configuration}oidc-token-file = \"{path}\"\n"),
        );
    };
    project.write("token", TOKEN);
    with_file("token");
    run_to_end(&mut project.run_command(&["pipeline.yaml", "--verbose"])).expect(0);
    with_file("nowhere");
    run_to_end(&mut project.run_command(&["pipeline.yaml"]))
        .expect(1)
        .says("nowhere (oidc-token-file under [aws] of stepyard.toml) cannot be read");
    project.write("workspace/token", TOKEN);
    with_file("workspace/token");
    run_to_end(&mut project.run_command(&["pipeline.yaml"]))
        .expect(2)
        .says("are inside the workspace");
}

#[test]
fn a_missing_token_is_told_with_what_helps() {
    let backend = Backend::local_ecr(&[]);
    let project = oidc(&backend);
    run_to_end(&mut project.run_command(&["pipeline.yaml"]))
        .expect(1)
        .says("the connector aws exchanges a token of the CI system for a role")
        .says("STEPYARD_OIDC_TOKEN");
}

#[test]
fn a_pods_service_account_is_exchanged_for_its_role() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend, "type: Irsa");
    project.write("token", TOKEN);
    let mut command = project.run_command(&["pipeline.yaml", "--verbose"]);
    command
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", project.path("token"))
        .env("AWS_ROLE_ARN", ROLE);
    run_to_end(&mut command).expect(0);
    run_to_end(&mut project.run_command(&["pipeline.yaml"]))
        .expect(1)
        .says("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
}

#[test]
fn the_machines_identity_is_in_its_environment() {
    let backend = Backend::local_ecr(&[]);
    let project = project(&backend, "type: InheritFromDelegate");
    let mut command = project.run_command(&["pipeline.yaml"]);
    command
        .env("AWS_ACCESS_KEY_ID", "AKIALOCALECR00000000")
        .env("AWS_SECRET_ACCESS_KEY", "local-ecr");
    run_to_end(&mut command).expect(0);
    let mut command = project.run_command(&["pipeline.yaml"]);
    run_to_end(command.env("AWS_EC2_METADATA_DISABLED", "true"))
        .expect(1)
        .says("there are no AWS credentials");
}

#[test]
fn an_image_is_promoted_to_ecr_public() {
    let backend = Backend::local_ecr(&[]);
    let project = Project::new(&backend);
    aws::create_repository(&backend.aws, "alias/app", "MUTABLE");
    project.write(
        "stepyard.toml",
        &format!(
            "{}\n[registries.\"public.ecr.aws\"]\nendpoint = \"http://{}\"\n",
            project.read("stepyard.toml"),
            backend.registry
        ),
    );
    project.dockerfile("LABEL promoted=public");
    let source = format!("{REGISTRY}/{}:one", project.repository);
    let promote = format!(
        "step:\n  type: PromoteImage\n  name: promote\n  spec:\n    connectorRef: aws\n    \
         source: {source}\n    destination: public.ecr.aws/alias/app:1\n"
    );
    project.steps(&[project.step("build", "[one]", ""), promote]);
    project
        .run()
        .expect(0)
        .says("copied to public.ecr.aws/alias/app:1");
    assert_eq!(
        backend.digest("alias/app", "1"),
        backend.digest(&project.repository, "one")
    );
}
