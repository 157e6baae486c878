mod faults;
mod sent;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{self, ffi::OsStrExt, fs::PermissionsExt},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use bollard_buildkit_proto::fsutil::types::Stat;
use cap_std::ambient_authority;
use tokio::time::timeout;
use tonic::{
    Code,
    metadata::{MetadataKey, MetadataMap},
};

use super::*;

/// The other side of one transfer, driven by a test.
struct Receiver {
    folder: tempfile::TempDir,
    packets: Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>,
    requests: mpsc::Sender<Result<Packet, Status>>,
    progress: Arc<TransferProgress>,
    fault: LocalFault,
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn receiver(folder: tempfile::TempDir, metadata: &[(&'static str, &str)]) -> Receiver {
    let mut map = MetadataMap::new();
    for (key, value) in metadata {
        map.append(MetadataKey::from_static(key), value.parse().unwrap());
    }
    let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let (requests, mut incoming) = mpsc::channel(1);
    let progress = Arc::<TransferProgress>::default();
    let fault = LocalFault::default();
    let packets = send(
        Arc::new(root),
        TransferOptions::from_metadata(&map).unwrap(),
        stream::poll_fn(move |context| incoming.poll_recv(context)),
        Arc::clone(&progress),
        fault.clone(),
    );
    Receiver {
        folder,
        packets: Box::pin(packets),
        requests,
        progress,
        fault,
    }
}

impl Receiver {
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    async fn next(&mut self) -> Option<Result<Packet, Status>> {
        let next = timeout(Duration::from_secs(60), self.packets.next());
        next.await.expect("the sender does not stop")
    }

    /// Ends when the sender has taken it, or takes nothing any more.
    async fn say(&self, kind: PacketType, id: u32) {
        let said = self.requests.send(Ok(Packet { id, ..packet(kind) }));
        let _ = timeout(Duration::from_secs(60), said)
            .await
            .expect("the sender listens");
    }

    async fn request(&self, id: u32) {
        self.say(PacketType::PacketReq, id).await;
    }

    async fn stats(&mut self) -> Vec<Stat> {
        let mut stats = Vec::new();
        loop {
            let packet = self.next().await.unwrap().unwrap();
            assert_eq!(packet.r#type(), PacketType::PacketStat);
            match packet.stat {
                Some(stat) => stats.push(stat),
                None => return stats,
            }
        }
    }

    /// The whole content of files that were asked for.
    async fn contents(&mut self, ids: &[u32]) -> BTreeMap<u32, Vec<u8>> {
        let mut contents: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut ended = 0;
        while ended < ids.len() {
            let packet = self.next().await.unwrap().unwrap();
            assert_eq!(packet.r#type(), PacketType::PacketData);
            assert!(packet.data.len() <= CHUNK && ids.contains(&packet.id));
            ended += usize::from(packet.data.is_empty());
            contents.entry(packet.id).or_default().extend(packet.data);
        }
        contents
    }

    async fn finish(mut self) -> Arc<TransferProgress> {
        self.say(PacketType::PacketFin, 0).await;
        let last = self.next().await.unwrap().unwrap();
        assert_eq!(last.r#type(), PacketType::PacketFin);
        assert!(self.next().await.is_none());
        assert!(self.fault.take().is_none());
        self.progress
    }

    /// What ends the transfer with an error, and the fault that this side keeps.
    async fn failure(&mut self) -> (Status, Option<String>) {
        let mut told = None;
        let status = loop {
            match self.next().await.expect("an error before the end") {
                Ok(packet) if packet.r#type() == PacketType::PacketErr => told = Some(packet.data),
                Ok(_) => assert!(told.is_none()),
                Err(status) => break status,
            }
        };
        assert!(self.next().await.is_none());
        let fault = self.fault.take().map(|fault| fault.to_string());
        if let Some(fault) = &fault {
            assert_eq!(
                (status.code(), status.message()),
                (Code::Unknown, fault.as_str())
            );
            assert_eq!(told.unwrap(), fault.as_bytes());
        }
        (status, fault)
    }
}

fn set_modified(path: &std::path::Path, seconds: i64, nanoseconds: i64) {
    let time = rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
}
