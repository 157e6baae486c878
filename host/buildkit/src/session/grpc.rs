//! A session as a stream of messages on the control connection (`Control.Session`): the way of
//! daemons that have no API but gRPC.

use std::io;

use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use tokio_util::sync::PollSender;
use tonic::metadata::MetadataMap;

use crate::connect::{Control, Endpoint, Stream};
use crate::error::Error;

/// Messages that may wait for the connection.
const WAITING: usize = 16;

/// Opens the stream with `metadata` as its announcement.
///
/// # Errors
/// [`Error::Daemon`].
pub(super) async fn session(
    endpoint: &Endpoint,
    control: &Control,
    metadata: MetadataMap,
) -> Result<Stream, Error> {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(WAITING);
    let outgoing = futures_util::stream::unfold(receiver, async |mut receiver| {
        let data = receiver.recv().await?;
        Some((BytesMessage { data: data.into() }, receiver))
    });
    let mut request = tonic::Request::new(outgoing);
    *request.metadata_mut() = metadata;
    let incoming = control
        .client()
        .session(request)
        .await
        .map_err(|status| Error::of_call(endpoint, &status))?
        .into_inner()
        .map(|message| match message {
            Ok(message) => Ok(Bytes::from(message.data)),
            Err(status) => Err(io::Error::other(status)),
        });
    let reader = StreamReader::new(Box::pin(incoming));
    let sink = PollSender::new(sender).sink_map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe));
    let writer = SinkWriter::new(CopyToBytes::new(sink));
    Ok(Box::new(tokio::io::join(reader, writer)))
}
