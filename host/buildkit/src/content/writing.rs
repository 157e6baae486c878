//! The call `Write`: a conversation that ends with a new blob.

use std::{sync::Arc, time::SystemTime};

use futures_util::{Stream, StreamExt, stream};
use prost_types::Timestamp;
use tonic::Status;

use super::{
    messages::{WriteAction, WriteRequest, WriteResponse},
    server::blocking,
    store::{BlobDigest, BlobWriter, Store, StoreError},
};

/// Answers each request; an error, or the answer to a commit, is the last.
pub(super) fn answers<Requests>(
    store: Arc<Store>,
    requests: Requests,
) -> impl Stream<Item = Result<WriteResponse, Status>> + Send
where
    Requests: Stream<Item = Result<WriteRequest, Status>> + Send + Unpin,
{
    let writing = Writing {
        store,
        writer: None,
        started: SystemTime::now(),
        total: 0,
        expected: None,
    };
    stream::unfold(Some((writing, requests)), |state| async {
        let (writing, mut requests) = state?;
        let answer = match requests.next().await? {
            Ok(request) => blocking(move || writing.take(request)).await,
            Err(status) => Err(status),
        };
        Some(match answer {
            Ok((answer, writing)) => {
                let next = writing.map(|writing| (writing, requests));
                (answer, next)
            }
            Err(status) => (Err(status), None),
        })
    })
}

struct Writing {
    store: Arc<Store>,
    writer: Option<BlobWriter>,
    started: SystemTime,
    total: i64,
    expected: Option<BlobDigest>,
}

/// An answer, and what goes on after it.
type Answered = (Result<WriteResponse, Status>, Option<Writing>);

impl Writing {
    fn take(mut self, request: WriteRequest) -> Result<Answered, StoreError> {
        if request.total > 0 {
            self.total = request.total;
        }
        if !request.expected.is_empty() {
            let expected = BlobDigest::parse(&request.expected)?;
            match self.store.information(&expected) {
                Ok(_) => {
                    let message = format!("the store has the blob {expected} already");
                    return Ok((Err(Status::already_exists(message)), None));
                }
                Err(StoreError::NotFound(_)) => self.expected = Some(expected),
                Err(error) => return Err(error),
            }
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.store.write()?,
        };
        let action = request.action();
        if action != WriteAction::Stat {
            writer.write(request.offset, &request.data)?;
        }
        let mut answer = WriteResponse {
            action: action.into(),
            started_at: Some(Timestamp::from(self.started)),
            updated_at: Some(Timestamp::from(SystemTime::now())),
            offset: i64::try_from(writer.size()).unwrap_or(i64::MAX),
            total: self.total,
            digest: String::new(),
        };
        if action == WriteAction::Commit {
            let digest = writer.commit(self.total, self.expected.as_ref())?;
            answer.digest = digest.to_string();
            return Ok((Ok(answer), None));
        }
        self.writer = Some(writer);
        Ok((Ok(answer), Some(self)))
    }
}
