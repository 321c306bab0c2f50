//! The embedded Prometheus: scraper, rules and HTTP API.
//!
//! [`start`] takes a bound listener and a shutdown signal, so that callers choose ports and tests run many at once.
//! The store, the evaluation of PromQL and of rules are pure crates; this module gives them the clock and the network.

mod api;
mod clock;
pub(crate) mod json;
mod metrics;
mod rule_manager;
mod scrape;
mod targets;

pub(crate) use clock::now_ms;
pub use targets::{Target, TargetError};

use api::App;
use metrics::Metrics;
use promql::{Compat, Engine, EngineOptions, Labels};
use rule_manager::{RuleManager, RuleSettings};
use scrape::Scraper;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use targets::TargetBoard;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tsdb::Store;

/// How often samples beyond the retention are dropped.
const TRUNCATE_EVERY: Duration = Duration::from_secs(60);
/// How long open requests may take to end after the shutdown signal.
const DRAIN: Duration = Duration::from_secs(5);

/// Settings of a server.
#[derive(Debug)]
pub struct ServerConfig {
    /// Where it answers.
    pub listener: TcpListener,
    /// What it scrapes.
    pub targets: Vec<Target>,
    /// Time between scrapes of a target.
    pub scrape_interval: Duration,
    /// Time between evaluations of rule groups that name none, and the step of subqueries that name none.
    pub eval_interval: Duration,
    /// Names and texts of rule files.
    pub rule_files: Vec<(String, String)>,
    /// Where samples are kept.
    pub store: Arc<Store>,
    /// Base URL of an Alertmanager that receives alerts.
    pub alertmanager: Option<String>,
    /// Labels that alerts get on their way out.
    pub external_labels: Labels,
    /// Which Prometheus the evaluation follows.
    pub compat: Compat,
    /// Longest evaluation of a query.
    pub query_timeout: Duration,
}

impl ServerConfig {
    /// A server with the usual settings: scrapes every second, rules every five, queries within two minutes, no
    /// targets, no rules, an empty store.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            targets: Vec::new(),
            scrape_interval: Duration::from_secs(1),
            eval_interval: Duration::from_secs(5),
            rule_files: Vec::new(),
            store: Arc::new(Store::default()),
            alertmanager: None,
            external_labels: Labels::default(),
            compat: Compat::V3,
            query_timeout: Duration::from_secs(120),
        }
    }
}

/// Why a server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A rule file is invalid.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<rules::Problem>),
    /// The listener is unusable.
    #[error("the listening socket is unusable: {0}")]
    Listener(#[source] std::io::Error),
    /// No HTTP client for scrapes.
    #[error("scrapes are impossible: {0}")]
    Scrape(String),
    /// The task that answers died.
    #[error("the server died: {0}")]
    Died(String),
}

/// A running server.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    task: JoinHandle<Result<(), ServerError>>,
}

impl ServerHandle {
    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Base URL for clients on this machine.
    pub fn url(&self) -> String {
        local_url(self.address)
    }

    /// Waits until the server has ended, which it does after the shutdown signal.
    ///
    /// # Errors
    /// [`ServerError::Died`] when it ended by itself.
    pub async fn join(self) -> Result<(), ServerError> {
        self.task.await.map_err(|e| ServerError::Died(e.to_string()))?
    }
}

/// An address that listens on every interface is reached here through the loopback one.
fn local_url(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return format!("http://{address}");
    }
    let host = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    format!("http://{host}:{}", address.port())
}

/// The result of a query as the `data` object of the Prometheus API.
pub fn query_json(value: &promql::Value) -> String {
    json::query_data(value)
}

/// Starts scraping, evaluating and answering. It goes on until `shutdown` turns true or its sender is dropped.
///
/// # Errors
/// [`ServerError`] where a rule file is invalid or the listener unusable; nothing runs then.
pub fn start(config: ServerConfig, shutdown: watch::Receiver<bool>) -> Result<ServerHandle, ServerError> {
    let address = config.listener.local_addr().map_err(ServerError::Listener)?;
    let files = parse_rules(&config.rule_files)?;
    let engine = Engine::new(EngineOptions {
        compat: config.compat,
        default_step_ms: i64::try_from(config.eval_interval.as_millis()).unwrap_or(i64::MAX),
        ..EngineOptions::default()
    });
    let metrics = Arc::new(Metrics::default());
    let board = Arc::new(TargetBoard::new(config.targets, config.scrape_interval));
    let scraper = Scraper::new(config.store.clone(), board.clone(), metrics.clone(), config.scrape_interval)
        .map_err(|e| ServerError::Scrape(e.to_string()))?;
    let settings = RuleSettings {
        files,
        interval: config.eval_interval,
        external_labels: config.external_labels,
        external_url: local_url(address),
        alertmanager: config.alertmanager,
    };
    let rules = Arc::new(RuleManager::new(settings, config.store.clone(), engine.clone(), metrics.clone()));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let app = Arc::new(App {
        store: config.store,
        engine,
        board,
        rules,
        metrics,
        query_timeout: config.query_timeout,
        query_slots: Arc::new(Semaphore::new(cores * 2)),
        started_ms: clock::now_ms(),
    });
    let task = tokio::spawn(run(app, scraper, config.listener, shutdown));
    Ok(ServerHandle { address, task })
}

/// Parses all files, so that one answer names every problem.
fn parse_rules(files: &[(String, String)]) -> Result<Vec<rules::RuleFile>, ServerError> {
    let (mut parsed, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match rules::parse(name, text) {
            Ok(file) => parsed.push(file),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(parsed) } else { Err(ServerError::Rules(problems)) }
}

async fn run(
    app: Arc<App>,
    scraper: Scraper,
    listener: TcpListener,
    shutdown: watch::Receiver<bool>,
) -> Result<(), ServerError> {
    let mut tasks = JoinSet::new();
    for index in 0..app.board.len() {
        tasks.spawn(scraper.clone().run(index, shutdown.clone()));
    }
    for index in 0..app.rules.group_count() {
        tasks.spawn(app.rules.clone().run(index, shutdown.clone()));
    }
    tasks.spawn(truncate(app.store.clone(), shutdown.clone()));
    let until = |mut stop: watch::Receiver<bool>| async move {
        // A dropped sender ends the server as the signal does.
        let _ = stop.wait_for(|stopped| *stopped).await;
    };
    let serving = axum::serve(listener, api::router(app)).with_graceful_shutdown(until(shutdown.clone()));
    let drained = async {
        until(shutdown).await;
        tokio::time::sleep(DRAIN).await;
    };
    let result = tokio::select! {
        served = async { serving.await } => served.map_err(|e| ServerError::Died(e.to_string())),
        () = drained => Ok(()),
    };
    tasks.shutdown().await;
    result
}

async fn truncate(store: Arc<Store>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TRUNCATE_EVERY) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        let store = store.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || store.truncate(clock::now_ms())).await {
            tracing::error!(%error, "dropping old samples died");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_until_told_to_stop() {
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = start(ServerConfig::new(listener), stopped).unwrap();
        let url = format!("{}/-/ready", server.url());
        assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
        stop.send(true).unwrap();
        server.join().await.unwrap();
        assert!(reqwest::get(&url).await.is_err());
    }

    #[tokio::test]
    async fn every_broken_rule_file_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broken =
            |name: &str| (name.to_owned(), "groups: [{name: g, rules: [{record: r, expr: 'sum('}]}]".to_owned());
        let config = ServerConfig { rule_files: vec![broken("a"), broken("b")], ..ServerConfig::new(listener) };
        let error = start(config, watch::channel(false).1).unwrap_err().to_string();
        assert!(error.contains("a:1:") && error.contains("\nb:1:"), "{error}");
    }

    #[test]
    fn a_wildcard_address_is_reached_through_the_loopback() {
        assert_eq!(local_url(SocketAddr::from(([0, 0, 0, 0], 9090))), "http://127.0.0.1:9090");
        assert_eq!(local_url(SocketAddr::from(([127, 0, 0, 1], 80))), "http://127.0.0.1:80");
        assert_eq!(local_url("[::]:1".parse().unwrap()), "http://[::1]:1");
    }
}
