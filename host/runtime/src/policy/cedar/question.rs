//! A question in Cedar's terms: entities, and a context.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, Request};
use cedar_policy::{RestrictedExpression as Value, Schema};
use stepyard_grammar::{EcrRegistry, RegistryHost};

use super::super::names::entitlement;
use super::super::{Access, Action, BuildFacts, Principal, Question, Resource};
use super::PARSED_SCHEMA;
use crate::component::Origin;

/// The deepest path that a policy is asked about: each folder above it becomes an entity.
const DEEPEST_PATH: usize = 100;

/// How much is kept of each kind. An entry takes a few KiB.
const MOST_KEPT: usize = 64;

/// What is asked, and all that is known of the entities in it.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) subject: Arc<Subject>,
}

/// Who does what to what, without the tag, the build and the run, which are the context of a question.
pub(super) struct Subject {
    principal: EntityUid,
    resource: EntityUid,
    /// All that is known of these. To make them takes most of the time of a decision.
    pub(super) entities: cedar_policy::Entities,
}

/// What tells subjects apart.
#[derive(PartialEq, Eq, Hash)]
struct SubjectKey {
    principal: Principal,
    access: Access,
    engine: Option<String>,
}

/// The entities that questions are about.
pub(super) struct Entities {
    actions: HashMap<Action, ActionEntity>,
    steps: Kept<Principal, Entity>,
    subjects: Kept<SubjectKey, Arc<Subject>>,
}

/// What was made lately, and is likely to be wanted again.
struct Kept<Key, Made>(Mutex<HashMap<Key, Made>>);

impl<Key: Eq + Hash, Made: Clone> Kept<Key, Made> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn get_or_make(
        &self,
        key: Key,
        make: impl FnOnce(&Key) -> Result<Made, String>,
    ) -> Result<Made, String> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept().get(&key) {
            return Ok(made.clone());
        }
        let made = make(&key)?;
        let mut kept = kept();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, made.clone());
        Ok(made)
    }
}

/// An action, and the groups that it is in.
struct ActionEntity {
    entity: Entity,
    groups: Vec<EntityUid>,
}

impl Entities {
    /// Those of the schema.
    pub(super) fn new(schema: &Schema) -> Result<Self, String> {
        let entities = schema.action_entities().map_err(told)?;
        let mut actions = HashMap::new();
        for action in Action::ALL {
            let uid = action_uid(action)?;
            if entities.get(&uid).is_none() {
                return Err(format!("the schema has no action {action}"));
            }
            let groups: Vec<_> = entities
                .ancestors(&uid)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            // All of them are its parents, so they need not be entities of each question.
            let entity = Entity::new_no_attrs(uid, groups.iter().cloned().collect());
            actions.insert(action, ActionEntity { entity, groups });
        }
        Ok(Self {
            actions,
            steps: Kept::new(),
            subjects: Kept::new(),
        })
    }

    /// The action and the groups that it is in.
    pub(super) fn actions(&self, action: Action) -> Result<Vec<EntityUid>, String> {
        let ActionEntity { entity, groups } = self.named(action)?;
        Ok([entity.uid()]
            .into_iter()
            .chain(groups.iter().cloned())
            .collect())
    }

    fn named(&self, action: Action) -> Result<&ActionEntity, String> {
        let named = self.actions.get(&action);
        named.ok_or_else(|| format!("the schema has no action {action}"))
    }

    /// The step and its origin.
    pub(super) fn principals(&self, principal: &Principal) -> Result<Vec<EntityUid>, String> {
        Ok(vec![
            uid("Step", principal.id())?,
            uid("Origin", origin(principal.origin))?,
        ])
    }

    /// The question for Cedar.
    pub(super) fn request(&self, question: &Question<'_>) -> Result<Asked, String> {
        let subject = self.subject(question)?;
        let context = context(question)?;
        let action = self.named(question.access.action)?.entity.uid();
        let (principal, resource) = (subject.principal.clone(), subject.resource.clone());
        let request = Request::new(principal, action, resource, context, None).map_err(told)?;
        Ok(Asked { request, subject })
    }

    /// What a question is about, made where it was not asked about lately.
    fn subject(&self, question: &Question<'_>) -> Result<Arc<Subject>, String> {
        let key = SubjectKey {
            principal: question.principal.clone(),
            access: Access::new(
                question.access.action,
                question.access.resource.without_tag(),
            ),
            engine: question.run.engine.clone(),
        };
        self.subjects.get_or_make(key, |key| {
            let step = self.steps.get_or_make(key.principal.clone(), step)?;
            let mut known = Known::default();
            let resource = known.resource(&key.access.resource, key.engine.as_deref())?;
            let action = self.named(key.access.action)?.entity.clone();
            let principal = step.uid();
            let entities = known.entities.into_iter().chain([step, action]);
            Ok(Arc::new(Subject {
                principal,
                resource,
                entities: cedar_policy::Entities::from_entities(entities, None).map_err(told)?,
            }))
        })
    }
}

fn step(principal: &Principal) -> Result<Entity, String> {
    let attributes = HashMap::from([
        ("name".to_owned(), text(&principal.name)),
        ("version".to_owned(), text(&principal.version)),
        ("digest".to_owned(), text(&principal.digest)),
    ]);
    let origin = uid("Origin", origin(principal.origin))?;
    Entity::new(step_uid(principal)?, attributes, HashSet::from([origin])).map_err(told)
}

/// The entities of what one question is about. Those that have neither attributes nor parents need
/// not be known.
#[derive(Default)]
struct Known {
    entities: Vec<Entity>,
}

impl Known {
    fn add(
        &mut self,
        uid: EntityUid,
        attributes: HashMap<String, Value>,
        parents: HashSet<EntityUid>,
    ) -> Result<EntityUid, String> {
        if !self.entities.iter().any(|entity| entity.uid() == uid) {
            let entity = Entity::new(uid.clone(), attributes, parents).map_err(told)?;
            self.entities.push(entity);
        }
        Ok(uid)
    }

    fn registry(&mut self, host: &RegistryHost) -> Result<EntityUid, String> {
        let mut attributes = HashMap::from([("host".to_owned(), text(host.as_str()))]);
        if let Some(ecr) = EcrRegistry::from_host(host) {
            attributes.insert("account".to_owned(), text(ecr.account().as_str()));
            attributes.insert("region".to_owned(), text(ecr.region().as_str()));
        }
        self.add(uid("Registry", host.as_str())?, attributes, HashSet::new())
    }

    fn resource(&mut self, resource: &Resource, engine: Option<&str>) -> Result<EntityUid, String> {
        let uid = resource_uid(resource, engine)?;
        match resource {
            Resource::Registry(registry) => self.registry(registry),
            Resource::Repository {
                registry,
                repository,
                ..
            } => {
                let registry = self.registry(registry)?;
                let attributes = HashMap::from([
                    ("name".to_owned(), text(repository.as_str())),
                    (
                        "registry".to_owned(),
                        Value::new_entity_uid(registry.clone()),
                    ),
                ]);
                self.add(uid, attributes, HashSet::from([registry]))
            }
            Resource::WorkspacePath(path) => {
                let folders = folders_above(path)?;
                self.add(uid, HashMap::new(), folders)
            }
            Resource::Connector { registry, .. } => {
                if let Some(registry) = registry {
                    self.registry(registry)?;
                }
                Ok(uid)
            }
            Resource::Engine | Resource::Secret(_) | Resource::SshAgent | Resource::Cache(_) => {
                Ok(uid)
            }
        }
    }
}

/// What policies call a resource.
pub(super) fn resource_uid(resource: &Resource, engine: Option<&str>) -> Result<EntityUid, String> {
    match resource {
        Resource::Engine => uid("Engine", engine.unwrap_or("none")),
        Resource::Connector { connector, .. } => uid("Connector", connector),
        Resource::Registry(registry) => uid("Registry", registry.as_str()),
        Resource::Repository {
            registry,
            repository,
            ..
        } => uid("Repository", &format!("{registry}/{repository}")),
        Resource::WorkspacePath(path) => uid("Path", path),
        Resource::Secret(name) => uid("Secret", name),
        Resource::SshAgent => uid("SshAgent", "machine"),
        Resource::Cache(place) => uid("Cache", place),
    }
}

pub(super) fn action_uid(action: Action) -> Result<EntityUid, String> {
    uid("Action", action.name())
}

pub(super) fn step_uid(principal: &Principal) -> Result<EntityUid, String> {
    uid("Step", principal.id())
}

/// An entity's name. `kind` is a type of the schema.
fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    /// Parsed once: every question has several.
    static TYPES: LazyLock<Vec<EntityTypeName>> = LazyLock::new(|| {
        let types = PARSED_SCHEMA.iter().flat_map(Schema::entity_types);
        let actions = EntityTypeName::from_str("Action");
        types.cloned().chain(actions).collect()
    });
    let mut types = TYPES.iter();
    let kind = types.find(|known| known.basename() == kind);
    let kind = kind.ok_or("the schema has no such type")?.clone();
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// All folders above a path of the workspace, which is `.` itself.
fn folders_above(path: &str) -> Result<HashSet<EntityUid>, String> {
    if path == "." {
        return Ok(HashSet::new());
    }
    if path.split('/').count() > DEEPEST_PATH {
        return Err(format!("the path has more than {DEEPEST_PATH} folders"));
    }
    let mut folders = HashSet::from([uid("Path", ".")?]);
    let mut rest = path;
    while let Some((above, _)) = rest.rsplit_once('/') {
        folders.insert(uid("Path", above)?);
        rest = above;
    }
    Ok(folders)
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::BuiltIn => "built-in",
        Origin::Pinned => "pinned",
        Origin::Elsewhere => "elsewhere",
    }
}

fn context(question: &Question<'_>) -> Result<Context, String> {
    let run = question.run;
    let access = question.access;
    let allowed = entitlement(access.action).is_none_or(|needed| run.allowed.contains(&needed));
    let mut pairs = vec![
        pair("step", text(&run.step)),
        pair("named", Value::new_bool(run.named.names(access))),
        pair("allowed", Value::new_bool(allowed)),
        pair("limits", limits(question)?),
    ];
    let texts = [
        ("pipeline", run.pipeline.as_deref()),
        ("branch", run.branch.as_deref()),
        ("engine", run.engine.as_deref()),
    ];
    pairs.extend(
        texts
            .into_iter()
            .filter_map(|(name, value)| Some(pair(name, text(value?)))),
    );
    match &access.resource {
        Resource::Connector {
            registry: Some(registry),
            ..
        } => {
            let registry = uid("Registry", registry.as_str())?;
            pairs.push(pair("registry", Value::new_entity_uid(registry)));
        }
        Resource::Repository { tag: Some(tag), .. } => {
            pairs.push(pair("tag", text(tag.as_str())));
        }
        _ => {}
    }
    if let (true, Some(exists)) = (access.action.writes_a_tag(), question.call.tag_exists) {
        pairs.push(pair("tagExists", Value::new_bool(exists)));
    }
    if let (true, Some(build)) = (is_of_a_build(access.action), &question.call.build) {
        pairs.extend(build_pairs(build));
    }
    Context::from_pairs(pairs).map_err(told)
}

/// Whether the schema gives the action the context of a build.
const fn is_of_a_build(action: Action) -> bool {
    matches!(
        action,
        Action::Build
            | Action::ReadWorkspace
            | Action::UseSecret
            | Action::UseSshAgent
            | Action::UseHostNetwork
            | Action::ImportCache
            | Action::ExportCache
    )
}

fn build_pairs(build: &BuildFacts) -> Vec<(String, Value)> {
    let set = |texts: &[String]| Value::new_set(texts.iter().map(|item| text(item)));
    let mut pairs = vec![
        pair("network", text(build.network)),
        pair("platforms", set(&build.platforms)),
        pair("labels", set(&build.labels)),
        pair("arguments", set(&build.arguments)),
    ];
    if let Some(user) = build.user {
        pairs.push(pair("user", Value::new_long(user.into())));
    }
    if let Some(target) = &build.target {
        pairs.push(pair("target", text(target)));
    }
    pairs
}

fn limits(question: &Question<'_>) -> Result<Value, String> {
    let run = question.run;
    let mut pairs = vec![
        pair("memory", long(run.memory as u128)),
        pair("cpuTime", long(run.cpu_time.as_millis())),
    ];
    if let Some(wall_clock) = run.wall_clock {
        pairs.push(pair("wallClock", long(wall_clock.as_millis())));
    }
    Value::new_record(pairs).map_err(told)
}

fn pair(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn long(number: u128) -> Value {
    Value::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
