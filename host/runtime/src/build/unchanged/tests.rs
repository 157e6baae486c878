use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::build::{BuildRequest, Feature, InspectEngine, Push, RequestDraft};
use crate::capability::CapabilityError;
use crate::component::state::Capabilities;
use crate::event::{EventKind, Reporter, channel};
use crate::policy::{Decision, Gate, Policy, Question};
use crate::registry::{Copy, GetManifest, ListTags, Manifest, PutManifest, Registry, TagImage};
use crate::secret::{Placeholders, SecretStores};
use crate::testing::{authorize, principal};
use crate::workspace::Workspace;

const REPOSITORY: &str = "registry.test/team/app";
const BASE: &str = "registry.test/base:1";

fn digest(character: char) -> Digest {
    Digest::parse(&format!("sha256:{}", character.to_string().repeat(64))).unwrap()
}

/// Registries that know these references, and nothing else.
#[derive(Clone, Default)]
struct KnownImages(Arc<Mutex<BTreeMap<String, Digest>>>);

impl KnownImages {
    fn set(&self, reference: &str, digest: Digest) {
        let mut known = self.0.lock().unwrap();
        known.insert(reference.to_owned(), digest);
    }
}

#[async_trait]
impl Registry for KnownImages {
    async fn resolve(
        &self,
        call: Authorized<Resolve>,
    ) -> Result<Option<Descriptor>, CapabilityError> {
        let reference = call.call().reference.to_string();
        let known = self.0.lock().unwrap().get(&reference).cloned();
        Ok(known.map(|digest| Descriptor {
            digest,
            media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
            size: 1,
        }))
    }
    async fn get_manifest(&self, _: Authorized<GetManifest>) -> Result<Manifest, CapabilityError> {
        unreachable!()
    }
    async fn put_manifest(
        &self,
        _: Authorized<PutManifest>,
    ) -> Result<Descriptor, CapabilityError> {
        unreachable!()
    }
    async fn tag(
        &self,
        _: Authorized<TagImage>,
        _: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        unreachable!()
    }
    async fn copy(&self, _: Authorized<Copy>, _: &Reporter) -> Result<Descriptor, CapabilityError> {
        unreachable!()
    }
    async fn list_tags(&self, _: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        unreachable!()
    }
}

struct NamedEngine {
    name: &'static str,
    platform: Option<&'static str>,
}

#[async_trait]
impl BuildEngine for NamedEngine {
    fn name(&self) -> &str {
        self.name
    }
    async fn platform(&self) -> Option<String> {
        self.platform.map(str::to_owned)
    }
    async fn ping(&self, _: Authorized<InspectEngine>) -> Result<String, CapabilityError> {
        unreachable!()
    }
    async fn supports(&self, _: Feature) -> bool {
        unreachable!()
    }
    async fn build(
        &self,
        _: Authorized<Build>,
        _: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        unreachable!()
    }
    async fn push(&self, _: Authorized<Push>, _: &Reporter) -> Result<Digest, CapabilityError> {
        unreachable!()
    }
}

/// Permits everything but reading this repository.
struct Forbids(Option<&'static str>);

impl Policy for Forbids {
    fn decide(&self, question: &Question<'_>) -> Decision {
        match self.0 {
            Some(forbidden) if question.access.resource.to_string() == forbidden => {
                Decision::deny("test", "the test forbids it", String::new())
            }
            _ => Decision::permit("test"),
        }
    }
}

/// A workspace, the records of earlier builds, and what registries have.
struct World {
    folder: tempfile::TempDir,
    images: KnownImages,
    engine: NamedEngine,
    records: bool,
    forbidden: Option<&'static str>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("workspace/more")).unwrap();
        let world = Self {
            folder,
            images: KnownImages::default(),
            engine: NamedEngine {
                name: "docker",
                platform: Some("linux/amd64"),
            },
            records: true,
            forbidden: None,
        };
        world.write("Dockerfile", &format!("FROM {BASE}\nCOPY . /"));
        world.write("file", "content");
        world.write("more/file", "more");
        world.images.set(BASE, digest('b'));
        world
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join("workspace").join(path), text).unwrap();
    }

    fn draft(&self) -> RequestDraft {
        let credential = Credential::anonymous(
            ImageReference::parse(REPOSITORY)
                .unwrap()
                .registry()
                .clone(),
        );
        RequestDraft {
            skip_unchanged: Some((REPOSITORY.to_owned(), credential)),
            ..RequestDraft::default()
        }
    }

    /// What a new run finds, and what it says.
    async fn look(&self, draft: RequestDraft) -> (RunContext, Finding, String) {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "test");
        let policy = Arc::new(Forbids(self.forbidden));
        let gate = Gate::new(policy, principal(), reporter);
        let records = PushRecords::open(self.folder.path().join("records")).unwrap();
        let capabilities = Capabilities {
            registry: Some(Arc::new(self.images.clone())),
            push_records: self.records.then_some(records),
            ..Capabilities::default()
        };
        let placeholders = Placeholders::default();
        let request = BuildRequest::validate(draft, &placeholders).unwrap();
        let workspace = Workspace::open(self.folder.path().join("workspace")).unwrap();
        let call = authorize(Build {
            request,
            workspace,
            cache_folder: None,
            secrets: SecretStores::default(),
            rules: Default::default(),
        })
        .await;
        let context = RunContext::new(gate, capabilities, None, placeholders);
        let finding = look(&context, &self.engine, &call).await;
        let mut said = String::new();
        while let Ok(event) = events.try_recv() {
            if let EventKind::Log { level, message } = event.kind
                && level >= LogLevel::Info
            {
                said.push_str(&message);
            }
        }
        (context, finding, said)
    }

    /// Builds and pushes what `draft` asks for.
    async fn push(&self, draft: RequestDraft) {
        let (context, finding, said) = self.look(draft).await;
        let Finding::Changed(Some(pending)) = finding else {
            panic!("{said}");
        };
        let image = built('1');
        context.pending_records.note(&image, pending);
        self.push_built(&context, &image).await;
    }

    async fn push_built(&self, context: &RunContext, image: &BuiltImage) {
        let pushed = digest('a');
        let reference = ImageReference::parse(&format!("{REPOSITORY}:1")).unwrap();
        record(context, image, &reference, &pushed).await;
        self.images.set(&format!("{REPOSITORY}@{pushed}"), pushed);
    }

    /// Why the build is not skipped, or nothing where it is.
    async fn why_built(&self, draft: RequestDraft) -> Option<String> {
        match self.look(draft).await {
            (_, Finding::Unchanged(image), said) => {
                assert!(image.unchanged);
                assert_eq!(image.pushed.unwrap().digest, digest('a'));
                let digest = digest('a');
                let expected =
                    format!("nothing has changed since {digest} was pushed: the build is skipped");
                assert_eq!(said, expected);
                None
            }
            (_, Finding::Changed(_), said) => Some(said),
        }
    }
}

fn built(id: char) -> BuiltImage {
    BuiltImage {
        id: digest(id),
        pushed: None,
        unchanged: false,
        ignored_settings: Vec::new(),
    }
}

const NEW: &str = "the build is not skipped: no image of this context, Dockerfile and settings is \
                   known in registry.test/team/app";

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn only_the_second_build_of_the_same_is_skipped() {
    let world = World::new();
    assert_eq!(world.why_built(world.draft()).await.as_deref(), Some(NEW));
    world.push(world.draft()).await;
    assert_eq!(world.why_built(world.draft()).await, None);
    let records = world.folder.path().join("records");
    for entry in fs::read_dir(records).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn nobody_is_asked_where_the_step_does_not_ask() {
    let world = World::new();
    world.push(world.draft()).await;
    let (_, finding, said) = world.look(RequestDraft::default()).await;
    assert!(matches!(finding, Finding::Changed(None)));
    assert_eq!(said, "");
}

#[tokio::test]
async fn a_changed_file_is_built() {
    type Change = fn(&World);
    let changes: [Change; 6] = [
        |world| world.write("file", "CONTENT"),
        |world| world.write("new", ""),
        |world| fs::remove_file(world.folder.path().join("workspace/file")).unwrap(),
        |world| world.write("Dockerfile", &format!("FROM {BASE}\nCOPY . /\n")),
        |world| {
            let path = world.folder.path().join("workspace/file");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        },
        |world| world.images.set(BASE, digest('c')),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let world = World::new();
        world.push(world.draft()).await;
        change(&world);
        let why = world.why_built(world.draft()).await;
        assert_eq!(why.as_deref(), Some(NEW), "{number}");
    }
}

#[tokio::test]
async fn a_changed_request_is_built() {
    let world = World::new();
    let before = |mut draft: RequestDraft| {
        draft.build_arguments = vec![pair("A", "1"), pair("B", "2")];
        draft.secrets = vec![pair("token", "one")];
        draft.named_contexts = vec![pair("more", "more")];
        draft
    };
    world.push(before(world.draft())).await;
    type Change = fn(&mut RequestDraft);
    let same: [Change; 5] = [
        |_| {},
        |draft| draft.build_arguments.reverse(),
        |draft| draft.secrets = vec![pair("token", "two")],
        |draft| draft.memory_limit = Some("1Gi".to_owned()),
        |draft| {
            let image = draft.skip_unchanged.clone().unwrap();
            draft.destination = Some((format!("{}:2", image.0), image.1));
        },
    ];
    for (number, change) in same.into_iter().enumerate() {
        let mut draft = before(world.draft());
        change(&mut draft);
        assert_eq!(world.why_built(draft).await, None, "{number}");
    }
    let different: [Change; 12] = [
        |draft| draft.build_arguments[1].1 = "3".to_owned(),
        |draft| draft.build_arguments.push(pair("C", "")),
        |draft| draft.labels.push(pair("A", "1")),
        |draft| draft.annotations.push(pair("A", "1")),
        |draft| draft.secrets.push(pair("other", "")),
        |draft| draft.target = Some("0".to_owned()),
        |draft| draft.platforms.push("linux/arm64".to_owned()),
        |draft| draft.network_mode = Some("none".to_owned()),
        |draft| draft.source_date_epoch = Some("0".to_owned()),
        |draft| draft.compression = Some("zstd".to_owned()),
        |draft| draft.pull = true,
        |draft| draft.named_contexts[0].1 = ".".to_owned(),
    ];
    for (number, change) in different.into_iter().enumerate() {
        let mut draft = before(world.draft());
        change(&mut draft);
        let why = world.why_built(draft).await;
        assert_eq!(why.as_deref(), Some(NEW), "{number}");
    }
    world.write("more/file", "changed");
    world.write(".dockerignore", "more");
    assert!(world.why_built(before(world.draft())).await.is_some());
}

#[tokio::test]
async fn another_engine_or_repository_builds() {
    let mut world = World::new();
    world.push(world.draft()).await;
    let mut draft = world.draft();
    if let Some((repository, _)) = &mut draft.skip_unchanged {
        repository.push_str("-other");
    }
    assert!(world.why_built(draft).await.is_some());
    world.engine.name = "buildkit";
    assert_eq!(world.why_built(world.draft()).await.as_deref(), Some(NEW));
}

#[tokio::test]
async fn an_engine_of_another_platform_builds() {
    let mut world = World::new();
    world.push(world.draft()).await;
    let mut named = world.draft();
    named.platforms = vec!["linux/amd64".to_owned()];
    // What a request names and what the engine chooses is the same image.
    assert_eq!(world.why_built(named.clone()).await, None);
    world.engine.platform = Some("linux/arm64");
    assert_eq!(world.why_built(world.draft()).await.as_deref(), Some(NEW));
    assert_eq!(world.why_built(named.clone()).await, None);
    world.engine.platform = None;
    let why = world.why_built(world.draft()).await.unwrap();
    assert!(why.contains("which platform"), "{why}");
    assert_eq!(world.why_built(named).await, None);
}

#[tokio::test]
async fn what_the_registry_lost_is_built() {
    let world = World::new();
    world.push(world.draft()).await;
    world
        .images
        .0
        .lock()
        .unwrap()
        .retain(|name, _| name == BASE);
    let why = world.why_built(world.draft()).await.unwrap();
    assert!(why.ends_with("aaa any more"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_told_is_built() {
    for (dockerfile, why) in [
        (
            "FROM gone.test/base",
            "gone.test/base: its registry does not have it",
        ),
        ("FROM Wrong", "the base image Wrong:"),
        ("FROM $X", "the Dockerfile, line 1: \"$X\" depends"),
        (
            "FROM scratch\nADD https://x.test/ /",
            "line 2: ADD https://x.test/ takes",
        ),
        (
            "# syntax=docker/dockerfile:1\nFROM scratch",
            "docker/dockerfile:1: its registry does",
        ),
    ] {
        let world = World::new();
        world.write("Dockerfile", dockerfile);
        let (_, finding, said) = world.look(world.draft()).await;
        assert!(matches!(finding, Finding::Changed(None)));
        assert!(said.starts_with("the build is not skipped: "), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let mut world = World::new();
    world.push(world.draft()).await;
    let mut draft = world.draft();
    draft.build_cache = Some(false);
    let why = world.why_built(draft).await.unwrap();
    assert!(why.contains("uses nothing of earlier ones"), "{why}");
    world.forbidden = Some(REPOSITORY);
    let why = world.why_built(world.draft()).await.unwrap();
    assert!(why.contains("the test forbids it"), "{why}");
    world.forbidden = None;
    world.records = false;
    let why = world.why_built(world.draft()).await.unwrap();
    assert!(why.contains("keeps no record"), "{why}");
}

#[tokio::test]
async fn a_pinned_image_and_a_named_context_need_no_registry() {
    let world = World::new();
    let text = format!("FROM gone.test/x@{}\nCOPY --from=More / /", digest('d'));
    world.write("Dockerfile", &text);
    let mut draft = world.draft();
    draft.named_contexts = vec![pair("more", "more")];
    world.push(draft.clone()).await;
    assert_eq!(world.why_built(draft).await, None);
}

#[tokio::test]
async fn what_changes_while_it_is_built_is_not_recorded() {
    let world = World::new();
    let (context, finding, _) = world.look(world.draft()).await;
    let Finding::Changed(Some(pending)) = finding else {
        panic!("nothing is recorded yet");
    };
    context.pending_records.note(&built('1'), pending);
    world.write("file", "changed");
    world.push_built(&context, &built('1')).await;
    world.write("file", "content");
    assert_eq!(world.why_built(world.draft()).await.as_deref(), Some(NEW));
}

#[tokio::test]
async fn only_the_push_of_the_same_image_records() {
    let world = World::new();
    let (context, finding, _) = world.look(world.draft()).await;
    let Finding::Changed(Some(pending)) = finding else {
        panic!("nothing is recorded yet");
    };
    context.pending_records.note(&built('1'), pending);
    world.push_built(&context, &built('2')).await;
    assert!(world.why_built(world.draft()).await.is_some());
    world.push_built(&context, &built('1')).await;
    assert_eq!(world.why_built(world.draft()).await, None);
}

#[tokio::test]
async fn a_damaged_record_is_none() {
    let world = World::new();
    world.push(world.draft()).await;
    for entry in fs::read_dir(world.folder.path().join("records")).unwrap() {
        fs::write(entry.unwrap().path(), "sha256:0").unwrap();
    }
    assert_eq!(world.why_built(world.draft()).await.as_deref(), Some(NEW));
}

#[test]
fn others_may_not_write_records() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
    let error = PushRecords::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("chmod 700"), "{error}");
}
