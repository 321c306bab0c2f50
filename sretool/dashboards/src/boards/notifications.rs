//! Notifications: accepted, delivered, and how long that took.

use super::board;
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Green, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    board(
        "notifications",
        "Notifications",
        "Messages by e-mail, SMS and push: what was accepted, what was delivered, how fresh it was, and what waits.",
        &["business"],
        vec![Row::new("Now", now()), Row::new("Delivery", delivery()), Row::new("Queue", queue())],
    )
}

fn quantile(q: &str, by: &str) -> String {
    format!("histogram_quantile({q}, sum by ({by}) (rate(notification_delivery_seconds_bucket[$__rate_interval])))")
}

fn now() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stat, "Accepted", Unit::OperationsPerMinute, "Notifications accepted a minute.")
            .query(r#"60 * sum(rate(notifications_total{status="accepted"}[$__rate_interval]))"#, "accepted")
            .size(6, 5),
        Panel::new(
            Kind::Stat,
            "Failed",
            Unit::Ratio,
            "Share of finished notifications that were given up after all attempts.",
        )
        .query(
            r#"sum(rate(notifications_total{status="failed"}[$__rate_interval]))
/
sum(rate(notifications_total{status=~"delivered|failed"}[$__rate_interval]))"#,
            "failed",
        )
        .size(6, 5)
        .decimals(2)
        .colors(Green, &[(0.001, Yellow), (0.01, Red)]),
        Panel::new(
            Kind::Stat,
            "Fresh",
            Unit::Ratio,
            "Share of deliveries within 30 s of acceptance, the threshold of the freshness objective.",
        )
        .runbook("FreshnessBudgetBurn")
        .query(
            r#"sum(rate(notification_delivery_seconds_bucket{le=~"30(\\.0)?"}[$__rate_interval]))
/
sum(rate(notification_delivery_seconds_count[$__rate_interval]))"#,
            "fresh",
        )
        .size(6, 5)
        .decimals(2)
        .colors(Red, &[(0.95, Yellow), (0.99, Green)]),
        Panel::new(Kind::Stat, "Oldest waiting", Unit::Seconds, "Age of the oldest notification in the queue.")
            .runbook("NotificationQueueStalled")
            .query("max(notification_queue_oldest_seconds)", "oldest")
            .size(6, 5)
            .colors(Green, &[(30.0, Yellow), (120.0, Red)]),
    ]
}

fn delivery() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Notifications by status",
            Unit::OperationsPerMinute,
            "Accepted and delivered should run together; a gap is a growing queue.",
        )
        .query("60 * sum by (status) (rate(notifications_total[$__rate_interval]))", "{{status}}")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Failures by channel",
            Unit::OperationsPerMinute,
            "Notifications given up, a minute; one channel alone points at its provider.",
        )
        .query(r#"60 * sum by (channel) (rate(notifications_total{status="failed"}[$__rate_interval]))"#, "{{channel}}")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Time to delivery",
            Unit::Seconds,
            "From acceptance to delivery, waiting and retries included; the line is the objective's 30 s. Dots are traces.",
        )
        .runbook("FreshnessBudgetBurn")
        .query(&quantile("0.5", "le"), "p50")
        .query(&quantile("0.95", "le"), "p95")
        .query(&quantile("0.99", "le"), "p99")
        .exemplars()
        .min(0.0)
        .colors(Green, &[(30.0, Red)])
        .lines(),
        Panel::new(Kind::TimeSeries, "p95 by channel", Unit::Seconds, "95 % of a channel's deliveries are faster. Dots are traces.")
            .query(&quantile("0.95", "channel, le"), "{{channel}}")
            .exemplars()
            .min(0.0),
    ]
}

fn queue() -> Vec<Panel> {
    vec![
        Panel::new(Kind::TimeSeries, "Queue depth", Unit::Count, "Notifications that wait for delivery.")
            .query("sum(notification_queue_depth)", "waiting")
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Oldest waiting",
            Unit::Seconds,
            "Age of the oldest notification; a rise at a slope of one means that nothing is delivered at all.",
        )
        .runbook("NotificationQueueStalled")
        .query("max(notification_queue_oldest_seconds)", "oldest")
        .min(0.0)
        .colors(Green, &[(30.0, Red)])
        .lines(),
    ]
}
