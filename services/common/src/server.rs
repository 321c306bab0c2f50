//! Serving until told to stop, then draining.

mod stop;

use crate::service::Service;
use axum::Router;
use axum::serve::ListenerExt as _;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use stop::stop_requested;

/// The sockets of a service, bound already.
#[derive(Debug)]
pub struct Listeners {
    /// Socket of the API.
    pub api: TcpListener,
    /// Socket of metrics, health and faults.
    pub admin: TcpListener,
}

/// How a service stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Time between "not ready" and refusing connections, in which load balancers learn of it.
    pub delay: Duration,
    /// Longest wait for running requests, and again for background tasks.
    pub deadline: Duration,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{key}: cannot listen on {address}: {reason}; {remedy}")]
pub struct BindError {
    key: &'static str,
    address: String,
    reason: String,
    remedy: String,
}

/// Binds a socket; an error names the environment variable to change.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn bind(key: &'static str, host: &str, port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => format!("stop the program that uses port {port}, or set {key} to a free port"),
            io::ErrorKind::AddrNotAvailable => "set HOST to an address of this machine".to_owned(),
            _ => format!("set {key} to a port that this user may use"),
        };
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => "the port is in use".to_owned(),
            _ => error.to_string(),
        };
        BindError { key, address: format!("{host}:{port}"), reason, remedy }
    })
}

/// Serves both sockets until `stop` is ready, then drains: not ready, a pause, no new connections, the running
/// requests,
/// the background tasks, and the admin socket last, so that the end can be watched.
///
/// Returns whether everything ended by itself within the deadline.
pub async fn serve(listeners: Listeners, service: Service, drain: Drain, stop: impl Future<Output = ()>) -> bool {
    let Service { api, admin, health, tasks } = service;
    // The sockets are bound and their queues open, so that the first answer may already say "ready".
    health.set_ready();
    if let (Ok(api), Ok(admin)) = (listeners.api.local_addr(), listeners.admin.local_addr()) {
        tracing::info!(api = %api, admin = %admin, "listening");
    }
    let (stop_api, stop_admin) = (watch::Sender::new(false), watch::Sender::new(false));
    let mut api = spawn(listeners.api, api, &stop_api);
    let mut admin = spawn(listeners.admin, admin, &stop_admin);
    stop.await;
    tracing::info!("stopping");
    health.set_draining();
    tokio::time::sleep(drain.delay).await;
    stop_api.send_replace(true);
    let requests = finish(&mut api, drain.deadline).await;
    let late_tasks = tasks.drain(drain.deadline).await;
    stop_admin.send_replace(true);
    finish(&mut admin, Duration::from_millis(500)).await;
    if !requests || late_tasks > 0 {
        tracing::warn!(requests_finished = requests, late_tasks, "the deadline ended the drain");
    }
    requests && late_tasks == 0
}

fn spawn(listener: TcpListener, router: Router, stop: &watch::Sender<bool>) -> JoinHandle<io::Result<()>> {
    let mut stop = stop.subscribe();
    let listener = listener.tap_io(|stream| {
        // Without this, small answers wait for the client's delayed acknowledgement; failing costs only that.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                let _ = stop.wait_for(|stop| *stop).await;
            })
            .await
    })
}

/// Waits for a server; breaks off its requests at the deadline.
async fn finish(server: &mut JoinHandle<io::Result<()>>, deadline: Duration) -> bool {
    if tokio::time::timeout(deadline, &mut *server).await.is_ok() {
        return true;
    }
    server.abort();
    false
}
