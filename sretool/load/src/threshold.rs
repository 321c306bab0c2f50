//! What a run must achieve: `p95<200ms`, `errors<0.1%`, `p99{route="POST /v1/orders"}<=1s`.

mod parse;

pub use parse::ThresholdError;

use crate::format;
use crate::route::RouteStats;
use crate::snapshot::{Counts, Snapshot};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A quantile of the response time, 0 to 1.
    Quantile(f64),
    /// The longest response time.
    Max,
    /// The shortest response time.
    Min,
    /// The mean response time.
    Mean,
    /// The ratio of requests that were not answered as expected.
    Errors,
    /// The ratio of requests that were.
    Availability,
    /// Requests answered in each second.
    Rate,
    /// The generator's own lag, at its 99th percentile: a run that breaks it is invalid, not failed.
    Lag,
}

impl Metric {
    /// Whether it is a response time.
    pub fn is_latency(self) -> bool {
        matches!(self, Self::Quantile(_) | Self::Max | Self::Min | Self::Mean)
    }
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether `observed` satisfies it.
    pub fn holds(self, observed: f64, limit: f64) -> bool {
        match self {
            Self::Less => observed < limit,
            Self::AtMost => observed <= limit,
            Self::More => observed > limit,
            Self::AtLeast => observed >= limit,
        }
    }
}

/// One condition on a run, as read from text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Threshold {
    /// The text.
    pub expr: String,
    /// What is compared.
    pub metric: Metric,
    /// The only route that counts; all when absent.
    pub route: Option<String>,
    /// How it is compared.
    pub comparison: Comparison,
    /// Seconds, ratio, or requests a second.
    pub limit: f64,
    /// Whether the limit is a ratio of the target rate.
    pub of_target: bool,
}

/// A threshold held against a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Seconds, ratio, or requests a second.
    pub limit: f64,
    /// The same of the run; none without data.
    pub observed: Option<f64>,
    /// Whether the condition holds; never without data.
    pub ok: bool,
}

/// What a rate is measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Basis {
    pub(crate) seconds: f64,
    pub(crate) target_rps: f64,
    /// The share of answers that came in time to count for a rate.
    pub(crate) in_time: f64,
    /// Whether requests open at the end say nothing about the server.
    pub(crate) interrupted: bool,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        parse::parse(text)
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.expr
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expr)
    }
}

impl Threshold {
    /// Holds it against the statistics of a run (or of its time so far).
    pub(crate) fn check(&self, snapshot: &Snapshot, basis: Basis) -> Checked {
        if self.metric == Metric::Lag {
            return self.held(snapshot.own_lag.quantile(0.99), self.limit);
        }
        self.check_stats(&self.scoped(snapshot), basis)
    }

    fn held(&self, observed: Option<f64>, limit: f64) -> Checked {
        Checked { limit, observed, ok: observed.is_some_and(|observed| self.comparison.holds(observed, limit)) }
    }

    /// The statistics it is about.
    pub(crate) fn scoped(&self, snapshot: &Snapshot) -> RouteStats {
        match &self.route {
            Some(route) => snapshot.routes.get(route).cloned().unwrap_or_default(),
            None => snapshot.overall(),
        }
    }

    pub(crate) fn check_stats(&self, stats: &RouteStats, basis: Basis) -> Checked {
        let limit = if self.of_target { self.limit * basis.target_rps } else { self.limit };
        self.held(self.observe(stats, basis), limit)
    }

    fn observe(&self, stats: &RouteStats, basis: Basis) -> Option<f64> {
        match self.metric {
            Metric::Quantile(_) | Metric::Max | Metric::Min | Metric::Mean => self.latency(&stats.response),
            Metric::Errors => error_ratio(&stats.counts, basis.interrupted),
            Metric::Availability => error_ratio(&stats.counts, basis.interrupted).map(|errors| 1.0 - errors),
            Metric::Rate => {
                let seen = stats.counts.total() > 0 && basis.seconds > 0.0;
                seen.then(|| stats.counts.answered() as f64 * basis.in_time / basis.seconds)
            }
            Metric::Lag => stats.lag.quantile(0.99),
        }
    }

    /// Its statistic of a distribution of response times.
    pub(crate) fn latency(&self, latency: &crate::Latency) -> Option<f64> {
        match self.metric {
            Metric::Quantile(q) => latency.quantile(q),
            Metric::Max => latency.max(),
            Metric::Min => latency.min(),
            Metric::Mean => latency.mean(),
            Metric::Errors | Metric::Availability | Metric::Rate | Metric::Lag => None,
        }
    }

    /// The unit in which [`Threshold::in_unit`] gives numbers: `ms`, `%` or `/s`.
    pub fn unit(&self) -> &'static str {
        match self.metric {
            Metric::Errors | Metric::Availability => "%",
            Metric::Rate => "/s",
            _ => "ms",
        }
    }

    /// A limit or observation in [`Threshold::unit`].
    pub fn in_unit(&self, value: f64) -> f64 {
        match self.metric {
            Metric::Errors | Metric::Availability => value * 100.0,
            Metric::Rate => value,
            _ => value * 1e3,
        }
    }

    /// A limit or observation as text.
    pub fn show(&self, value: Option<f64>) -> String {
        let Some(value) = value else { return "no data".to_owned() };
        match self.metric {
            Metric::Errors | Metric::Availability => format::percent(value),
            Metric::Rate => format!("{value:.1}/s"),
            _ => format::ms(Some(value)),
        }
    }
}

/// Requests that were not answered as expected, over all; those cut off by the user count as neither.
pub(crate) fn error_ratio(counts: &Counts, interrupted: bool) -> Option<f64> {
    let censored = if interrupted { 0 } else { counts.censored };
    let errors = counts.failed + counts.timed_out + censored;
    let total = counts.finished + errors;
    (total > 0).then(|| errors as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot { scheduled: 1000, ..Snapshot::default() };
        for (route, ms, failed) in [("GET /a", 100, 0), ("POST /b", 300, 10)] {
            let stats = snapshot.routes.entry(route.to_owned()).or_default();
            (0..500).for_each(|_| stats.response.record(Duration::from_millis(ms)));
            stats.counts = Counts { finished: 500 - failed, failed, ..Counts::default() };
        }
        snapshot.own_lag.record(Duration::from_millis(5));
        snapshot
    }

    #[track_caller]
    fn check(expr: &str, observed: Option<f64>, ok: bool) {
        let basis = Basis { seconds: 10.0, target_rps: 100.0, in_time: 1.0, interrupted: false };
        let threshold: Threshold = expr.parse().unwrap();
        let checked = threshold.check(&snapshot(), basis);
        let close = match (checked.observed, observed) {
            // A histogram keeps three digits.
            (Some(a), Some(b)) => (a - b).abs() <= b / 1000.0,
            (a, b) => a == b,
        };
        assert!(close, "{expr}: observed {:?}, expected {observed:?}", checked.observed);
        assert_eq!(checked.ok, ok, "{expr}: {checked:?}");
    }

    #[test]
    fn thresholds_compare_what_they_say() {
        for (expr, observed, ok) in [
            ("p50<200ms", Some(0.1), true),
            ("p95<200ms", Some(0.3), false),
            ("p95<=300ms", Some(0.3), true),
            ("p95<300ms", Some(0.3), false),
            ("max<1s", Some(0.3), true),
            ("min>50ms", Some(0.1), true),
            ("p95{route=\"GET /a\"}<200ms", Some(0.1), true),
            ("p95{route=\"GET /none\"}<200ms", None, false),
            ("errors<1%", Some(0.01), false),
            ("errors<=1%", Some(0.01), true),
            ("errors{route=\"GET /a\"}<0.1%", Some(0.0), true),
            ("errors{route=\"POST /b\"}<1%", Some(0.02), false),
            ("availability>=99%", Some(0.99), true),
            ("availability>99.9%", Some(0.99), false),
            ("rate>=100", Some(100.0), true),
            ("rate>100/s", Some(100.0), false),
            ("rate>=99%", Some(100.0), true),
            ("rate{route=\"GET /a\"}>=50", Some(50.0), true),
            ("lag<10ms", Some(0.005), true),
            ("lag<=1ms", Some(0.005), false),
        ] {
            check(expr, observed, ok);
        }
    }

    #[test]
    fn nothing_observed_is_never_ok() {
        let basis = Basis { seconds: 0.0, target_rps: 100.0, in_time: 1.0, interrupted: false };
        for expr in ["p95<1s", "errors<1%", "availability>=0%", "rate>=0", "max<1s", "mean<1s"] {
            let checked = expr.parse::<Threshold>().unwrap().check(&Snapshot::default(), basis);
            assert_eq!((checked.observed, checked.ok), (None, false), "{expr}");
        }
    }

    #[test]
    fn unanswered_requests_are_errors_unless_the_user_cut_the_run() {
        let counts = Counts { finished: 80, failed: 0, timed_out: 10, censored: 10 };
        assert_eq!(error_ratio(&counts, false), Some(0.2));
        assert_eq!(error_ratio(&counts, true), Some(10.0 / 90.0));
    }

    #[test]
    fn observations_read_in_the_unit_of_the_metric() {
        let latency: Threshold = "p95<200ms".parse().unwrap();
        assert_eq!((latency.show(Some(0.2)), latency.in_unit(0.2), latency.unit()), ("200 ms".into(), 200.0, "ms"));
        let errors: Threshold = "errors<0.1%".parse().unwrap();
        assert_eq!((errors.show(Some(0.001)), errors.unit()), ("0.1%".into(), "%"));
        assert_eq!(errors.show(None), "no data");
        let rate: Threshold = "rate>=99%".parse().unwrap();
        assert_eq!((rate.show(Some(990.0)), rate.unit()), ("990.0/s".into(), "/s"));
    }
}
