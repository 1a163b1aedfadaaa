//! A server whose answers a test scripts frame by frame, wrong ones too.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What an answer does next.
#[derive(Clone)]
pub(crate) enum Step {
    /// Begins the answer.
    Headers,
    /// Sends a message.
    Message(Bytes),
    /// Sends the beginning of a message of so many bytes.
    BeginningOf(u32),
    /// Ends the answer with a status: gRPC's code, and more metadata.
    Status(u16, Vec<(&'static str, String)>),
    /// Ends the answer without a status.
    End,
    /// Resets the stream.
    Reset(Reason),
    /// Waits until the caller leaves.
    Wait,
    /// Waits until the test releases it: by then the client has read what was sent.
    Hold,
    /// Cuts the connection.
    Cut,
}

/// One call as it came.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) metadata: HeaderMap,
    pub(crate) message: Bytes,
    /// Which of the connections brought it, from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A server on a free port of loopback. It is gone with its last reference.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    seen: UnboundedReceiver<Seen>,
    left: UnboundedReceiver<Reason>,
    released: Arc<Notify>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Vec<Step>>>>,
    seen: UnboundedSender<Seen>,
    left: UnboundedSender<Reason>,
    released: Arc<Notify>,
}

impl Scripted {
    /// Answers each call with the next of `answers`, with the last again where there is no other.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), answers).await
    }

    pub(crate) async fn start_at(address: SocketAddr, answers: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self::serve(address, answers, None).await
    }

    pub(crate) async fn start_with_tls(answers: impl IntoIterator<Item = Vec<Step>>, tls: TlsAcceptor) -> Self {
        Self::serve((Ipv4Addr::LOCALHOST, 0).into(), answers, Some(tls)).await
    }

    async fn serve(
        address: SocketAddr,
        answers: impl IntoIterator<Item = Vec<Step>>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let ((seen_sender, seen), (left_sender, left)) = (unbounded_channel(), unbounded_channel());
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let released = Arc::new(Notify::new());
        let script = Script { answers, seen: seen_sender, left: left_sender, released: Arc::clone(&released) };
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(greet(stream, tls.clone(), number, script.clone()));
            }
        });
        Self { address, seen, left, released, _serving: serving }
    }

    pub(crate) fn target(&self) -> String {
        self.address.to_string()
    }

    /// Waits for the next call to come.
    pub(crate) async fn seen(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// Returns the calls that have come and were not asked for yet.
    pub(crate) fn all_seen(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }

    /// Has an answer go on that is held, or will be.
    pub(crate) fn release(&self) {
        self.released.notify_one();
    }

    /// Waits until a caller leaves a call that waits; returns the code of its RST_STREAM.
    pub(crate) async fn left(&mut self) -> Reason {
        self.left.recv().await.unwrap()
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, number: usize, script: Script) {
    match tls {
        None => serve_connection(stream, number, script).await,
        // A client that does not trust the server ends the handshake.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve_connection(stream, number, script).await;
            }
        }
    }
}

async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, number: usize, script: Script) {
    // A client that speaks TLS here, or looks only, ends it.
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let (cut_sender, mut cut) = unbounded_channel();
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            _ = cut.recv() => return,
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    calls.spawn(answer(request, respond, number, script.clone(), cut_sender.clone()));
                }
                _ => return,
            }
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: usize,
    script: Script,
    cut: UnboundedSender<()>,
) {
    let (parts, mut body) = request.into_parts();
    let mut message = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        body.flow_control().release_capacity(chunk.len()).unwrap();
        message.put(chunk);
    }
    let path = parts.uri.path().to_owned();
    let message = message.freeze().slice(FRAME_HEADER_BYTES..);
    // A test may end while calls still come.
    let _ = script.seen.send(Seen { path, metadata: parts.headers, message, connection });
    let steps = {
        let mut answers = script.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    };
    let mut stream: Option<SendStream<Bytes>> = None;
    for step in steps {
        match (step, &mut stream) {
            (Step::Headers, stream) => {
                *stream = Some(respond.send_response(headers(HeaderMap::new()), false).unwrap());
            }
            (Step::Message(message), Some(stream)) => send_all(stream, framed(&message)).await,
            (Step::BeginningOf(length), Some(stream)) => send_all(stream, frame_header(length)).await,
            (Step::Status(code, more), Some(stream)) => stream.send_trailers(status(code, more)).unwrap(),
            (Step::Status(code, more), None) => {
                respond.send_response(headers(status(code, more)), true).unwrap();
            }
            (Step::End, Some(stream)) => stream.send_data(Bytes::new(), true).unwrap(),
            (Step::Reset(reason), _) => respond.send_reset(reason),
            (Step::Wait, Some(stream)) => {
                if let Ok(reason) = poll_fn(|cx| stream.poll_reset(cx)).await {
                    let _ = script.left.send(reason);
                }
            }
            (Step::Wait, None) => {
                if let Ok(reason) = poll_fn(|cx| respond.poll_reset(cx)).await {
                    let _ = script.left.send(reason);
                }
            }
            (Step::Hold, _) => script.released.notified().await,
            (Step::Cut, _) => {
                let _ = cut.send(());
                std::future::pending::<()>().await;
            }
            _ => panic!("the answer needs headers first"),
        }
    }
}

const FRAME_HEADER_BYTES: usize = 5;

fn framed(message: &Bytes) -> Bytes {
    [frame_header(message.len() as u32), message.clone()].concat().into()
}

fn frame_header(length: u32) -> Bytes {
    let mut header = BytesMut::with_capacity(FRAME_HEADER_BYTES);
    header.put_u8(0);
    header.put_u32(length);
    header.freeze()
}

/// Sends as the receiver takes it; a receiver that leaves ends it.
async fn send_all(stream: &mut SendStream<Bytes>, mut data: Bytes) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(Ok(capacity)) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return;
        };
        stream.send_data(data.split_to(capacity.min(data.len())), false).unwrap();
    }
}

fn headers(more: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.headers_mut() = more;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn status(code: u16, more: Vec<(&'static str, String)>) -> HeaderMap {
    let mut metadata = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from(code))]);
    for (name, value) in more {
        metadata.append(name, value.parse().unwrap());
    }
    metadata
}

/// A whole answer of one message.
pub(crate) fn ok(message: &impl Message) -> Vec<Step> {
    vec![Step::Headers, Step::Message(message.encode_to_vec().into()), Step::Status(0, vec![])]
}

/// A failure before anything came.
pub(crate) fn fail(code: u16, more: &[(&'static str, &str)]) -> Vec<Step> {
    vec![Step::Status(code, more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())]
}
