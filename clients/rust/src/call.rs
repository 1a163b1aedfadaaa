//! One call: begun when it is first polled, tried again where that helps, cancelled when it is dropped.

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use http::uri::PathAndQuery;
use prost::Message;
use prost::bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout_at};
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::diagnosis::Diagnosis;
use crate::error::Error;
use crate::pool::{Lease, Pool};
use crate::retry::{Throttle, Tries, random};
use crate::transport::{Encoded, Readable, is_connect_failure, name_failure};

const MAX_RECEIVED_BYTES: usize = 64 * 1024 * 1024;
/// How much earlier than the client a server may see a deadline: it travels in milliseconds, if it is far.
const DEADLINE_SLACK: Duration = Duration::from_millis(10);
const PREVIOUS_ATTEMPTS_KEY: &str = "grpc-previous-rpc-attempts";

/// What the calls of one client share.
pub(crate) struct Calls {
    pub(crate) pool: Arc<Pool>,
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
    pub(crate) throttle: Throttle,
    pub(crate) diagnosis: Diagnosis,
}

/// When a call must have ended, and how long that was from its start.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// `None` for one so far away that no clock shows it.
    fn after(timeout: Duration) -> Option<Self> {
        Instant::now().checked_add(timeout).map(|at| Self { at, timeout })
    }

    /// Reads a failure. A server that keeps the deadline, too, may be the first to notice, and tell it as a cancellation.
    fn read(deadline: Option<Self>, status: Status) -> Status {
        let status = name_failure(status);
        match deadline {
            Some(deadline) if status.code() == Code::Cancelled && deadline.at <= Instant::now() + DEADLINE_SLACK => {
                deadline.exceeded()
            }
            _ => status,
        }
    }

    fn exceeded(&self) -> Status {
        Status::deadline_exceeded(format!("The call took longer than its deadline of {:?}.", self.timeout))
    }
}

impl Calls {
    /// Makes a call that is answered with one message.
    pub(crate) async fn unary<M: Message + Default + 'static>(
        self: &Arc<Self>,
        path: &'static str,
        request: &impl Message,
        timeout: Option<Duration>,
    ) -> Result<M, Error> {
        let mut call = self.streaming::<M>(path, request, timeout);
        let answer = poll_fn(|cx| call.poll_message(cx, false)).await?;
        // The status comes behind the message.
        while poll_fn(|cx| call.poll_message(cx, false)).await?.is_some() {}
        answer.ok_or_else(|| Error::from_status(Status::internal("The answer is missing."), false))
    }

    /// Prepares a call that is answered with messages.
    pub(crate) fn streaming<M: Message + Default + 'static>(
        self: &Arc<Self>,
        path: &'static str,
        request: &impl Message,
        timeout: Option<Duration>,
    ) -> MessageCall<M> {
        let (calls, request) = (Arc::clone(self), Bytes::from(request.encode_to_vec()));
        let start = async move { calls.start(PathAndQuery::from_static(path), request, timeout).await };
        MessageCall(State::Starting(Mutex::new(Box::pin(start))))
    }

    async fn start<M: Message + Default + 'static>(
        self: Arc<Self>,
        path: PathAndQuery,
        request: Bytes,
        timeout: Option<Duration>,
    ) -> Result<Running<M>, Error> {
        let deadline = timeout.and_then(Deadline::after);
        let lease = self.pool.lease();
        let tries = self.try_until_it_starts(&lease, path, request, deadline);
        let started = match deadline {
            None => tries.await,
            Some(deadline) => timeout_at(deadline.at, tries).await.unwrap_or_else(|_| Err(deadline.exceeded())),
        };
        match started {
            Ok(messages) => {
                let timer = deadline.map(|deadline| (Box::pin(sleep_until(deadline.at)), deadline));
                Ok(Running { messages, timer, calls: self, _lease: lease })
            }
            Err(status) => Err(self.explain(Error::from_status(status, false), deadline).await),
        }
    }

    async fn try_until_it_starts<M: Message + Default + 'static>(
        &self,
        lease: &Lease,
        path: PathAndQuery,
        request: Bytes,
        deadline: Option<Deadline>,
    ) -> Result<Streaming<M>, Status> {
        let mut tries = Tries::new(&self.throttle);
        loop {
            let attempt = Try { path: &path, request: &request, deadline, previous: tries.made() };
            let status = match self.try_each_address(lease, &attempt).await {
                Ok(messages) => return Ok(messages),
                Err(status) => Deadline::read(deadline, status),
            };
            let is_of_the_connection = status.source().is_some();
            if is_of_the_connection {
                self.pool.resolve_again().await;
            }
            match tries.fail(&status, random()) {
                Some(wait) => sleep(wait).await,
                None => return Err(status),
            }
        }
    }

    /// Makes one try: an address that gives no connection was sent nothing, and the next one serves as well.
    async fn try_each_address<M: Message + Default + 'static>(
        &self,
        lease: &Lease,
        attempt: &Try<'_>,
    ) -> Result<Streaming<M>, Status> {
        let mut failure = Status::unavailable("The gateway's name has no address.");
        for (address, channel) in self.pool.channels(lease).await? {
            match self.send(address, channel, attempt).await {
                Err(status) if is_connect_failure(&status) => failure = status,
                result => return result,
            }
        }
        Err(failure)
    }

    async fn send<M: Message + Default + 'static>(
        &self,
        address: SocketAddr,
        channel: Channel,
        attempt: &Try<'_>,
    ) -> Result<Streaming<M>, Status> {
        let mut grpc = Grpc::new(Readable(channel)).max_decoding_message_size(MAX_RECEIVED_BYTES);
        grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let mut request = Request::new(attempt.request.clone());
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if attempt.previous > 0 {
            request.metadata_mut().insert(PREVIOUS_ATTEMPTS_KEY, attempt.previous.into());
        }
        if let Some(deadline) = attempt.deadline {
            request.set_timeout(deadline.at.saturating_duration_since(Instant::now()));
        }
        let answer = grpc.server_streaming(request, attempt.path.clone(), Encoded::<M>::default()).await;
        match &answer {
            Err(status) if is_connect_failure(status) => self.pool.note_failure(address),
            _ => self.pool.note_success(address),
        }
        Ok(answer?.into_inner())
    }

    /// Says what to do about a failure that tonic made, where a look at the target shows it.
    async fn explain(&self, error: Error, deadline: Option<Deadline>) -> Error {
        if !error.is_of_the_library() {
            return error;
        }
        match self.diagnosis.explain(error.message(), deadline.map(|deadline| deadline.at)).await {
            Some(message) => error.explained(message),
            None => error,
        }
    }
}

/// One of the tries of a call.
struct Try<'a> {
    path: &'a PathAndQuery,
    request: &'a Bytes,
    deadline: Option<Deadline>,
    previous: u32,
}

/// A call that is answered with messages.
pub(crate) struct MessageCall<M>(State<M>);

type Starting<M> = Pin<Box<dyn Future<Output = Result<Running<M>, Error>> + Send>>;

enum State<M> {
    /// The mutex is never locked: it lets a stream be shared, as its `response` is, while the future is not.
    Starting(Mutex<Starting<M>>),
    Running(Box<Running<M>>),
    Ended,
}

struct Running<M> {
    messages: Streaming<M>,
    timer: Option<(Pin<Box<Sleep>>, Deadline)>,
    calls: Arc<Calls>,
    _lease: Lease,
}

impl<M> MessageCall<M> {
    /// Cancels the call unless it has ended. No message comes afterwards.
    pub(crate) fn close(&mut self) {
        self.0 = State::Ended;
    }

    /// Returns the next message, `None` after the last. `content_came` tells that a failure now comes after content.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>, content_came: bool) -> Poll<Result<Option<M>, Error>> {
        let result = loop {
            match &mut self.0 {
                State::Starting(start) => {
                    let start = start.get_mut().unwrap_or_else(PoisonError::into_inner);
                    match ready!(start.as_mut().poll(cx)) {
                        Ok(running) => self.0 = State::Running(Box::new(running)),
                        Err(error) => break Err(error),
                    }
                }
                State::Running(running) => {
                    let message = ready!(running.poll_message(cx));
                    break message.map_err(|status| Error::from_status(status, content_came));
                }
                State::Ended => return Poll::Ready(Ok(None)),
            }
        };
        if !matches!(result, Ok(Some(_))) {
            self.close();
        }
        Poll::Ready(result)
    }
}

impl<M> Running<M> {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<M>, Status>> {
        // First of all: messages that never cease to be ready must not outlast the deadline.
        if let Some((timer, deadline)) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(deadline.exceeded()));
        }
        let message = ready!(Pin::new(&mut self.messages).poll_next(cx)).transpose();
        if let Ok(None) = message {
            self.calls.throttle.succeed();
        }
        let deadline = self.timer.as_ref().map(|(_, deadline)| *deadline);
        Poll::Ready(message.map_err(|status| Deadline::read(deadline, status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_at_the_deadline_is_the_deadline_s() {
        for (timeout, told, expected) in [
            (Some(Duration::ZERO), Code::Cancelled, Code::DeadlineExceeded),
            (Some(Duration::from_secs(60)), Code::Cancelled, Code::Cancelled),
            (None, Code::Cancelled, Code::Cancelled),
            (Some(Duration::ZERO), Code::Internal, Code::Internal),
        ] {
            let deadline = timeout.and_then(Deadline::after);
            assert_eq!(Deadline::read(deadline, Status::new(told, "")).code(), expected, "{timeout:?} {told:?}");
        }
    }

    #[test]
    fn a_deadline_that_no_clock_shows_is_none() {
        assert!(Deadline::after(Duration::MAX).is_none());
    }
}
