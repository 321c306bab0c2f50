//! Metrics of alerts on their way to Alertmanagers, under the names that Prometheus gives them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Where alerts are posted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    alertmanager: String,
}

/// What became of alerts.
#[derive(Debug, Default)]
pub(crate) struct NotificationMetrics {
    sent: Family<Endpoint, Counter>,
    errors: Family<Endpoint, Counter>,
    dropped: Counter,
    queued: Gauge,
    capacity: Gauge,
    discovered: Gauge,
}

impl NotificationMetrics {
    pub(super) fn register(&self, r: &mut Registry, capacity: usize) {
        self.capacity.set(i64::try_from(capacity).unwrap_or(i64::MAX));
        r.register("prometheus_notifications_sent", "Alerts that an Alertmanager took", self.sent.clone());
        let help = "Alerts in requests that failed; they are sent again unless the Alertmanager refuses them";
        r.register("prometheus_notifications_errors", help, self.errors.clone());
        let help = "Alerts dropped because too many waited";
        r.register("prometheus_notifications_dropped", help, self.dropped.clone());
        r.register("prometheus_notifications_queue_length", "Alerts that wait", self.queued.clone());
        r.register("prometheus_notifications_queue_capacity", "Alerts that can wait", self.capacity.clone());
        let help = "Alertmanagers that receive alerts";
        r.register("prometheus_notifications_alertmanagers_discovered", help, self.discovered.clone());
    }

    /// An Alertmanager is known.
    pub(crate) fn discover(&self, endpoint: &str) {
        self.discovered.inc();
        self.sent(endpoint, 0);
        self.failed(endpoint, 0);
    }

    /// An Alertmanager took alerts.
    pub(crate) fn sent(&self, endpoint: &str, count: usize) {
        self.sent.get_or_create(&Endpoint { alertmanager: endpoint.to_owned() }).inc_by(count as u64);
    }

    /// A request failed.
    pub(crate) fn failed(&self, endpoint: &str, count: usize) {
        self.errors.get_or_create(&Endpoint { alertmanager: endpoint.to_owned() }).inc_by(count as u64);
    }

    /// Alerts were dropped from a queue.
    pub(crate) fn dropped(&self, count: usize) {
        self.dropped.inc_by(count as u64);
        self.queued.dec_by(i64::try_from(count).unwrap_or(0));
    }

    /// So many more alerts wait.
    pub(crate) fn waiting(&self, change: i64) {
        self.queued.inc_by(change);
    }
}
