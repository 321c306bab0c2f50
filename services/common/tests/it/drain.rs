//! Serving and stopping, over real sockets.

use crate::support::service;
use service_common::server::{self, Drain, Listeners};
use service_common::{Service, Tasks};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    api: SocketAddr,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<bool>,
}

async fn start(service: Service, delay_ms: u64, deadline_ms: u64) -> Running {
    let listeners = Listeners {
        api: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        admin: TcpListener::bind("127.0.0.1:0").await.unwrap(),
    };
    let (api, admin) = (listeners.api.local_addr().unwrap(), listeners.admin.local_addr().unwrap());
    let drain = Drain { delay: Duration::from_millis(delay_ms), deadline: Duration::from_millis(deadline_ms) };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server::serve(listeners, service, drain, async { stopped.await.unwrap() }));
    Running { api, admin, stop, ended }
}

async fn status(address: SocketAddr, path: &str) -> Option<u16> {
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let response = client.get(format!("http://{address}{path}")).send().await.ok()?;
    Some(response.status().as_u16())
}

#[tokio::test]
async fn a_running_request_is_finished_and_a_new_one_refused() {
    let running = start(service(), 0, 5_000).await;
    assert_eq!(status(running.admin, "/readyz").await, Some(200));
    let api = running.api;
    let slow = tokio::spawn(async move { status(api, "/v1/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert!(running.ended.await.unwrap(), "everything ended by itself");
    assert_eq!(slow.await.unwrap(), Some(200));
    assert_eq!(status(api, "/v1/things/1").await, None);
}

#[tokio::test]
async fn the_pause_before_the_drain_still_answers_but_is_not_ready() {
    let running = start(service(), 400, 5_000).await;
    assert_eq!(status(running.api, "/v1/things/1").await, Some(200));
    running.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(status(running.admin, "/readyz").await, Some(503));
    assert_eq!(status(running.admin, "/livez").await, Some(200));
    assert_eq!(status(running.api, "/v1/things/1").await, Some(200));
    assert!(running.ended.await.unwrap());
}

#[tokio::test]
async fn a_deadline_ends_what_does_not_end() {
    let running = start(service(), 0, 50).await;
    let api = running.api;
    let slow = tokio::spawn(async move { status(api, "/v1/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert!(!running.ended.await.unwrap(), "the deadline ended it");
    assert!(slow.await.is_ok());
}

#[tokio::test]
async fn background_tasks_are_told_and_waited_for() {
    let service = service();
    let finished = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&finished);
    service.tasks.spawn("tidy", |stop| async move {
        stop.wait().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        flag.store(true, Ordering::SeqCst);
    });
    let running = start(service, 0, 5_000).await;
    running.stop.send(()).unwrap();
    assert!(running.ended.await.unwrap());
    assert!(finished.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_task_that_does_not_listen_is_aborted_and_one_that_panics_is_over() {
    let tasks = Tasks::default();
    tasks.spawn("deaf", |_| std::future::pending());
    tasks.spawn("polite", |stop| async move { stop.wait().await });
    tasks.spawn("broken", |_| async { panic!("broken on purpose") });
    assert_eq!(tasks.drain(Duration::from_secs(1)).await, 1);
    assert!(tasks.stop_signal().is_stopping());
    assert!(!tasks.stop_signal().sleep(Duration::from_secs(60)).await);
}

#[tokio::test]
async fn a_taken_port_names_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = server::bind("ADMIN_PORT", "127.0.0.1", port).await.unwrap_err().to_string();
    let expected = format!(
        "ADMIN_PORT: cannot listen on 127.0.0.1:{port}: the port is in use; \
         stop the program that uses port {port}, or set ADMIN_PORT to a free port"
    );
    assert_eq!(error, expected);
}
