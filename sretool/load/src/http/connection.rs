//! One request over a pooled connection.

use super::pool::{Body, Connection, Lease, Pool};
use super::target::Target;
use crate::recorder::Outcome;
use crate::trace::TraceContext;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Request, Response};
use std::error::Error as _;
use std::time::Duration;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Where an exchange failed.
enum Failed {
    /// Before anything of the answer arrived.
    Unanswered(hyper::Error),
    /// In the middle of the answer.
    Cut(hyper::Error),
}

/// Sends a request and reads the answer to its last byte.
pub(super) async fn request(pool: &Pool, target: &Target, context: Option<TraceContext>, timeout: Duration) -> Outcome {
    match tokio::time::timeout(timeout, attempt(pool, target, context)).await {
        Ok(Ok(status)) if target.expects(status) => Outcome::Finished { status },
        Ok(Ok(status)) => Outcome::Refused { status },
        Ok(Err(cause)) => Outcome::Broken { cause },
        Err(_) => Outcome::TimedOut,
    }
}

async fn attempt(pool: &Pool, target: &Target, context: Option<TraceContext>) -> Result<u16, String> {
    let lease = pool.lease().await?;
    let reused = lease.reused;
    match exchange(pool, lease, target, context).await {
        Ok(status) => Ok(status),
        // The server closed a connection that had been idle, as it may at any moment.
        Err(Failed::Unanswered(error)) if reused && stale(&error, target) => {
            let lease = pool.new_lease().await?;
            let answer = exchange(pool, lease, target, context).await;
            answer.map_err(|(Failed::Unanswered(error) | Failed::Cut(error))| cause(&error))
        }
        Err(Failed::Unanswered(error) | Failed::Cut(error)) => Err(cause(&error)),
    }
}

/// Whether a request may be sent again: it was not sent at all, or sending it twice does no harm.
fn stale(error: &hyper::Error, target: &Target) -> bool {
    error.is_canceled() || (target.method.is_idempotent() && (error.is_closed() || error.is_incomplete_message()))
}

async fn exchange(pool: &Pool, lease: Lease, target: &Target, context: Option<TraceContext>) -> Result<u16, Failed> {
    let request = build(target, &lease.connection, context);
    let mut connection = lease.connection;
    let response = match &mut connection {
        Connection::One(sender) => {
            sender.ready().await.map_err(Failed::Unanswered)?;
            sender.send_request(request).await
        }
        Connection::Many(sender, _) => sender.send_request(request).await,
    };
    let status = drain(response.map_err(Failed::Unanswered)?).await.map_err(Failed::Cut)?;
    pool.keep(connection);
    Ok(status)
}

fn build(target: &Target, connection: &Connection, context: Option<TraceContext>) -> Request<Body> {
    let mut request = Request::new(Full::new(target.body.clone()));
    *request.method_mut() = target.method.clone();
    *request.headers_mut() = target.headers.clone();
    match connection {
        Connection::One(_) => {
            *request.uri_mut() = target.path.clone();
            request.headers_mut().insert(HOST, target.authority.clone());
        }
        Connection::Many(..) => *request.uri_mut() = target.url.clone(),
    }
    // Hexadecimal digits and hyphens always are a header's value.
    if let Some(context) = context.and_then(|context| HeaderValue::try_from(context.to_string()).ok())
        && !request.headers().contains_key(TRACEPARENT)
    {
        request.headers_mut().insert(TRACEPARENT, context);
    }
    request
}

async fn drain(response: Response<Incoming>) -> hyper::Result<u16> {
    let status = response.status().as_u16();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(status)
}

/// The innermost reason in words without varying parts.
pub(super) fn cause(error: &hyper::Error) -> String {
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
