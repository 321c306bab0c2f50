//! Where answers come from: a Prometheus-compatible HTTP API, or a file evaluated in process.

mod http;
mod listing;
mod local;
mod wire;

pub use http::PrometheusHttp;
pub use listing::Span;
pub use local::Local;
pub use wire::{ActiveAlert, BuildInfo, RuleGroup, RuleStatus};

use promql::Value;
use std::time::Duration;

/// Used where neither the flag nor the environment names a server.
pub const DEFAULT_PROMETHEUS: &str = "http://127.0.0.1:9090";

/// A source of PromQL answers.
#[derive(Debug, Clone)]
pub enum Source {
    /// Prometheus, Thanos, Mimir, VictoriaMetrics, or `sretool serve`.
    Http(PrometheusHttp),
    /// Samples held in process.
    Local(Local),
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The result.
    pub value: Value,
    /// What the source warns about; the result still stands.
    pub warnings: Vec<String>,
}

/// Why a source gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// Nothing answers there.
    #[error("{url} does not answer: {cause}")]
    Unreachable {
        /// Where.
        url: String,
        /// The transport's reason.
        cause: String,
    },
    /// No answer within the time allowed.
    #[error("{url} did not answer within {:.0?}", limit)]
    Timeout {
        /// Where.
        url: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The source understood and refused: a wrong query, a limit.
    #[error("{kind}: {message}")]
    Refused {
        /// Prometheus' `errorType`.
        kind: String,
        /// Prometheus' `error`.
        message: String,
    },
    /// Something answers, but not a Prometheus API.
    #[error("{url} does not speak the Prometheus API: {cause}")]
    NotPrometheus {
        /// Where.
        url: String,
        /// What was wrong.
        cause: String,
    },
    /// The address or file is unusable.
    #[error("{0}")]
    Invalid(String),
}

impl SourceError {
    /// Whether the query itself is at fault, rather than the way to the source.
    pub fn is_query_error(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind == "bad_data" || kind == "execution")
    }
}

impl Source {
    /// The server named by the flag, else by `PROMETHEUS_URL`, else [`DEFAULT_PROMETHEUS`].
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when the address is no http(s) URL.
    pub fn resolve(flag: Option<&str>) -> Result<Self, SourceError> {
        let from_environment = std::env::var("PROMETHEUS_URL").ok().filter(|url| !url.is_empty());
        let url = flag.map(str::to_owned).or(from_environment).unwrap_or_else(|| DEFAULT_PROMETHEUS.to_owned());
        Ok(Self::Http(PrometheusHttp::new(&url)?))
    }

    /// Reads an OpenMetrics or Prometheus text file and answers from it.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] naming the file, and the line of a syntax error.
    pub fn from_openmetrics(path: &std::path::Path) -> Result<Self, SourceError> {
        Ok(Self::Local(Local::read(path)?))
    }

    /// The source as people know it: its URL or file.
    pub fn name(&self) -> &str {
        match self {
            Self::Http(http) => http.url(),
            Self::Local(local) => local.name(),
        }
    }

    /// Evaluates at one time (milliseconds since the Unix epoch).
    pub async fn instant(&self, expr: &str, at_ms: i64) -> Result<Answer, SourceError> {
        match self {
            Self::Http(http) => http.instant(expr, at_ms).await,
            Self::Local(local) => local.instant(expr, at_ms),
        }
    }

    /// Evaluates at every step from `start_ms` to `end_ms`, both inclusive.
    pub async fn range(&self, expr: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Answer, SourceError> {
        match self {
            Self::Http(http) => http.range(expr, start_ms, end_ms, step_ms).await,
            Self::Local(local) => local.range(expr, start_ms, end_ms, step_ms),
        }
    }

    /// Rule groups with their state; none from a file.
    pub async fn rules(&self) -> Result<Vec<RuleGroup>, SourceError> {
        match self {
            Self::Http(http) => http.rules().await,
            Self::Local(_) => Ok(Vec::new()),
        }
    }

    /// Pending and firing alerts; none from a file.
    pub async fn alerts(&self) -> Result<Vec<ActiveAlert>, SourceError> {
        match self {
            Self::Http(http) => http.alerts().await,
            Self::Local(_) => Ok(Vec::new()),
        }
    }

    /// Version and flavour of the server.
    pub async fn build_info(&self) -> Result<BuildInfo, SourceError> {
        match self {
            Self::Http(http) => http.build_info().await,
            Self::Local(_) => Ok(BuildInfo::in_process()),
        }
    }

    /// The newest sample's time where the source is a file, else the wall clock's: what "now" means there.
    pub fn default_time_ms(&self) -> i64 {
        match self {
            Self::Http(_) => chrono::Utc::now().timestamp_millis(),
            Self::Local(local) => local.newest_ms().unwrap_or_else(|| chrono::Utc::now().timestamp_millis()),
        }
    }
}
