//! What to do about a call that no script answers.

use std::fmt::Write as _;

use serde_json::Value;

use super::Call;

/// What a test says of a call that it has no answer for.
pub(crate) fn no_answer(call: &Call, left: &[Call]) -> String {
    let mut text = format!(
        "the test has no answer for {call}\n  script it: Host::new(){}",
        script(call)
    );
    for call in left {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  an answer is left for {call}");
    }
    text
}

/// What a program says of a call that is made outside of a test's script.
pub(crate) fn no_host(call: &Call) -> String {
    format!(
        "there is no host for {call}: outside of WebAssembly a script answers\n  run the step in \
         stepyard_sdk::testing::Host::new(){}.run::<TheStep>(settings), or a part of it in .call(|| …)",
        script(call)
    )
}

/// What a test says of answers that nothing has asked for.
pub(crate) fn unused(left: &[Call], ending: &str) -> String {
    let mut text = "the step has not made these calls, which the test answers:".to_owned();
    for call in left {
        let _ = write!(text, "\n  {call}");
    }
    let _ = write!(text, "\nit {ending}");
    text
}

/// The line of a script that answers a call.
fn script(call: &Call) -> String {
    let argument = |name: &str| match call.argument(name) {
        Value::String(text) => format!("{text:?}"),
        _ => "…".to_owned(),
    };
    let (function, arguments, answer): (&str, &[&str], &str) = match call.function() {
        "auth.login" => ("on_login", &["connector", "registry"], "Ok(())"),
        "auth.anonymous" => ("on_anonymous", &["registry"], "Ok(())"),
        "build.engine" => return ".engine(\"docker\", [feature::HOLD])".to_owned(),
        "build.supports" => return format!(".engine(\"docker\", [{}])", argument("feature")),
        "build.build" => ("on_build", &[], "Ok(BuiltImage::new(\"sha256:…\"))"),
        "build.image.push" => ("on_push", &["reference"], DESCRIPTOR),
        "registry.resolve" => (
            "on_resolve",
            &["reference"],
            "Ok(Some(descriptor(\"sha256:…\")))",
        ),
        "registry.get-manifest" => (
            "on_get_manifest",
            &["reference"],
            "Ok(manifest(\"…\", &json!({…})))",
        ),
        "registry.put-manifest" => ("on_put_manifest", &["reference"], DESCRIPTOR),
        "registry.tag" => ("on_tag", &["reference", "tag"], DESCRIPTOR),
        "registry.copy" => ("on_copy", &["source", "destination"], DESCRIPTOR),
        "registry.list-tags" => ("on_list_tags", &["repository"], "Ok(vec![\"1.0\"])"),
        "ecr.describe-repository" => (
            "on_describe_repository",
            &["name"],
            "Ok(Some(Repository::new(\"…\")))",
        ),
        "ecr.create-repository" => (
            "on_create_repository",
            &["name"],
            "Ok(Repository::new(\"…\").newly_made())",
        ),
        "ecr.put-lifecycle-policy" => ("on_put_lifecycle_policy", &["name"], "Ok(())"),
        "ecr.set-repository-policy" => ("on_set_repository_policy", &["name"], "Ok(())"),
        "ecr.put-tag-mutability" => ("on_put_tag_mutability", &["name", "mutability"], "Ok(())"),
        "ecr.list-images" => (
            "on_list_images",
            &["name"],
            "Ok(vec![EcrImage::new(\"sha256:…\")])",
        ),
        "ecr.describe-image" => (
            "on_describe_image",
            &["name", "image"],
            "Ok(Some(EcrImage::new(\"sha256:…\")))",
        ),
        "ecr.delete-images" => ("on_delete_images", &["name"], "Ok(vec![])"),
        "ecr.scan-findings" => (
            "on_scan_findings",
            &["name", "image"],
            "Ok(Some(Scan::new(\"COMPLETE\")))",
        ),
        "ecr.start-scan" => ("on_start_scan", &["name", "image"], "Ok(\"IN_PROGRESS\")"),
        "ecr.replication-status" => ("on_replication_status", &["name", "image"], "Ok(vec![])"),
        _ => return ".on_…".to_owned(),
    };
    let mut given: Vec<String> = arguments.iter().map(|name| argument(name)).collect();
    given.push(answer.to_owned());
    format!(".{function}({})", given.join(", "))
}

const DESCRIPTOR: &str = "Ok(descriptor(\"sha256:…\"))";
