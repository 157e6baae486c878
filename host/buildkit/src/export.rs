//! The session's service `moby.filesync.v1.FileSend`: the daemon's exporter writes a file on this
//! side, such as an image as a tar archive.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bollard_buildkit_proto::moby::filesync::v1::{BytesMessage, file_send_server::FileSend};
use futures_util::{Stream, StreamExt, stream};
use tokio::{
    fs::{self, File},
    io::{AsyncWriteExt, BufWriter},
};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    error::{Error, LocalFault},
    random::random_identifier,
};

/// Bytes that are written to the file at once: an exporter sends as little as 4 KiB in a message.
const BUFFER: usize = 256 * 1024;

/// A file that the daemon writes during one build. Until [`Self::finish`] it has another name, and it
/// is removed where that is never called: an exporter that fails ends its messages like one that has
/// finished.
#[derive(Clone)]
pub(crate) struct ExportedFile {
    path: PathBuf,
    fault: LocalFault,
    written: Arc<Mutex<Option<PartialFile>>>,
    /// An exporter sends one file.
    is_taken: Arc<AtomicBool>,
}

impl ExportedFile {
    /// A file that will be at `path`, where it replaces another.
    pub(crate) fn new(path: PathBuf, fault: LocalFault) -> Self {
        Self {
            path,
            fault,
            written: Arc::default(),
            is_taken: Arc::default(),
        }
    }

    /// Gives the file its name; for when the build has succeeded. Returns its size in bytes.
    ///
    /// # Errors
    /// If the daemon has sent no file, or the file cannot be renamed.
    pub(crate) async fn finish(self) -> Result<u64, Error> {
        let missing =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon has sent nothing");
        let written = self.take_written();
        let size = match written {
            Some(file) => file.rename(&self.path).await,
            None => Err(missing()),
        };
        size.map_err(|source| self.failed(source))
    }

    fn take_written(&self) -> Option<PartialFile> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<PartialFile>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn receive(
        &self,
        mut messages: impl Stream<Item = Result<BytesMessage, Status>> + Unpin,
    ) -> Result<(), Status> {
        let refuse = |source: io::Error| {
            let error = self.failed(source);
            let status = Status::unknown(error.to_string());
            self.fault.set(error);
            status
        };
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return Err(Status::already_exists("the build exports one file"));
        }
        let identifier = random_identifier()
            .map_err(io::Error::other)
            .map_err(refuse)?;
        let (mut partial, file) = PartialFile::create(&self.path, &identifier)
            .await
            .map_err(refuse)?;
        let mut output = BufWriter::with_capacity(BUFFER, file);
        while let Some(message) = messages.next().await {
            let data = message?.data;
            output.write_all(&data).await.map_err(refuse)?;
            partial.size += u64::try_from(data.len()).unwrap_or(u64::MAX);
        }
        output.flush().await.map_err(refuse)?;
        *self.lock() = Some(partial);
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::LocalFile {
            what: format!("writing {}", self.path.display()),
            source,
        }
    }
}

type Nothing = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

#[tonic::async_trait]
impl FileSend for ExportedFile {
    type DiffCopyStream = Nothing;

    async fn diff_copy(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Nothing>, Status> {
        self.receive(request.into_inner()).await?;
        Ok(Response::new(Box::pin(stream::empty())))
    }
}

/// A file beside its later place; removed when it is dropped.
struct PartialFile {
    path: PathBuf,
    size: u64,
}

impl PartialFile {
    async fn create(later: &Path, identifier: &str) -> io::Result<(Self, File)> {
        let name = later.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{identifier}"));
        let path = later.with_file_name(hidden);
        let file = File::create_new(&path).await?;
        Ok((Self { path, size: 0 }, file))
    }

    async fn rename(self, to: &Path) -> io::Result<u64> {
        fs::rename(&self.path, to).await?;
        Ok(self.size)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After a rename nothing is there any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    type Message = Result<BytesMessage, Status>;

    fn data(data: &[u8]) -> Message {
        Ok(BytesMessage {
            data: data.to_vec(),
        })
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_file_appears_when_the_build_has_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        std::fs::write(&path, "of the build before").unwrap();
        let file = ExportedFile::new(path.clone(), LocalFault::default());
        let large = vec![7; BUFFER * 2 + 1];
        let messages = [data(b"first "), data(b""), data(&large)];
        file.receive(stream::iter(messages)).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"of the build before");
        assert_eq!(file.finish().await.unwrap(), large.len() as u64 + 6);
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written, [b"first ".as_slice(), &large].concat());
        assert_eq!(names(folder.path()), ["image.tar"]);
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_build_that_failed() {
        for last in [None, Some(Err(Status::cancelled("reset")))] {
            let folder = tempfile::tempdir().unwrap();
            let fault = LocalFault::default();
            let file = ExportedFile::new(folder.path().join("image.tar"), fault.clone());
            let ends_well = last.is_none();
            let messages = [data(b"some")].into_iter().chain(last);
            let received = file.receive(stream::iter(messages)).await;
            assert_eq!(received.is_ok(), ends_well);
            assert_eq!(names(folder.path()).len(), usize::from(ends_well));
            drop(file);
            assert!(names(folder.path()).is_empty());
            assert!(fault.take().is_none());
        }
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_build_that_was_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = ExportedFile::new(folder.path().join("image.tar"), LocalFault::default());
        let (sender, mut receiver) = mpsc::channel::<Message>(1);
        let receiving = file.receive(stream::poll_fn(move |context| receiver.poll_recv(context)));
        tokio::select! {
            _ = receiving => panic!("it ended"),
            () = async {
                sender.send(data(b"one")).await.unwrap();
                // There is room for it when the first was taken.
                sender.send(data(b"two")).await.unwrap();
                sender.reserve().await.unwrap();
                assert_eq!(names(folder.path()).len(), 1);
            } => {}
        }
        assert!(names(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn a_second_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        let file = ExportedFile::new(path.clone(), LocalFault::default());
        file.receive(stream::iter([data(b"one")])).await.unwrap();
        let second = file.receive(stream::iter([data(b"two")])).await;
        assert_eq!(second.unwrap_err().code(), tonic::Code::AlreadyExists);
        file.finish().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["image.tar"]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/image.tar");
        let fault = LocalFault::default();
        let file = ExportedFile::new(path.clone(), fault.clone());
        let refused = file.receive(stream::iter([data(b"x")])).await.unwrap_err();
        let expected = format!("writing {}: No such file", path.display());
        assert!(refused.message().starts_with(&expected), "{refused}");
        assert_eq!(fault.take().unwrap().to_string(), refused.message());
        let error = file.finish().await.unwrap_err().to_string();
        assert!(error.ends_with("the daemon has sent nothing"), "{error}");
    }
}
