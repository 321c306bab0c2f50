//! The parts of a report.

use crate::latency::Latency;
use crate::route::{End, RouteStats};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Percentiles in milliseconds; null without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<f64>,
    /// 90th.
    pub p90: Option<f64>,
    /// 95th.
    pub p95: Option<f64>,
    /// 99th.
    pub p99: Option<f64>,
    /// Maximum.
    pub max: Option<f64>,
}

impl Percentiles {
    /// p50, p90, p95, p99 and maximum: the columns of every table.
    pub(crate) fn all(&self) -> [Option<f64>; 5] {
        [self.p50, self.p90, self.p95, self.p99, self.max]
    }
}

impl From<&Latency> for Percentiles {
    fn from(latency: &Latency) -> Self {
        let ms = |seconds: Option<f64>| seconds.map(|s| (s * 1e6).round() / 1e3);
        Self {
            p50: ms(latency.quantile(0.5)),
            p90: ms(latency.quantile(0.9)),
            p95: ms(latency.quantile(0.95)),
            p99: ms(latency.quantile(0.99)),
            max: ms(latency.max()),
        }
    }
}

/// One route of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Method and path.
    pub name: String,
    /// Its requests.
    pub count: u64,
    /// Those that failed, timed out or were censored.
    pub failed: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Intended start to last byte.
    pub response_ms: Percentiles,
    /// Actual start to last byte.
    pub service_ms: Percentiles,
    /// Intended start to actual start.
    pub lag_ms: Percentiles,
    /// The same requests apart by how they ended, the most frequent first.
    pub ends: Vec<EndReport>,
}

impl RouteReport {
    /// The numbers of a route.
    pub(crate) fn new(name: &str, stats: &RouteStats) -> Self {
        let mut ends: Vec<_> = stats
            .ends
            .iter()
            .map(|(end, times)| EndReport { end: *end, count: times.count, response_ms: (&times.response).into() })
            .collect();
        ends.sort_by_key(|end| std::cmp::Reverse(end.count));
        Self {
            name: name.to_owned(),
            count: stats.counts.total(),
            failed: stats.counts.total() - stats.counts.finished,
            statuses: stats.statuses.clone(),
            response_ms: (&stats.response).into(),
            service_ms: (&stats.service).into(),
            lag_ms: (&stats.lag).into(),
            ends,
        }
    }
}

/// The requests of a route that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndReport {
    /// A status, `broken`, `timed_out` or `censored`.
    pub end: End,
    /// How many.
    pub count: u64,
    /// Intended start to last byte.
    pub response_ms: Percentiles,
}

/// One threshold of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdReport {
    /// As given.
    pub expr: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The observation, in `unit`; null without data.
    pub observed: Option<f64>,
    /// `ms`, `%` or `/s`.
    pub unit: String,
    /// Whether it holds.
    pub ok: bool,
}

/// Where a run comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Its identity: the label `run` of the metrics that it wrote; the workers of one run share it.
    pub run: String,
    /// When its first request was due, in milliseconds since the Unix epoch.
    pub started_at_ms: Option<i64>,
    /// The profile, where there was one.
    pub profile: Option<String>,
    /// What it sent to.
    pub targets: Vec<String>,
    /// The program and version that wrote the file.
    pub tool: String,
}

/// A measurement of the server during the run, as its Prometheus saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// Of its values: `s`, `ratio`, `bytes`, `/s`, or nothing for plain numbers.
    pub unit: String,
    /// The PromQL behind it.
    pub query: String,
    /// A line each series: its name and points of seconds since the start and value.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Panel {
    /// A panel of these lines.
    pub fn new(title: &str, unit: &str, query: String, lines: Vec<(String, Vec<(f64, f64)>)>) -> Self {
        Self { title: title.to_owned(), unit: unit.to_owned(), query, lines }
    }
}

/// The distributions of a run as HdrHistogram V2 compressed base64, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histograms {
    /// Of the response time.
    pub response: String,
    /// Of the service time.
    pub service: String,
    /// Of the lag.
    pub lag: String,
}
