use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use stepyard_grammar::{Digest, RegistryHost, RepositoryName, Tag};

use stepyard_grammar::ImageReference;

use super::*;
use crate::audit::{AuditEntry, AuditError, AuditHead, AuditSink};
use crate::auth::Credential;
use crate::event::{Event, channel};
use crate::policy::{Action, CedarPolicy, Resource};
use crate::registry::{Copy as CopyImage, TagImage};
use crate::registry::{Descriptor, GetManifest, ListTags, Manifest, PutManifest};
use crate::testing::principal;

fn example(action: Action) -> Resource {
    match action {
        Action::Login => Resource::Connector {
            connector: "aws".to_owned(),
            registry: None,
        },
        Action::LoginAnonymously | Action::InspectRegistry => {
            Resource::Registry(RegistryHost::parse("ghcr.io").unwrap())
        }
        Action::InspectEngine | Action::Build | Action::UseHostNetwork => Resource::Engine,
        Action::ReadWorkspace => Resource::WorkspacePath(".".to_owned()),
        Action::UseSecret => Resource::Secret("npm".to_owned()),
        Action::UseSshAgent => Resource::SshAgent,
        Action::ImportCache | Action::ExportCache => Resource::Cache("local a".to_owned()),
        _ => Resource::Repository {
            registry: RegistryHost::parse("ghcr.io").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
            tag: Some(Tag::parse("1").unwrap()),
        },
    }
}

/// A call that would do these things.
#[derive(Debug)]
struct Doing(Vec<Action>);

impl Call for Doing {
    fn accesses(&self) -> Vec<Access> {
        let actions = self.0.iter().copied();
        actions
            .map(|action| Access::new(action, example(action)))
            .collect()
    }

    fn build_facts(&self) -> Option<crate::policy::BuildFacts> {
        Some(crate::policy::BuildFacts::default())
    }

    fn destination(&self) -> Option<(ImageReference, Credential)> {
        let registry = RegistryHost::parse("ghcr.io").unwrap();
        Some((
            ImageReference::parse("ghcr.io/team/app:1").unwrap(),
            Credential::anonymous(registry),
        ))
    }
}

fn gate(rules: &str) -> (Gate, tokio::sync::mpsc::UnboundedReceiver<Event>) {
    let policy = CedarPolicy::builder().text("test.cedar", rules).build();
    let (sink, events) = channel();
    let reporter = Reporter::new(Arc::new(sink), "step");
    let gate = Gate::new(Arc::new(policy.unwrap()), principal(), reporter);
    (gate, events)
}

/// Whether the call was made, and the error.
async fn make(gate: &Gate, actions: &[Action]) -> (bool, Option<CapabilityError>) {
    let acted = AtomicBool::new(false);
    let result = gate
        .pass(Doing(actions.to_vec()), async |_| {
            acted.store(true, Ordering::Relaxed);
            Ok(())
        })
        .await;
    (acted.load(Ordering::Relaxed), result.err())
}

const ALL: &str = "permit (principal, action, resource);";

#[tokio::test]
async fn no_action_is_done_that_a_rule_forbids() {
    for action in Action::ALL {
        let forbid = format!(
            "{ALL} @id(\"no\") forbid (principal, action == Action::\"{action}\", resource);"
        );
        let (gate, _events) = gate(&forbid);
        let (acted, error) = make(&gate, &[action]).await;
        assert!(!acted, "{action}");
        let error = error.unwrap();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.starts_with(&format!("denied: {action} on ")));
        assert!(error.hint.unwrap().ends_with("(rule no (test.cedar:1))"));
        let (gate, _events) = super::tests::gate(ALL);
        let (acted, error) = make(&gate, &[action]).await;
        assert!(acted && error.is_none(), "{action}");
    }
}

#[tokio::test]
async fn each_thing_that_a_call_would_do_is_decided() {
    let others = [Action::Build, Action::ReadWorkspace, Action::UseSecret];
    for denied in others {
        let forbid = format!("{ALL} forbid (principal, action == Action::\"{denied}\", resource);");
        let (gate, _events) = gate(&forbid);
        assert!(!make(&gate, &others).await.0, "{denied}");
    }
}

#[tokio::test]
async fn a_call_that_names_nothing_is_refused_in_every_mode() {
    for mode in [PolicyMode::Enforce, PolicyMode::Observe] {
        let (gate, _events) = gate(ALL);
        let (acted, error) = make(&gate.in_mode(mode), &[]).await;
        assert!(!acted);
        assert_eq!(error.unwrap().kind, ErrorKind::Denied);
    }
}

#[tokio::test]
async fn observing_makes_the_call_and_tells_and_counts_it() {
    let (gate, mut events) = gate("permit (principal, action == Action::\"build\", resource);");
    let counted = Arc::new(AtomicU64::new(0));
    let records = CallRecords::default();
    let gate = gate
        .in_mode(PolicyMode::Observe)
        .counting(counted.clone())
        .recording(Some(records.clone()));
    let (acted, error) = make(&gate, &[Action::Build, Action::ReadWorkspace]).await;
    assert!(acted && error.is_none());
    assert!(make(&gate, &[Action::Build]).await.0);
    assert_eq!(counted.load(Ordering::Relaxed), 1);
    let calls = records.take();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].decided.len(), 2);
    drop(gate);
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        told.push(serde_json::to_string(&event.kind).unwrap());
    }
    assert!(told[0].contains("\"permitted\":false") && told[0].contains("\"observed\":true"));
    assert!(
        told[1].contains("enforced, this would be denied: read-workspace"),
        "{}",
        told[1]
    );
}

#[tokio::test]
async fn a_dry_run_says_what_it_does_not_do() {
    for action in Action::ALL {
        let (gate, mut events) = gate(ALL);
        let gate = gate.dry(true);
        assert!(make(&gate, &[action]).await.0);
        drop(gate);
        let mut said = false;
        while let Some(event) = events.recv().await {
            said |= serde_json::to_string(&event.kind)
                .unwrap()
                .contains("is not done");
        }
        assert_eq!(said, action.changes_something(), "{action}");
    }
}

/// Answers every question about a reference in the same way.
struct OneAnswer(Result<Option<Descriptor>, CapabilityError>);

#[async_trait]
impl Registry for OneAnswer {
    async fn resolve(&self, _: Authorized<Resolve>) -> Result<Option<Descriptor>, CapabilityError> {
        self.0.clone()
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
    async fn copy(
        &self,
        _: Authorized<CopyImage>,
        _: &Reporter,
    ) -> Result<Descriptor, CapabilityError> {
        unreachable!()
    }
    async fn list_tags(&self, _: Authorized<ListTags>) -> Result<Vec<String>, CapabilityError> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_call_is_not_decided_without_knowing_what_the_policy_asks() {
    let rules = format!(
        "{ALL} forbid (principal, action == Action::\"push\", resource) when {{ context has tagExists && context.tagExists }};"
    );
    let descriptor = Descriptor {
        digest: Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
        media_type: String::new(),
        size: 1,
    };
    for (answer, expected) in [
        (Ok(Some(descriptor)), Some(ErrorKind::Denied)),
        (Ok(None), None),
        (Err(CapabilityError::not_found("no repository")), None),
        (
            Err(CapabilityError::unavailable("down")),
            Some(ErrorKind::Unavailable),
        ),
    ] {
        let (gate, _events) = gate(&rules);
        let gate = gate.asking(Some(Arc::new(OneAnswer(answer.clone()))));
        let (acted, error) = make(&gate, &[Action::Push]).await;
        assert_eq!(error.map(|error| error.kind), expected, "{answer:?}");
        assert_eq!(acted, expected.is_none());
        // Nobody asks about what writes no tag.
        assert!(make(&gate, &[Action::Pull]).await.0);
    }
}

/// Notes the order of things, and keeps no record after some.
#[derive(Clone, Default)]
struct Noted {
    notes: Arc<std::sync::Mutex<Vec<String>>>,
    fails: bool,
}

impl Noted {
    fn note(&self, what: impl Into<String>) {
        self.notes.lock().unwrap().push(what.into());
    }
}

impl AuditSink for Noted {
    fn record(&self, entry: &AuditEntry<'_>) -> Result<(), AuditError> {
        if self.fails {
            return Err(AuditError {
                place: "audit.jsonl".to_owned(),
                problem: "no space left".to_owned(),
            });
        }
        let record = serde_json::to_value(entry).unwrap();
        let texts = ["record", "decision", "result"].map(|field| record[field].as_str());
        self.note(texts.into_iter().flatten().collect::<Vec<_>>().join(" "));
        Ok(())
    }

    fn end_of_run(&self) -> Result<Option<AuditHead>, AuditError> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_call_acts_between_its_intent_and_its_outcome() {
    let noted = Noted::default();
    let (gate, _events) = gate("permit (principal, action == Action::\"build\", resource);");
    let audit = RunAudit::new(Arc::new(noted.clone()), gate.reporter().clone());
    let gate = gate.audited(Some(audit));
    let result = gate
        .pass(Doing(vec![Action::Build]), async |_| {
            noted.note("acts");
            Ok(())
        })
        .await;
    assert_eq!(result, Ok(()));
    make(&gate, &[Action::Push]).await;
    let gate = gate.in_mode(PolicyMode::Observe);
    make(&gate, &[Action::Push]).await;
    let given_up = tokio::time::timeout(
        std::time::Duration::from_millis(1),
        gate.pass(Doing(vec![Action::Build]), async |_| {
            std::future::pending::<Result<(), CapabilityError>>().await
        }),
    );
    assert!(given_up.await.is_err());
    assert_eq!(
        *noted.notes.lock().unwrap(),
        [
            "intent permitted",
            "acts",
            "outcome done",
            "intent denied",
            "outcome denied",
            "intent observed",
            "outcome done",
            "intent permitted",
            "outcome interrupted",
        ]
    );
}

#[tokio::test]
async fn no_call_is_made_without_its_record() {
    for mode in [PolicyMode::Enforce, PolicyMode::Observe] {
        let (gate, _events) = gate(ALL);
        let sink = Noted {
            fails: true,
            ..Noted::default()
        };
        let audit = RunAudit::new(Arc::new(sink), gate.reporter().clone());
        let gate = gate.in_mode(mode).audited(Some(audit));
        let (acted, error) = make(&gate, &[Action::Build]).await;
        assert!(!acted);
        let error = error.unwrap();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains("no space left"), "{}", error.message);
    }
}
