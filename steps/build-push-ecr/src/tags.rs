//! Tags that ECR does not let move.

use stepyard_sdk::{
    Error,
    grammar::{Digest, Tag},
};

/// A tag that names an image already and that ECR refuses to let name another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenTag {
    /// The tag.
    pub tag: Tag,
    /// What it names.
    pub digest: Digest,
}

impl TakenTag {
    /// The error where the tag would have to move.
    pub fn conflict(&self, image: impl std::fmt::Display) -> Error {
        Error::conflict(format!(
            "{image}:{} is immutable and names another image, {}",
            self.tag, self.digest
        ))
        .with_hint("give the image a tag of its own, or exclude this tag from the repository's immutability")
    }
}

/// The digest of the taken tag, where `tag` is one.
pub fn taken<'tags>(tags: &'tags [TakenTag], tag: &Tag) -> Option<&'tags TakenTag> {
    tags.iter().find(|taken| taken.tag == *tag)
}

/// Checks that no taken tag would have to move to name `digest`: the digest decides, so that the
/// same build again succeeds.
///
/// # Errors
/// `conflict` for the first one that would.
pub fn check(
    tags: &[TakenTag],
    image: impl std::fmt::Display,
    digest: &Digest,
) -> Result<(), Error> {
    match tags.iter().find(|taken| taken.digest != *digest) {
        Some(taken) => Err(taken.conflict(image)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepyard_sdk::ErrorKind;

    fn digest(digit: char) -> Digest {
        Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
    }

    fn taken_tag() -> TakenTag {
        TakenTag {
            tag: Tag::parse("1.2.3").unwrap(),
            digest: digest('a'),
        }
    }

    #[test]
    fn the_same_digest_is_no_conflict() {
        assert_eq!(check(&[taken_tag()], "team/app", &digest('a')), Ok(()));
    }

    #[test]
    fn another_digest_is_a_conflict() {
        let error = check(&[taken_tag()], "team/app", &digest('b')).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conflict);
        assert!(
            error
                .message()
                .starts_with("team/app:1.2.3 is immutable and names another")
        );
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_taken_tag_is_found_by_its_name() {
        let tags = [taken_tag()];
        assert_eq!(taken(&tags, &Tag::parse("1.2.3").unwrap()), Some(&tags[0]));
        assert_eq!(taken(&tags, &Tag::parse("1.2").unwrap()), None);
    }
}
