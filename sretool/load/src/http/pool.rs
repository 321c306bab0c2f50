//! Connections to one place, kept for the next request.

use super::target::Place;
use super::tls::Protocol;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// Requests at once on one HTTP/2 connection: what servers commonly allow.
const STREAMS: usize = 100;

pub(super) type Body = Full<Bytes>;

/// The connections to one place.
#[derive(Debug)]
pub(super) struct Pool {
    place: Place,
    protocol: Protocol,
    tls: Option<Arc<ClientConfig>>,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// Whether connections carry many requests at once; over TLS the first one tells.
    multiplexed: OnceLock<bool>,
    /// The last one used is used next, so that a low rate needs few.
    idle: Mutex<Vec<http1::SendRequest<Body>>>,
    shared: Mutex<Vec<Shared>>,
    dialing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    sender: http2::SendRequest<Body>,
    streams: Arc<AtomicUsize>,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) connection: Connection,
    /// Whether it carried requests before: the server may have closed it in between.
    pub(super) reused: bool,
}

#[derive(Debug)]
pub(super) enum Connection {
    One(http1::SendRequest<Body>),
    Many(http2::SendRequest<Body>, #[expect(dead_code, reason = "counts down when it is dropped")] Stream),
}

/// One of the requests on a shared connection.
#[derive(Debug)]
pub(super) struct Stream(Arc<AtomicUsize>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new(place: Place, protocol: Protocol, tls: Option<Arc<ClientConfig>>) -> Self {
        let multiplexed = OnceLock::new();
        let known = match protocol {
            Protocol::Http1 => Some(false),
            Protocol::Http2 => Some(true),
            Protocol::Auto => (!place.tls).then_some(false),
        };
        if let Some(known) = known {
            multiplexed.get_or_init(|| known);
        }
        Self {
            place,
            protocol,
            tls,
            addresses: OnceCell::new(),
            multiplexed,
            idle: Mutex::default(),
            shared: Mutex::default(),
            dialing: tokio::sync::Mutex::new(()),
        }
    }

    /// A connection that is ready for a request: one that is idle, or a new one.
    pub(super) async fn lease(&self) -> Result<Lease, String> {
        if let Some(connection) = self.kept() {
            return Ok(Lease { connection, reused: true });
        }
        self.new_lease().await
    }

    /// A connection that no request has used.
    pub(super) async fn new_lease(&self) -> Result<Lease, String> {
        if self.multiplexed.get() == Some(&false) {
            return Ok(Lease { connection: self.dial().await?, reused: false });
        }
        // One at a time: those who wait can share what comes of it.
        let _dialing = self.dialing.lock().await;
        if let Some(connection) = self.kept() {
            return Ok(Lease { connection, reused: false });
        }
        Ok(Lease { connection: self.dial().await?, reused: false })
    }

    /// Takes a connection back whose answer was read to its end.
    pub(super) fn keep(&self, connection: Connection) {
        if let Connection::One(sender) = connection {
            lock(&self.idle).push(sender);
        }
    }

    fn kept(&self) -> Option<Connection> {
        if self.multiplexed.get() == Some(&true) {
            return self.stream();
        }
        let mut idle = lock(&self.idle);
        let ready = std::iter::from_fn(|| idle.pop()).find(http1::SendRequest::is_ready);
        ready.map(Connection::One)
    }

    fn stream(&self) -> Option<Connection> {
        let mut shared = lock(&self.shared);
        shared.retain(|shared| !shared.sender.is_closed());
        let free = shared.iter().find(|shared| shared.streams.load(Ordering::Relaxed) < STREAMS)?;
        free.streams.fetch_add(1, Ordering::Relaxed);
        Some(Connection::Many(free.sender.clone(), Stream(free.streams.clone())))
    }

    async fn dial(&self) -> Result<Connection, String> {
        let stream = self.connect().await?;
        // Latency suffers without it, and nothing else does if it is refused.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.as_ref().filter(|_| self.place.tls) else {
            return self.shake_hands(stream, self.protocol == Protocol::Http2).await;
        };
        let name = ServerName::try_from(self.place.host.clone()).map_err(|error| format!("TLS: {error}"))?;
        let stream = TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(|error| reason(&error))?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if self.protocol == Protocol::Http2 && !h2 {
            return Err("TLS: the server does not offer HTTP/2".to_owned());
        }
        self.shake_hands(stream, h2).await
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let (host, port) = (self.place.host.as_str(), self.place.port);
        let resolve = || async { tokio::net::lookup_host((host, port)).await.map(|found| found.collect::<Vec<_>>()) };
        // Once for the whole run: a resolver asked at each connection would be part of what is measured.
        let addresses = self.addresses.get_or_try_init(resolve).await;
        let addresses = addresses.map_err(|error| format!("cannot resolve {host}: {error}"))?;
        TcpStream::connect(addresses.as_slice()).await.map_err(|error| error.kind().to_string())
    }

    async fn shake_hands<S>(&self, stream: S, h2: bool) -> Result<Connection, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.multiplexed.get_or_init(|| h2);
        if !h2 {
            let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| super::cause(&e))?;
            tokio::spawn(driver);
            return Ok(Connection::One(sender));
        }
        let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|e| super::cause(&e))?;
        tokio::spawn(driver);
        let streams = Arc::new(AtomicUsize::new(1));
        lock(&self.shared).push(Shared { sender: sender.clone(), streams: streams.clone() });
        Ok(Connection::Many(sender, Stream(streams)))
    }
}

/// A failure of TLS in words without varying parts.
fn reason(error: &std::io::Error) -> String {
    match error.get_ref() {
        Some(inner) => format!("TLS: {inner}"),
        None => error.kind().to_string(),
    }
}
