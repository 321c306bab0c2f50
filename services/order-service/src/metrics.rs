//! Business metrics. Every series exists at 0 from the start.

use crate::domain::OrderStatus;
use crate::store::outbox::Backlog;
use crate::store::{Inventory, Millis, Order};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;
type BySku = Family<[(&'static str, String); 1], Gauge>;

/// An order that was refused because too few units were left; not a state of an order.
const REJECTED: &str = "rejected";

/// What became of a payment attempt that was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// The money is ours.
    Captured,
    /// The provider refused.
    Declined,
    /// The provider failed in every attempt.
    Error,
}

/// What became of an attempt to deliver an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayOutcome {
    /// The receiver has it.
    Sent,
    /// It will be tried again.
    Retried,
    /// The receiver refused it for good.
    Dead,
}

/// Business metrics of orders, payments, stock and the outbox.
#[derive(Debug, Clone, Default)]
pub struct OrderMetrics {
    pipeline: Labelled<Counter>,
    orders: Labelled<Counter>,
    payments: Labelled<Counter>,
    value: Counter,
    on_hand: BySku,
    reserved: BySku,
    outbox_pending: Gauge,
    outbox_oldest: Gauge<f64, AtomicU64>,
    relayed: Labelled<Counter>,
}

impl OrderMetrics {
    /// Registers all metrics and creates their series at 0.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.create_series();
        let help = "Paid orders that were confirmed, or failed for a reason of ours";
        registry.register("order_pipeline", help, metrics.pipeline.clone());
        registry.register("orders", "Orders that reached a status", metrics.orders.clone());
        registry.register("payments", "Payments settled", metrics.payments.clone());
        registry.register("order_value_minor", "Value of confirmed orders, in minor units", metrics.value.clone());
        registry.register("inventory_on_hand", "Units in the warehouse", metrics.on_hand.clone());
        registry.register("inventory_reserved", "Units promised to unconfirmed orders", metrics.reserved.clone());
        registry.register("outbox_pending", "Events that wait for delivery", metrics.outbox_pending.clone());
        let help = "Age of the oldest event that waits, in seconds";
        registry.register("outbox_oldest_seconds", help, metrics.outbox_oldest.clone());
        registry.register("outbox_deliveries", "Attempts to deliver an event", metrics.relayed.clone());
        metrics
    }

    fn create_series(&self) {
        for outcome in ["success", "failure"] {
            drop(self.pipeline.get_or_create(&[("outcome", outcome)]));
        }
        for status in OrderStatus::ALL.iter().map(|status| status.as_str()).chain([REJECTED]) {
            drop(self.orders.get_or_create(&[("status", status)]));
        }
        for outcome in [PaymentOutcome::Captured, PaymentOutcome::Declined, PaymentOutcome::Error] {
            drop(self.payments.get_or_create(&outcome.label()));
        }
        for outcome in [RelayOutcome::Sent, RelayOutcome::Retried, RelayOutcome::Dead] {
            drop(self.relayed.get_or_create(&outcome.label()));
        }
    }

    /// An order was created: it was pending, and its stock is reserved.
    pub fn created(&self) {
        self.reached(OrderStatus::Pending);
        self.reached(OrderStatus::Reserved);
    }

    /// An order was refused because too few units were left.
    pub fn rejected(&self) {
        self.orders.get_or_create(&[("status", REJECTED)]).inc();
    }

    /// An order reached a state.
    pub fn reached(&self, status: OrderStatus) {
        self.orders.get_or_create(&[("status", status.as_str())]).inc();
    }

    /// A paid order was confirmed.
    pub fn confirmed(&self, order: &Order) {
        self.reached(OrderStatus::Confirmed);
        self.pipeline.get_or_create(&[("outcome", "success")]).inc();
        self.value.inc_by(u64::try_from(order.total).unwrap_or_default());
    }

    /// An order that the customer wanted to pay failed for a reason of ours.
    pub fn pipeline_failed(&self) {
        self.pipeline.get_or_create(&[("outcome", "failure")]).inc();
    }

    /// A payment was settled.
    pub fn payment(&self, outcome: PaymentOutcome) {
        self.payments.get_or_create(&outcome.label()).inc();
    }

    /// An attempt to deliver an event ended.
    pub fn relayed(&self, outcome: RelayOutcome) {
        self.relayed.get_or_create(&outcome.label()).inc();
    }

    /// The stock of a product.
    pub fn stock(&self, inventory: &Inventory) {
        let label = [("sku", inventory.sku.clone())];
        self.on_hand.get_or_create(&label).set(inventory.on_hand);
        self.reserved.get_or_create(&label).set(inventory.reserved);
    }

    /// The events that wait, as seen at `now`.
    pub fn backlog(&self, backlog: Backlog, now: Millis) {
        self.outbox_pending.set(backlog.pending);
        let age_ms = backlog.oldest.map_or(0, |oldest| (now - oldest).max(0));
        self.outbox_oldest.set(age_ms as f64 / 1_000.0);
    }
}

impl PaymentOutcome {
    fn label(self) -> [(&'static str, &'static str); 1] {
        let outcome = match self {
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Error => "error",
        };
        [("outcome", outcome)]
    }
}

impl RelayOutcome {
    fn label(self) -> [(&'static str, &'static str); 1] {
        let outcome = match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Dead => "dead",
        };
        [("outcome", outcome)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposition(registry: &Registry) -> String {
        service_common::metrics::encode(registry).unwrap()
    }

    #[test]
    fn every_series_starts_at_zero() {
        let mut registry = Registry::default();
        let _ = OrderMetrics::register(&mut registry);
        let text = exposition(&registry);
        for line in [
            "order_pipeline_total{outcome=\"success\"} 0",
            "order_pipeline_total{outcome=\"failure\"} 0",
            "orders_total{status=\"rejected\"} 0",
            "orders_total{status=\"refunded\"} 0",
            "payments_total{outcome=\"error\"} 0",
            "order_value_minor_total 0",
            "outbox_pending 0",
            "outbox_oldest_seconds 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn the_age_of_the_backlog_is_never_negative() {
        let mut registry = Registry::default();
        let metrics = OrderMetrics::register(&mut registry);
        metrics.backlog(Backlog { pending: 3, oldest: Some(1_000) }, 3_500);
        assert!(exposition(&registry).contains("outbox_oldest_seconds 2.5"));
        metrics.backlog(Backlog { pending: 1, oldest: Some(5_000) }, 3_500);
        assert!(exposition(&registry).contains("outbox_oldest_seconds 0.0"));
    }
}
