//! The connections of a client: several, to each address of the gateway's name.
//!
//! One HTTP/2 connection sticks to one server process, which bounds the calls on it. So a client has up to so many lanes, each
//! with connections of its own; a call takes the lane with the fewest running, of equals the first, and within it the addresses
//! in turn.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tower_service::Service;

use crate::target::Target;

const USER_AGENT: &str = "llmgateway-rust";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Models are silent for minutes: without pings a connection that died in the meantime goes unnoticed, and one that lives
/// is cut by whatever lies between. The gateway permits a ping every 20 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an address that gave no connection comes after the others, at first and at most. Alone it is tried all the same.
const INITIAL_RECONNECT_BACKOFF: Duration = Duration::from_secs(1);
const MAX_RECONNECT_BACKOFF: Duration = Duration::from_secs(5);
/// How often a name is resolved again at most, and how long calls wait for that while they know addresses of it.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(1);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Pool {
    target: Target,
    endpoint: Endpoint,
    lanes: Vec<Lane>,
    running: Mutex<Vec<usize>>,
    resolved: tokio::sync::Mutex<Resolved>,
    failing: Mutex<HashMap<SocketAddr, Failing>>,
}

#[derive(Default)]
struct Lane(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    channels: HashMap<SocketAddr, Channel>,
    turn: usize,
}

#[derive(Default)]
struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Option<Instant>,
    is_stale: bool,
}

/// An address that gave no connection of late.
struct Failing {
    until: Instant,
    backoff: Duration,
}

/// A call's place in a lane, which it gives back when it is dropped.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    lane: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.pool.running)[self.lane] -= 1;
    }
}

impl Pool {
    /// Prepares the connections; they are made as calls need them.
    pub(crate) fn new(
        target: Target,
        tls: Option<ClientTlsConfig>,
        lanes: usize,
    ) -> Result<Self, tonic::transport::Error> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{target}"))?
            .user_agent(USER_AGENT)?
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        if let Some(tls) = tls {
            endpoint = endpoint.tls_config(tls.timeout(HANDSHAKE_TIMEOUT))?;
        }
        Ok(Self {
            target,
            endpoint,
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            running: Mutex::new(vec![0; lanes]),
            resolved: tokio::sync::Mutex::default(),
            failing: Mutex::default(),
        })
    }

    /// Takes a place in the lane with the fewest running calls, of equals in the first.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        let mut running = lock(&self.running);
        // Of equals `min_by_key` takes the first.
        let lane = (0..running.len()).min_by_key(|&lane| running[lane]).unwrap_or_default();
        running[lane] += 1;
        Lease { pool: Arc::clone(self), lane }
    }

    /// Returns the connections that a try may use, in the order in which to try them.
    pub(crate) async fn channels(&self, lease: &Lease) -> Result<Vec<(SocketAddr, Channel)>, Status> {
        let addresses = self.addresses().await?;
        let mut connections = lock(&self.lanes[lease.lane].0);
        connections.channels.retain(|address, _| addresses.contains(address));
        let turn = connections.turn % addresses.len();
        connections.turn = turn + 1;
        let in_turn = addresses[turn..].iter().chain(&addresses[..turn]);
        let mut channels: Vec<_> = in_turn
            .map(|&address| {
                let channel = connections
                    .channels
                    .entry(address)
                    .or_insert_with(|| self.endpoint.connect_with_connector_lazy(Connector(address)));
                (address, channel.clone())
            })
            .collect();
        let (now, failing) = (Instant::now(), lock(&self.failing));
        channels.sort_by_key(|(address, _)| failing.get(address).is_some_and(|failing| now < failing.until));
        Ok(channels)
    }

    /// Learns that an address gives no connection.
    pub(crate) fn note_failure(&self, address: SocketAddr) {
        let mut failing = lock(&self.failing);
        let backoff = failing
            .get(&address)
            .map_or(INITIAL_RECONNECT_BACKOFF, |known| (known.backoff * 2).min(MAX_RECONNECT_BACKOFF));
        failing.insert(address, Failing { until: Instant::now() + backoff, backoff });
    }

    /// Learns that an address is well.
    pub(crate) fn note_success(&self, address: SocketAddr) {
        lock(&self.failing).remove(&address);
    }

    /// Has the name resolved anew before the next try: a connection broke, or none could be made.
    pub(crate) async fn resolve_again(&self) {
        self.resolved.lock().await.is_stale = true;
    }

    /// Takes these for the addresses of the gateway's name.
    #[cfg(test)]
    pub(crate) async fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        *self.resolved.lock().await = Resolved { addresses, at: Some(Instant::now()), is_stale: false };
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, Status> {
        let mut resolved = self.resolved.lock().await;
        match resolved.at {
            None => {
                let addresses = resolve(&self.target).await;
                let addresses =
                    addresses.map_err(|error| Status::unavailable(format!("{}: {error}", self.target.host)))?;
                *resolved = Resolved { addresses, at: Some(Instant::now()), is_stale: false };
            }
            Some(at) if resolved.is_stale && RESOLVE_INTERVAL <= at.elapsed() => {
                resolved.is_stale = false;
                // Where that fails, what was known may work all the same.
                if let Ok(Ok(addresses)) = tokio::time::timeout(RESOLVE_TIMEOUT, resolve(&self.target)).await {
                    resolved.addresses = addresses;
                }
                resolved.at = Some(Instant::now());
            }
            Some(_) => {}
        }
        Ok(resolved.addresses.clone())
    }
}

/// Returns all addresses of a target, each once; fails where there is none.
pub(crate) async fn resolve(target: &Target) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for address in tokio::net::lookup_host((target.host.as_str(), target.port)).await? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// Connects to one address, whatever the endpoint's URI names: that one stays what TLS and the server look at.
struct Connector(SocketAddr);

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = self.0;
        Box::pin(async move {
            let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
