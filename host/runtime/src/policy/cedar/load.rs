//! From the text of rules to a policy that can be asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest as _, Sha256};

use super::error::{PolicyError, PolicyFault};
use super::question::Entities;
use super::statements::{beginnings, line_and_column};
use super::{Action, BUILT_IN_RULES, CedarPolicy, PARSED_SCHEMA, Shared, is_action};
use crate::policy::question::{Rule, RulePlace};

/// The largest file of rules, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// Puts a [`CedarPolicy`] together.
#[derive(Debug, Default)]
pub struct CedarPolicyBuilder {
    texts: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    /// None for the host's own.
    file: Option<PathBuf>,
    content: String,
}

impl CedarPolicyBuilder {
    /// Adds the rules that come with the host.
    #[must_use]
    pub fn with_built_in_rules(mut self) -> Self {
        self.texts.push(Text {
            file: None,
            content: BUILT_IN_RULES.to_owned(),
        });
        self
    }

    /// Adds rules; `file` is what messages call them.
    #[must_use]
    pub fn text(mut self, file: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        self.texts.push(Text {
            file: Some(file.into()),
            content: content.into(),
        });
        self
    }

    /// Adds the rules of a file.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`]
    pub fn file(self, path: &Path) -> Result<Self, PolicyError> {
        let content = read(path).map_err(|error| PolicyError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        Ok(self.text(path, content))
    }

    /// Validates all rules against the schema.
    ///
    /// # Errors
    /// [`PolicyError::Faulty`] with every fault: of syntax, of an unknown type, action or
    /// attribute, and of two rules with one name.
    pub fn build(self) -> Result<CedarPolicy, PolicyError> {
        let schema = PARSED_SCHEMA
            .as_ref()
            .map_err(|error| PolicyError::Schema(error.clone()))?;
        let validator = Validator::new(schema.clone());
        let mut rules = PolicySet::new();
        let mut names: HashMap<PolicyId, Rule> = HashMap::new();
        let mut order = HashMap::new();
        let mut faults = Vec::new();
        for (number, text) in self.texts.iter().enumerate() {
            let parsed = match PolicySet::from_str(&text.content) {
                Ok(parsed) => parsed,
                Err(errors) => {
                    faults.extend(errors.iter().map(|error| text.fault(error)));
                    continue;
                }
            };
            let places = text.places(&parsed);
            if let Some(template) = parsed.templates().next() {
                let place = places.get(template.id()).copied().unwrap_or_default();
                faults.push(
                    text.fault_at(
                        place,
                        "a rule with a slot (`?principal`, `?resource`) \
                    cannot be used: name what is meant"
                            .to_owned(),
                    ),
                );
                continue;
            }
            let result = validator.validate(&parsed, ValidationMode::Strict);
            faults.extend(
                result
                    .validation_errors()
                    .map(|error| text.fault_within(error, places.get(error.policy_id()).copied())),
            );
            for rule in parsed.policies() {
                let place = places.get(rule.id()).copied().unwrap_or_default();
                let id = PolicyId::new(format!("{number}.{}", rule.id()));
                let name = text.name(rule.annotation("id"), place);
                let taken = names.values().find(|other| other.id == name.id);
                if let (Some(other), true) = (taken, rule.annotation("id").is_some()) {
                    let message = format!("there is another rule {other}; choose another @id");
                    faults.push(text.fault_at(place, message));
                    continue;
                }
                order.insert(id.clone(), order.len());
                names.insert(id.clone(), name);
                rules
                    .add(rule.new_id(id))
                    .map_err(|error| PolicyError::Schema(error.to_string()))?;
            }
        }
        if !faults.is_empty() {
            faults.sort_by(|left, right| {
                (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
            });
            return Err(PolicyError::Faulty { faults });
        }
        let mut hasher = Sha256::new();
        for text in &self.texts {
            hasher.update((text.content.len() as u64).to_be_bytes());
            hasher.update(text.content.as_bytes());
        }
        let wants_tag_exists = self
            .texts
            .iter()
            .any(|text| text.content.contains("tagExists"));
        let entities = Entities::new(schema).map_err(PolicyError::Schema)?;
        let rules_of = rules_by_action(&rules, &entities).map_err(PolicyError::Schema)?;
        Ok(CedarPolicy {
            shared: Arc::new(Shared {
                rules,
                rules_of,
                names,
                order,
                entities,
                wants_tag_exists,
                digest: format!("sha256:{:x}", hasher.finalize()),
                first_file: self.texts.into_iter().find_map(|text| text.file),
            }),
        })
    }
}

/// The rules whose scope has an action, for each action.
fn rules_by_action(
    rules: &PolicySet,
    entities: &Entities,
) -> Result<HashMap<Action, PolicySet>, String> {
    let of_action = |action: Action| {
        let actions = entities.actions(action)?;
        let scoped = rules.policies();
        let scoped = scoped.filter(|rule| is_action(&rule.action_constraint(), &actions));
        let rules = PolicySet::from_policies(scoped.cloned()).map_err(|error| error.to_string())?;
        Ok((action, rules))
    };
    Action::ALL.into_iter().map(of_action).collect()
}

fn read(path: &Path) -> std::io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST_FILE {
        return Err(std::io::Error::other(format!(
            "it has {size} bytes; at most {LARGEST_FILE} are read"
        )));
    }
    std::fs::read_to_string(path)
}

impl Text {
    /// Where each rule begins: Cedar numbers them in their order.
    fn places(&self, parsed: &PolicySet) -> HashMap<PolicyId, usize> {
        let ids = parsed.policies().map(|rule| rule.id());
        let ids = ids.chain(parsed.templates().map(|template| template.id()));
        let beginnings = beginnings(&self.content);
        ids.filter_map(|id| {
            let number: usize = id.to_string().strip_prefix("policy")?.parse().ok()?;
            Some((id.clone(), *beginnings.get(number)?))
        })
        .collect()
    }

    fn name(&self, id: Option<&str>, place: usize) -> Rule {
        let line = line_and_column(&self.content, place).0;
        let place = self.file.as_ref().map(|file| {
            Arc::new(RulePlace {
                file: file.clone(),
                line,
            })
        });
        let id = id
            .filter(|id| !id.is_empty())
            .map_or_else(|| format!("rule at line {line}"), ToOwned::to_owned);
        Rule {
            id: id.into(),
            place,
        }
    }

    fn fault(&self, error: &dyn Diagnostic) -> PolicyFault {
        self.fault_within(error, None)
    }

    /// A fault at the place that Cedar names, or in the rule at `rule`.
    fn fault_within(&self, error: &dyn Diagnostic, rule: Option<usize>) -> PolicyFault {
        let label = error.labels().and_then(|mut labels| labels.next());
        let place = label.as_ref().map(miette::LabeledSpan::offset).or(rule);
        let mut message = error.to_string();
        // Cedar begins with its own number of the rule, which nobody has written.
        if let Some((before, after)) = message.split_once(", ")
            && before.starts_with("for policy `")
        {
            message = after.to_owned();
        }
        if let Some(label) = label.as_ref().and_then(|label| label.label()) {
            message = format!("{message} ({label})");
        }
        if let Some(help) = error.help() {
            message = format!("{message}; {help}");
        }
        self.fault_at(place.unwrap_or_default(), message)
    }

    fn fault_at(&self, place: usize, message: String) -> PolicyFault {
        let (line, column) = line_and_column(&self.content, place);
        PolicyFault {
            file: self
                .file
                .clone()
                .unwrap_or_else(|| PathBuf::from("the host's own rules")),
            line,
            column,
            message,
        }
    }
}
