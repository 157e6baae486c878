use super::error::RegistryError;
use crate::names::{REPOSITORY_PATTERN, is_digest, is_repository_name, is_tag};
use crate::storage::ImageReference;
use http::Method;

/// What a path under `/v2/` names within a repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Uploads,
    Upload(&'a str),
    Blob(&'a str),
    Manifest(&'a str),
    Tags,
    Referrers(&'a str),
}

/// Splits `NAME/blobs/DIGEST` and the like; the repository's name may hold slashes.
pub(super) fn parse(path: &str) -> Option<(&str, Target<'_>)> {
    let (rest, last) = path.rsplit_once('/')?;
    if let Some(name) = rest.strip_suffix("/blobs/uploads") {
        let target = if last.is_empty() {
            Target::Uploads
        } else {
            Target::Upload(last)
        };
        return Some((name, target));
    }
    let (name, kind) = rest.rsplit_once('/')?;
    let target = match (kind, last) {
        ("blobs", "uploads") => Target::Uploads,
        ("blobs", digest) => Target::Blob(digest),
        ("manifests", reference) => Target::Manifest(reference),
        ("tags", "list") => Target::Tags,
        ("referrers", digest) => Target::Referrers(digest),
        _ => return None,
    };
    Some((name, target))
}

impl Target<'_> {
    /// The IAM action that ECR asks for, or none where the method is not served.
    pub(super) fn action(&self, method: &Method) -> Option<&'static str> {
        Some(match (self, method.as_str()) {
            (Self::Uploads, "POST") => "ecr:InitiateLayerUpload",
            (Self::Upload(_), "GET" | "PATCH" | "DELETE") => "ecr:UploadLayerPart",
            (Self::Upload(_), "PUT") => "ecr:CompleteLayerUpload",
            (Self::Blob(_), "HEAD") => "ecr:BatchCheckLayerAvailability",
            (Self::Blob(_), "GET") => "ecr:GetDownloadUrlForLayer",
            (Self::Manifest(_), "HEAD" | "GET") => "ecr:BatchGetImage",
            (Self::Manifest(_), "PUT") => "ecr:PutImage",
            (Self::Manifest(_), "DELETE") => "ecr:BatchDeleteImage",
            (Self::Tags, "GET") => "ecr:ListImages",
            (Self::Referrers(_), "GET") => "ecr:ListImageReferrers",
            _ => return None,
        })
    }
}

pub(super) fn check_name(name: &str) -> Result<(), RegistryError> {
    if is_repository_name(name) {
        return Ok(());
    }
    Err(RegistryError::invalid(
        "NAME_INVALID",
        format!(
            "'{name}' is not a repository name: expected {REPOSITORY_PATTERN}, 2 to 256 characters"
        ),
    ))
}

pub(super) fn check_digest(digest: &str) -> Result<(), RegistryError> {
    if is_digest(digest) {
        return Ok(());
    }
    Err(RegistryError::invalid(
        "DIGEST_INVALID",
        format!("'{digest}' is not a digest: expected sha256: and 64 hexadecimal digits"),
    ))
}

/// Reads the reference of a manifest: a tag or a digest.
pub(super) fn image_reference(reference: &str) -> Result<ImageReference, RegistryError> {
    if reference.contains(':') {
        check_digest(reference)?;
        Ok(ImageReference::Digest(reference.to_owned()))
    } else if is_tag(reference) {
        Ok(ImageReference::Tag(reference.to_owned()))
    } else {
        Err(RegistryError::invalid(
            "TAG_INVALID",
            format!("'{reference}' is not a tag: expected [A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_and_reserved_words_are_split_off() {
        for (path, expected) in [
            ("app/blobs/uploads/", Some(("app", Target::Uploads))),
            ("app/blobs/uploads", Some(("app", Target::Uploads))),
            ("a/b/blobs/uploads/id", Some(("a/b", Target::Upload("id")))),
            (
                "blobs/uploads/blobs/x",
                Some(("blobs/uploads", Target::Blob("x"))),
            ),
            (
                "a/manifests/manifests/v1",
                Some(("a/manifests", Target::Manifest("v1"))),
            ),
            ("a/tags/list", Some(("a", Target::Tags))),
            ("a/referrers/d", Some(("a", Target::Referrers("d")))),
            ("_catalog", None),
            ("a/other/x", None),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
    }
}
