//! Rate, errors and duration of one service (the RED method of T. Wilkie).

use super::{board, service_variable, variable};
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit, Variable};
use Color::{Green, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    let rows = vec![
        Row::new("Now", now()),
        Row::new("Rate", rate()),
        Row::new("Errors", errors()),
        Row::new("Duration", duration()),
    ];
    let description = "Rate, errors and duration of one service, as a whole and by route.";
    let route =
        Variable { multi: true, ..variable("route", "Route", r#"http_requests_total{service="$service"}"#, "route") };
    Dashboard {
        variables: vec![service_variable(), route],
        ..board("service-red", "Service: rate, errors, duration", description, &["service"], rows)
    }
}

fn quantile(q: &str, by: &str) -> String {
    format!(
        "histogram_quantile({q}, sum by ({by}) (rate(http_request_duration_seconds_bucket\
         {{service=\"$service\", route=~\"$route\"}}[$__rate_interval])))"
    )
}

fn now() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stat, "Traffic", Unit::RequestsPerSecond, "Requests a second to the chosen routes.")
            .query(r#"sum(rate(http_requests_total{service="$service", route=~"$route"}[$__rate_interval]))"#, "requests"),
        Panel::new(Kind::Stat, "Error ratio", Unit::Ratio, "Share of requests answered with a server error (5xx).")
            .query(
                "sum(rate(http_requests_total{service=\"$service\", route=~\"$route\", status=~\"5..\"}[$__rate_interval]))\n\
                 /\nsum(rate(http_requests_total{service=\"$service\", route=~\"$route\"}[$__rate_interval]))",
                "errors",
            )
            .decimals(2)
            .colors(Green, &[(0.001, Yellow), (0.01, Red)]),
        Panel::new(Kind::Stat, "p50", Unit::Seconds, "Half of the requests are answered faster.")
            .query(&quantile("0.5", "le"), "p50"),
        Panel::new(Kind::Stat, "p99", Unit::Seconds, "99 % of the requests are answered faster.")
            .query(&quantile("0.99", "le"), "p99")
            .colors(Green, &[(0.2, Yellow), (0.5, Red)]),
        Panel::new(
            Kind::Stat,
            "Within 200 ms",
            Unit::Ratio,
            "Share of requests answered within 200 ms, the threshold of the latency objective.",
        )
        .query(
            "sum(rate(http_request_duration_seconds_bucket{service=\"$service\", route=~\"$route\", le=\"0.2\"}\
             [$__rate_interval]))\n/\nsum(rate(http_request_duration_seconds_count\
             {service=\"$service\", route=~\"$route\"}[$__rate_interval]))",
            "fast",
        )
        .decimals(2)
        .colors(Red, &[(0.95, Yellow), (0.99, Green)]),
        Panel::new(Kind::Stat, "In flight", Unit::Count, "Requests that are being answered now.")
            .runbook("RequestsPileUp")
            .query(r#"sum(http_requests_in_flight{service="$service"})"#, "in flight"),
    ]
}

fn rate() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stacked, "Requests by route", Unit::RequestsPerSecond, "Requests a second; areas add up.")
            .query(
                "sum by (method, route) \
                 (rate(http_requests_total{service=\"$service\", route=~\"$route\"}[$__rate_interval]))",
                "{{method}} {{route}}",
            )
            .min(0.0),
        Panel::new(
            Kind::Stacked,
            "Requests by status",
            Unit::RequestsPerSecond,
            "Requests a second by HTTP status; 404 on the route `unmatched` are addresses that do not exist.",
        )
        .query(
            r#"sum by (status) (rate(http_requests_total{service="$service", route=~"$route"}[$__rate_interval]))"#,
            "{{status}}",
        )
        .min(0.0),
    ]
}

fn errors() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Error ratio by route",
            Unit::Ratio,
            "Share of a route's requests with a server error (5xx). Refused load (503) and timeouts (504) count.",
        )
        .runbook("AvailabilityBudgetBurn")
        .query(
            "sum by (method, route) (rate(http_requests_total{service=\"$service\", route=~\"$route\", status=~\"5..\"}\
             [$__rate_interval]))\n/\nsum by (method, route) \
             (rate(http_requests_total{service=\"$service\", route=~\"$route\"}[$__rate_interval]))",
            "{{method}} {{route}}",
        )
        .min(0.0),
        Panel::new(
            Kind::Stacked,
            "Errors by kind",
            Unit::RequestsPerSecond,
            "Server errors a second: 500 is a fault, 503 refused load, 504 a timeout.",
        )
        .query(
            "sum by (status) (rate(http_requests_total{service=\"$service\", route=~\"$route\", status=~\"5..\"}\
             [$__rate_interval]))",
            "{{status}}",
        )
        .min(0.0),
    ]
}

fn duration() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Latency quantiles",
            Unit::Seconds,
            "p50, p95 and p99 of the chosen routes; the line is the objective's 200 ms. Dots are traces.",
        )
        .runbook("LatencyBudgetBurn")
        .query(&quantile("0.5", "le"), "p50")
        .query(&quantile("0.95", "le"), "p95")
        .query(&quantile("0.99", "le"), "p99")
        .exemplars()
        .min(0.0)
        .colors(Green, &[(0.2, Red)])
        .lines(),
        Panel::new(
            Kind::TimeSeries,
            "p95 latency by route",
            Unit::Seconds,
            "95 % of a route's requests are answered faster. Dots are traces.",
        )
        .query(&quantile("0.95", "method, route, le"), "{{method}} {{route}}")
        .exemplars()
        .min(0.0),
        Panel::new(
            Kind::Heatmap,
            "Latency distribution",
            Unit::Seconds,
            "Requests a second by bucket: two bands mean two kinds of requests, which no quantile shows. Dots are traces.",
        )
        .query(
            "sum by (le) (rate(http_request_duration_seconds_bucket{service=\"$service\", route=~\"$route\"}\
             [$__rate_interval]))",
            "{{le}}",
        )
        .exemplars()
        .size(24, 9),
    ]
}
