//! The `index.json` of a local cache, which names the newest cache in the folder by a tag.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
};

use cap_std::fs::Dir;
use serde_json::{Value, json};

use super::store::{BlobDigest, Store};
use crate::{error::Error, random::random_identifier, solve::ImageDescriptor};

const INDEX: &str = "index.json";
const LAYOUT: &str = "oci-layout";
/// The tag where none is given, as with buildx.
const DEFAULT_TAG: &str = "latest";
/// What the daemon calls the exported cache's manifest in its response (BuildKit,
/// `cache/remotecache`).
const MANIFEST_OF_CACHE: &str = "cache.manifest";
/// Annotations that name a manifest; the first wins.
const FULL_NAME: &str = "io.containerd.image.name";
const TAG: &str = "org.opencontainers.image.ref.name";

/// The options of a cache import of the kind `local` as the daemon needs them: with the digest of
/// the cache that the option `tag` names.
///
/// # Errors
/// If the folder holds no such cache, or it cannot be read.
pub(crate) fn import_attributes(
    directory: &Dir,
    attributes: &[(String, String)],
) -> Result<Vec<(String, String)>, Error> {
    let mut attributes = attributes.to_vec();
    let option = |name: &str| {
        let found = attributes.iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    let (digest, is_given) = match option("digest") {
        Some(digest) => (digest.to_owned(), true),
        None => (
            tagged(directory, option("tag").unwrap_or(DEFAULT_TAG))?,
            false,
        ),
    };
    check_blob(directory, &digest)?;
    if !is_given {
        attributes.push(("digest".to_owned(), digest));
    }
    Ok(attributes)
}

/// Whether the folder has the blob.
fn check_blob(directory: &Dir, digest: &str) -> Result<(), Error> {
    let store = Store::new(directory.try_clone().map_err(unreadable)?);
    match BlobDigest::parse(digest).and_then(|digest| store.information(&digest)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Invalid(format!(
            "the local cache cannot be read: {error}"
        ))),
    }
}

/// The digest of the manifest with this tag.
fn tagged(directory: &Dir, tag: &str) -> Result<String, Error> {
    let index = read_index(directory)?
        .ok_or_else(|| Error::Invalid(format!("the folder of the local cache holds no {INDEX}")))?;
    let manifests = index.get("manifests").and_then(Value::as_array);
    let manifests = manifests.map(Vec::as_slice).unwrap_or_default();
    [FULL_NAME, TAG]
        .into_iter()
        .find_map(|name| {
            manifests
                .iter()
                .find(|manifest| annotation(manifest, name) == Some(tag))
        })
        .and_then(|manifest| manifest.get("digest")?.as_str())
        .map(str::to_owned)
        .ok_or_else(|| Error::Invalid(format!("the local cache has nothing tagged {tag:?}")))
}

fn annotation<'manifest>(manifest: &'manifest Value, name: &str) -> Option<&'manifest str> {
    manifest.get("annotations")?.get(name)?.as_str()
}

/// After a build that has exported a cache of the kind `local`: names it in the folder by the option
/// `tag`. `response` is what the daemon says of the build's exports.
///
/// # Errors
/// If the daemon's answer is not understood, or the folder cannot be written.
pub(crate) fn finish_export(
    directory: &Dir,
    attributes: &[(String, String)],
    response: &HashMap<String, String>,
) -> Result<(), Error> {
    // An image without layers of its own has nothing to keep.
    let Some(text) = response.get(MANIFEST_OF_CACHE) else {
        return Ok(());
    };
    // Nothing else of it: annotations would name the cache for others.
    let manifest: ImageDescriptor = serde_json::from_str(text).map_err(|_| {
        Error::Invalid("the daemon's answer does not say which cache it has exported".to_owned())
    })?;
    // Another cache of the same build may have been exported, and this one not.
    check_blob(directory, &manifest.digest)?;
    let tag = attributes.iter().rev().find(|(name, _)| name == "tag");
    let tag = tag.map_or(DEFAULT_TAG, |(_, tag)| tag);
    // Builds that end at the same time must not lose each other's entry.
    let locked = directory.open(".").map_err(unwritable)?.into_std();
    locked.lock().map_err(unwritable)?;
    let mut index = read_index(directory)?.unwrap_or_else(|| {
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
        })
    });
    let Value::Object(members) = &mut index else {
        return Err(malformed());
    };
    let manifests = members.entry("manifests").or_insert_with(|| json!([]));
    if manifests.is_null() {
        *manifests = json!([]);
    }
    let Value::Array(manifests) = manifests else {
        return Err(malformed());
    };
    manifests.retain(|known| {
        annotation(known, TAG) != Some(tag) || annotation(known, FULL_NAME).is_some()
    });
    manifests.push(json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
        "annotations": {TAG: tag},
    }));
    let layout = json!({"imageLayoutVersion": "1.0.0"});
    write(directory, LAYOUT, &layout)?;
    write(directory, INDEX, &index)
}

fn read_index(directory: &Dir) -> Result<Option<Value>, Error> {
    match directory.read(INDEX) {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| malformed()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

/// Replaces a file as a whole.
fn write(directory: &Dir, name: &str, content: &Value) -> Result<(), Error> {
    let partial = format!(".{name}.{}", random_identifier()?);
    let written = directory
        .write(&partial, content.to_string())
        .and_then(|()| directory.rename(&partial, directory, name));
    if written.is_err() {
        // The error says what is wrong with the folder.
        let _ = directory.remove_file(&partial);
    }
    written.map_err(unwritable)
}

fn malformed() -> Error {
    Error::Invalid(format!("the {INDEX} of the local cache is no image index"))
}

fn unreadable(source: io::Error) -> Error {
    Error::LocalFile {
        what: "reading the folder of the local cache".to_owned(),
        source,
    }
}

fn unwritable(source: io::Error) -> Error {
    Error::LocalFile {
        what: "writing the folder of the local cache".to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    fn options(options: &[(&str, &str)]) -> Vec<(String, String)> {
        options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn folder() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, directory)
    }

    /// A blob in the store, and what the daemon says of it.
    fn exported(directory: &Dir, content: &[u8]) -> (String, HashMap<String, String>) {
        let store = Store::new(directory.try_clone().unwrap());
        let mut writer = store.write().unwrap();
        writer.write(0, content).unwrap();
        let digest = writer.commit(0, None).unwrap().to_string();
        let manifest = json!({"digest": digest, "size": content.len(), "mediaType": "m",
            "annotations": {FULL_NAME: "main"}});
        let response = HashMap::from([(MANIFEST_OF_CACHE.to_owned(), manifest.to_string())]);
        (digest, response)
    }

    #[test]
    fn an_export_is_found_by_its_tag() {
        let (folder, directory) = folder();
        let (first, response) = exported(&directory, b"first");
        finish_export(&directory, &[], &response).unwrap();
        let (second, response) = exported(&directory, b"second");
        finish_export(&directory, &options(&[("tag", "main")]), &response).unwrap();
        let (third, response) = exported(&directory, b"third");
        finish_export(&directory, &options(&[("tag", "latest")]), &response).unwrap();
        for (asked, expected) in [
            (&[][..], &third),
            (&[("tag", "main")], &second),
            (&[("tag", "main"), ("digest", &first)], &first),
        ] {
            let found = import_attributes(&directory, &options(asked)).unwrap();
            let digest = found.iter().find(|(name, _)| name == "digest").unwrap();
            assert_eq!(&digest.1, expected, "{asked:?}");
        }
        let index: Value =
            serde_json::from_slice(&std::fs::read(folder.path().join(INDEX)).unwrap()).unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
        assert_eq!(index["manifests"][1]["size"], 5);
        assert_eq!(index["manifests"][1]["annotations"], json!({TAG: "latest"}));
        let layout = std::fs::read_to_string(folder.path().join(LAYOUT)).unwrap();
        assert_eq!(layout, r#"{"imageLayoutVersion":"1.0.0"}"#);
        let names = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(names.count(), 4);
    }

    #[test]
    fn what_others_have_named_stays() {
        let (folder, directory) = folder();
        let other = json!({"digest": "sha256:1", "annotations": {
            FULL_NAME: "registry.test/app:latest", TAG: "latest"}});
        let index = json!({"schemaVersion": 2, "manifests": [other], "extra": 1});
        std::fs::write(folder.path().join(INDEX), index.to_string()).unwrap();
        let (_, response) = exported(&directory, b"x");
        finish_export(&directory, &[], &response).unwrap();
        let written: Value = serde_json::from_slice(&directory.read(INDEX).unwrap()).unwrap();
        assert_eq!(
            (&written["manifests"][0], &written["extra"]),
            (&other, &json!(1))
        );
        assert_eq!(written["manifests"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_cache_that_is_not_there_is_told() {
        let unknown = format!("sha256:{}", "0".repeat(64));
        let tagged = json!({"manifests": [{"digest": unknown, "annotations": {TAG: "latest"}}]});
        for (index, asked, expected) in [
            (
                None,
                &[][..],
                "the folder of the local cache holds no index.json",
            ),
            (
                Some("{}"),
                &[],
                "the local cache has nothing tagged \"latest\"",
            ),
            (
                Some(r#"{"manifests":null}"#),
                &[("tag", "x")],
                "the local cache has nothing tagged \"x\"",
            ),
            (
                Some("[1"),
                &[],
                "the index.json of the local cache is no image index",
            ),
            (
                Some(tagged.to_string().as_str()),
                &[],
                "the local cache cannot be read: the store has no blob",
            ),
            (
                None,
                &[("digest", "x")],
                "the local cache cannot be read: \"x\" is no SHA-256 digest",
            ),
        ] {
            let (folder, directory) = folder();
            if let Some(index) = index {
                std::fs::write(folder.path().join(INDEX), index).unwrap();
            }
            let error = import_attributes(&directory, &options(asked)).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let (_folder, directory) = folder();
        finish_export(&directory, &[], &HashMap::new()).unwrap();
        let answer = HashMap::from([(MANIFEST_OF_CACHE.to_owned(), "none".to_owned())]);
        let error = finish_export(&directory, &[], &answer).unwrap_err();
        assert!(error.to_string().contains("which cache"), "{error}");
    }
}
