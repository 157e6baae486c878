//! Capabilities in memory, which note what they are asked to change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use stepyard::auth::{Authenticator, Credential, Login};
use stepyard::build::{
    Build, BuildEngine, BuiltImage, Feature, IgnoredSetting, InspectEngine, Push,
};
use stepyard::ecr::{
    CreateRepository, DescribeRepository, Ecr, NamedRepository, PutLifecyclePolicy, Repository,
    RepositorySettings, SetRepositoryPolicy,
};
use stepyard::event::{Event, EventKind, EventSink, Reporter};
use stepyard::policy::{Authorized, Entitlement};
use stepyard::registry::{
    Copy, Descriptor, GetManifest, ListTags, Manifest, PutManifest, Registry, Resolve, TagImage,
};
use stepyard::{
    CapabilityError, ComponentSource, ErrorKind, Host, Outcome, RunError, RunRequest, Workspace,
};
use stepyard_grammar::{Digest, ImageReference, RegistryHost, TagMutability};

use crate::further_settings::further_settings;

/// A digest of one repeated digit.
pub(crate) fn digest(digit: char) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
}

/// A world in memory. Clones share it.
#[derive(Clone)]
pub(crate) struct Capabilities {
    state: Arc<Mutex<State>>,
}

struct State {
    /// Tags of repositories, by `registry/repository`.
    repositories: BTreeMap<String, BTreeMap<String, Digest>>,
    immutable: bool,
    /// Tags that move although the others do not.
    exclusions: Vec<String>,
    /// Whether a push makes a missing repository.
    creates_on_push: bool,
    may_describe: bool,
    features: Vec<Feature>,
    ignored: Vec<IgnoredSetting>,
    /// The digest of what the next build makes.
    built: Digest,
    /// Whether it has been pushed before, and nothing has changed since.
    unchanged: bool,
    allowed: Vec<Entitlement>,
    keeps_caches: bool,
    /// Files of the workspace.
    files: Vec<(String, String)>,
    calls: Vec<String>,
    logged: Vec<String>,
}

impl Capabilities {
    /// An engine that holds images, whose builds have the digest `aaa…`, and no repository.
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                repositories: BTreeMap::new(),
                immutable: false,
                exclusions: Vec::new(),
                creates_on_push: false,
                may_describe: true,
                features: vec![Feature::Hold],
                ignored: Vec::new(),
                built: digest('a'),
                unchanged: false,
                allowed: Vec::new(),
                keeps_caches: false,
                files: Vec::new(),
                calls: Vec::new(),
                logged: Vec::new(),
            })),
        }
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state.lock().unwrap());
        self
    }

    /// The same with a repository and its tags.
    pub(crate) fn repository(self, name: &str, tags: &[(&str, Digest)]) -> Self {
        let tags = tags
            .iter()
            .map(|(tag, digest)| ((*tag).to_owned(), digest.clone()))
            .collect();
        self.with(|state| {
            state.repositories.insert(name.to_owned(), tags);
        })
    }

    /// The same with immutable tags.
    pub(crate) fn immutable(self) -> Self {
        self.with(|state| state.immutable = true)
    }

    /// The same with immutable tags but for those that this filter matches.
    pub(crate) fn immutable_except(self, filter: &str) -> Self {
        self.immutable()
            .with(|state| state.exclusions.push(filter.to_owned()))
    }

    /// The same where a push makes a missing repository.
    pub(crate) fn creating_on_push(self) -> Self {
        self.with(|state| state.creates_on_push = true)
    }

    /// The same with a file in the workspace.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.with(|state| state.files.push((name.to_owned(), text.to_owned())))
    }

    /// The same without the permission to describe repositories.
    pub(crate) fn without_describing(self) -> Self {
        self.with(|state| state.may_describe = false)
    }

    /// The same with an engine that has these features.
    pub(crate) fn features(self, features: &[Feature]) -> Self {
        self.with(|state| state.features = features.to_vec())
    }

    /// The same with an engine that does not apply this setting.
    pub(crate) fn ignores(self, setting: &'static str, reason: &str) -> Self {
        let reason = reason.to_owned();
        self.with(|state| {
            state.ignored.push(IgnoredSetting {
                setting: setting.into(),
                reason,
            })
        })
    }

    /// The same with an image that was pushed before, and of which nothing has changed.
    pub(crate) fn unchanged(self) -> Self {
        self.with(|state| state.unchanged = true)
    }

    /// The same with an operator who allows everything that there is to allow.
    pub(crate) fn with_operator(self) -> Self {
        self.with(|state| {
            state.allowed = Entitlement::ALL.to_vec();
            state.keeps_caches = true;
        })
    }

    /// What was asked for, without the reading calls.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The log, without lines of level debug.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.state.lock().unwrap().logged.clone()
    }

    /// Runs a built-in step.
    pub(crate) async fn run(&self, step: &str, settings: Value) -> Result<Outcome, RunError> {
        let folder = tempfile::tempdir().unwrap();
        let (allowed, keeps_caches) = {
            let state = self.state.lock().unwrap();
            for (name, text) in &state.files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            (state.allowed.clone(), state.keeps_caches)
        };
        let mut host = Host::builder()
            .authenticator(self.clone())
            .engine(self.clone())
            .registry(self.clone())
            .ecr(self.clone())
            .allow(allowed);
        if keeps_caches {
            host = host.build_cache_folder("/nonexistent/caches");
        }
        let host = host.build().unwrap();
        let component = host.load(ComponentSource::built_in(step)).await.unwrap();
        let request = RunRequest::new(settings)
            .workspace(Workspace::open(folder.path()).unwrap())
            .events(self.clone());
        host.run(&component, request).await
    }

    /// Runs a built-in step that fails, and returns the kind and the message.
    pub(crate) async fn fail(&self, step: &str, settings: Value) -> CapabilityError {
        match self.run(step, settings).await {
            Err(RunError::Step(failure)) => failure.0,
            other => panic!("expected a failure that the step reports, found {other:?}"),
        }
    }

    fn note(&self, call: String) {
        self.state.lock().unwrap().calls.push(call);
    }

    fn write(&self, image: &ImageReference, digest: &Digest) -> Result<(), CapabilityError> {
        let mut state = self.state.lock().unwrap();
        let tag = image.tag().unwrap().to_string();
        let immutable = state.mutability().is_immutable(&tag);
        if state.creates_on_push {
            let name = format!("{}/{}", image.registry(), image.repository());
            state.repositories.entry(name).or_default();
        }
        let tags = state.tags(image)?;
        if immutable && tags.get(&tag).is_some_and(|named| named != digest) {
            return Err(CapabilityError::new(ErrorKind::Conflict, "TAG_INVALID"));
        }
        tags.insert(tag, digest.clone());
        Ok(())
    }

    fn find(&self, image: &ImageReference) -> Result<Option<Digest>, CapabilityError> {
        let mut state = self.state.lock().unwrap();
        let tags = state.tags(image)?;
        Ok(match (image.digest(), image.tag()) {
            (Some(digest), _) => tags.values().find(|named| *named == digest).cloned(),
            (None, Some(tag)) => tags.get(tag.as_str()).cloned(),
            (None, None) => None,
        })
    }
}

impl State {
    fn mutability(&self) -> TagMutability {
        let mode = match (self.immutable, self.exclusions.is_empty()) {
            (false, _) => "MUTABLE",
            (true, true) => "IMMUTABLE",
            (true, false) => "IMMUTABLE_WITH_EXCLUSION",
        };
        TagMutability::parse(mode, &self.exclusions).unwrap()
    }

    fn describe(&self, repository: &NamedRepository, is_new: bool) -> Repository {
        let settings = RepositorySettings::default();
        Repository {
            name: repository.name.to_string(),
            arn: repository.arn(),
            uri: repository.to_string(),
            tag_mutability: self.mutability(),
            scan_on_push: settings.scan_on_push,
            encryption: settings.encryption,
            is_new,
        }
    }

    fn tags(
        &mut self,
        image: &ImageReference,
    ) -> Result<&mut BTreeMap<String, Digest>, CapabilityError> {
        let name = format!("{}/{}", image.registry(), image.repository());
        self.repositories
            .get_mut(&name)
            .ok_or_else(|| CapabilityError::not_found("NAME_UNKNOWN"))
    }
}

fn descriptor(digest: Digest) -> Descriptor {
    Descriptor {
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        size: 1,
    }
}

impl EventSink for Capabilities {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap();
        match event.kind {
            EventKind::PhaseStarted { name } => state.logged.push(format!("# {name}")),
            EventKind::Log { level, message } if level > stepyard::event::LogLevel::Debug => {
                state.logged.push(message);
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Authenticator for Capabilities {
    async fn login(&self, call: Authorized<Login>) -> Result<Credential, CapabilityError> {
        let Login {
            connector,
            registry,
        } = call.into_call();
        self.note(format!("login {connector}"));
        let own = RegistryHost::parse("registry.example.com").unwrap();
        Ok(Credential::anonymous(registry.unwrap_or(own)))
    }
}

#[async_trait]
impl BuildEngine for Capabilities {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        Ok(self.name().to_owned())
    }

    async fn supports(&self, feature: Feature) -> bool {
        self.state.lock().unwrap().features.contains(&feature)
    }

    async fn build(
        &self,
        call: Authorized<Build>,
        _: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let request = call.into_call().request;
        let mut noted = format!("build {}", request.context);
        for (name, value) in &request.build_arguments {
            noted.push_str(&format!(" {name}={value}"));
        }
        for mode in request.snapshot_mode.iter() {
            noted.push_str(&format!(" snapshot-mode={mode}"));
        }
        noted.push_str(&further_settings(&request));
        self.note(noted);
        let (built, ignored_settings, unchanged) = {
            let state = self.state.lock().unwrap();
            (state.built.clone(), state.ignored.clone(), state.unchanged)
        };
        if unchanged && request.skip_unchanged.is_some() {
            return Ok(BuiltImage {
                id: digest('f'),
                pushed: Some(descriptor(built)),
                unchanged: true,
                ignored_settings,
            });
        }
        let pushed = match request.destination {
            Some(destination) => {
                self.note(format!("push {}", destination.reference));
                self.write(&destination.reference, &built)?;
                Some(descriptor(built))
            }
            None => None,
        };
        Ok(BuiltImage {
            id: digest('f'),
            pushed,
            unchanged: false,
            ignored_settings,
        })
    }

    async fn push(&self, call: Authorized<Push>, _: &Reporter) -> Result<Digest, CapabilityError> {
        let destination = call.into_call().destination;
        self.note(format!("push {destination}"));
        let built = self.state.lock().unwrap().built.clone();
        self.write(&destination, &built)?;
        Ok(built)
    }
}

#[async_trait]
impl Registry for Capabilities {
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        Ok(self.find(&call.into_call().reference)?.map(descriptor))
    }

    async fn get_manifest(&self, _: Authorized<GetManifest>) -> Result<Manifest, CapabilityError> {
        Err(CapabilityError::unsupported("no step reads a manifest"))
    }

    async fn put_manifest(
        &self,
        _: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        Err(CapabilityError::unsupported("no step writes a manifest"))
    }

    async fn tag(
        &self,
        call: Authorized<TagImage>,
        _: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let TagImage { reference, tag, .. } = call.into_call();
        self.note(format!("tag {tag}"));
        let digest = self
            .find(&reference)?
            .ok_or_else(|| CapabilityError::not_found("MANIFEST_UNKNOWN"))?;
        let image =
            ImageReference::new(reference.registry().clone(), reference.repository().clone());
        self.write(&image.with_tag(tag), &digest)?;
        Ok(descriptor(digest))
    }

    async fn copy(
        &self,
        call: Authorized<Copy>,
        _: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        let Copy {
            source,
            destination,
            ..
        } = call.into_call();
        self.note(format!("copy {source} to {destination}"));
        let digest = self
            .find(&source)?
            .ok_or_else(|| CapabilityError::not_found("MANIFEST_UNKNOWN"))?;
        self.write(&destination, &digest)?;
        Ok(descriptor(digest))
    }

    async fn list_tags(&self, _: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        Err(CapabilityError::unsupported("no step lists tags"))
    }
}

#[async_trait]
impl Ecr for Capabilities {
    async fn describe_repository(
        &self,
        call: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        let repository = call.into_call().repository;
        let state = self.state.lock().unwrap();
        if !state.may_describe {
            return Err(CapabilityError::new(ErrorKind::Forbidden, "AccessDenied"));
        }
        let exists = state.repositories.contains_key(&repository.to_string());
        Ok(exists.then(|| state.describe(&repository, false)))
    }

    async fn create_repository(
        &self,
        call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        let CreateRepository {
            repository,
            settings,
        } = call.into_call();
        let tags: Vec<&str> = settings.tags.iter().map(|tag| tag.key()).collect();
        self.note(format!(
            "create {} {} scan={} {} {}",
            repository.name,
            settings.tag_mutability,
            settings.scan_on_push,
            settings.encryption.kind(),
            tags.join(",")
        ));
        let mut state = self.state.lock().unwrap();
        let name = repository.to_string();
        let is_new = state.repositories.insert(name, BTreeMap::new()).is_none();
        Ok(state.describe(&repository, is_new))
    }

    async fn put_lifecycle_policy(
        &self,
        call: Authorized<PutLifecyclePolicy>,
    ) -> Result<(), CapabilityError> {
        let call = call.into_call();
        let policy = call.policy.as_str().to_owned();
        self.note(format!("lifecycle of {} {policy}", call.repository.name));
        Ok(())
    }

    async fn set_repository_policy(
        &self,
        call: Authorized<SetRepositoryPolicy>,
    ) -> Result<(), CapabilityError> {
        let call = call.into_call();
        let policy = call.policy.as_str().to_owned();
        self.note(format!("policy of {} {policy}", call.repository.name));
        Ok(())
    }
}
