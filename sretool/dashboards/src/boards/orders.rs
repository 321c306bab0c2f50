//! Orders: what customers buy, and what keeps them from it.

use super::board;
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Green, Orange, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    board(
        "orders-business",
        "Orders",
        "Orders from placement to confirmation: pipeline, payments, value, stock and the outbox that carries events on.",
        &["business"],
        vec![
            Row::new("Now", now()),
            Row::new("Pipeline", pipeline()),
            Row::new("Stock", stock()),
            Row::new("Outbox", outbox()),
        ],
    )
}

fn now() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stat, "Orders placed", Unit::OperationsPerMinute, "New orders a minute.")
            .query(r#"60 * sum(rate(orders_total{status="pending"}[$__rate_interval]))"#, "placed")
            .size(6, 5),
        Panel::new(
            Kind::Stat,
            "Pipeline success",
            Unit::Ratio,
            "Share of paid orders that were confirmed; a declined card is no failure of ours and does not count.",
        )
        .query(
            r#"sum(rate(order_pipeline_total{outcome="success"}[$__rate_interval]))
/
sum(rate(order_pipeline_total[$__rate_interval]))"#,
            "success",
        )
        .size(6, 5)
        .decimals(2)
        .colors(Red, &[(0.99, Yellow), (0.995, Green)]),
        Panel::new(
            Kind::Stat,
            "Value",
            Unit::Count,
            "Value of confirmed orders in the shown time, in major units of the currency.",
        )
        .query("sum(increase(order_value_minor_total[$__range])) / 100", "value")
        .size(6, 5),
        Panel::new(Kind::Stat, "Cards declined", Unit::Ratio, "Share of payments that the bank declined.")
            .query(
                r#"sum(rate(payments_total{outcome="declined"}[$__rate_interval]))
/
sum(rate(payments_total[$__rate_interval]))"#,
                "declined",
            )
            .size(6, 5)
            .decimals(1)
            .colors(Green, &[(0.1, Yellow), (0.3, Red)]),
    ]
}

fn pipeline() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Orders by status",
            Unit::OperationsPerMinute,
            "Orders that entered a status, a minute.",
        )
        .query("60 * sum by (status) (rate(orders_total[$__rate_interval]))", "{{status}}")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Paid orders by outcome",
            Unit::OperationsPerMinute,
            "Paid orders that were confirmed, and those that failed for a reason of ours, a minute.",
        )
        .runbook("OrderPipelineBudgetBurn")
        .query("60 * sum by (outcome) (rate(order_pipeline_total[$__rate_interval]))", "{{outcome}}")
        .min(0.0),
        Panel::new(
            Kind::Stacked,
            "Payments by outcome",
            Unit::OperationsPerMinute,
            "Payments a minute. `declined` is the bank's answer, `error` is a payment provider in trouble.",
        )
        .query("60 * sum by (outcome) (rate(payments_total[$__rate_interval]))", "{{outcome}}")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Order value",
            Unit::Count,
            "Value of orders a minute, in major units of the currency.",
        )
        .query("60 * sum(rate(order_value_minor_total[$__rate_interval])) / 100", "value")
        .min(0.0),
    ]
}

fn stock() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::BarGauge,
            "Available",
            Unit::Count,
            "Pieces that can still be sold: on hand and not reserved.",
        )
        .query("sum by (sku) (inventory_on_hand) - sum by (sku) (inventory_reserved)", "{{sku}}")
        .size(12, 9)
        .min(0.0)
        .colors(Red, &[(1.0, Orange), (10.0, Green)]),
        Panel::new(Kind::TimeSeries, "Reserved", Unit::Count, "Pieces that orders hold before they are paid for.")
            .query("sum by (sku) (inventory_reserved)", "{{sku}}")
            .size(12, 9)
            .min(0.0),
    ]
}

fn outbox() -> Vec<Panel> {
    vec![
        Panel::new(Kind::TimeSeries, "Events waiting", Unit::Count, "Events in the outbox that no one has taken yet.")
            .query("sum by (service) (outbox_pending)", "{{service}}")
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Oldest event",
            Unit::Seconds,
            "Age of the oldest event in the outbox; it grows by a second a second while nothing is taken.",
        )
        .runbook("OutboxStalled")
        .query("max by (service) (outbox_oldest_seconds)", "{{service}}")
        .min(0.0)
        .colors(Green, &[(60.0, Red)])
        .lines(),
    ]
}
