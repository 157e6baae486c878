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
use futures_util::Stream;
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

/// Offers folders to the daemon.
pub(crate) struct FileSync {
    folders: HashMap<String, (Arc<Dir>, Vec<String>)>,
    progress: Arc<TransferProgress>,
    fault: LocalFault,
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
        let packets = sender::send(
            Arc::clone(directory),
            options.limited_to(only),
            request.into_inner(),
            Arc::clone(&self.progress),
            self.fault.clone(),
        );
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
