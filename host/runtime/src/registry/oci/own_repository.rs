//! A repository as the host itself uses it, to fetch and to publish components.

use std::path::Path;

use stepyard_grammar::{Digest, ImageReference, Tag};
use tokio::fs::File;

use super::OciRegistry;
use super::blob::{Blob, Content, Opened, Progress};
use super::connection::{Connection, Permission};
use super::failure::Failure;
use super::manifest::ManifestName;
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::event::{LayerState, Reporter};
use crate::registry::Manifest;

/// How often a blob is fetched whose bytes are wrong: a fault on the way passes, another content in
/// the registry does not.
const MOST_CORRUPT: u32 = 2;

/// A repository as the host itself uses it. No step is behind it and no policy is asked, so nothing
/// that a guest can call may lead here: what steps get is the trait [`crate::registry::Registry`].
pub(crate) struct OwnRepository {
    connection: Connection,
    what: String,
}

/// Content to be sent, which can be read again from its beginning.
pub(crate) enum Sent<'a> {
    /// A file.
    File(&'a Path),
    /// Bytes in memory.
    Held(&'a [u8]),
}

impl Sent<'_> {
    async fn open(&self) -> Result<Content, Failure> {
        match self {
            Self::File(path) => File::open(path).await.map(Content::File).map_err(|error| {
                Failure::Local(format!("{} cannot be read: {error}", path.display()))
            }),
            Self::Held(bytes) => Ok(Content::Held(bytes.to_vec().into())),
        }
    }
}

impl OciRegistry {
    /// The repository of `reference`, to read. Errors call what is done `what`.
    pub(crate) fn to_fetch(
        &self,
        reference: &ImageReference,
        credential: Credential,
        what: String,
    ) -> Result<OwnRepository, CapabilityError> {
        let connection = self.open(reference, credential, Permission::Pull)?;
        Ok(OwnRepository { connection, what })
    }

    /// The repository of `reference`, to read and write. Errors call what is done `what`.
    pub(crate) fn to_publish(
        &self,
        reference: &ImageReference,
        credential: Credential,
        what: String,
    ) -> Result<OwnRepository, CapabilityError> {
        let connection = self.open(reference, credential, Permission::Push)?;
        Ok(OwnRepository { connection, what })
    }
}

impl OwnRepository {
    fn told(&self, failure: Failure) -> CapabilityError {
        self.connection.told(failure, &self.what)
    }

    /// The digest that a tag names, or nothing where there is no such tag or repository.
    pub(crate) async fn digest_of(&self, tag: &Tag) -> Result<Option<Digest>, CapabilityError> {
        match self.connection.find(&ManifestName::Tag(tag.clone())).await {
            Ok(found) => Ok(found.map(|descriptor| descriptor.digest)),
            Err(failure) if failure.is_unknown_repository() => Ok(None),
            Err(failure) => Err(self.told(failure)),
        }
    }

    /// The manifest with this digest, which is verified.
    pub(crate) async fn manifest(&self, digest: &Digest) -> Result<Manifest, CapabilityError> {
        let name = ManifestName::Digest(digest.clone());
        let got = self.connection.get(&name).await;
        let (manifest, _) = got.map_err(|failure| self.told(failure))?;
        Ok(manifest)
    }

    /// Writes a blob to `file`. Digest and size are verified as it arrives.
    pub(crate) async fn fetch_blob(
        &self,
        (digest, size): (&Digest, u64),
        file: &mut File,
        reporter: &Reporter,
    ) -> Result<(), CapabilityError> {
        let blob = Blob {
            digest: digest.clone(),
            size,
        };
        let progress = Progress::new(reporter, &blob, LayerState::Downloading);
        progress.report(LayerState::Downloading);
        let what = format!("the blob {digest}");
        let mut attempts = self.connection.limits.patience.begin(&what);
        let mut corrupt = 0;
        loop {
            let failure = match self.connection.download(&blob, file, &progress).await {
                Ok(()) => {
                    progress.report(LayerState::Done);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            corrupt += u32::from(matches!(failure, Failure::Corrupt(_)));
            if corrupt == MOST_CORRUPT {
                return Err(self.told(failure));
            }
            let pause = attempts.pause_after(failure).await;
            pause.map_err(|failure| self.told(failure))?;
        }
    }

    /// Stores a blob, unless the repository has it. Whether it was stored.
    pub(crate) async fn send_blob(
        &self,
        (digest, size): (&Digest, u64),
        content: Sent<'_>,
        reporter: &Reporter,
    ) -> Result<bool, CapabilityError> {
        let blob = Blob {
            digest: digest.clone(),
            size,
        };
        let progress = Progress::new(reporter, &blob, LayerState::Uploading);
        let exists = self.connection.has_blob(digest).await;
        if exists.map_err(|failure| self.told(failure))? {
            progress.report(LayerState::Exists);
            return Ok(false);
        }
        progress.report(LayerState::Uploading);
        let what = format!("the blob {digest}");
        let mut attempts = self.connection.limits.patience.begin(&what);
        loop {
            match self.send_once(&blob, &content, &progress).await {
                Ok(()) => {
                    progress.report(LayerState::Done);
                    return Ok(true);
                }
                Err(failure) => attempts
                    .pause_after(failure)
                    .await
                    .map_err(|failure| self.told(failure))?,
            }
        }
    }

    async fn send_once(
        &self,
        blob: &Blob,
        content: &Sent<'_>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        match self.connection.open_upload(&blob.digest, None).await? {
            Opened::Mounted => Ok(()),
            Opened::Upload(upload) => {
                let content = content.open().await?;
                self.connection
                    .upload(blob, content, upload, progress)
                    .await
            }
        }
    }

    /// Lets `tag` name `manifest`, and verifies that it does.
    pub(crate) async fn put(
        &self,
        tag: &Tag,
        manifest: &Manifest,
        digest: &Digest,
    ) -> Result<(), CapabilityError> {
        let put = self
            .connection
            .put_tag(tag, manifest, digest, &self.what)
            .await;
        put.map(drop)
    }
}
