//! Calls everything that the host has for Amazon ECR.

use stepyard_sdk::{
    ecr::{NamedRepository, RepositorySettings},
    grammar::{EcrRegistry, EcrRepositoryName, RepositoryEncryption, TagMutability},
    prelude::*,
};

#[settings]
struct UsesEcr {}

impl Step for UsesEcr {
    const NAME: &str = "uses-ecr";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Calls everything that the host has for Amazon ECR";

    fn run(self) -> Result<Outcome, Error> {
        let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
        let name = EcrRepositoryName::parse("team/app")?;
        let repository = NamedRepository::new("aws", &registry, &name);
        let missing = repository.describe()?.is_none();

        let latest_moves = TagMutability::parse("IMMUTABLE_WITH_EXCLUSION", ["latest"])?;
        let settings = RepositorySettings::new()
            .tag_mutability(&latest_moves)
            .scan_on_push(true)
            .encryption(&RepositoryEncryption::parse("KMS", Some("alias/images"))?)
            .tag("team", "web");
        let made = repository.create(settings)?;
        log::info!(
            "missing {missing}, new {}, {} {} {} {}, scans {}, {} {:?}",
            made.is_new(),
            made.name(),
            made.arn(),
            made.uri(),
            made.tag_mutability()?,
            made.scans_on_push(),
            made.encryption(),
            made.kms_key(),
        );

        repository.put_lifecycle_policy(r#"{"rules": []}"#)?;
        repository.set_policy(r#"{"Statement": []}"#)?;
        repository.put_tag_mutability(&latest_moves)?;
        for faulty in ["[]", "{"] {
            let error = repository.put_lifecycle_policy(faulty).unwrap_err();
            log::info!("{:?}: {}", error.kind(), error.message());
        }

        let images = repository.images()?.collect::<Result<Vec<_>, _>>()?;
        log::info!("{} images, the last {:?}", images.len(), images.last());
        log::info!("{:?}", repository.image("absent")?);
        log::info!("{:?}", repository.delete_images(["v1", "v2"])?);

        log::info!("a scan is {}", repository.start_scan("v1")?);
        if let Some(scan) = repository.scan_findings("v1")? {
            let findings = scan.findings().collect::<Result<Vec<_>, _>>()?;
            log::info!(
                "{} {:?} {:?} {:?}, {} findings, the first {:?}",
                scan.status(),
                scan.status_description(),
                scan.completed_at(),
                scan.severity_counts(),
                findings.len(),
                findings.first(),
            );
        }
        log::info!("{:?}", repository.replicas("v1")?);
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(UsesEcr);
