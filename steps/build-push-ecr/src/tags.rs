//! What the tags name before the build, and what follows from it.

use stepyard_sdk::{
    Error,
    grammar::{Digest, Tag},
};

/// A tag of the plan, as the repository has it before the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTag {
    /// The tag.
    pub tag: Tag,
    /// What it names, where it exists and was looked at.
    pub digest: Option<Digest>,
    /// Whether ECR refuses to let it name another image, as far as that is known.
    pub immutable: bool,
}

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
        .with_hint(
            "give the image a tag of its own, exclude this tag from the repository's \
             immutability, or set skipPushIfTagExists to keep what the tag names",
        )
    }
}

/// What the build is to do, as far as the tags decide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Build and push.
    Build,
    /// Build nothing: all tags exist, each with what it names.
    Skip(Vec<(Tag, Digest)>),
    /// Build nothing: some tags exist and cannot move, so the missing ones are to name the same.
    Complete(Digest),
}

/// Decides by the tags. `skip_existing` is the setting `skipPushIfTagExists`; `always_new` says that
/// no build makes the same image a second time.
///
/// # Errors
/// `conflict` where no build could give the tags what they would have to name.
pub fn decide(
    tags: &[FoundTag],
    image: impl std::fmt::Display,
    skip_existing: bool,
    always_new: bool,
) -> Result<Decision, Error> {
    let taken = taken_tags(tags);
    if skip_existing {
        let existing = |found: &FoundTag| Some((found.tag.clone(), found.digest.clone()?));
        if let Some(existing) = tags.iter().map(existing).collect() {
            return Ok(Decision::Skip(existing));
        }
    }
    let Some(first) = taken.first() else {
        return Ok(Decision::Build);
    };
    if let Some(other) = taken.iter().find(|other| other.digest != first.digest) {
        return Err(Error::conflict(format!(
            "{image}:{} and {image}:{} are immutable and name different images, {} and {}: no \
             image can have both tags",
            first.tag, other.tag, first.digest, other.digest
        ))
        .with_hint(
            "push with tags of which one image has all or none, or exclude them from the \
             repository's immutability",
        ));
    }
    match (skip_existing, always_new) {
        (true, _) => Ok(Decision::Complete(first.digest.clone())),
        (false, true) => Err(first.conflict(image)),
        (false, false) => Ok(Decision::Build),
    }
}

/// The tags that exist and cannot move.
pub fn taken_tags(tags: &[FoundTag]) -> Vec<TakenTag> {
    tags.iter()
        .filter(|found| found.immutable)
        .filter_map(|found| {
            Some(TakenTag {
                tag: found.tag.clone(),
                digest: found.digest.clone()?,
            })
        })
        .collect()
}

/// The taken tag, where `tag` is one.
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

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    fn taken_tag() -> TakenTag {
        TakenTag {
            tag: tag("1.2.3"),
            digest: digest('a'),
        }
    }

    fn found(text: &str, digit: Option<char>, immutable: bool) -> FoundTag {
        FoundTag {
            tag: tag(text),
            digest: digit.map(digest),
            immutable,
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
        assert_eq!(taken(&tags, &tag("1.2.3")), Some(&tags[0]));
        assert_eq!(taken(&tags, &tag("1.2")), None);
    }

    #[test]
    fn a_taken_tag_alone_is_decided_by_the_digest_of_what_is_built() {
        let tags = [found("1", Some('a'), true), found("2", None, true)];
        assert_eq!(decide(&tags, "app", false, false), Ok(Decision::Build));
        let error = decide(&tags, "app", false, true).unwrap_err();
        assert!(error.message().starts_with("app:1 is immutable"));
        let movable = [found("1", Some('a'), false), found("2", None, false)];
        assert_eq!(decide(&movable, "app", false, true), Ok(Decision::Build));
    }

    #[test]
    fn taken_tags_of_different_images_are_a_conflict_before_the_build() {
        let tags = [
            found("1", Some('a'), true),
            found("2", Some('b'), true),
            found("3", None, true),
        ];
        for skip_existing in [false, true] {
            let error = decide(&tags, "app", skip_existing, false).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Conflict);
            assert!(
                error
                    .message()
                    .starts_with("app:1 and app:2 are immutable and name different images")
            );
        }
    }

    #[test]
    fn existing_tags_are_kept_where_that_is_asked_for() {
        let all = [found("1", Some('a'), true), found("2", Some('b'), false)];
        let expected = vec![(tag("1"), digest('a')), (tag("2"), digest('b'))];
        assert_eq!(
            decide(&all, "app", true, false),
            Ok(Decision::Skip(expected))
        );
        // An immutable tag is the image; a mutable one may be an older image.
        let immutable = [found("1", Some('a'), true), found("2", None, true)];
        assert_eq!(
            decide(&immutable, "app", true, true),
            Ok(Decision::Complete(digest('a')))
        );
        let mutable = [found("latest", Some('b'), false), found("1", None, false)];
        assert_eq!(decide(&mutable, "app", true, false), Ok(Decision::Build));
        assert_eq!(
            decide(&[found("1", None, true)], "app", true, false),
            Ok(Decision::Build)
        );
    }
}
