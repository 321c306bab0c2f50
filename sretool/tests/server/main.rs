//! The embedded Prometheus over real sockets, alone and beside the real one.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

mod alert_history;
mod alerting;
mod conformity;
mod differential;
mod exporter;
#[path = "../../promql/tests/common/expressions.rs"]
#[expect(dead_code, reason = "the generators for the parser are not needed here")]
mod expressions;
mod flapping;
mod fuzz;
mod peers;
mod program;
mod real;
mod receivers;
mod reloading;
mod restart;
mod rule_states;
mod scripted;
mod staleness;

use promql::{Engine, Value};
use sretool::server::{self, ServerConfig, ServerHandle, Target};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tsdb::Store;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server that scrapes one target every 100 ms.
struct Rig {
    store: Arc<Store>,
    server: ServerHandle,
    stop: watch::Sender<bool>,
}

impl Rig {
    async fn start(address: &str, rules: &[(&str, &str)]) -> Self {
        Self::start_with(address, rules, Vec::new()).await
    }

    async fn start_with(address: &str, rules: &[(&str, &str)], alertmanagers: Vec<String>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let store = Arc::new(Store::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = ServerConfig {
            targets: vec![Target::new("exporter", address, "/metrics")],
            scrape_interval: Duration::from_millis(100),
            eval_interval: Duration::from_millis(100),
            rule_files: rules.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
            store: store.clone(),
            alertmanagers,
            ..ServerConfig::new(listener)
        };
        Self { store, server: server::start(config, stopped).unwrap(), stop }
    }

    /// Values of an instant query now, as `labels value`, in order.
    fn query(&self, expr: &str) -> Vec<String> {
        let now = chrono::Utc::now().timestamp_millis();
        let answer = Engine::default().instant(&*self.store, &promql::parse(expr).unwrap(), now).unwrap();
        let Value::Vector(vector) = answer.value else { panic!("{expr} yields no vector") };
        let mut lines: Vec<_> = vector.iter().map(|s| format!("{} {}", s.labels, s.v)).collect();
        lines.sort();
        lines
    }

    /// Waits until a query yields this many results.
    async fn until(&self, expr: &str, count: usize) {
        eventually(expr, || async { self.query(expr).len() == count }).await;
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.server.join().await.unwrap();
    }
}

/// Waits until a condition holds; fails the test when it does not in time.
#[track_caller]
fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) -> impl Future<Output = ()> {
    let (what, started) = (what.to_owned(), Instant::now());
    async move {
        while !holds().await {
            assert!(started.elapsed() < PATIENCE, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
