//! One request over a pooled connection.

use super::target::Target;
use crate::recorder::Outcome;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

type Connection = SendRequest<Empty<Bytes>>;

/// Idle connections to one target. The last one used is used next, so that a low rate needs few.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Connection>>);

impl Pool {
    fn pop(&self) -> Option<Connection> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(Connection::is_ready)
    }

    fn push(&self, connection: Connection) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// Sends a request and reads the answer to its last byte.
pub(super) async fn request(pool: &Pool, target: &Target, timeout: Duration) -> Outcome {
    match tokio::time::timeout(timeout, attempt(pool, target)).await {
        Ok(Ok(status)) if status < 400 => Outcome::Finished { status },
        Ok(Ok(status)) => Outcome::Refused { status },
        Ok(Err(cause)) => Outcome::Broken { cause },
        Err(_) => Outcome::TimedOut,
    }
}

async fn attempt(pool: &Pool, target: &Target) -> Result<u16, String> {
    if let Some(connection) = pool.pop() {
        match exchange(pool, connection, target).await {
            // The server closed a connection that had been idle, as it may at any moment.
            Err(error) if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {}
            result => return result.map_err(|error| cause(&error)),
        }
    }
    let connection = connect(target).await?;
    exchange(pool, connection, target).await.map_err(|error| cause(&error))
}

async fn connect(target: &Target) -> Result<Connection, String> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|e| e.kind().to_string())?;
    // Latency suffers without it, and nothing else does if it is refused.
    let _ = stream.set_nodelay(true);
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| cause(&e))?;
    tokio::spawn(driver);
    Ok(connection)
}

async fn exchange(pool: &Pool, mut connection: Connection, target: &Target) -> hyper::Result<u16> {
    let mut request = Request::new(Empty::new());
    // Both were parts of a parsed URL.
    *request.uri_mut() = target.path.parse().unwrap_or_default();
    if let Ok(host) = target.authority.parse() {
        request.headers_mut().insert(hyper::header::HOST, host);
    }
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    pool.push(connection);
    Ok(status)
}

fn cause(error: &hyper::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.kind().to_string();
        }
        source = inner.source();
    }
    if error.is_incomplete_message() {
        return "connection closed before the answer was complete".to_owned();
    }
    error.to_string()
}
