//! The result of a run as text.

use crate::format::{count, digits, percent};
use crate::gate::GateStatus;
use crate::report::{Percentiles, Report, ThresholdReport};
use std::fmt::Write as _;

/// So many of the slowest requests are named; the other formats have all.
const SLOWEST: usize = 3;

/// A summary for people: verdict, thresholds, latencies, routes, causes of failure.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let partial = if report.partial { " (partial: interrupted)" } else { "" };
    let target = report.target_rps.map_or_else(|| "as fast as answered".to_owned(), |t| format!("target {}", rate(t)));
    let _ = writeln!(
        text,
        "{}{partial}  {} over {} s, {target}, {} executor",
        report.verdict.to_string().to_uppercase(),
        rate(report.achieved_rps),
        digits(report.duration_s),
        report.executor
    );
    for reason in &report.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    text.push('\n');
    report.thresholds.iter().for_each(|threshold| threshold_line(&mut text, threshold));
    gate(&mut text, report);
    let _ = writeln!(text, "\nrequests  {}", sums(report));
    latencies(&mut text, report);
    routes(&mut text, report);
    if !report.causes.is_empty() {
        text.push_str("\nerrors\n");
        for (cause, n) in &report.causes {
            let _ = writeln!(text, "  {:>9}  {cause}", count(*n));
        }
    }
    slowest(&mut text, report);
    text
}

fn rate(rps: f64) -> String {
    format!("{rps:.1} requests/s")
}

fn threshold_line(text: &mut String, threshold: &ThresholdReport) {
    let mark = if threshold.ok { "ok    " } else { "BROKEN" };
    let observed = observed(threshold);
    let _ = writeln!(text, "  {mark}  {:<28} observed {observed}", threshold.expr);
}

/// The SLOs that the run was held against, and where client and server disagree about them.
fn gate(text: &mut String, report: &Report) {
    for slo in &report.gate {
        let mark = match slo.status {
            GateStatus::Ok => "ok    ",
            GateStatus::Burnt => "BURNT ",
            GateStatus::NoData => "NODATA",
        };
        let _ = writeln!(text, "  {mark}  {}", slo.sentence());
        slo.disagreement.iter().for_each(|disagreement| {
            let _ = writeln!(text, "          {disagreement}");
        });
    }
}

/// The slowest requests whose traces can be looked at.
fn slowest(text: &mut String, report: &Report) {
    let traced: Vec<_> = report.whole.slowest.iter().filter(|slow| slow.sampled).take(SLOWEST).collect();
    if traced.is_empty() {
        return;
    }
    text.push_str("\nslowest requests with a trace\n");
    for slow in traced {
        let ms = digits(slow.response_us as f64 / 1e3);
        let _ = writeln!(text, "  {ms:>9} ms  {:<34}sretool traces show {}", slow.route, slow.trace_id);
    }
}

/// An observation in its unit.
pub(crate) fn observed(threshold: &ThresholdReport) -> String {
    match (threshold.observed, threshold.unit.as_str()) {
        (None, _) => "no data".to_owned(),
        (Some(value), "%") => percent(value / 100.0),
        (Some(value), "/s") => format!("{value:.1}/s"),
        (Some(value), unit) => format!("{} {unit}", digits(value)),
    }
}

/// How many requests there were, and that every one of them is accounted for.
pub(crate) fn sums(report: &Report) -> String {
    format!(
        "{} scheduled = {} finished + {} failed + {} timed out + {} unanswered at the end",
        count(report.scheduled),
        count(report.finished),
        count(report.failed),
        count(report.timed_out),
        count(report.censored)
    )
}

fn cells(percentiles: &Percentiles) -> String {
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), digits);
    percentiles.all().map(|value| format!("{:>9}", cell(value))).concat()
}

fn latencies(text: &mut String, report: &Report) {
    let _ = writeln!(text, "\n{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}", "milliseconds", "p50", "p90", "p95", "p99", "max");
    let rows = [
        ("response (intended start to end)", &report.response_ms),
        ("service (actual start to end)", &report.service_ms),
        ("lag (intended to actual start)", &report.lag_ms),
    ];
    for (name, percentiles) in rows {
        let _ = writeln!(text, "{name:<34}{}", cells(percentiles));
    }
}

fn routes(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "\n{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>8}",
        "route (response, ms)", "p50", "p90", "p95", "p99", "max", "requests", "errors"
    );
    for route in &report.routes {
        let name: String = route.name.chars().take(33).collect();
        let _ = writeln!(
            text,
            "{name:<34}{}{:>10}{:>8}",
            cells(&route.response_ms),
            count(route.count),
            count(route.failed)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{gated, report};

    #[test]
    fn the_summary_says_which_threshold_broke_with_limit_and_observation() {
        let text = text(&report(&["p95<200ms", "errors<0.1%"]));
        assert!(
            text.starts_with("FAIL  50.0 requests/s over 2.00 s, target 50.0 requests/s, http executor\n"),
            "{text}"
        );
        assert!(text.contains("errors<0.1% broken: observed 1%, limit 0.1%"), "{text}");
        assert!(text.contains("ok      p95<200ms                    observed 10.0 ms"), "{text}");
        assert!(text.contains("BROKEN  errors<0.1%"), "{text}");
        assert!(text.contains("100 scheduled = 99 finished + 1 failed + 0 timed out + 0 unanswered"), "{text}");
        assert!(text.contains("status 500"), "{text}");
    }

    #[test]
    fn a_gate_says_where_the_budget_went_and_where_client_and_server_disagree() {
        let text = text(&gated());
        assert!(text.contains("  BURNT   orders-availability: 5.00 of 1,000 events bad, objective 99.9%"), "{text}");
        assert!(text.contains("the client sent 100 requests, the server counted 1,000"), "{text}");
        assert!(text.contains("  NODATA  users-latency: the server counted no events"), "{text}");
    }

    #[test]
    fn the_slowest_traced_requests_come_with_the_command_that_opens_them() {
        let mut report = report(&[]);
        report.whole.slowest = crate::Slowest::default();
        for (trace_id, sampled) in [("a1", true), ("b2", false)] {
            report.whole.slowest.add(crate::Slow {
                at_s: 1.0,
                route: "GET /a".into(),
                end: crate::End::Status(200),
                response_us: 2_000_000,
                service_us: 1,
                lag_us: 1,
                trace_id: trace_id.into(),
                sampled,
            });
        }
        let text = text(&report);
        assert!(text.contains("      2,000 ms  GET /a                            sretool traces show a1\n"), "{text}");
        assert!(!text.contains("b2"), "{text}");
    }

    #[test]
    fn a_partial_run_is_labelled() {
        let text = text(&Report { partial: true, ..report(&[]) });
        assert!(text.starts_with("PASS (partial: interrupted)"), "{text}");
    }

    #[test]
    fn columns_line_up() {
        let text = text(&report(&[]));
        let header = text.lines().find(|line| line.starts_with("route")).unwrap();
        let row = text.lines().find(|line| line.starts_with("GET /a")).unwrap();
        assert_eq!(header.chars().count(), row.chars().count());
    }
}
