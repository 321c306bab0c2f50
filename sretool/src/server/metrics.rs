//! What the server measures of itself, served at `/metrics`.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tsdb::Stats;

/// One label that tells members of a family apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Job {
    pub job: String,
}

/// The endpoint of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Handler {
    pub handler: String,
}

/// An endpoint and the status of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answer {
    pub handler: String,
    pub code: u16,
}

/// How something went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub outcome: &'static str,
}

/// The server's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub requests: Family<Answer, Counter>,
    pub request_seconds: Family<Handler, Histogram>,
    pub scrapes: Family<Outcome, Counter>,
    pub scrape_seconds: Family<Job, Histogram>,
    pub samples: Family<Outcome, Counter>,
    pub rule_evaluations: Family<Outcome, Counter>,
    pub rule_group_seconds: Histogram,
    pub rule_iterations_missed: Counter,
    pub notifications: Family<Outcome, Counter>,
    series: Gauge,
    stored_samples: Gauge,
    store_bytes: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("sretool"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            scrapes: Family::default(),
            scrape_seconds: Family::new_with_constructor(seconds),
            samples: Family::default(),
            rule_evaluations: Family::default(),
            rule_group_seconds: seconds(),
            rule_iterations_missed: Counter::default(),
            notifications: Family::default(),
            series: Gauge::default(),
            stored_samples: Gauge::default(),
            store_bytes: Gauge::default(),
        };
        metrics.register();
        metrics.start_at_zero();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("http_requests", "Requests to the API", self.requests.clone());
        let help = "Time until an answer of the API";
        r.register_with_unit("http_request_duration", help, Unit::Seconds, self.request_seconds.clone());
        r.register("scrapes", "Scrapes of targets", self.scrapes.clone());
        r.register_with_unit("scrape_duration", "Time of a scrape", Unit::Seconds, self.scrape_seconds.clone());
        r.register("samples", "Samples handed to the store", self.samples.clone());
        r.register("rule_evaluations", "Evaluations of rules", self.rule_evaluations.clone());
        let help = "Time to evaluate a group of rules";
        r.register_with_unit("rule_group_duration", help, Unit::Seconds, self.rule_group_seconds.clone());
        let help = "Evaluations of groups that were skipped because the one before took too long";
        r.register("rule_group_iterations_missed", help, self.rule_iterations_missed.clone());
        r.register("notifications", "Alerts handed to the Alertmanager", self.notifications.clone());
        r.register("store_series", "Series in the store", self.series.clone());
        r.register("store_samples", "Samples in the store", self.stored_samples.clone());
        r.register("store_size_bytes", "Estimate of the memory of the store", self.store_bytes.clone());
    }

    /// A counter that is born at its first failure loses that failure.
    fn start_at_zero(&self) {
        for family in [&self.scrapes, &self.rule_evaluations] {
            Self::count(family, "success", 0);
            Self::count(family, "failure", 0);
        }
        for outcome in ["accepted", "rejected"] {
            Self::count(&self.samples, outcome, 0);
        }
        for outcome in ["sent", "failed", "dropped"] {
            Self::count(&self.notifications, outcome, 0);
        }
    }

    /// Counts one of two outcomes.
    pub(crate) fn count(family: &Family<Outcome, Counter>, outcome: &'static str, by: usize) {
        family.get_or_create(&Outcome { outcome }).inc_by(by as u64);
    }

    /// The exposition, in OpenMetrics.
    pub(crate) fn expose(&self, stats: Stats) -> Result<String, std::fmt::Error> {
        let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.series.set(gauge(stats.series));
        self.stored_samples.set(gauge(stats.samples));
        self.store_bytes.set(gauge(stats.bytes));
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_is_valid_and_starts_at_zero() {
        let metrics = Metrics::default();
        Metrics::count(&metrics.samples, "accepted", 3);
        let text = metrics.expose(Stats { series: 7, ..Stats::default() }).unwrap();
        let parsed = tsdb::exposition::parse(&text, tsdb::exposition::Format::OpenMetrics, 0).unwrap();
        let value = |series: &str| parsed.samples.iter().find(|s| s.labels.to_string() == series).map(|s| s.value);
        assert_eq!(value(r#"sretool_samples_total{outcome="accepted"}"#), Some(3.0));
        assert_eq!(value(r#"sretool_scrapes_total{outcome="failure"}"#), Some(0.0));
        assert_eq!(value("sretool_store_series"), Some(7.0));
    }
}
