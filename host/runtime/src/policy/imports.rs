//! Which actions the functions that a component imports ask for.

use super::{Action, Policy, Principal};
use crate::component::Import;

/// A function of the contract that a component imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCall {
    /// Such as `registry.copy`.
    pub function: String,
    /// What the policy is asked when it is called: the main action first, then those that its
    /// arguments can add.
    pub actions: &'static [Action],
}

/// The functions that a component imports and the policy is asked about.
pub fn imported_calls(imports: &[Import]) -> Vec<ImportedCall> {
    let mut calls = Vec::new();
    for import in imports {
        let Some(interface) = contract_interface(&import.interface) else {
            continue;
        };
        for function in &import.functions {
            let actions = actions(interface, function);
            if !actions.is_empty() {
                calls.push(ImportedCall {
                    function: format!("{interface}.{}", plain(function)),
                    actions,
                });
            }
        }
    }
    calls
}

/// What a component imports and no rule could ever permit it.
pub fn never_permitted(
    policy: &dyn Policy,
    principal: &Principal,
    imports: &[Import],
) -> Vec<ImportedCall> {
    let mut calls = imported_calls(imports);
    calls.retain(|call| {
        let main = call.actions.first();
        main.is_some_and(|action| !policy.could_permit(principal, *action))
    });
    calls
}

/// `build` of `stepyard:step/build@0.1.0`.
fn contract_interface(name: &str) -> Option<&str> {
    let name = name.strip_prefix("stepyard:step/")?;
    Some(name.split('@').next().unwrap_or(name))
}

/// `image.push` of `[method]image.push`.
fn plain(function: &str) -> &str {
    function.split_once(']').map_or(function, |(_, name)| name)
}

fn actions(interface: &str, function: &str) -> &'static [Action] {
    match (interface, function) {
        ("auth", "login") => &[Action::Login],
        ("auth", "anonymous") => &[Action::LoginAnonymously],
        ("build", "engine" | "supports") => &[Action::InspectEngine],
        ("build", "build") => &[
            Action::Build,
            Action::ReadWorkspace,
            Action::UseSecret,
            Action::ImportCache,
            Action::ExportCache,
            Action::Push,
            Action::Pull,
        ],
        ("build", "[method]request.add-ssh-agent") => &[Action::UseSshAgent],
        ("build", "[method]image.push") => &[Action::Push, Action::Pull],
        ("registry", "resolve" | "get-manifest") => &[Action::Pull],
        ("registry", "put-manifest" | "tag") => &[Action::Tag, Action::Pull],
        ("registry", "copy") => &[Action::Copy, Action::Pull],
        ("registry", "list-tags") => &[Action::ListTags],
        ("ecr", "describe-repository") => &[Action::DescribeRepository, Action::Login],
        ("ecr", "create-repository") => &[Action::CreateRepository, Action::Login],
        ("ecr", "put-lifecycle-policy") => &[Action::PutLifecyclePolicy, Action::Login],
        ("ecr", "set-repository-policy") => &[Action::SetRepositoryPolicy, Action::Login],
        ("ecr", "put-tag-mutability") => &[Action::PutTagMutability, Action::Login],
        ("ecr", "list-images" | "[method]image-list.next") => &[Action::ListImages, Action::Login],
        ("ecr", "describe-image") => &[Action::DescribeImage, Action::Login],
        ("ecr", "delete-images") => &[Action::DeleteImages, Action::Login],
        ("ecr", "scan-findings" | "[method]scan.next-findings") => {
            &[Action::ReadScanFindings, Action::Login]
        }
        ("ecr", "start-scan") => &[Action::StartScan, Action::Login],
        ("ecr", "replication-status") => &[Action::ReadReplicationStatus, Action::Login],
        _ => &[],
    }
}
