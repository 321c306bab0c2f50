//! Metrics of the queue and of deliveries. Every series exists at 0 from the start.

use crate::domain::{Channel, Status};
use crate::store::{Backlog, Millis};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Upper bounds of the time from acceptance to delivery, in seconds.
const DELIVERY_BUCKETS_S: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];

#[derive(Debug, Clone, Copy)]
struct DeliveryBuckets;

impl MetricConstructor<Histogram> for DeliveryBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(DELIVERY_BUCKETS_S)
    }
}

/// Metrics of the queue and of deliveries.
#[derive(Debug, Clone)]
pub struct NotificationMetrics {
    notifications: Family<[(&'static str, &'static str); 2], Counter>,
    delivery: Family<[(&'static str, &'static str); 1], Histogram, DeliveryBuckets>,
    retries: Family<[(&'static str, &'static str); 1], Counter>,
    depth: Gauge,
    oldest: Gauge<f64, AtomicU64>,
}

impl NotificationMetrics {
    /// Registers all metrics and creates their series at 0.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            notifications: Family::default(),
            delivery: Family::new_with_constructor(DeliveryBuckets),
            retries: Family::default(),
            depth: Gauge::default(),
            oldest: Gauge::default(),
        };
        for channel in Channel::ALL {
            for status in Status::ALL {
                drop(metrics.notifications.get_or_create(&labels(channel, status)));
            }
            drop(metrics.delivery.get_or_create(&[("channel", channel.as_str())]));
            drop(metrics.retries.get_or_create(&[("channel", channel.as_str())]));
        }
        let help = "Notifications that reached a status";
        registry.register("notifications", help, metrics.notifications.clone());
        let help = "Time from acceptance to delivery, in seconds";
        registry.register("notification_delivery_seconds", help, metrics.delivery.clone());
        let help = "Attempts to deliver that failed and will be repeated";
        registry.register("notification_retries", help, metrics.retries.clone());
        registry.register("notification_queue_depth", "Notifications that wait for delivery", metrics.depth.clone());
        let help = "Age of the oldest notification that waits, in seconds";
        registry.register("notification_queue_oldest_seconds", help, metrics.oldest.clone());
        metrics
    }

    /// A notification reached a status.
    pub fn reached(&self, channel: Channel, status: Status) {
        self.notifications.get_or_create(&labels(channel, status)).inc();
    }

    /// A notification that was accepted at `accepted` was delivered at `at`.
    pub fn delivered(&self, channel: Channel, accepted: Millis, at: Millis) {
        self.reached(channel, Status::Delivered);
        let seconds = (at - accepted).max(0) as f64 / 1_000.0;
        self.delivery.get_or_create(&[("channel", channel.as_str())]).observe(seconds);
    }

    /// An attempt failed and will be repeated.
    pub fn retried(&self, channel: Channel) {
        self.retries.get_or_create(&[("channel", channel.as_str())]).inc();
    }

    /// The notifications that wait, as seen at `now`.
    pub fn backlog(&self, backlog: Backlog, now: Millis) {
        self.depth.set(backlog.depth);
        let age_ms = backlog.oldest.map_or(0, |oldest| (now - oldest).max(0));
        self.oldest.set(age_ms as f64 / 1_000.0);
    }
}

fn labels(channel: Channel, status: Status) -> [(&'static str, &'static str); 2] {
    [("channel", channel.as_str()), ("status", status.as_str())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_starts_at_zero() {
        let mut registry = Registry::default();
        let _ = NotificationMetrics::register(&mut registry);
        let text = service_common::metrics::encode(&registry).unwrap();
        for line in [
            "notifications_total{channel=\"email\",status=\"accepted\"} 0",
            "notifications_total{channel=\"push\",status=\"failed\"} 0",
            "notifications_total{channel=\"sms\",status=\"suppressed\"} 0",
            "notification_delivery_seconds_bucket{le=\"30.0\",channel=\"sms\"} 0",
            "notification_delivery_seconds_count{channel=\"email\"} 0",
            "notification_queue_depth 0",
            "notification_queue_oldest_seconds 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_delivery_is_observed_in_seconds() {
        let mut registry = Registry::default();
        let metrics = NotificationMetrics::register(&mut registry);
        metrics.delivered(Channel::Sms, 1_000, 3_500);
        let text = service_common::metrics::encode(&registry).unwrap();
        assert!(text.contains("notification_delivery_seconds_sum{channel=\"sms\"} 2.5"), "{text}");
        assert!(text.contains("notification_delivery_seconds_bucket{le=\"1.0\",channel=\"sms\"} 0"), "{text}");
        assert!(text.contains("notification_delivery_seconds_bucket{le=\"5.0\",channel=\"sms\"} 1"), "{text}");
    }
}
