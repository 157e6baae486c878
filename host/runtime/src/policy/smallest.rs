//! The smallest policy under which what was asked for is permitted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cedar::{action_text, resource_text, step_text};
use super::{Access, Action, DecidedCall, Principal, Resource};
use crate::component::Origin;

/// What one step asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The step's identifier.
    pub step: &'a str,
    /// Its component.
    pub principal: &'a Principal,
    /// Its calls.
    pub calls: &'a [DecidedCall],
}

/// A policy that permits each step what it asked for, and no more than that: one rule for each
/// thing that is acted upon, with the tags that were written.
pub fn smallest_policy(asked: &[Asked<'_>], engine: Option<&str>) -> String {
    let mut text = String::from(
        "// What these steps asked for in a dry run. Everything else is denied, save what other\n\
         // files or the built-in rules permit.\n",
    );
    // Writing to a string cannot fail.
    let mut used = BTreeMap::new();
    for (principal, steps, accesses) in by_component(asked) {
        let described = match principal.origin {
            Origin::BuiltIn => format!("{}, which is built in", plain(&principal.name)),
            Origin::Pinned => format!("{}, pinned by the operator", plain(&principal.name)),
            Origin::Elsewhere => format!(
                "{} {}: its bytes, whatever it is called",
                plain(&principal.name),
                plain(&principal.version)
            ),
        };
        let _ = write!(text, "\n// {} ({described})\n", steps.join(", "));
        for group in groups(&accesses) {
            let id = unique(
                &mut used,
                &format!("{}.{}", word(&principal.name), group.name()),
            );
            let _ = write!(text, "\n{}", group.rule(&id, principal, engine));
        }
        if accesses.is_empty() {
            text.push_str("// asks for nothing\n");
        }
    }
    text
}

/// The accesses of each component, whatever steps run it.
fn by_component<'a>(asked: &[Asked<'a>]) -> Vec<(&'a Principal, Vec<String>, Vec<&'a Access>)> {
    let mut components: Vec<(&Principal, Vec<String>, Vec<&Access>)> = Vec::new();
    for step in asked {
        let place = components
            .iter()
            .position(|(principal, ..)| principal.id() == step.principal.id());
        let place = place.unwrap_or_else(|| {
            components.push((step.principal, Vec::new(), Vec::new()));
            components.len() - 1
        });
        if let Some((_, steps, accesses)) = components.get_mut(place) {
            steps.push(plain(step.step));
            let decided = step.calls.iter().flat_map(|call| &call.decided);
            accesses.extend(decided.map(|decided| &decided.access));
        }
    }
    components
}

/// Accesses that one rule permits: of one resource, or of all paths.
struct Group<'a> {
    actions: Vec<Action>,
    resources: Vec<&'a Resource>,
    tags: Vec<String>,
}

fn groups<'a>(accesses: &[&'a Access]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for access in accesses {
        let belongs = |group: &Group<'a>| {
            group.resources.first().is_some_and(|resource| {
                kind(resource) == kind(&access.resource)
                    && (is_listed(resource) || same(resource, &access.resource))
                    && group.writes() == access.action.writes_a_tag()
            })
        };
        let place = groups.iter().position(belongs).unwrap_or_else(|| {
            groups.push(Group {
                actions: Vec::new(),
                resources: Vec::new(),
                tags: Vec::new(),
            });
            groups.len() - 1
        });
        let Some(group) = groups.get_mut(place) else {
            continue;
        };
        if !group.actions.contains(&access.action) {
            group.actions.push(access.action);
        }
        if !group
            .resources
            .iter()
            .any(|other| same(other, &access.resource))
        {
            group.resources.push(&access.resource);
        }
        if let (true, Resource::Repository { tag: Some(tag), .. }) =
            (access.action.writes_a_tag(), &access.resource)
        {
            let tag = tag.to_string();
            if !group.tags.contains(&tag) {
                group.tags.push(tag);
            }
        }
    }
    groups
}

/// Whether a rule may name several: they are of one kind and have one action.
const fn is_listed(resource: &Resource) -> bool {
    matches!(resource, Resource::WorkspacePath(_) | Resource::Secret(_))
}

const fn kind(resource: &Resource) -> u8 {
    match resource {
        Resource::Engine => 0,
        Resource::Connector { .. } => 1,
        Resource::Registry(_) => 2,
        Resource::Repository { .. } => 3,
        Resource::WorkspacePath(_) => 4,
        Resource::Secret(_) => 5,
        Resource::SshAgent => 6,
        Resource::Cache(_) => 7,
    }
}

/// Whether policies call both the same.
fn same(left: &Resource, right: &Resource) -> bool {
    resource_text(left, None) == resource_text(right, None)
}

impl Group<'_> {
    fn writes(&self) -> bool {
        self.actions.iter().any(|action| action.writes_a_tag())
    }

    /// What the rule is called after.
    fn name(&self) -> String {
        let actions = self.actions.first().map_or("", |action| action.name());
        match self.resources.first() {
            Some(Resource::Engine) => "build".to_owned(),
            Some(Resource::Repository { .. }) if self.writes() => "write".to_owned(),
            Some(Resource::Repository { .. }) => "read".to_owned(),
            Some(Resource::WorkspacePath(_)) => "files".to_owned(),
            Some(Resource::Secret(_)) => "secrets".to_owned(),
            _ => actions.to_owned(),
        }
    }

    fn comment(&self) -> &'static str {
        match self.resources.first() {
            Some(Resource::Engine) => "It builds with this engine.",
            Some(Resource::Connector { .. }) => "It signs in with this connector.",
            Some(Resource::Registry(_)) => "It uses this registry without signing in.",
            Some(Resource::Repository { .. }) if self.writes() => {
                "It puts images there, under the tags of the dry run. Take the condition away, or \
                 use\n// `context.tag like \"1.*\"`, where tags change with each run."
            }
            Some(Resource::Repository { .. }) => "It uses this repository.",
            Some(Resource::WorkspacePath(_)) => {
                "It builds from these files. `resource in Path::\"FOLDER\"` stands for all below \
                 a folder."
            }
            Some(Resource::Secret(_)) => "Its builds are given these secrets.",
            Some(Resource::SshAgent) => "Its builds may ask the SSH agent of the machine to sign.",
            Some(Resource::Cache(_)) => "It takes or keeps cached layers there.",
            None => "",
        }
    }

    fn rule(&self, id: &str, principal: &Principal, engine: Option<&str>) -> String {
        let mut actions: Vec<String> = self
            .actions
            .iter()
            .map(|action| action_text(*action))
            .collect();
        actions.sort();
        let action = match actions.as_slice() {
            [action] => format!("action == {action}"),
            _ => format!("action in [{}]", actions.join(", ")),
        };
        let mut resources: Vec<String> = self
            .resources
            .iter()
            .map(|resource| resource_text(resource, engine))
            .collect();
        resources.sort();
        let mut conditions = Vec::new();
        let resource = match resources.as_slice() {
            [resource] => format!("resource == {resource}"),
            _ => {
                conditions.push(format!("[{}].contains(resource)", resources.join(", ")));
                "resource".to_owned()
            }
        };
        if !self.tags.is_empty() {
            let mut tags: Vec<String> = self.tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            tags.sort();
            conditions.push(format!(
                "context has tag && [{}].contains(context.tag)",
                tags.join(", ")
            ));
        }
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!("\nwhen {{ {} }}", conditions.join(" && "))
        };
        format!(
            "// {}\n@id(\"{id}\")\npermit (\n  principal == {},\n  {action},\n  {resource}\n){condition};\n",
            self.comment(),
            step_text(principal),
        )
    }
}

/// A text that a component chose, in a comment.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(200)
        .collect()
}

/// A text that a component chose, in the name of a rule.
fn word(text: &str) -> String {
    let text = text.strip_suffix(".wasm").unwrap_or(text);
    text.chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => character,
            _ => '-',
        })
        .take(60)
        .collect()
}

fn unique(used: &mut BTreeMap<String, usize>, id: &str) -> String {
    let count = used.entry(id.to_owned()).or_default();
    *count += 1;
    match count {
        1 => id.to_owned(),
        count => format!("{id}-{count}"),
    }
}
