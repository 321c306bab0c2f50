//! The embedded Prometheus: scraper, rules and HTTP API.
//!
//! [`start`] takes a bound listener and a shutdown signal, so that callers choose ports and tests run many at once.
//! The store, the evaluation of PromQL and of rules are pure crates; this module gives them the clock and the network.

mod api;
mod clock;
pub(crate) mod json;
mod metrics;
mod relabel;
mod reload;
mod rule_manager;
mod scrape;
mod targets;

pub(crate) use clock::now_ms;
pub use relabel::{Action as RelabelAction, Relabel, relabel};
pub use reload::{Loaded, Reload};
pub use targets::{Credentials, ScrapeSettings, Target, TargetError};

use api::App;
use metrics::Metrics;
use promql::{Compat, Engine, EngineOptions, Labels};
use reload::Reloader;
use rule_manager::{RuleManager, RuleSettings};
use rules::RestoreLimits;
use scrape::Scraper;
use std::collections::BTreeMap;
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
    /// Pools and labels of targets that relabelling dropped, to be shown.
    pub dropped_targets: Vec<(String, Labels)>,
    /// Time between scrapes of a target.
    pub scrape_interval: Duration,
    /// Time between evaluations of rule groups that name none, and the step of subqueries that name none.
    pub eval_interval: Duration,
    /// Names and texts of rule files.
    pub rule_files: Vec<(String, String)>,
    /// Where samples are kept.
    pub store: Arc<Store>,
    /// Base URLs of Alertmanagers; each receives every alert.
    pub alertmanagers: Vec<String>,
    /// How long a firing alert is not sent again.
    pub resend_delay: Duration,
    /// What alerts keep over a restart.
    pub restore: RestoreLimits,
    /// Labels that alerts and federated series get on their way out.
    pub external_labels: Labels,
    /// Which Prometheus the evaluation follows.
    pub compat: Compat,
    /// Limits of queries.
    pub limits: QueryLimits,
    /// The configuration as text, for `/api/v1/status/config`.
    pub config: String,
    /// Flags with their values, for `/api/v1/status/flags`.
    pub flags: BTreeMap<String, String>,
    /// Reads targets and rules anew.
    pub reload: Option<Reload>,
}

/// Limits of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Longest evaluation.
    pub timeout: Duration,
    /// Samples that one query may read and compute.
    pub max_samples: usize,
    /// Queries that compute at one time; the others wait. 0 is twice the number of cores.
    pub max_concurrency: usize,
}

impl Default for QueryLimits {
    /// Two minutes and fifty million samples, as in Prometheus.
    fn default() -> Self {
        let max_samples = EngineOptions::default().max_samples;
        Self { timeout: Duration::from_secs(120), max_samples, max_concurrency: 0 }
    }
}

impl ServerConfig {
    /// A server with the usual settings: scrapes every second, rules every five, no targets, no rules, an empty store.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            targets: Vec::new(),
            dropped_targets: Vec::new(),
            scrape_interval: Duration::from_secs(1),
            eval_interval: Duration::from_secs(5),
            rule_files: Vec::new(),
            store: Arc::new(Store::default()),
            alertmanagers: Vec::new(),
            resend_delay: Duration::from_secs(60),
            restore: RestoreLimits::default(),
            external_labels: Labels::default(),
            compat: Compat::V3,
            limits: QueryLimits::default(),
            config: String::new(),
            flags: BTreeMap::new(),
            reload: None,
        }
    }

    fn engine(&self) -> Engine {
        Engine::new(EngineOptions {
            compat: self.compat,
            default_step_ms: i64::try_from(self.eval_interval.as_millis()).unwrap_or(i64::MAX),
            max_samples: self.limits.max_samples,
            ..EngineOptions::default()
        })
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
    reloader: Arc<Reloader>,
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

    /// Reads the configuration anew, as `POST /-/reload` does.
    ///
    /// # Errors
    /// In words; everything stays as it was then.
    pub fn reload(&self) -> Result<(), String> {
        self.reloader.reload()
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

/// Label sets as the Prometheus API lists them.
pub(crate) fn label_sets_json(sets: &[Labels]) -> String {
    json::label_sets(sets)
}

/// Starts scraping, evaluating and answering. It goes on until `shutdown` turns true or its sender is dropped.
///
/// # Errors
/// [`ServerError`] where a rule file is invalid or the listener unusable; nothing runs then.
pub fn start(config: ServerConfig, shutdown: watch::Receiver<bool>) -> Result<ServerHandle, ServerError> {
    let address = config.listener.local_addr().map_err(ServerError::Listener)?;
    let engine = config.engine();
    let metrics = Arc::new(Metrics::default());
    let board = Arc::new(TargetBoard::default());
    let scraper = Scraper::new(config.store.clone(), board.clone(), metrics.clone())
        .map_err(|e| ServerError::Scrape(e.to_string()))?;
    let settings = RuleSettings {
        external_labels: config.external_labels.clone(),
        external_url: local_url(address),
        alertmanagers: config.alertmanagers,
        resend_delay: config.resend_delay,
        restore: config.restore,
    };
    let rules = Arc::new(RuleManager::new(settings, config.store.clone(), engine.clone(), metrics.clone()));
    let reloader = Arc::new(Reloader::new(config.reload, scraper.clone(), rules.clone()));
    reloader.apply(Loaded {
        targets: config.targets,
        dropped_targets: config.dropped_targets,
        scrape_interval: config.scrape_interval,
        eval_interval: config.eval_interval,
        rule_files: config.rule_files,
        config: config.config,
    })?;
    let slots = match config.limits.max_concurrency {
        0 => std::thread::available_parallelism().map_or(2, usize::from) * 2,
        slots => slots,
    };
    let app = Arc::new(App {
        store: config.store,
        engine,
        board,
        rules,
        reloader: reloader.clone(),
        metrics,
        external_labels: config.external_labels,
        limits: config.limits,
        query_slots: Arc::new(Semaphore::new(slots)),
        started_ms: clock::now_ms(),
        flags: config.flags,
    });
    let task = tokio::spawn(run(app, scraper, config.listener, shutdown));
    Ok(ServerHandle { address, reloader, task })
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
    scraper: Arc<Scraper>,
    listener: TcpListener,
    shutdown: watch::Receiver<bool>,
) -> Result<(), ServerError> {
    let mut tasks = JoinSet::new();
    tasks.spawn(truncate(app.store.clone(), shutdown.clone()));
    let until = |mut stop: watch::Receiver<bool>| async move {
        // A dropped sender ends the server as the signal does.
        let _ = stop.wait_for(|stopped| *stopped).await;
    };
    let rules = app.rules.clone();
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
    scraper.stop().await;
    rules.stop().await;
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
