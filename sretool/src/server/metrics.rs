//! What the server measures of itself, served at `/metrics`.

mod groups;
mod notifications;

pub(crate) use groups::{GroupMetrics, GroupName};
pub(crate) use notifications::NotificationMetrics;

use super::rule_manager::QUEUE_CAPACITY;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
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
    pub rule_group_seconds: Histogram,
    pub groups: GroupMetrics,
    pub notifications: NotificationMetrics,
    /// Metrics whose names are Prometheus' own.
    compatible: Registry,
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
            rule_group_seconds: seconds(),
            groups: GroupMetrics::default(),
            notifications: NotificationMetrics::default(),
            compatible: Registry::default(),
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
        let help = "Time to evaluate a group of rules";
        r.register_with_unit("rule_group_duration", help, Unit::Seconds, self.rule_group_seconds.clone());
        r.register("store_series", "Series in the store", self.series.clone());
        r.register("store_samples", "Samples in the store", self.stored_samples.clone());
        r.register("store_size_bytes", "Estimate of the memory of the store", self.store_bytes.clone());
        let r = &mut self.compatible;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        r.register("sretool_build", "The version that runs", build);
        r.register("prometheus_tsdb_head_series", "Series in the store", self.series.clone());
        self.groups.register(r);
        self.notifications.register(r, QUEUE_CAPACITY);
    }

    /// A counter that is born at its first failure loses that failure.
    fn start_at_zero(&self) {
        for outcome in ["success", "failure"] {
            Self::count(&self.scrapes, outcome, 0);
        }
        for outcome in ["accepted", "rejected"] {
            Self::count(&self.samples, outcome, 0);
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
        text::encode_registry(&mut out, &self.registry)?;
        text::encode(&mut out, &self.compatible)?;
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
        assert_eq!(value("prometheus_notifications_queue_capacity"), Some(10_000.0));
        let group = GroupName { rule_group: "f;g".into() };
        metrics.groups.describe(&group, 5.0, 2);
        metrics.groups.evaluated(&group, 1500, std::time::Duration::from_secs(1), [2, 1, 7]);
        let text = metrics.expose(Stats::default()).unwrap();
        for line in [
            "prometheus_rule_evaluation_failures_total{rule_group=\"f;g\"} 1",
            "prometheus_rule_group_interval_seconds{rule_group=\"f;g\"} 5.0",
            "prometheus_rule_group_last_evaluation_timestamp_seconds{rule_group=\"f;g\"} 1.5",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        metrics.groups.remove(&group);
        assert!(!metrics.expose(Stats::default()).unwrap().contains("f;g"));
    }
}
