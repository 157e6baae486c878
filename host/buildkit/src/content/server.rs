//! The calls of the service. There is no generated code for it, so that they are found by name here.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::Read,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{Request, Response};
use hyper::body::Body;
use prost::Message;
use prost_types::Timestamp;
use tokio::{sync::mpsc, task};
use tonic::{
    Status, Streaming,
    metadata::MetadataMap,
    server::{Grpc, StreamingService},
};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::{
    messages::{
        Info, InfoRequest, InfoResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
    },
    store::{BlobDigest, Store, StoreError},
    writing,
};

/// The service's name.
pub(crate) const SERVICE_NAME: &str = "containerd.services.content.v1.Content";
/// The calls that are answered.
pub(crate) const METHODS: &[&str] = &["Info", "Read", "Write"];

const STORE_HEADER: &str = "buildkit-attachable-store-id";
/// Bytes of a blob in one message.
const CHUNK: usize = 256 * 1024;
/// How many messages may wait for the connection.
const WAITING_CHUNKS: usize = 2;

/// Answers the daemon's calls to the folders of local caches.
#[derive(Clone)]
pub(crate) struct ContentServer {
    stores: Arc<HashMap<String, Arc<Store>>>,
}

impl ContentServer {
    /// Offers each store under the text that stands for it in a cache's `src` or `dest`.
    pub(crate) fn new(caches: impl IntoIterator<Item = (String, Store)>) -> Self {
        let stores = caches
            .into_iter()
            .map(|(name, store)| (format!("local:{name}"), Arc::new(store)));
        Self {
            stores: Arc::new(stores.collect()),
        }
    }

    fn store(&self, metadata: &MetadataMap) -> Result<Arc<Store>, Status> {
        let name = metadata
            .get(STORE_HEADER)
            .and_then(|name| name.to_str().ok())
            .ok_or_else(|| Status::invalid_argument("the call names no store"))?;
        let store = self.stores.get(name);
        store
            .cloned()
            .ok_or_else(|| Status::not_found(format!("the build offers no store {name:?}")))
    }
}

type Answers<Answer> = Pin<Box<dyn Stream<Item = Result<Answer, Status>> + Send>>;

async fn info(
    store: Arc<Store>,
    mut asked: Streaming<InfoRequest>,
) -> Result<InfoResponse, Status> {
    let request = asked.message().await?.unwrap_or_default();
    blocking(move || {
        let blob = store.information(&BlobDigest::parse(&request.digest)?)?;
        let modified = blob.modified.map(Timestamp::from);
        let info = Info {
            digest: request.digest,
            size: i64::try_from(blob.size).unwrap_or(i64::MAX),
            created_at: modified,
            updated_at: modified,
            ..Info::default()
        };
        Ok(InfoResponse { info: Some(info) })
    })
    .await
}

async fn read(
    store: Arc<Store>,
    mut asked: Streaming<ReadRequest>,
) -> Result<Answers<ReadResponse>, Status> {
    let request = asked.message().await?.unwrap_or_default();
    let mut offset = request.offset.max(0);
    let mut content = blocking(move || {
        let digest = BlobDigest::parse(&request.digest)?;
        store.read(&digest, request.offset, request.size)
    })
    .await?;
    let (chunks, mut waiting) = mpsc::channel(WAITING_CHUNKS);
    task::spawn_blocking(move || {
        loop {
            let mut data = Vec::with_capacity(CHUNK);
            let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
            let chunk = match (&mut content).take(limit).read_to_end(&mut data) {
                Ok(0) => return,
                Ok(_) => Ok(ReadResponse {
                    offset,
                    data: data.into(),
                }),
                Err(source) => Err(Status::unknown(format!("the store cannot read: {source}"))),
            };
            if let Ok(chunk) = &chunk {
                offset = offset.saturating_add(i64::try_from(chunk.data.len()).unwrap_or(0));
            }
            // Nobody takes it any more, or it was the last.
            let is_error = chunk.is_err();
            if chunks.blocking_send(chunk).is_err() || is_error {
                return;
            }
        }
    });
    Ok(Box::pin(stream::poll_fn(move |context| {
        waiting.poll_recv(context)
    })))
}

/// Runs what waits for a disk where it may wait.
pub(super) async fn blocking<Output: Send + 'static>(
    work: impl FnOnce() -> Result<Output, StoreError> + Send + 'static,
) -> Result<Output, Status> {
    match task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Status::from),
        Err(broken) => Err(Status::internal(broken.to_string())),
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::InvalidDigest(_) => Self::invalid_argument(message),
            StoreError::NotFound(_) => Self::not_found(message),
            StoreError::OutOfRange { .. } => Self::out_of_range(message),
            StoreError::Mismatch { .. } => Self::failed_precondition(message),
            StoreError::ReadOnly => Self::permission_denied(message),
            StoreError::Io { .. } => Self::unknown(message),
        }
    }
}

/// A method of the service. One answer is a stream of one on the wire.
trait Method: Send + 'static {
    type Asked: Message + Default + 'static;
    type Answer: Message + 'static;

    fn handle(
        store: Arc<Store>,
        asked: Streaming<Self::Asked>,
    ) -> impl Future<Output = Result<Answers<Self::Answer>, Status>> + Send;
}

enum InfoMethod {}

impl Method for InfoMethod {
    type Asked = InfoRequest;
    type Answer = InfoResponse;

    async fn handle(
        store: Arc<Store>,
        asked: Streaming<InfoRequest>,
    ) -> Result<Answers<InfoResponse>, Status> {
        let answer = info(store, asked).await?;
        Ok(Box::pin(stream::iter([Ok(answer)])))
    }
}

enum ReadMethod {}

impl Method for ReadMethod {
    type Asked = ReadRequest;
    type Answer = ReadResponse;

    async fn handle(
        store: Arc<Store>,
        asked: Streaming<ReadRequest>,
    ) -> Result<Answers<ReadResponse>, Status> {
        read(store, asked).await
    }
}

enum WriteMethod {}

impl Method for WriteMethod {
    type Asked = WriteRequest;
    type Answer = WriteResponse;

    async fn handle(
        store: Arc<Store>,
        asked: Streaming<WriteRequest>,
    ) -> Result<Answers<WriteResponse>, Status> {
        Ok(Box::pin(writing::answers(store, asked)))
    }
}

/// A call of a method as tonic wants it.
struct Call<M> {
    server: ContentServer,
    method: PhantomData<M>,
}

impl<M: Method> StreamingService<M::Asked> for Call<M> {
    type Response = M::Answer;
    type ResponseStream = Answers<M::Answer>;
    type Future = Handling<tonic::Response<Answers<M::Answer>>, Status>;

    fn call(&mut self, request: tonic::Request<Streaming<M::Asked>>) -> Self::Future {
        let store = self.server.store(request.metadata());
        Box::pin(async move {
            let answers = M::handle(store?, request.into_inner()).await?;
            Ok(tonic::Response::new(answers))
        })
    }
}

type Handling<Output, Error> = Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>;

impl ContentServer {
    fn answer<M: Method, B>(self, request: Request<B>) -> <Self as Service<Request<B>>>::Future
    where
        B: Body<Data = Bytes, Error: Into<BodyError> + Send> + Send + 'static,
    {
        let call = Call::<M> {
            server: self,
            method: PhantomData,
        };
        let codec = ProstCodec::<M::Answer, M::Asked>::default();
        Box::pin(async { Ok(Grpc::new(codec).streaming(call, request).await) })
    }
}

type BodyError = Box<dyn std::error::Error + Send + Sync>;

impl<B> Service<Request<B>> for ContentServer
where
    B: Body<Data = Bytes, Error: Into<BodyError> + Send> + Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Handling<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        let path = request.uri().path();
        match path.rsplit('/').next().unwrap_or_default() {
            "Info" => server.answer::<InfoMethod, B>(request),
            "Read" => server.answer::<ReadMethod, B>(request),
            "Write" => server.answer::<WriteMethod, B>(request),
            method => {
                let status = Status::unimplemented(format!("local caches have no {method}"));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
