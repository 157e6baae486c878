use super::{Repository, StorageError, blocking};
use crate::names::hexadecimal;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Display;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::sync::{OwnedMutexGuard, mpsc};

/// An upload that nobody has touched for so long is dropped.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// Chunks between the network and the disk.
const CHUNKS_IN_FLIGHT: usize = 16;

/// The blob uploads under way. They do not survive a restart; clients then start anew.
#[derive(Debug)]
pub(crate) struct Uploads {
    folder: PathBuf,
    sessions: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    repository: Arc<Repository>,
    content: Arc<tokio::sync::Mutex<Content>>,
    touched: Instant,
}

/// What has arrived of an upload.
#[derive(Debug)]
struct Content {
    file: NamedTempFile,
    length: u64,
    hash: Sha256,
}

impl Content {
    fn append(&mut self, chunk: &[u8]) -> Result<(), StorageError> {
        // At an offset, so that a write that failed half-way is overwritten by the next one.
        self.file
            .as_file()
            .write_all_at(chunk, self.length)
            .map_err(StorageError::io("write", self.file.path()))?;
        self.hash.update(chunk);
        self.length += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// One upload, held by the request that works on it.
#[derive(Debug)]
pub(crate) struct Upload {
    id: String,
    repository: Arc<Repository>,
    content: OwnedMutexGuard<Content>,
}

impl Uploads {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            sessions: Mutex::default(),
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an upload to `repository`; returns its id.
    pub(crate) async fn start(&self, repository: Arc<Repository>) -> Result<String, StorageError> {
        let folder = self.folder.clone();
        let (id, file) = blocking(move || {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| {
                StorageError::io("read random bytes for a file in", &folder)(error.into())
            })?;
            let file = NamedTempFile::new_in(&folder)
                .map_err(StorageError::io("create a file in", &folder))?;
            Ok((hexadecimal(&random), file))
        })
        .await?;
        let content = Content {
            file,
            length: 0,
            hash: Sha256::new(),
        };
        let session = Session {
            repository,
            content: Arc::new(tokio::sync::Mutex::new(content)),
            touched: Instant::now(),
        };
        let mut sessions = self.sessions();
        sessions.retain(|_, session| session.touched.elapsed() < IDLE);
        sessions.insert(id.clone(), session);
        Ok(id)
    }

    /// Takes hold of an upload to `repository`.
    pub(crate) fn hold(
        &self,
        repository: &Arc<Repository>,
        id: &str,
    ) -> Result<Upload, StorageError> {
        let mut sessions = self.sessions();
        let session = sessions
            .get_mut(id)
            .filter(|session| Arc::ptr_eq(&session.repository, repository))
            .ok_or_else(|| StorageError::UploadNotFound(id.to_owned()))?;
        session.touched = Instant::now();
        let content = session.content.clone().try_lock_owned();
        Ok(Upload {
            id: id.to_owned(),
            repository: repository.clone(),
            content: content.map_err(|_| StorageError::UploadBusy(id.to_owned()))?,
        })
    }

    /// Drops an upload and what has arrived of it.
    pub(crate) fn cancel(&self, upload: &Upload) {
        self.sessions().remove(&upload.id);
    }

    /// Verifies an upload and stores it as the blob `digest`. The upload is over in either case.
    pub(crate) async fn finish(&self, upload: Upload, digest: String) -> Result<(), StorageError> {
        self.cancel(&upload);
        blocking(move || {
            let Upload {
                repository,
                mut content,
                ..
            } = upload;
            let actual = format!("sha256:{}", hexadecimal(&content.hash.finalize_reset()));
            if actual != digest {
                return Err(StorageError::DigestMismatch {
                    expected: digest,
                    actual,
                });
            }
            // The guard cannot give the file away: an empty one takes its place.
            let folder = repository.temporary.clone();
            let empty = NamedTempFile::new_in(&folder)
                .map_err(StorageError::io("create a file in", &folder))?;
            let file = std::mem::replace(&mut content.file, empty);
            repository.adopt_blob(file, &digest)
        })
        .await
    }
}

impl Upload {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Bytes that have arrived.
    pub(crate) fn length(&self) -> u64 {
        self.content.length
    }

    /// Appends a request body. What arrived before an error stays, and the client can go on from
    /// there; so it does when the request is dropped.
    pub(crate) async fn append<E: Display>(
        mut self,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Self, StorageError> {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
        let writer = tokio::spawn(blocking(move || {
            while let Some(chunk) = receiver.blocking_recv() {
                self.content.append(&chunk)?;
            }
            Ok(self)
        }));
        let mut interrupted = None;
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => {
                    // The writer is gone only after an error of its own, returned below.
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    interrupted = Some(StorageError::BodyInterrupted(error.to_string()));
                    break;
                }
            }
        }
        drop(sender);
        let written = writer
            .await
            .map_err(|error| StorageError::Stopped(error.to_string()))??;
        interrupted.map_or(Ok(written), Err)
    }
}
