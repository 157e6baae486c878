//! What only Amazon ECR has. Pushing and tagging need nothing of it: see [`crate::registry`].
//!
//! ```no_run
//! use stepyard_sdk::{Error, ecr, grammar::{EcrRegistry, EcrRepositoryName, TagMutability}, log};
//!
//! fn tidy(connector: &str) -> Result<(), Error> {
//!     let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
//!     let name = EcrRepositoryName::parse("team/app")?;
//!     let repository = ecr::NamedRepository::new(connector, &registry, &name);
//!
//!     // Made where it is missing; described as it is where it exists.
//!     let settings = ecr::RepositorySettings::new()
//!         .tag_mutability(&TagMutability::parse("IMMUTABLE_WITH_EXCLUSION", ["latest"])?)
//!         .scan_on_push(true)
//!         .tag("team", "web");
//!     if repository.create(settings)?.is_new() {
//!         repository.put_lifecycle_policy(r#"{"rules": []}"#)?;
//!     }
//!
//!     // Lists are read page by page as the iterator goes.
//!     for image in repository.images()? {
//!         let image = image?;
//!         if image.tags.is_empty() {
//!             for left in repository.delete_images([&image.digest])? {
//!                 log::warn!("{} is still there: {}", left.image, left.reason);
//!             }
//!         }
//!     }
//!
//!     if let Some(scan) = repository.scan_findings("latest")? {
//!         for (severity, count) in scan.severity_counts() {
//!             log::info!("{count} of severity {severity}");
//!         }
//!         for finding in scan.findings() {
//!             let finding = finding?;
//!             log::info!("{} in {:?}", finding.name, finding.package);
//!         }
//!     }
//!     Ok(())
//! }
//! ```

mod image;
mod pages;
mod repository;

use stepyard_grammar::{EcrRegistry, EcrRepositoryName, TagMutability};

pub use image::{Finding, Image, NotDeleted, Replica, Scan};
pub use repository::{Repository, RepositorySettings};

use crate::{Error, bindings::stepyard::step::ecr};
use pages::Pages;
use repository::filters;

/// A repository of an ECR registry, and the connector whose identity is used for it. It need not
/// exist.
///
/// An image of it is a tag or a digest: [`crate::grammar::Tag`] and [`crate::grammar::Digest`] serve, and text.
///
/// ```
/// use stepyard_sdk::{ecr::NamedRepository, grammar::{EcrRegistry, EcrRepositoryName}};
/// use stepyard_sdk::testing::{EcrImage, Host, Repository, Replica};
///
/// let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
/// let app = NamedRepository::new("aws", &registry, &EcrRepositoryName::parse("team/app")?);
/// let run = Host::new()
///     .on_describe_repository("team/app", Ok(Some(Repository::new("team/app").with_scan_on_push())))
///     .on_list_images("team/app", Ok(vec![EcrImage::new("sha256:1f…").with_tag("1.0")]))
///     .on_replication_status("team/app", "1.0", Ok(vec![Replica::new("210987654321", "eu-west-1", "COMPLETE")]))
///     .call(|| {
///         assert!(app.describe()?.is_some_and(|found| found.scans_on_push()));
///         assert_eq!(app.images()?.count(), 1);
///         app.replicas("1.0")
///     });
/// assert_eq!(run.value()[0].region, "eu-west-1");
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
///
/// All functions fail with `denied`; `not-found` where no connector has that name or, unless said
/// otherwise, the repository or image does not exist; `invalid-settings`; `unauthenticated`;
/// `forbidden` where the identity lacks the IAM action, which the message names; `throttled`;
/// `unavailable`.
#[derive(Clone, Debug)]
pub struct NamedRepository {
    connector: String,
    registry: String,
    name: String,
}

impl NamedRepository {
    /// The repository `name` of `registry`, with the identity of `connector`.
    pub fn new(connector: &str, registry: &EcrRegistry, name: &EcrRepositoryName) -> Self {
        Self {
            connector: connector.to_owned(),
            registry: registry.to_string(),
            name: name.to_string(),
        }
    }

    /// Describes it; nothing where it does not exist.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn describe(&self) -> Result<Option<Repository>, Error> {
        let found = ecr::describe_repository(&self.connector, &self.registry, &self.name)?;
        Ok(found.map(Repository))
    }

    /// Makes it. Where it exists, it is described as it is, whatever the settings say.
    ///
    /// # Errors
    /// See [`NamedRepository`]; `conflict` where a quota of ECR is exhausted.
    pub fn create(&self, settings: RepositorySettings) -> Result<Repository, Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        let made = ecr::create_repository(connector, registry, name, settings.0)?;
        Ok(Repository(made))
    }

    /// Says which images expire: a JSON object, which replaces the policy before.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn put_lifecycle_policy(&self, policy: &str) -> Result<(), Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        Ok(ecr::put_lifecycle_policy(
            connector, registry, name, policy,
        )?)
    }

    /// Says who may use it: a JSON object in the grammar of IAM, which replaces the policy before.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn set_policy(&self, policy: &str) -> Result<(), Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        Ok(ecr::set_repository_policy(
            connector, registry, name, policy,
        )?)
    }

    /// Changes whether its tags can move.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn put_tag_mutability(&self, mutability: &TagMutability) -> Result<(), Error> {
        Ok(ecr::put_tag_mutability(
            &self.connector,
            &self.registry,
            &self.name,
            mutability.mode().name(),
            &filters(mutability),
        )?)
    }

    /// Its images, those without tags too, in ECR's order.
    ///
    /// # Errors
    /// See [`NamedRepository`]; each page may fail too.
    pub fn images(&self) -> Result<impl Iterator<Item = Result<Image, Error>>, Error> {
        let list = ecr::list_images(&self.connector, &self.registry, &self.name)?;
        Ok(Pages::new(move || list.next(), Image::new))
    }

    /// Describes an image; nothing where the repository does not have it.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn image(&self, image: impl AsRef<str>) -> Result<Option<Image>, Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        let found = ecr::describe_image(connector, registry, name, image.as_ref())?;
        Ok(found.map(|found| Image::new(&found)))
    }

    /// Deletes 1 to 100 images, and gives those that are still there. A tag goes alone while others
    /// name the image, and with its image where it is the last; a digest goes with all its tags.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn delete_images<I: AsRef<str>>(
        &self,
        images: impl IntoIterator<Item = I>,
    ) -> Result<Vec<NotDeleted>, Error> {
        let images = images.into_iter().map(|image| image.as_ref().to_owned());
        let images: Vec<String> = images.collect();
        let left = ecr::delete_images(&self.connector, &self.registry, &self.name, &images)?;
        let left = left.into_iter();
        Ok(left
            .map(|(image, reason)| NotDeleted { image, reason })
            .collect())
    }

    /// What the last scan of an image says; nothing where it was never scanned.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn scan_findings(&self, image: impl AsRef<str>) -> Result<Option<Scan>, Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        let found = ecr::scan_findings(connector, registry, name, image.as_ref())?;
        Ok(found.map(Scan))
    }

    /// Starts a scan of an image and gives its status, such as `IN_PROGRESS`.
    ///
    /// # Errors
    /// See [`NamedRepository`]; `conflict` where ECR scans by itself or the image was scanned within
    /// 24 hours.
    pub fn start_scan(&self, image: impl AsRef<str>) -> Result<String, Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        Ok(ecr::start_scan(connector, registry, name, image.as_ref())?)
    }

    /// Where an image is replicated to.
    ///
    /// # Errors
    /// See [`NamedRepository`].
    pub fn replicas(&self, image: impl AsRef<str>) -> Result<Vec<Replica>, Error> {
        let Self {
            connector,
            registry,
            name,
        } = self;
        let found = ecr::replication_status(connector, registry, name, image.as_ref())?;
        Ok(found.iter().map(Replica::new).collect())
    }
}
