//! Images of a repository.

use std::fmt;

use stepyard_grammar::{Digest, GrammarError, Tag};

use super::page::Reading;
use super::{NamedRepository, PageToken};
use crate::capability::CapabilityError;
use crate::policy::{Access, Action, Call};

/// What names an image within a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageId {
    /// One of its tags.
    Tag(Tag),
    /// Its digest.
    Digest(Digest),
}

impl ImageId {
    /// Reads a tag or a digest. No tag has a colon, and every digest has one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] where the text is neither.
    pub fn parse(text: &str) -> Result<Self, CapabilityError> {
        let invalid = |error: GrammarError| CapabilityError::invalid(error.to_string());
        if text.contains(':') {
            Digest::parse(text).map(Self::Digest).map_err(invalid)
        } else {
            Tag::parse(text).map(Self::Tag).map_err(invalid)
        }
    }

    fn tag(&self) -> Option<Tag> {
        match self {
            Self::Tag(tag) => Some(tag.clone()),
            Self::Digest(_) => None,
        }
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// An image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedImage {
    /// The repository.
    pub repository: NamedRepository,
    /// The image there.
    pub image: ImageId,
}

impl NamedImage {
    /// `action` on the tag, or on the repository where the image is named by digest; and the login.
    pub(super) fn accesses(&self, action: Action) -> Vec<Access> {
        let access = self.repository.access(action, self.image.tag());
        vec![access, self.repository.login()]
    }
}

/// An image or image index, as ECR describes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    /// The manifest's digest.
    pub digest: String,
    /// The tags that name it.
    pub tags: Vec<String>,
    /// When it was pushed, in RFC 3339.
    pub pushed_at: Option<String>,
    /// The bytes of its layers as they are stored; none for an index.
    pub size: Option<u64>,
    /// Of its manifest.
    pub media_type: Option<String>,
}

/// The images of a repository that a guest reads page by page.
#[derive(Debug)]
pub struct ImageList {
    pub(super) repository: NamedRepository,
    pub(super) images: Reading<Image>,
}

/// An image that is still there, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NotDeleted {
    /// The tag or digest, as it was to be deleted.
    pub image: String,
    /// ECR's code and reason.
    pub reason: String,
}

/// The call `ecr.list-images`, for one page.
#[derive(Clone, Debug)]
pub struct ListImages {
    /// The repository.
    pub repository: NamedRepository,
    /// Where the page begins; none is the first.
    pub page: Option<PageToken>,
}

impl Call for ListImages {
    fn accesses(&self) -> Vec<Access> {
        let access = self.repository.access(Action::ListImages, None);
        vec![access, self.repository.login()]
    }
}

/// The call `ecr.describe-image`.
#[derive(Clone, Debug)]
pub struct DescribeImage {
    /// The image.
    pub image: NamedImage,
}

impl Call for DescribeImage {
    fn accesses(&self) -> Vec<Access> {
        self.image.accesses(Action::DescribeImage)
    }
}

/// The call `ecr.delete-images`.
#[derive(Clone, Debug)]
pub struct DeleteImages {
    repository: NamedRepository,
    images: Vec<ImageId>,
}

impl DeleteImages {
    /// The most images of one call.
    pub const MOST: usize = 100;

    /// Deletes `images` from `repository`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidSettings`] where there is none, or more than ECR takes.
    pub fn new(repository: NamedRepository, images: Vec<ImageId>) -> Result<Self, CapabilityError> {
        if images.is_empty() || images.len() > Self::MOST {
            return Err(CapabilityError::invalid(format!(
                "{} images are to be deleted; one call deletes 1 to {}",
                images.len(),
                Self::MOST
            )));
        }
        Ok(Self { repository, images })
    }

    /// The repository.
    pub fn repository(&self) -> &NamedRepository {
        &self.repository
    }

    /// What to delete.
    pub fn images(&self) -> &[ImageId] {
        &self.images
    }
}

impl Call for DeleteImages {
    fn accesses(&self) -> Vec<Access> {
        let each = |image: &ImageId| self.repository.access(Action::DeleteImages, image.tag());
        self.images
            .iter()
            .map(each)
            .chain([self.repository.login()])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Resource;

    #[test]
    fn deleting_names_each_tag_and_for_a_digest_the_whole_repository() {
        let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let repository = NamedRepository::parse("aws".to_owned(), registry, "team/app").unwrap();
        let digest = format!("sha256:{}", "a".repeat(64));
        let images = ["1.0", digest.as_str()].map(|image| ImageId::parse(image).unwrap());
        let call = DeleteImages::new(repository.clone(), images.to_vec()).unwrap();
        let touched: Vec<String> = call
            .accesses()
            .iter()
            .map(|access| format!("{} {}", access.action, access.resource))
            .collect();
        assert_eq!(
            touched,
            [
                format!("delete-images {registry}/team/app:1.0"),
                format!("delete-images {registry}/team/app"),
                format!("login connector aws for {registry}"),
            ]
        );
        assert!(matches!(
            call.accesses().remove(1).resource,
            Resource::Repository { tag: None, .. }
        ));
        assert!(DeleteImages::new(repository.clone(), Vec::new()).is_err());
        let many = vec![images[0].clone(); 101];
        assert!(DeleteImages::new(repository, many).is_err());
    }

    #[test]
    fn a_name_of_an_image_is_a_tag_or_a_digest() {
        for text in ["", "a b", "latest:", "sha256:12", "app:latest"] {
            assert!(ImageId::parse(text).is_err(), "{text}");
        }
    }
}
