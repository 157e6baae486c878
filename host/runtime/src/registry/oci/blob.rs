//! Blobs: from one repository to another, or between a repository and a file, without holding them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{Stream, TryStreamExt, try_unfold};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, StatusCode};
use reqwest::{Body, Response};
use stepyard_grammar::{Digest, RepositoryName};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::connection::{Connection, Location, Request};
use super::content::ContentHash;
use super::failure::Failure;
use crate::event::{LayerState, Reporter};

/// A blob by content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// How a blob came to be in a repository.
pub(super) enum Opened {
    /// The registry took it from another repository of its own.
    Mounted,
    /// It waits for the content.
    Upload(Location),
}

/// Tells how far a blob has come.
#[derive(Clone)]
pub(super) struct Progress {
    reporter: Reporter,
    layer: String,
    total: u64,
    /// What is reported while bytes move.
    moving: LayerState,
    /// Bytes that moved.
    moved: Arc<AtomicU64>,
}

impl Progress {
    const INTERVAL: Duration = Duration::from_millis(200);

    /// The progress of `blob`, which is in the state `moving` while its bytes move.
    pub(super) fn new(reporter: &Reporter, blob: &Blob, moving: LayerState) -> Self {
        Self {
            reporter: reporter.clone(),
            layer: blob.digest.hex().chars().take(12).collect(),
            total: blob.size,
            moving,
            moved: Arc::default(),
        }
    }

    /// Reports a state with the bytes so far.
    pub(super) fn report(&self, state: LayerState) {
        let current = match state {
            LayerState::Exists | LayerState::Done => self.total,
            _ => self.moved.load(Ordering::Relaxed),
        };
        let layer = self.layer.clone();
        self.reporter.layer(layer, state, current, Some(self.total));
    }
}

impl Connection {
    /// Whether the repository has the blob.
    pub(super) async fn has_blob(&self, digest: &Digest) -> Result<bool, Failure> {
        let url = self.url(&format!("blobs/{digest}"))?;
        match self.send(&Request::new(Method::HEAD, url)).await {
            // A redirection too: it says where the blob is.
            Ok(_) => Ok(true),
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Mounts the blob from `source`, a repository of the same registry, or opens an upload.
    pub(super) async fn open_upload(
        &self,
        digest: &Digest,
        source: Option<&RepositoryName>,
    ) -> Result<Opened, Failure> {
        let mut url = self.url("blobs/uploads/")?;
        if let Some(source) = source {
            url.query_pairs_mut()
                .append_pair("mount", digest.as_str())
                .append_pair("from", source.as_str());
        }
        let response = self.send(&Request::new(Method::POST, url)).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Opened::Mounted);
        }
        match self.location(&response)? {
            Some(location) => Ok(Opened::Upload(location)),
            None => Err(Failure::Malformed(
                "the registry opens an upload without saying where".to_owned(),
            )),
        }
    }

    /// The content of `blob`, as the repository has it.
    pub(super) async fn content(&self, blob: &Blob) -> Result<Content, Failure> {
        let url = self.url(&format!("blobs/{}", blob.digest))?;
        let answer = self.fetch(&Request::new(Method::GET, url)).await?;
        Ok(Content::Answer(answer))
    }

    /// Writes `blob` to a file, from its beginning. Where this fails, the file holds something else.
    pub(super) async fn download(
        &self,
        blob: &Blob,
        file: &mut File,
        progress: &Progress,
    ) -> Result<(), Failure> {
        file.set_len(0).await.map_err(unwritable)?;
        file.rewind().await.map_err(unwritable)?;
        let content = self.content(blob).await?;
        let stream = verified(content, blob.clone(), self.idle(), progress.clone());
        let mut stream = std::pin::pin!(stream);
        while let Some(chunk) = stream.try_next().await? {
            file.write_all(&chunk).await.map_err(unwritable)?;
        }
        file.flush().await.map_err(unwritable)
    }

    /// Streams the content of `blob` into an upload and closes it.
    pub(super) async fn upload(
        &self,
        blob: &Blob,
        content: Content,
        upload: Location,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let stream = verified(content, blob.clone(), self.idle(), progress.clone());
        let mut builder = self
            .client
            .request(Method::PATCH, upload.url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, blob.size)
            .body(Body::wrap_stream(stream));
        if upload.is_own
            && let Some(authorization) = self.authorization().await?
        {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let response = self.while_moving(builder.send(), progress).await?;
        let response = self.accept(response).await?;
        let location = self.location(&response)?.ok_or_else(|| {
            Failure::Malformed("the registry does not say how to close an upload".to_owned())
        })?;
        self.close_upload(location, &blob.digest).await
    }

    async fn close_upload(&self, location: Location, digest: &Digest) -> Result<(), Failure> {
        let mut url = location.url;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let request = Request::new(Method::PUT, url);
        let authorization = if location.is_own {
            self.authorization().await?
        } else {
            None
        };
        let response = self.exchange(&request, authorization).await?;
        self.accept(response).await.map(drop)
    }

    /// Waits for the answer to an upload, as long as bytes move.
    async fn while_moving(
        &self,
        answer: impl Future<Output = Result<Response, reqwest::Error>>,
        progress: &Progress,
    ) -> Result<Response, Failure> {
        let mut answer = std::pin::pin!(answer);
        let mut before = 0;
        loop {
            if let Ok(result) = tokio::time::timeout(self.idle(), answer.as_mut()).await {
                return result.map_err(|error| self.unreachable(error));
            }
            let now = progress.moved.load(Ordering::Relaxed);
            if now == before {
                return Err(self.silent());
            }
            before = now;
        }
    }
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::Local(format!("what is received cannot be written: {error}"))
}

/// Where the bytes of a blob come from.
pub(super) enum Content {
    /// A registry's answer.
    Answer(Response),
    /// A file of this machine.
    File(File),
    /// Bytes in memory, until they are taken.
    Held(Bytes),
}

impl Content {
    /// The most of a file that is read at once.
    const PIECE: usize = 256 << 10;

    /// The next bytes, or nothing at the end.
    async fn next(&mut self, idle: Duration) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::Answer(answer) => {
                let address = answer.url().authority().to_owned();
                match tokio::time::timeout(idle, answer.chunk()).await {
                    Ok(Ok(chunk)) => Ok(chunk),
                    Ok(Err(error)) => {
                        let cause = error.without_url().to_string();
                        Err(Failure::Unreachable { address, cause })
                    }
                    Err(_) => Err(Failure::Silent { address, idle }),
                }
            }
            Self::File(file) => {
                let mut piece = Vec::with_capacity(Self::PIECE);
                let read = file.take(Self::PIECE as u64).read_to_end(&mut piece).await;
                read.map_err(|error| {
                    Failure::Local(format!("what is sent cannot be read: {error}"))
                })?;
                Ok((!piece.is_empty()).then(|| piece.into()))
            }
            Self::Held(bytes) => {
                let taken = std::mem::take(bytes);
                Ok((!taken.is_empty()).then_some(taken))
            }
        }
    }

    /// Whose fault other bytes are.
    fn owner(&self) -> &'static str {
        match self {
            Self::Answer(_) => "the registry's blob",
            Self::File(_) | Self::Held(_) => "what is sent",
        }
    }
}

struct Reading {
    content: Content,
    blob: Blob,
    /// Taken when the content is complete.
    hash: Option<ContentHash>,
    received: u64,
    progress: Progress,
    reported: Instant,
}

impl Reading {
    /// The next chunk, or nothing at the end of a complete blob.
    async fn next(&mut self, idle: Duration) -> Result<Option<Bytes>, Failure> {
        let chunk = self.content.next(idle).await?;
        if chunk.is_none() && self.received < self.blob.size {
            return Err(Failure::Corrupt(format!(
                "the blob {} ends after {} of {} bytes",
                self.blob.digest, self.received, self.blob.size
            )));
        }
        Ok(chunk)
    }

    /// Counts and checks a chunk. The last one is only let through where the digest is right, so
    /// a wrong blob never gets complete.
    fn check(&mut self, chunk: &Bytes) -> Result<(), Failure> {
        let digest = &self.blob.digest;
        self.received += chunk.len() as u64;
        if self.received > self.blob.size {
            return Err(Failure::Corrupt(format!(
                "the blob {digest} is longer than the {} bytes that its manifest says",
                self.blob.size
            )));
        }
        if let Some(hash) = &mut self.hash {
            hash.update(chunk);
        }
        if self.received == self.blob.size
            && self.hash.take().is_some_and(|hash| !hash.matches(digest))
        {
            return Err(Failure::Corrupt(format!(
                "{} does not have the digest {digest}",
                self.content.owner()
            )));
        }
        self.progress.moved.store(self.received, Ordering::Relaxed);
        if self.reported.elapsed() >= Progress::INTERVAL {
            self.reported = Instant::now();
            self.progress.report(self.progress.moving);
        }
        Ok(())
    }
}

/// The bytes of `content`, checked against `blob`, whose progress begins anew.
fn verified(
    content: Content,
    blob: Blob,
    idle: Duration,
    progress: Progress,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
    progress.moved.store(0, Ordering::Relaxed);
    let reading = Reading {
        hash: Some(ContentHash::like(&blob.digest)),
        content,
        blob,
        received: 0,
        progress,
        reported: Instant::now(),
    };
    try_unfold(reading, move |mut reading| async move {
        let Some(chunk) = reading.next(idle).await? else {
            return Ok(None);
        };
        reading.check(&chunk)?;
        Ok(Some((chunk, reading)))
    })
}
