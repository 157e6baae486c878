use std::fs;

use cap_std::{ambient_authority, fs::Dir};
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::{super::messages::WriteAction, *};

/// The daemon's side, with a cache that the build calls `cache`.
struct Daemon {
    folder: tempfile::TempDir,
    client: tonic::client::Grpc<ContentServer>,
    store: &'static str,
}

fn daemon() -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let directory = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    let server = ContentServer::new([("cache".to_owned(), Store::new(directory))]);
    Daemon {
        folder,
        client: tonic::client::Grpc::new(server),
        store: "local:cache",
    }
}

impl Daemon {
    async fn call<Asked, Answer>(
        &mut self,
        method: &'static str,
        asked: impl Stream<Item = Asked> + Send + 'static,
    ) -> Result<Streaming<Answer>, Status>
    where
        Asked: Message + 'static,
        Answer: Message + Default + 'static,
    {
        let mut request = tonic::Request::new(asked);
        let metadata = request.metadata_mut();
        metadata.insert(STORE_HEADER, self.store.parse().unwrap());
        self.client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(method);
        let codec = ProstCodec::<Asked, Answer>::default();
        let answers = self.client.streaming(request, path, codec).await?;
        Ok(answers.into_inner())
    }

    async fn information(&mut self, digest: &str) -> Result<Info, Status> {
        let request = InfoRequest {
            digest: digest.to_owned(),
        };
        let mut answers = self
            .call::<_, InfoResponse>("/s/Info", stream::iter([request]))
            .await?;
        Ok(answers.message().await?.unwrap().info.unwrap())
    }

    async fn read(&mut self, digest: &str, offset: i64, size: i64) -> Result<Vec<u8>, Status> {
        let request = ReadRequest {
            digest: digest.to_owned(),
            offset,
            size,
        };
        let mut answers = self
            .call::<_, ReadResponse>("/s/Read", stream::iter([request]))
            .await?;
        let mut content = Vec::new();
        while let Some(answer) = answers.message().await? {
            assert_eq!(answer.offset, offset + content.len() as i64);
            assert!(answer.data.len() <= CHUNK);
            content.extend_from_slice(&answer.data);
        }
        Ok(content)
    }

    async fn write(&mut self, requests: Vec<WriteRequest>) -> Vec<Result<WriteResponse, Status>> {
        let answers = self.call("/s/Write", stream::iter(requests)).await.unwrap();
        answers.collect().await
    }

    fn partial_files(&self) -> usize {
        fs::read_dir(self.folder.path().join("ingest")).map_or(0, Iterator::count)
    }
}

fn write(action: WriteAction, offset: usize, data: &[u8]) -> WriteRequest {
    WriteRequest {
        action: action.into(),
        reference: "layer".to_owned(),
        offset: offset as i64,
        data: Bytes::copy_from_slice(data),
        ..WriteRequest::default()
    }
}

fn digest(content: &[u8]) -> String {
    let digits: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{digits}")
}

#[tokio::test]
async fn a_blob_is_written_and_read_as_containerds_client_does_it() {
    let mut daemon = daemon();
    let content: Vec<u8> = (0..CHUNK * 3).map(|index| (index % 251) as u8).collect();
    let digest = digest(&content);
    let missing = daemon.information(&digest).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);

    let (first, second) = content.split_at(CHUNK + 1);
    let commit = WriteRequest {
        total: content.len() as i64,
        expected: digest.clone(),
        ..write(WriteAction::Commit, content.len(), b"")
    };
    let begin = WriteRequest {
        total: content.len() as i64,
        expected: digest.clone(),
        ..write(WriteAction::Stat, 0, b"")
    };
    let requests = vec![
        begin.clone(),
        write(WriteAction::Write, 0, first),
        write(WriteAction::Write, first.len(), second),
        commit,
    ];
    let answers = daemon.write(requests).await;
    let answers: Vec<WriteResponse> = answers.into_iter().map(Result::unwrap).collect();
    let told: Vec<_> = answers
        .iter()
        .map(|answer| {
            (
                answer.action(),
                answer.offset as usize,
                answer.digest.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (WriteAction::Stat, 0, ""),
            (WriteAction::Write, first.len(), ""),
            (WriteAction::Write, content.len(), ""),
            (WriteAction::Commit, content.len(), digest.as_str()),
        ]
    );
    assert!(answers.iter().all(|answer| answer.started_at.is_some()));
    assert_eq!(answers[0].total, content.len() as i64);

    let info = daemon.information(&digest).await.unwrap();
    assert_eq!(
        (info.digest.as_str(), info.size as usize),
        (digest.as_str(), content.len())
    );
    assert!(info.created_at.is_some());
    assert_eq!(daemon.read(&digest, 0, 0).await.unwrap(), content);
    let part = daemon.read(&digest, 100, CHUNK as i64).await.unwrap();
    assert_eq!(part, &content[100..100 + CHUNK]);
    let past = daemon
        .read(&digest, content.len() as i64 + 1, 1)
        .await
        .unwrap_err();
    assert_eq!(past.code(), Code::OutOfRange);

    // Who writes it again is told so at once.
    let again = daemon.write(vec![begin]).await;
    assert_eq!(again[0].as_ref().unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(daemon.partial_files(), 0);
}

#[tokio::test]
async fn nothing_is_kept_of_a_write_that_fails_or_ends_early() {
    let wrong = digest(b"something else");
    let expecting = |request: WriteRequest, expected: &str| WriteRequest {
        expected: expected.to_owned(),
        ..request
    };
    for (requests, expected) in [
        (vec![write(WriteAction::Write, 0, b"half")], None),
        (
            vec![
                write(WriteAction::Write, 0, b"x"),
                write(WriteAction::Write, 5, b"x"),
            ],
            Some(Code::OutOfRange),
        ),
        (
            vec![expecting(write(WriteAction::Commit, 0, b"x"), &wrong)],
            Some(Code::FailedPrecondition),
        ),
        (
            vec![expecting(
                write(WriteAction::Stat, 0, b""),
                "sha256:../../x",
            )],
            Some(Code::InvalidArgument),
        ),
    ] {
        let mut daemon = daemon();
        let mut answers = daemon.write(requests).await;
        let last = answers.pop().unwrap().map_err(|status| status.code());
        assert_eq!(last.err(), expected);
        assert_eq!(daemon.partial_files(), 0);
        let blobs = fs::read_dir(daemon.folder.path().join("blobs/sha256"));
        assert_eq!(blobs.map_or(0, Iterator::count), 0);
    }
}

#[tokio::test]
async fn only_the_folders_of_the_build_are_there() {
    let mut daemon = daemon();
    daemon.store = "local:other";
    let refused = daemon.information(&digest(b"")).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "the build offers no store \"local:other\""
    );
    daemon.store = "local:cache";
    let request = InfoRequest::default();
    let unknown = daemon
        .call::<_, InfoResponse>("/s/Delete", stream::iter([request]))
        .await;
    assert_eq!(unknown.err().unwrap().code(), Code::Unimplemented);
}
