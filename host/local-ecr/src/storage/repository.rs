use super::files;
use super::image::{Image, ImageReference, TaggedImage};
use super::manifest::Manifest;
use super::{StorageError, records};
use crate::names::{digest_of, now};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use stepyard_grammar::{RepositoryEncryption, TagMutability};

/// What is kept of a repository beside its images.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) account: String,
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) created_at: u64,
    #[serde(with = "records::mutability")]
    pub(crate) mutability: TagMutability,
    pub(crate) scan_on_push: bool,
    #[serde(with = "records::encryption", default)]
    pub(crate) encryption: RepositoryEncryption,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) repository_policy: Option<String>,
    pub(crate) lifecycle_policy: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct TagTarget {
    digest: String,
}

/// One repository and its folder:
/// `settings.json`, `blobs/HEX`, `images/HEX` (the manifest), `images/HEX.json`, `tags/TAG`.
///
/// Each change is written to disk before it is visible. All functions block.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(super) folder: PathBuf,
    pub(super) temporary: PathBuf,
    pub(super) account: String,
    pub(super) name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    settings: Settings,
    pub(super) images: BTreeMap<String, Image>,
    tags: BTreeMap<String, String>,
    deleted: bool,
}

/// A stored image as a push sees it.
pub(crate) struct Pushed {
    pub(crate) digest: String,
    pub(crate) subject: Option<String>,
    /// Whether the repository already had exactly this image under this tag.
    pub(crate) unchanged: bool,
}

impl Repository {
    /// Makes the repository's folder in `registry`, the folder of its account.
    pub(super) fn create(
        registry: &Path,
        temporary: &Path,
        settings: Settings,
    ) -> Result<Self, StorageError> {
        files::create_folder(registry)?;
        // The random part lets a name be used anew while the old folder is being removed; the cut
        // keeps within the file system's 255 bytes.
        let readable: String = settings.name.replace('/', "+").chars().take(200).collect();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{readable}."))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(registry)
            .map_err(StorageError::io("create a folder in", registry))?;
        for part in ["blobs", "images", "tags"] {
            files::create_folder(&folder.path().join(part))?;
        }
        files::write_json(temporary, &folder.path().join("settings.json"), &settings)?;
        let folder = folder.keep();
        files::sync_folder(registry)?;
        Ok(Self::new(
            folder,
            temporary,
            settings,
            BTreeMap::new(),
            BTreeMap::new(),
        ))
    }

    /// Reads a repository back. None: the folder was never finished, or its removal was not.
    pub(super) fn load(folder: PathBuf, temporary: &Path) -> Result<Option<Self>, StorageError> {
        if !folder.join("settings.json").exists() {
            return Ok(None);
        }
        let settings = files::read_json(&folder.join("settings.json"))?;
        let mut images = BTreeMap::new();
        for name in files::names(&folder.join("images"))? {
            if name.ends_with(".json") {
                let image: Image = files::read_json(&folder.join("images").join(name))?;
                images.insert(image.digest.clone(), image);
            }
        }
        let mut tags = BTreeMap::new();
        for tag in files::names(&folder.join("tags"))? {
            let target: TagTarget = files::read_json(&folder.join("tags").join(&tag))?;
            // The image goes before its tags when it is deleted.
            if images.contains_key(&target.digest) {
                tags.insert(tag, target.digest);
            }
        }
        Ok(Some(Self::new(folder, temporary, settings, images, tags)))
    }

    fn new(
        folder: PathBuf,
        temporary: &Path,
        settings: Settings,
        images: BTreeMap<String, Image>,
        tags: BTreeMap<String, String>,
    ) -> Self {
        Self {
            folder,
            temporary: temporary.to_owned(),
            account: settings.account.clone(),
            name: settings.name.clone(),
            state: Mutex::new(State {
                settings,
                images,
                tags,
                deleted: false,
            }),
        }
    }

    /// The state, unless the repository has been deleted meanwhile.
    pub(super) fn state(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.deleted {
            Err(self.not_found())
        } else {
            Ok(state)
        }
    }

    fn not_found(&self) -> StorageError {
        StorageError::RepositoryNotFound {
            account: self.account.clone(),
            name: self.name.clone(),
        }
    }

    /// Runs `work` while the repository cannot be deleted.
    pub(super) fn while_present<T>(
        &self,
        work: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let _state = self.state()?;
        work()
    }

    pub(crate) fn settings(&self) -> Result<Settings, StorageError> {
        Ok(self.state()?.settings.clone())
    }

    /// Changes the settings and returns them.
    pub(crate) fn change_settings(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Settings, StorageError> {
        let mut state = self.state()?;
        let mut settings = state.settings.clone();
        change(&mut settings);
        files::write_json(
            &self.temporary,
            &self.folder.join("settings.json"),
            &settings,
        )?;
        state.settings = settings.clone();
        Ok(settings)
    }

    /// Stores an image and points `tag` at it. What the manifest refers to must be here already.
    pub(crate) fn put_image(
        &self,
        content: &[u8],
        content_type: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Pushed, StorageError> {
        let manifest = Manifest::parse(content, content_type)?;
        let digest = digest_of(content);
        let mut state = self.state()?;
        if let Some(tag) = tag {
            let moves = state
                .tags
                .get(tag)
                .is_some_and(|current| *current != digest);
            if moves && state.settings.mutability.is_immutable(tag) {
                return Err(StorageError::TagImmutable {
                    name: self.name.clone(),
                    tag: tag.to_owned(),
                });
            }
        }
        let subject = manifest
            .subject
            .as_ref()
            .map(|subject| subject.digest.clone());
        let known = state.images.contains_key(&digest);
        if !known {
            self.check_references(&manifest, &state)?;
            let mut image = Image {
                digest: digest.clone(),
                manifest_size: u64::try_from(content.len()).unwrap_or(u64::MAX),
                image_size: manifest.image_size(),
                pushed_at: now(),
                artifact_type: manifest.kind(),
                subject: subject.clone(),
                manifests: manifest
                    .manifests
                    .iter()
                    .map(|child| child.digest.clone())
                    .collect(),
                media_type: manifest.media_type,
                annotations: manifest.annotations,
                scanned_at: None,
            };
            if state.settings.scan_on_push && image.is_scannable() {
                image.scanned_at = Some(image.pushed_at);
            }
            let path = self.image_path(&digest);
            files::write(&self.temporary, &path, content)?;
            files::write_json(&self.temporary, &path.with_extension("json"), &image)?;
            state.images.insert(digest.clone(), image);
        }
        let tagged = tag.is_none_or(|tag| state.tags.get(tag) == Some(&digest));
        if let Some(tag) = tag
            && !tagged
        {
            let target = TagTarget {
                digest: digest.clone(),
            };
            files::write_json(
                &self.temporary,
                &self.folder.join("tags").join(tag),
                &target,
            )?;
            state.tags.insert(tag.to_owned(), digest.clone());
        }
        Ok(Pushed {
            digest,
            subject,
            unchanged: known && tagged,
        })
    }

    fn check_references(&self, manifest: &Manifest, state: &State) -> Result<(), StorageError> {
        let missing = |digest: &str, is_manifest| StorageError::ReferenceNotFound {
            name: self.name.clone(),
            digest: digest.to_owned(),
            is_manifest,
        };
        for blob in manifest.config.iter().chain(&manifest.layers) {
            if !blob.is_foreign() && !self.blob_path(&blob.digest).exists() {
                return Err(missing(&blob.digest, false));
            }
        }
        for child in &manifest.manifests {
            if !state.images.contains_key(&child.digest) {
                return Err(missing(&child.digest, true));
            }
        }
        Ok(())
    }

    /// The image that `reference` names.
    pub(crate) fn image(&self, reference: &ImageReference) -> Result<TaggedImage, StorageError> {
        self.image_in(&*self.state()?, reference)
    }

    pub(super) fn image_in(
        &self,
        state: &State,
        reference: &ImageReference,
    ) -> Result<TaggedImage, StorageError> {
        let digest = match reference {
            ImageReference::Tag(tag) => state.tags.get(tag),
            ImageReference::Digest(digest) => Some(digest),
        };
        let image = digest.and_then(|digest| state.images.get(digest));
        let image = image
            .ok_or_else(|| self.image_not_found(reference))?
            .clone();
        Ok(TaggedImage {
            tags: tags_of(&state.tags, &image.digest),
            image,
        })
    }

    fn image_not_found(&self, reference: &ImageReference) -> StorageError {
        let (digest, tag) = reference.parts();
        StorageError::ImageNotFound {
            account: self.account.clone(),
            name: self.name.clone(),
            digest: digest.to_owned(),
            tag: tag.to_owned(),
        }
    }

    /// All images, by digest.
    pub(crate) fn images(&self) -> Result<Vec<TaggedImage>, StorageError> {
        let state = self.state()?;
        let tagged = |image: &Image| TaggedImage {
            tags: tags_of(&state.tags, &image.digest),
            image: image.clone(),
        };
        Ok(state.images.values().map(tagged).collect())
    }

    /// All tags, in order.
    pub(crate) fn tags(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.state()?.tags.keys().cloned().collect())
    }

    /// The manifest of an image.
    pub(crate) fn manifest(&self, digest: &str) -> Result<Vec<u8>, StorageError> {
        let path = self.image_path(digest);
        self.while_present(|| fs::read(&path).map_err(StorageError::io("read", &path)))
    }

    /// Removes a tag, and with the last tag its image; or an image and all its tags. Returns what
    /// the reference named.
    pub(crate) fn delete_image(
        &self,
        reference: &ImageReference,
    ) -> Result<TaggedImage, StorageError> {
        let mut state = self.state()?;
        let named = self.image_in(&state, reference)?;
        let digest = &named.image.digest;
        let only_tag = match reference {
            ImageReference::Tag(tag) if named.tags.len() > 1 => Some(tag),
            _ => None,
        };
        if let Some(tag) = only_tag {
            remove_file(&self.folder.join("tags").join(tag))?;
            state.tags.remove(tag);
            return Ok(named);
        }
        let parent = state
            .images
            .values()
            .find(|image| image.manifests.contains(digest));
        if let Some(parent) = parent {
            return Err(StorageError::ImageReferenced {
                digest: digest.clone(),
                parent: parent.digest.clone(),
            });
        }
        let path = self.image_path(digest);
        remove_file(&path.with_extension("json"))?;
        state.images.remove(digest);
        remove_file(&path)?;
        for tag in &named.tags {
            remove_file(&self.folder.join("tags").join(tag))?;
            state.tags.remove(tag);
        }
        Ok(named)
    }

    /// Marks the repository as deleted and removes its folder. Refused while it holds images,
    /// unless `force`.
    pub(super) fn delete(&self, force: bool) -> Result<Settings, StorageError> {
        let mut state = self.state()?;
        if !force && !state.images.is_empty() {
            return Err(StorageError::RepositoryNotEmpty {
                account: self.account.clone(),
                name: self.name.clone(),
            });
        }
        // Without its settings the folder counts for nothing, should the rest be interrupted.
        remove_file(&self.folder.join("settings.json"))?;
        state.deleted = true;
        fs::remove_dir_all(&self.folder).map_err(StorageError::io("remove", &self.folder))?;
        Ok(state.settings.clone())
    }

    pub(super) fn image_path(&self, digest: &str) -> PathBuf {
        self.folder
            .join("images")
            .join(digest.trim_start_matches("sha256:"))
    }
}

fn tags_of(tags: &BTreeMap<String, String>, digest: &str) -> Vec<String> {
    tags.iter()
        .filter(|(_, target)| *target == digest)
        .map(|(tag, _)| tag.clone())
        .collect()
}

fn remove_file(path: &Path) -> Result<(), StorageError> {
    fs::remove_file(path).map_err(StorageError::io("remove", path))
}
