//! The sending side of fsutil's protocol.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bollard_buildkit_proto::fsutil::types::{Packet, packet::PacketType};
use cap_std::fs::Dir;
use futures_util::{Stream, StreamExt, stream};
use stepyard_build_context::{Content, ContextError, Entry, EntryKind};
use tokio::{sync::mpsc, task};
use tonic::Status;

use super::{options::TransferOptions, sent_files::SentFiles, stat::stat_packet};
use crate::{Error, error::LocalFault, transfer::TransferProgress};

/// Bytes of content in one packet.
const CHUNK: usize = 128 * 1024;
/// How many small packets travel to the connection together.
const BATCH: usize = 128;
/// How many batches may wait for the connection: with [`CHUNK`] they bound the memory.
const WAITING_BATCHES: usize = 16;
/// How many files are read at a time.
const READERS: usize = 4;

/// Sends what `options` ask of `directory`; `requests` is what the other side says meanwhile.
///
/// What is wrong with a file is told to the other side, so that its build fails, and kept in `fault`.
/// Dropping the stream ends all that was started for it.
pub(super) fn send<Requests>(
    directory: Arc<Dir>,
    options: TransferOptions,
    requests: Requests,
    progress: Arc<TransferProgress>,
    fault: LocalFault,
) -> impl Stream<Item = Result<Packet, Status>> + Send
where
    Requests: Stream<Item = Result<Packet, Status>> + Send + Unpin + 'static,
{
    let (output, batches) = mpsc::channel(WAITING_BATCHES);
    let sender = Arc::new(Sender {
        directory,
        files: Mutex::default(),
        queue: Mutex::default(),
        output,
        progress,
    });
    task::spawn_blocking({
        let sender = Arc::clone(&sender);
        move || sender.finish(sender.send_stats(&options))
    });
    task::spawn(async move { sender.answer(requests).await });
    let packets = stream::unfold(Some((batches, fault)), |state| async {
        let (mut batches, fault) = state?;
        Some(match batches.recv().await {
            Some(Output::Packets(packets)) => (ok(packets), Some((batches, fault))),
            Some(Output::End) => (ok(vec![packet(PacketType::PacketFin)]), None),
            Some(Output::Failed(failure)) => (failure.told(&fault), None),
            None => (vec![Err(Status::internal("sending files broke off"))], None),
        })
    });
    packets.flat_map(stream::iter)
}

type Packets = Vec<Result<Packet, Status>>;

fn ok(packets: Vec<Packet>) -> Packets {
    packets.into_iter().map(Ok).collect()
}

fn packet(kind: PacketType) -> Packet {
    Packet {
        r#type: kind.into(),
        ..Packet::default()
    }
}

enum Output {
    Packets(Vec<Packet>),
    End,
    Failed(Failure),
}

enum Failure {
    Context(ContextError),
    Connection(Status),
}

impl Failure {
    /// An old daemon looks at the packet, all of them at the status.
    fn told(self, fault: &LocalFault) -> Packets {
        let status = match self {
            Self::Connection(status) => return vec![Err(status)],
            Self::Context(error) => {
                let status = Status::unknown(error.to_string());
                fault.set(Error::Context(error));
                status
            }
        };
        let mut error = packet(PacketType::PacketErr);
        error.data = status.message().as_bytes().to_vec();
        vec![Ok(error), Err(status)]
    }
}

/// Nobody takes packets any more: the transfer has ended or failed elsewhere.
struct Closed;

enum Stop {
    Closed,
    Failed(ContextError),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<ContextError> for Stop {
    fn from(error: ContextError) -> Self {
        Self::Failed(error)
    }
}

struct Sender {
    directory: Arc<Dir>,
    files: Mutex<SentFiles>,
    queue: Mutex<Queue>,
    output: mpsc::Sender<Output>,
    progress: Arc<TransferProgress>,
}

/// Files that were asked for and are not read yet.
#[derive(Default)]
struct Queue {
    places: VecDeque<u32>,
    readers: usize,
}

impl Sender {
    fn send_stats(&self, options: &TransferOptions) -> Result<(), Stop> {
        let mut first_names: HashMap<(u64, u64), String> = HashMap::new();
        let mut walk = options.walk(&self.directory)?;
        let mut places = 0..;
        loop {
            let entries: Vec<Entry> = walk.by_ref().take(BATCH).collect::<Result<_, _>>()?;
            if entries.is_empty() {
                break;
            }
            let entries: Vec<(Entry, u32)> = entries.into_iter().zip(places.by_ref()).collect();
            self.remember(&entries);
            self.progress.add_entries(entries.len());
            let packets = entries.into_iter().map(|(entry, _)| {
                let first_name = first_name(&entry, &mut first_names);
                stat_packet(entry, first_name)
            });
            self.send(packets.collect())?;
        }
        self.send(vec![packet(PacketType::PacketStat)])?;
        Ok(())
    }

    /// Must come before the other side hears of the files.
    fn remember(&self, entries: &[(Entry, u32)]) {
        let mut files = lock(&self.files);
        for (entry, place) in entries {
            match entry.kind {
                EntryKind::File => files.add(*place, &entry.path, Some(entry.version())),
                EntryKind::Socket => files.add(*place, &entry.path, None),
                _ => {}
            }
        }
    }

    /// Takes all that the other side says at once, however slowly files are read: its connection
    /// must not fill up with requests.
    async fn answer(
        self: Arc<Self>,
        mut requests: impl Stream<Item = Result<Packet, Status>> + Unpin,
    ) {
        let last = loop {
            let request = tokio::select! {
                request = requests.next() => request,
                () = self.output.closed() => return,
            };
            let request = match request {
                Some(Ok(request)) => request,
                Some(Err(status)) => break Output::Failed(Failure::Connection(status)),
                None => {
                    let status = Status::cancelled("the daemon gave up receiving files");
                    break Output::Failed(Failure::Connection(status));
                }
            };
            match request.r#type() {
                PacketType::PacketFin => break Output::End,
                PacketType::PacketReq if lock(&self.files).request(request.id) => {
                    self.enqueue(request.id);
                }
                PacketType::PacketErr => {
                    let message = String::from_utf8_lossy(&request.data);
                    let status = Status::aborted(format!("the daemon: {message}"));
                    break Output::Failed(Failure::Connection(status));
                }
                kind => {
                    let kind = kind.as_str_name();
                    let status = Status::invalid_argument(format!(
                        "{kind} of {} is not expected here",
                        request.id
                    ));
                    break Output::Failed(Failure::Connection(status));
                }
            }
        };
        // Where nobody takes it, nobody needs it.
        let _ = self.output.send(last).await;
    }

    fn enqueue(self: &Arc<Self>, place: u32) {
        let mut queue = lock(&self.queue);
        queue.places.push_back(place);
        if queue.readers < READERS {
            queue.readers += 1;
            let sender = Arc::clone(self);
            task::spawn_blocking(move || sender.finish(sender.send_queued()));
        }
    }

    /// Reads files until none is asked for.
    fn send_queued(&self) -> Result<(), Stop> {
        let mut waiting = Waiting::default();
        loop {
            let place = {
                let mut queue = lock(&self.queue);
                let place = queue.places.pop_front();
                queue.readers -= usize::from(place.is_none());
                place
            };
            match place {
                Some(place) => self.send_file(place, &mut waiting)?,
                None => return Ok(self.send_waiting(&mut waiting)?),
            }
        }
    }

    fn send_file(&self, place: u32, waiting: &mut Waiting) -> Result<(), Stop> {
        let Some((path, version)) = lock(&self.files).get(place) else {
            return Ok(());
        };
        let mut content = version
            .map(|version| Content::open(&self.directory, &path, version))
            .transpose()?;
        loop {
            let data = match &mut content {
                Some(content) => content.next_chunk(CHUNK)?,
                None => Vec::new(),
            };
            let is_last = data.is_empty();
            waiting.add(place, data);
            if waiting.bytes >= CHUNK || waiting.packets.len() >= BATCH {
                self.send_waiting(waiting)?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn send_waiting(&self, waiting: &mut Waiting) -> Result<(), Closed> {
        let Waiting {
            packets,
            bytes,
            files,
        } = std::mem::take(waiting);
        if packets.is_empty() {
            return Ok(());
        }
        self.send(packets)?;
        self.progress.add_content(files, bytes);
        Ok(())
    }

    fn send(&self, packets: Vec<Packet>) -> Result<(), Closed> {
        self.output
            .blocking_send(Output::Packets(packets))
            .map_err(|_| Closed)
    }

    fn finish(&self, result: Result<(), Stop>) {
        if let Err(Stop::Failed(error)) = result {
            let failed = Output::Failed(Failure::Context(error));
            // Where nobody takes it, the transfer has failed already.
            let _ = self.output.blocking_send(failed);
        }
    }
}

/// Packets of content that go to the connection together.
#[derive(Default)]
struct Waiting {
    packets: Vec<Packet>,
    bytes: usize,
    /// How many of them end a file.
    files: usize,
}

impl Waiting {
    fn add(&mut self, place: u32, data: Vec<u8>) {
        self.bytes += data.len();
        self.files += usize::from(data.is_empty());
        self.packets.push(Packet {
            id: place,
            data,
            ..packet(PacketType::PacketData)
        });
    }
}

/// The path under which another name of the same file was sent; without one this is the first.
fn first_name(entry: &Entry, first_names: &mut HashMap<(u64, u64), String>) -> Option<String> {
    if entry.links < 2 || matches!(entry.kind, EntryKind::Directory | EntryKind::Symlink { .. }) {
        return None;
    }
    let first = first_names.get(&entry.identity).cloned();
    if first.is_none() {
        first_names.insert(entry.identity, entry.path.clone());
    }
    first
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "sender_tests/mod.rs"]
mod tests;
