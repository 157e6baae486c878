//! The capability *ecr* as a guest calls it, with an ECR in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use stepyard::ecr::{
    CreateRepository, DeleteImages, DescribeImage, DescribeRepository, Ecr, Finding, Image,
    ListImages, NotDeleted, Page, PageToken, PutLifecyclePolicy, PutTagMutability, Replica,
    ReplicationStatus, Repository, Scan, ScanFindings, SetRepositoryPolicy, StartScan,
};
use stepyard::event::{Event, EventKind, EventSink};
use stepyard::policy::{Authorized, Decision, Policy, Question};
use stepyard::{CapabilityError, ComponentSource, Host, RunRequest};
use stepyard_tests::expectation::assert_expected;
use stepyard_tests::guests;

/// How many entries each page has.
const PAGE: usize = 100;

/// An ECR with 250 images and 10,500 findings, which notes what it is asked for.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<String>>);

impl Memory {
    fn note(&self, line: impl std::fmt::Display) {
        let mut noted = self.0.lock().unwrap();
        noted.push_str(&format!("{line}\n"));
    }
}

/// The page that begins at `token`, of `count` entries.
fn page<T>(token: Option<PageToken>, count: usize, entry: impl Fn(usize) -> T) -> Page<T> {
    let start = token.map_or(0, |token| token.0.parse().unwrap());
    let end = count.min(start + PAGE);
    Page {
        entries: (start..end).map(entry).collect(),
        next: (end < count).then(|| PageToken(end.to_string())),
    }
}

#[async_trait]
impl Ecr for Memory {
    async fn describe_repository(
        &self,
        _: Authorized<DescribeRepository>,
    ) -> Result<Option<Repository>, CapabilityError> {
        Ok(None)
    }

    async fn create_repository(
        &self,
        call: Authorized<CreateRepository>,
    ) -> Result<Repository, CapabilityError> {
        let CreateRepository {
            repository,
            settings,
        } = call.into_call();
        self.note(format_args!("{repository} {:?}", settings.tags));
        Ok(Repository {
            name: repository.name.to_string(),
            arn: repository.arn(),
            uri: repository.to_string(),
            tag_mutability: settings.tag_mutability,
            scan_on_push: settings.scan_on_push,
            encryption: settings.encryption,
            is_new: true,
        })
    }

    async fn put_lifecycle_policy(
        &self,
        call: Authorized<PutLifecyclePolicy>,
    ) -> Result<(), CapabilityError> {
        self.note(call.call().policy.as_str());
        Ok(())
    }

    async fn set_repository_policy(
        &self,
        call: Authorized<SetRepositoryPolicy>,
    ) -> Result<(), CapabilityError> {
        self.note(call.call().policy.as_str());
        Ok(())
    }

    async fn put_tag_mutability(
        &self,
        call: Authorized<PutTagMutability>,
    ) -> Result<(), CapabilityError> {
        self.note(&call.call().mutability);
        Ok(())
    }

    async fn list_images(
        &self,
        call: Authorized<ListImages>,
    ) -> Result<Page<Image>, CapabilityError> {
        Ok(page(call.into_call().page, 250, |number| Image {
            digest: format!("sha256:{number}"),
            tags: vec![format!("v{number}")],
            pushed_at: Some("2026-01-02T03:04:05Z".to_owned()),
            size: Some(5_000_000_000),
            media_type: None,
        }))
    }

    async fn describe_image(
        &self,
        _: Authorized<DescribeImage>,
    ) -> Result<Option<Image>, CapabilityError> {
        Ok(None)
    }

    async fn delete_images(
        &self,
        call: Authorized<DeleteImages>,
    ) -> Result<Vec<NotDeleted>, CapabilityError> {
        let kept = call.call().images().last();
        Ok(Vec::from_iter(kept.map(|image| NotDeleted {
            image: image.to_string(),
            reason: "ImageNotFound: it is not there".to_owned(),
        })))
    }

    async fn scan_findings(
        &self,
        call: Authorized<ScanFindings>,
    ) -> Result<Option<Scan>, CapabilityError> {
        Ok(Some(Scan {
            status: "COMPLETE".to_owned(),
            status_description: Some("done".to_owned()),
            completed_at: Some("2026-01-02T03:04:05Z".to_owned()),
            severity_counts: vec![("HIGH".to_owned(), 10_500)],
            findings: page(call.into_call().page, 10_500, |number| Finding {
                name: format!("CVE-{number}"),
                severity: "HIGH".to_owned(),
                fixed_in: Some("1.2".to_owned()),
                ..Finding::default()
            }),
        }))
    }

    async fn start_scan(&self, _: Authorized<StartScan>) -> Result<String, CapabilityError> {
        Ok("IN_PROGRESS".to_owned())
    }

    async fn replication_status(
        &self,
        _: Authorized<ReplicationStatus>,
    ) -> Result<Vec<Replica>, CapabilityError> {
        Ok(vec![Replica {
            account: "210987654321".to_owned(),
            region: "eu-west-1".to_owned(),
            status: "COMPLETE".to_owned(),
            failure_code: None,
        }])
    }
}

/// Permits everything, and notes each access once.
struct Permissive(Memory);

impl Policy for Permissive {
    fn decide(&self, question: &Question<'_>) -> Decision {
        let access = question.access;
        let line = format!("{} on {}", access.action, access.resource);
        if !self.0.0.lock().unwrap().contains(&line) {
            self.0.note(line);
        }
        Decision::permit("all")
    }
}

impl EventSink for Memory {
    fn emit(&self, event: Event) {
        if let EventKind::Log { message, .. } = event.kind {
            self.note(message);
        }
    }
}

#[tokio::test]
async fn a_guest_calls_everything_and_reads_what_comes_back() {
    let memory = Memory::default();
    let host = Host::builder()
        .ecr(memory.clone())
        .policy(Permissive(memory.clone()))
        .build()
        .unwrap();
    let source = ComponentSource::file(guests::component("uses-ecr"));
    let component = host.load(source).await.unwrap();
    let request = RunRequest::new(json!({})).events(memory.clone());
    host.run(&component, request).await.unwrap();
    let noted = memory.0.lock().unwrap().clone();
    assert_expected("ecr", "every-call", &noted);
}
