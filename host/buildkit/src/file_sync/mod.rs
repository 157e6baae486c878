//! The session's service `moby.filesync.v1.FileSync`: the daemon reads folders of the client.
//!
//! One call is one transfer of one folder, in the protocol of `github.com/tonistiigi/fsutil`. This
//! side sends a STAT packet for each entry while it walks, then one without an entry. The other side
//! meanwhile asks (REQ) for the content of regular files, by the place of their STAT counted from 0,
//! and gets DATA packets, an empty one at the end. FIN, answered by FIN, ends the transfer.

mod options;
mod sender;
mod sent_files;
mod stat;

use std::{collections::HashMap, pin::Pin, sync::Arc};

use bollard_buildkit_proto::{
    fsutil::types::Packet, moby::filesync::packet::file_sync_server::FileSync as FileSyncService,
};
use cap_std::fs::Dir;
use futures_util::{Stream, StreamExt};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

use crate::{error::LocalFault, transfer::TransferProgress};
use options::TransferOptions;

/// A folder that the daemon may read.
pub(crate) struct SharedFolder {
    /// The name that the solve request gives it.
    pub(crate) name: String,
    pub(crate) directory: Dir,
    /// The only files of it that may be read; none are named where all may. A Dockerfile chooses
    /// the frontend that reads it (`# syntax=`), and that one could ask for more.
    pub(crate) only: Vec<String>,
}

/// How many transfers run at once; a further one waits. Each has threads that read.
const TRANSFERS: usize = 32;

/// Offers folders to the daemon.
pub(crate) struct FileSync {
    folders: HashMap<String, (Arc<Dir>, Vec<String>)>,
    progress: Arc<TransferProgress>,
    fault: LocalFault,
    running: Arc<Semaphore>,
}

impl FileSync {
    pub(crate) fn new(
        folders: impl IntoIterator<Item = SharedFolder>,
        progress: Arc<TransferProgress>,
        fault: LocalFault,
    ) -> Self {
        Self {
            folders: folders
                .into_iter()
                .map(|folder| (folder.name, (Arc::new(folder.directory), folder.only)))
                .collect(),
            progress,
            fault,
            running: Arc::new(Semaphore::new(TRANSFERS)),
        }
    }
}

type PacketStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

#[tonic::async_trait]
impl FileSyncService for FileSync {
    type DiffCopyStream = PacketStream;
    type TarStreamStream = PacketStream;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<PacketStream>, Status> {
        let options = TransferOptions::from_metadata(request.metadata())?;
        let (directory, only) = self.folders.get(&options.directory).ok_or_else(|| {
            Status::not_found(format!(
                "the build offers no folder {:?}",
                options.directory
            ))
        })?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|_| Status::cancelled("the session ends"))?;
        let packets = sender::send(
            Arc::clone(directory),
            options.limited_to(only),
            request.into_inner(),
            Arc::clone(&self.progress),
            self.fault.clone(),
        );
        let packets = packets.inspect(move |_| {
            // The next one waits until this stream is gone.
            let _ = &running;
        });
        Ok(Response::new(Box::pin(packets)))
    }

    async fn tar_stream(
        &self,
        _request: Request<Streaming<Packet>>,
    ) -> Result<Response<PacketStream>, Status> {
        // No daemon has ever asked for it.
        Err(Status::unimplemented("folders are sent with DiffCopy"))
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::filesync::packet::{
        file_sync_client::FileSyncClient, file_sync_server::FileSyncServer,
    };
    use cap_std::ambient_authority;
    use futures_util::stream;
    use tonic::Code;

    use super::*;

    /// The daemon's side of a session that offers the folder `context` with one file.
    fn session() -> (
        tempfile::TempDir,
        Arc<Semaphore>,
        FileSyncClient<FileSyncServer<FileSync>>,
    ) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let shared = SharedFolder {
            name: "context".to_owned(),
            directory: Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap(),
            only: Vec::new(),
        };
        let file_sync = FileSync::new([shared], Arc::default(), LocalFault::default());
        let running = Arc::clone(&file_sync.running);
        (
            folder,
            running,
            FileSyncClient::new(FileSyncServer::new(file_sync)),
        )
    }

    /// A transfer whose receiver says nothing.
    async fn begin(
        mut client: FileSyncClient<FileSyncServer<FileSync>>,
        folder: &str,
    ) -> Result<Streaming<Packet>, Status> {
        let mut request = Request::new(stream::pending::<Packet>());
        let name = folder.parse().unwrap();
        request.metadata_mut().insert("dir-name", name);
        Ok(client.diff_copy(request).await?.into_inner())
    }

    #[tokio::test]
    async fn a_folder_that_is_not_offered_is_not_found() {
        let (_folder, _, client) = session();
        for name in ["", "dockerfile", "../context", "context/", "/etc"] {
            let refused = begin(client.clone(), name).await.unwrap_err();
            assert_eq!(refused.code(), Code::NotFound, "{name}: {refused}");
        }
        let tar = client.clone().tar_stream(stream::empty()).await;
        assert_eq!(tar.unwrap_err().code(), Code::Unimplemented);
    }

    #[tokio::test]
    async fn a_flood_of_transfers_waits_for_its_turn() {
        let (_folder, running, client) = session();
        let mut transfers = Vec::new();
        for _ in 0..TRANSFERS {
            transfers.push(begin(client.clone(), "context").await.unwrap());
        }
        assert_eq!(running.available_permits(), 0);
        let mut next = tokio::spawn(begin(client, "context"));
        // Its end would be an answer: there is none before another one has ended.
        tokio::select! {
            biased;
            answered = &mut next => panic!("{}", answered.unwrap().is_ok()),
            () = tokio::task::yield_now() => {}
        }
        transfers.pop();
        let mut packets = next.await.unwrap().unwrap();
        let first = packets.message().await.unwrap().unwrap();
        assert_eq!(first.stat.unwrap().path, "file");
    }
}
