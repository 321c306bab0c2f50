//! Reading the configuration anew while the server runs.

use super::clock;
use super::rule_manager::RuleManager;
use super::scrape::Scraper;
use super::{ServerError, Target, parse_rules};
use promql::Labels;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What can change while a server runs.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it scrapes.
    pub targets: Vec<Target>,
    /// Pools and labels of what relabelling dropped.
    pub dropped_targets: Vec<(String, Labels)>,
    /// Time between scrapes of targets that name none.
    pub scrape_interval: Duration,
    /// Time between evaluations of rule groups that name none.
    pub eval_interval: Duration,
    /// Names and texts of rule files.
    pub rule_files: Vec<(String, String)>,
    /// The configuration as text, for `/api/v1/status/config`.
    pub config: String,
}

type Read = dyn Fn() -> Result<Loaded, String> + Send + Sync;

/// Reads the configuration anew.
#[derive(Clone)]
pub struct Reload(Arc<Read>);

impl Reload {
    /// Wraps a function that reads everything, or says what is wrong; nothing changes then.
    pub fn new(read: impl Fn() -> Result<Loaded, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload")
    }
}

/// How the last reload went.
#[derive(Clone, Debug)]
pub(crate) struct LastReload {
    pub good: bool,
    /// When the present configuration was read.
    pub at: i64,
    pub config: String,
}

/// Applies configurations to the running parts.
#[derive(Debug)]
pub(crate) struct Reloader {
    source: Option<Reload>,
    scraper: Arc<Scraper>,
    rules: Arc<RuleManager>,
    last: Mutex<LastReload>,
    /// One reload at a time.
    running: Mutex<()>,
}

impl Reloader {
    pub(crate) fn new(source: Option<Reload>, scraper: Arc<Scraper>, rules: Arc<RuleManager>) -> Self {
        let last = LastReload { good: true, at: clock::now_ms(), config: String::new() };
        Self { source, scraper, rules, last: Mutex::new(last), running: Mutex::default() }
    }

    pub(crate) fn last(&self) -> LastReload {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies a configuration; on an error everything stays as it is.
    pub(crate) fn apply(&self, loaded: Loaded) -> Result<(), ServerError> {
        let files = parse_rules(&loaded.rule_files)?;
        self.rules.set(files, loaded.eval_interval);
        self.scraper.set(loaded.targets, loaded.dropped_targets, loaded.scrape_interval);
        let last = LastReload { good: true, at: clock::now_ms(), config: loaded.config };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        Ok(())
    }

    /// Reads the configuration anew and applies it. Needs the context of a runtime, since it starts tasks.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let _one = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(source) = &self.source else {
            return Err("nothing can be reloaded: the server was started without files".to_owned());
        };
        let outcome = (source.0)().and_then(|loaded| self.apply(loaded).map_err(|e| e.to_string()));
        if outcome.is_err() {
            self.last.lock().unwrap_or_else(PoisonError::into_inner).good = false;
        }
        outcome
    }
}
