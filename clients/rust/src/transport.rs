//! What lies between tonic and its connections: answers made readable, and failures named as gRPC names them.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use h2::Reason;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use prost::Message;
use prost::bytes::{BufMut, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tower_service::Service;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const TOLD_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// Where a status keeps its details in its metadata: tonic panics where those under their own name are no base64.
pub(crate) const DETAILS: &str = "llmgateway-status-details-bin";

/// gRPC's words for a message over the receiver's limit.
const TOO_LARGE: &str = "CLIENT: Received message larger than max";
/// tonic's words for it, whose code is that of another mistake.
const TOO_LARGE_OF_TONIC: &str = "Error, decoded message length too large";

/// A channel whose answers tonic can read, whatever they hold.
#[derive(Clone)]
pub(crate) struct Readable(pub(crate) Channel);

impl Service<Request<tonic::body::Body>> for Readable {
    type Response = Response<ReadableBody>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            move_details(response.headers_mut());
            let status_is_due = response.status() == StatusCode::OK && !response.headers().contains_key(STATUS);
            Ok(response.map(|body| ReadableBody { body, status_is_due }))
        })
    }
}

/// An answer's body. One that ends without a status gets that of a connection that broke off.
pub(crate) struct ReadableBody {
    body: tonic::body::Body,
    status_is_due: bool,
}

impl Body for ReadableBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    self.status_is_due = false;
                    move_details(&mut trailers);
                    Frame::trailers(trailers)
                }
                Err(data) => data,
            },
            // A reset that has no fault to tell looks like an end.
            None if self.status_is_due => {
                self.status_is_due = false;
                Frame::trailers(broken_off())
            }
            end => return Poll::Ready(end),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

fn move_details(headers: &mut HeaderMap) {
    if let Some(details) = headers.remove(TOLD_DETAILS) {
        headers.insert(DETAILS, details);
    }
}

fn broken_off() -> HeaderMap {
    let unavailable = HeaderValue::from(Code::Unavailable as i32);
    let message = HeaderValue::from_static("The connection ended before the call did.");
    HeaderMap::from_iter([(STATUS, unavailable), (MESSAGE, message)])
}

/// Whether a try failed because no connection could be made: nothing of it was sent.
pub(crate) fn is_connect_failure(status: &Status) -> bool {
    sources(status).any(|source| source.is::<ConnectError>())
}

/// Returns a status that tonic made with the code that gRPC has for what befell the connection.
///
/// tonic's own depends on which of its features are on, and is most often UNKNOWN.
pub(crate) fn name_failure(status: Status) -> Status {
    if status.code() == Code::OutOfRange && status.message().starts_with(TOO_LARGE_OF_TONIC) {
        return Status::resource_exhausted(format!("{TOO_LARGE} ({})", status.message()));
    }
    let Some(cause) = sources(&status).last() else {
        return status;
    };
    let code = sources(&status).find_map(code_of).unwrap_or(Code::Unavailable);
    let message = cause.to_string();
    let mut named = Status::new(code, message);
    named.set_source(Arc::new(status));
    named
}

/// What a status that tonic made is made of, the outermost first. One that the server sent has none.
fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |&source| source.source())
}

/// The code of an error that has one of its own (gRPC over HTTP/2, "Errors").
fn code_of(source: &(dyn Error + 'static)) -> Option<Code> {
    if source.is::<TimeoutExpired>() {
        return Some(Code::DeadlineExceeded);
    }
    let error = source.downcast_ref::<h2::Error>()?;
    // What ends the connection, and not one stream, says nothing of the call.
    if !error.is_reset() {
        return None;
    }
    Some(match error.reason()? {
        Reason::REFUSED_STREAM => Code::Unavailable,
        Reason::CANCEL => Code::Cancelled,
        Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    })
}

/// Sends a request that is encoded already, so that a further try costs nothing; reads messages `M`.
pub(crate) struct Encoded<M>(std::marker::PhantomData<fn() -> M>);

impl<M> Default for Encoded<M> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for Encoded<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<M> Encoder for Encoded<M> {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, request: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(request);
        Ok(())
    }
}

impl<M: Message + Default> Decoder for Encoded<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        let message = M::decode(from);
        message.map(Some).map_err(|error| Status::internal(format!("The answer cannot be read: {error}.")))
    }
}
