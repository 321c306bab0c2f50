//! Is everything all right, and if not, where to look.

use super::board;
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Green, Orange, Red, Yellow};

const ERROR_RATIO: &str = r#"sum(rate(http_requests_total{status=~"5.."}[$__rate_interval]))
/
sum(rate(http_requests_total[$__rate_interval]))"#;

const ERROR_RATIO_BY_SERVICE: &str = r#"sum by (service) (rate(http_requests_total{status=~"5.."}[$__rate_interval]))
/
sum by (service) (rate(http_requests_total[$__rate_interval]))"#;

pub(super) fn dashboard() -> Dashboard {
    board(
        "platform-overview",
        "Platform overview",
        "Health of every service at a glance: traffic, errors, latency, error budgets, alerts and what customers got done.",
        &["overview"],
        vec![
            Row::new("Now", now()),
            Row::new("Services", services()),
            Row::new("Objectives", objectives()),
            Row::new("Customers", customers()),
        ],
    )
}

fn now() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::Stat,
            "Targets down",
            Unit::None,
            "Scrape targets that do not answer; anything but 0 needs a person.",
        )
        .runbook("ServiceDown")
        .query("count(up == 0) or vector(0)", "down")
        .colors(Green, &[(1.0, Red)]),
        Panel::new(Kind::Stat, "Firing alerts", Unit::None, "Alerts that fire now, tickets included.")
            .query(r#"count(ALERTS{alertstate="firing"}) or vector(0)"#, "firing")
            .colors(Green, &[(1.0, Orange)]),
        Panel::new(Kind::Stat, "Traffic", Unit::RequestsPerSecond, "Requests a second to all services.")
            .query("sum(rate(http_requests_total[$__rate_interval]))", "requests"),
        Panel::new(Kind::Stat, "Error ratio", Unit::Ratio, "Share of requests answered with a server error (5xx).")
            .query(ERROR_RATIO, "errors")
            .decimals(2)
            .colors(Green, &[(0.001, Yellow), (0.01, Red)]),
        Panel::new(Kind::Stat, "p99 latency", Unit::Seconds, "99 % of requests to all services are answered faster.")
            .query(
                "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
                "p99",
            )
            .colors(Green, &[(0.2, Yellow), (0.5, Red)]),
        Panel::new(
            Kind::Stat,
            "Least budget left",
            Unit::Ratio,
            "Error budget that is left to the objective in the worst state; below 0 its objective is missed.",
        )
        .query("min(slo:period_error_budget_remaining:ratio)", "budget")
        .colors(Red, &[(0.0, Orange), (0.25, Yellow), (0.5, Green)]),
    ]
}

fn services() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stacked, "Traffic by service", Unit::RequestsPerSecond, "Requests a second; areas add up.")
            .query("sum by (service) (rate(http_requests_total[$__rate_interval]))", "{{service}}")
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Error ratio by service",
            Unit::Ratio,
            "Share of requests with a server error (5xx).",
        )
        .runbook("AvailabilityBudgetBurn")
        .query(ERROR_RATIO_BY_SERVICE, "{{service}}")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "p95 latency by service",
            Unit::Seconds,
            "95 % of requests are answered faster; the line is the objective's 200 ms. Dots are traces.",
        )
        .runbook("LatencyBudgetBurn")
        .query(
            "histogram_quantile(0.95, sum by (service, le) \
             (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
            "{{service}}",
        )
        .exemplars()
        .min(0.0)
        .colors(Green, &[(0.2, Red)])
        .lines(),
        Panel::new(
            Kind::StateTimeline,
            "Availability of targets",
            Unit::None,
            "Whether each target answers its scrapes.",
        )
        .runbook("ServiceDown")
        .query("up", "{{job}}")
        .size(12, 8)
        .states(&[(0, "down", Red), (1, "up", Green)])
        .colors(Red, &[(1.0, Green)]),
    ]
}

fn objectives() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::BarGauge,
            "Error budget left",
            Unit::Ratio,
            "Share of the period's error budget that is left, by objective; below 0 the objective is missed.",
        )
        .query("slo:period_error_budget_remaining:ratio", "{{sloth_service}} {{sloth_slo}}")
        .size(12, 9)
        .min(0.0)
        .max(1.0)
        .colors(Red, &[(0.0, Orange), (0.25, Yellow), (0.5, Green)]),
        Panel::new(
            Kind::TimeSeries,
            "Burn rate",
            Unit::Times,
            "How many times faster than sustainable the budget is spent, over 5 minutes. 1 spends it exactly in the period; \
             at 14.4 a page is due after an hour.",
        )
        .query("slo:current_burn_rate:ratio", "{{sloth_service}} {{sloth_slo}}")
        .size(12, 9)
        .min(0.0)
        .colors(Green, &[(1.0, Yellow), (14.4, Red)])
        .lines(),
    ]
}

fn customers() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Orders",
            Unit::OperationsPerMinute,
            "Paid orders that were confirmed, and those that failed for a reason of ours, a minute.",
        )
        .query("60 * sum by (outcome) (rate(order_pipeline_total[$__rate_interval]))", "{{outcome}}")
        .size(8, 7)
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Notifications",
            Unit::OperationsPerMinute,
            "Notifications accepted, delivered and failed, a minute.",
        )
        .query("60 * sum by (status) (rate(notifications_total[$__rate_interval]))", "{{status}}")
        .size(8, 7)
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Sign-ins",
            Unit::OperationsPerMinute,
            "Sign-ins by outcome and new accounts, a minute. Many failures at once may be an attack.",
        )
        .query("60 * sum by (outcome) (rate(logins_total[$__rate_interval]))", "{{outcome}}")
        .query("60 * sum(rate(users_registered_total[$__rate_interval]))", "registered")
        .size(8, 7)
        .min(0.0),
    ]
}
