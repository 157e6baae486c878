//! What the daemon asks of one transfer, in the metadata of its call.

use std::borrow::Cow;

use cap_std::fs::Dir;
use percent_encoding::percent_decode;
use stepyard_build_context::{
    ContextError, Entry, EntryKind, IgnoreRules, IncludeRules, Walk, follow_links, literal,
};
use tonic::{Status, metadata::MetadataMap};

/// Which folder, and what of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TransferOptions {
    pub(super) directory: String,
    included: Vec<String>,
    excluded: Vec<String>,
    followed: Vec<String>,
    /// Whether nothing but what `followed` names is sent, not even what lies in it.
    is_limited: bool,
}

impl TransferOptions {
    pub(super) fn from_metadata(metadata: &MetadataMap) -> Result<Self, Status> {
        let mut directory = values(metadata, "dir-name")?.into_iter();
        Ok(Self {
            directory: directory.next().unwrap_or_default(),
            included: values(metadata, "include-patterns")?,
            excluded: values(metadata, "exclude-patterns")?,
            followed: values(metadata, "followpaths")?,
            is_limited: false,
        })
    }

    /// The same of nothing but the files that have these names, if there are any names.
    pub(super) fn limited_to(mut self, names: &[String]) -> Self {
        if !names.is_empty() {
            self.followed.append(&mut self.included);
            self.followed.retain(|path| names.contains(path));
            // Nothing asked for would mean everything.
            if self.followed.is_empty() {
                self.followed = names.to_vec();
            }
            // A name is no pattern, and a link may lead to a directory, or to the folder itself.
            self.followed = self.followed.iter().map(|name| literal(name)).collect();
            self.is_limited = true;
        }
        self
    }

    /// The walk that yields what is to be sent.
    pub(super) fn walk(
        &self,
        directory: &Dir,
    ) -> Result<impl Iterator<Item = Result<Entry, ContextError>> + use<>, ContextError> {
        let root = directory.try_clone().map_err(|source| ContextError::Io {
            action: "open",
            path: ".".to_owned(),
            source,
        })?;
        let excluded = IgnoreRules::from_patterns("exclude-patterns", texts(&self.excluded))?;
        let followed = follow_links(directory, texts(&self.followed))?;
        let included = texts(&self.included).chain(texts(&followed));
        let included = IncludeRules::from_patterns("include-patterns", included)?;
        let limit = self.is_limited.then_some(followed);
        Ok(Walk::new(root, excluded)?
            .including(included)
            .with_extended_attributes()
            .filter(move |entry| match (entry, &limit) {
                (Ok(entry), Some(limit)) => is_within(entry, limit),
                _ => true,
            }))
    }
}

/// Whether an entry is one of the files and links `limit`, or leads to one.
fn is_within(entry: &Entry, limit: &[String]) -> bool {
    let path = literal(&entry.path);
    if entry.kind == EntryKind::Directory {
        let below = format!("{path}/");
        return limit.iter().any(|kept| kept.starts_with(&below));
    }
    limit.contains(&path)
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

/// The values of a key. Where `KEY-encoded` is true they are escaped as in a URL's query, which is
/// how BuildKit sends what is not ASCII.
fn values(metadata: &MetadataMap, key: &str) -> Result<Vec<String>, Status> {
    let encoded = metadata
        .get(format!("{key}-encoded"))
        .is_some_and(|value| is_true(value.as_bytes()));
    let values = metadata.get_all(key).iter().map(|value| {
        let value = value.as_bytes();
        let decoded: Cow<'_, [u8]> = if encoded {
            let spaces: Vec<u8> = value
                .iter()
                .map(|byte| if *byte == b'+' { b' ' } else { *byte })
                .collect();
            percent_decode(&spaces).collect::<Vec<u8>>().into()
        } else {
            value.into()
        };
        String::from_utf8(decoded.into_owned())
            .map_err(|_| Status::invalid_argument(format!("{key} is not UTF-8")))
    });
    values.collect()
}

/// What Go's `strconv.ParseBool` takes for true.
fn is_true(value: &[u8]) -> bool {
    matches!(value, b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True")
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;
    use tonic::metadata::{AsciiMetadataKey, MetadataValue};

    use super::*;

    fn options(metadata: &[(&str, &[u8])]) -> Result<TransferOptions, Status> {
        let mut map = MetadataMap::new();
        for (key, value) in metadata {
            map.append(
                key.parse::<AsciiMetadataKey>().unwrap(),
                MetadataValue::try_from(*value).unwrap(),
            );
        }
        TransferOptions::from_metadata(&map)
    }

    #[test]
    fn a_folder_may_be_limited_to_some_files() {
        let names = [
            "Dockerfile".to_owned(),
            "Dockerfile.dockerignore".to_owned(),
        ];
        for (metadata, expected) in [
            (vec![], &names[..]),
            (vec![("include-patterns", &b"**"[..])], &names[..]),
            (vec![("followpaths", &b"../secret"[..])], &names[..]),
            (
                vec![
                    ("followpaths", &b"Dockerfile"[..]),
                    ("followpaths", b"secret"),
                ],
                &names[..1],
            ),
        ] {
            let limited = options(&metadata).unwrap().limited_to(&names);
            assert_eq!(limited.followed, expected, "{metadata:?}");
            assert!(limited.included.is_empty());
        }
        let all = options(&[("include-patterns", b"**")]).unwrap();
        assert_eq!(all.limited_to(&[]).included, ["**"]);
    }

    #[test]
    fn a_limited_folder_gives_nothing_but_the_files() {
        let ignore = "Dockerfile.dockerignore";
        for (name, link, expected) in [
            ("Dockerfile", None, &["Dockerfile"][..]),
            ("[a-z*]?", None, &["[a-z*]?"]),
            ("*", None, &["*"]),
            (
                "Dockerfile",
                Some("dir/real"),
                &["Dockerfile", ignore, "dir", "dir/real"],
            ),
            ("Dockerfile", Some("dir"), &["Dockerfile", ignore]),
            ("Dockerfile", Some("."), &[]),
            ("Dockerfile", Some("../.."), &[]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("dir")).unwrap();
            for file in [name, "secret", "dir/real", "dir/secret", "ab"] {
                std::fs::write(folder.path().join(file), "").unwrap();
            }
            if let Some(target) = link {
                std::os::unix::fs::symlink(target, folder.path().join(ignore)).unwrap();
            }
            let names = [name.to_owned(), format!("{name}.dockerignore")];
            let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            for metadata in [
                &[
                    ("followpaths", name.as_bytes()),
                    ("followpaths", ignore.as_bytes()),
                ][..],
                &[("include-patterns", b"**")],
                &[],
            ] {
                let walk = options(metadata).unwrap().limited_to(&names).walk(&root);
                let sent: Vec<_> = walk.unwrap().map(|entry| entry.unwrap().path).collect();
                assert_eq!(sent, expected, "{name} {link:?} {metadata:?}");
            }
        }
    }

    #[test]
    fn values_are_read_and_decoded() {
        let read = options(&[
            ("dir-name", b"context"),
            ("exclude-patterns", b"a+b%20"),
            ("exclude-patterns", b"!c, d"),
            ("include-patterns-encoded", b"1"),
            ("include-patterns", b"%C3%BC+%2B%25"),
            ("include-patterns", b"plain"),
            ("followpaths-encoded", b"false"),
            ("followpaths", b"%20"),
        ]);
        let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let expected = TransferOptions {
            directory: "context".to_owned(),
            included: list(&["ü +%", "plain"]),
            excluded: list(&["a+b%20", "!c, d"]),
            followed: list(&["%20"]),
            is_limited: false,
        };
        assert_eq!(read.unwrap(), expected);
        let read = options(&[]).unwrap();
        assert_eq!((read.directory.as_str(), read.included.len()), ("", 0));
        let error = options(&[("dir-name-encoded", b"1"), ("dir-name", b"%ff")]).unwrap_err();
        assert_eq!(error.message(), "dir-name is not UTF-8");
    }
}
