//! A load test as it runs: what was asked for, what was achieved, and what the services felt.

use super::{board, variable};
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Blue, Green, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    let rows = vec![
        Row::new("Run", run()),
        Row::new("From the outside", outside()),
        Row::new("Thresholds", thresholds()),
        Row::new("From the inside", inside()),
    ];
    let description = "A load test beside the services under load. Latency is measured from the moment a request was meant to \
                       start, so that a stalled service cannot hide its delay.";
    Dashboard {
        variables: vec![variable("run", "Run", "sretool_load_target_rps", "run")],
        from: "now-15m".to_owned(),
        refresh: "5s".to_owned(),
        ..board("load-test", "Load test", description, &["load"], rows)
    }
}

fn run() -> Vec<Panel> {
    vec![
        Panel::new(Kind::Stat, "State", Unit::None, "Whether the run goes on.")
            .query(r#"max(sretool_load_running{run="$run"})"#, "state")
            .states(&[(0, "finished", Blue), (1, "running", Green)]),
        Panel::new(Kind::Gauge, "Progress", Unit::Ratio, "Time gone by, of the time planned.")
            .query(
                r#"max(sretool_load_elapsed_seconds{run="$run"}) / max(sretool_load_duration_seconds{run="$run"})"#,
                "gone by",
            )
            .min(0.0)
            .max(1.0),
        Panel::new(Kind::Stat, "Target", Unit::RequestsPerSecond, "Requests a second that the run asks for.")
            .query(r#"max(sretool_load_target_rps{run="$run"})"#, "target"),
        Panel::new(
            Kind::Stat,
            "Achieved",
            Unit::RequestsPerSecond,
            "Requests a second that were finished, well or not.",
        )
        .query(r#"sum(rate(sretool_load_requests_total{run="$run"}[$__rate_interval]))"#, "achieved"),
        Panel::new(Kind::Stat, "Bad answers", Unit::Ratio, "Share of requests that failed or timed out.")
            .query(
                r#"sum(rate(sretool_load_requests_total{run="$run", outcome!="ok"}[$__rate_interval]))
/
sum(rate(sretool_load_requests_total{run="$run"}[$__rate_interval]))"#,
                "bad",
            )
            .decimals(2)
            .colors(Green, &[(0.001, Yellow), (0.01, Red)]),
        Panel::new(Kind::Stat, "Thresholds missed", Unit::Count, "Thresholds that do not hold at the moment.")
            .query(r#"sum(1 - sretool_load_threshold_ok{run="$run"}) or vector(0)"#, "missed")
            .colors(Green, &[(1.0, Red)]),
    ]
}

fn outside() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Target and achieved rate",
            Unit::RequestsPerSecond,
            "The lines should lie on each other; a gap means that the services, or the load generator, cannot keep up.",
        )
        .query(r#"max(sretool_load_target_rps{run="$run"})"#, "target")
        .query(r#"sum(rate(sretool_load_requests_total{run="$run"}[$__rate_interval]))"#, "achieved")
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Response time",
            Unit::Seconds,
            "Quantiles over the last second, from the moment a request was meant to start.",
        )
        .query(r#"max by (quantile) (sretool_load_response_seconds{run="$run"})"#, "q {{quantile}}")
        .min(0.0),
        Panel::new(Kind::Stacked, "Requests by outcome", Unit::RequestsPerSecond, "Requests a second; areas add up.")
            .query(
                r#"sum by (outcome) (rate(sretool_load_requests_total{run="$run"}[$__rate_interval]))"#,
                "{{outcome}}",
            )
            .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Lag of the generator",
            Unit::Seconds,
            "How late requests were started. Large lag makes the run invalid: the generator was the bottleneck.",
        )
        .query(r#"max by (quantile) (sretool_load_lag_seconds{run="$run"})"#, "q {{quantile}}")
        .min(0.0),
    ]
}

fn thresholds() -> Vec<Panel> {
    vec![
        Panel::new(Kind::StateTimeline, "Thresholds", Unit::None, "Whether each threshold holds.")
            .query(r#"max by (expr) (sretool_load_threshold_ok{run="$run"})"#, "{{expr}}")
            .states(&[(0, "missed", Red), (1, "holds", Green)])
            .colors(Red, &[(1.0, Green)]),
        Panel::new(
            Kind::TimeSeries,
            "Observed values",
            Unit::None,
            "What each threshold is compared with, in the unit of its expression.",
        )
        .query(r#"max by (expr) (sretool_load_threshold_observed{run="$run"})"#, "{{expr}}")
        .size(12, 7),
    ]
}

fn inside() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::TimeSeries,
            "p95 latency of the services",
            Unit::Seconds,
            "What the services measured themselves; the difference to the response time is waiting in front of them.",
        )
        .query(
            "histogram_quantile(0.95, sum by (service, le) \
             (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
            "{{service}}",
        )
        .exemplars()
        .min(0.0),
        Panel::new(
            Kind::TimeSeries,
            "Errors of the services",
            Unit::RequestsPerSecond,
            "Server errors (5xx) a second.",
        )
        .query(r#"sum by (service) (rate(http_requests_total{status=~"5.."}[$__rate_interval]))"#, "{{service}}")
        .min(0.0),
        Panel::new(Kind::TimeSeries, "Requests in flight", Unit::Count, "In the generator, and in each service.")
            .query(r#"max(sretool_load_in_flight{run="$run"})"#, "generator")
            .query("sum by (service) (http_requests_in_flight)", "{{service}}")
            .min(0.0),
        Panel::new(Kind::TimeSeries, "CPU of the services", Unit::None, "Processor cores in use.")
            .query("sum by (service) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{service}}")
            .min(0.0),
    ]
}
