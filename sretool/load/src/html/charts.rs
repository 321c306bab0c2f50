//! The charts of a run.

use super::axis::Scale;
use super::chart::{Across, COLORS, Chart, Line};
use super::heatmap;
use crate::latency::Latency;
use crate::report::{Panel, Report};
use crate::threshold::{Metric, Threshold};
use crate::totals::Second;
use std::collections::BTreeMap;

/// The charts over time and the percentile curve.
pub(super) fn all(report: &Report) -> String {
    // A row much shorter than a second would show a rate made of a handful of requests.
    let seconds: Vec<_> = report.seconds.iter().filter(|second| second.seconds >= 0.5).collect();
    let chart = |title: &str, lines| Chart::by_second(title, lines, report.duration_s);
    let latency = Chart { limits: limits(report), ..chart("Response time (ms)", latency(&seconds)) };
    let lag = line(&seconds, "p99", |second| second.lag_p99.map(ms));
    let in_flight = vec![
        line(&seconds, "sent and unanswered", |second| Some(second.in_flight as f64)),
        line(&seconds, "due and not sent", |second| Some(second.queued as f64)),
    ];
    let mut figures = vec![
        chart("Requests a second", rate(&seconds)).figure(),
        latency.figure(),
        errors(report, &seconds).map_or_else(no_errors, |lines| chart("Errors a second, by cause", lines).figure()),
        chart("Lag of the generator (ms)", vec![lag]).figure(),
        percentiles(report).figure(),
        chart("In flight", in_flight).figure(),
    ];
    figures.extend(heatmap::figure(&report.seconds, report.duration_s));
    format!("<div class=\"grid\">{}</div>\n", figures.join("\n"))
}

/// What Prometheus saw of the server in the same time.
pub(super) fn server(panels: &[Panel], duration_s: f64) -> String {
    let figure = |panel: &Panel| {
        let (factor, unit) = match panel.unit.as_str() {
            "s" => (1e3, " (ms)"),
            "ratio" => (100.0, " (%)"),
            "bytes" => (1.0 / 1_048_576.0, " (MiB)"),
            _ => (1.0, ""),
        };
        let scaled = |points: &[(f64, f64)]| points.iter().map(|(t, v)| (*t, Some(v * factor))).collect();
        // More lines than colours could not be told apart.
        let lines = panel.lines.iter().take(COLORS.len());
        let lines = lines.map(|(name, points)| Line { name: name.clone(), points: scaled(points) }).collect();
        Chart::by_second(&format!("{}{unit}", panel.title), lines, duration_s).figure()
    };
    format!("<div class=\"grid\">{}</div>\n", panels.iter().map(figure).collect::<Vec<_>>().join("\n"))
}

fn ms(seconds: f64) -> f64 {
    seconds * 1e3
}

fn line(seconds: &[&Second], name: &str, value: impl Fn(&Second) -> Option<f64>) -> Line {
    Line { name: name.to_owned(), points: seconds.iter().map(|second| (second.t, value(second))).collect() }
}

fn rate(seconds: &[&Second]) -> Vec<Line> {
    vec![
        line(seconds, "answered as expected", |second| Some(second.finished as f64 / second.seconds)),
        line(seconds, "due", |second| Some(second.scheduled as f64 / second.seconds)),
    ]
}

fn latency(seconds: &[&Second]) -> Vec<Line> {
    vec![
        line(seconds, "p50", |second| second.p50.map(ms)),
        line(seconds, "p95", |second| second.p95.map(ms)),
        line(seconds, "p99", |second| second.p99.map(ms)),
    ]
}

/// Limits of response times that hold for all routes.
fn limits(report: &Report) -> Vec<(f64, String)> {
    let of = |threshold: &Threshold| {
        let whole = threshold.route.is_none() && matches!(threshold.metric, Metric::Quantile(_) | Metric::Max);
        whole.then(|| (ms(threshold.limit), threshold.expr.clone()))
    };
    report.plan.thresholds.iter().filter_map(of).collect()
}

fn no_errors() -> String {
    "<figure class=\"card\"><figcaption>Errors a second, by cause</figcaption><p class=\"dim\">There were none.</p>\
     </figure>"
        .to_owned()
}

/// The most frequent causes, and the rest in one; none without errors.
fn errors(report: &Report, seconds: &[&Second]) -> Option<Vec<Line>> {
    let mut causes: Vec<_> = report.causes.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<&String> = causes.iter().take(COLORS.len() - 1).map(|(cause, _)| *cause).collect();
    let of = |causes: &BTreeMap<String, u64>, cause: &str| causes.get(cause).copied().unwrap_or(0);
    let known = |second: &Second| shown.iter().map(|cause| of(&second.causes, cause)).sum::<u64>();
    let mut lines: Vec<_> = shown
        .iter()
        .map(|cause| line(seconds, cause, |second| Some(of(&second.causes, cause) as f64 / second.seconds)))
        .collect();
    let rest = |second: &Second| second.errors.saturating_sub(known(second));
    if seconds.iter().any(|second| rest(second) > 0) {
        lines.push(line(seconds, "other, or unanswered", |second| Some(rest(second) as f64 / second.seconds)));
    }
    (!lines.is_empty()).then_some(lines)
}

/// Quantiles at 1 − 10^−x: each unit to the right is another nine.
fn nines(latency: &Latency) -> Vec<(f64, Option<f64>)> {
    let depth = (latency.count().max(1) as f64).log10().clamp(1.0, 6.0);
    let steps = (depth * 20.0) as u32;
    let at = |i: u32| {
        let x = f64::from(i) / 20.0;
        (x, latency.quantile(1.0 - 10f64.powf(-x)).map(ms))
    };
    (0..=steps).map(at).collect()
}

fn percentiles(report: &Report) -> Chart {
    let overall = report.whole.overall();
    let line = |name: &str, latency: &Latency| Line { name: name.to_owned(), points: nines(latency) };
    Chart {
        title: "Latency by percentile (ms)".to_owned(),
        lines: vec![line("response", &overall.response), line("service", &overall.service), line("lag", &overall.lag)],
        across: Across::Nines,
        scale: Scale::Log,
        limits: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn nines_climb_to_the_precision_of_the_count() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|ms| latency.record(std::time::Duration::from_millis(ms)));
        let nines = nines(&latency);
        assert_eq!(nines.last().unwrap().0, 3.0);
        assert!(nines.windows(2).all(|w| w[0].1 <= w[1].1));
        assert!((nines.iter().find(|(x, _)| *x == 1.0).unwrap().1.unwrap() - 900.0).abs() < 1.0);
        assert!(super::nines(&Latency::default()).iter().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn errors_are_told_apart_and_the_rest_is_one() {
        let mut report = report(&[]);
        let seconds: Vec<_> = report.seconds.iter().collect();
        let lines = errors(&report, &seconds).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].name.as_str(), lines[0].points[1]), ("status 500", (2.0, Some(1.0))));
        let mut seconds = report.seconds.clone();
        seconds[0].errors += 7;
        let lines = errors(&report, &seconds.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((lines[1].name.as_str(), lines[1].points[0].1), ("other, or unanswered", Some(7.0)));
        report.causes.clear();
        report.seconds.iter_mut().for_each(|second| second.errors = 0);
        assert!(errors(&report, &report.seconds.iter().collect::<Vec<_>>()).is_none());
    }

    #[test]
    fn limits_of_all_routes_are_drawn() {
        let report = report(&["p95<5ms", "errors<1%", "p99{route=\"GET /a\"}<1s"]);
        assert_eq!(limits(&report), [(5.0, "p95<5ms".to_owned())]);
        assert!(all(&report).contains("p95&lt;5ms"));
    }

    #[test]
    fn panels_are_scaled_to_their_units() {
        let panel = |unit: &str, value| Panel {
            title: format!("in {unit}"),
            unit: unit.to_owned(),
            query: "up".to_owned(),
            lines: vec![("a".to_owned(), vec![(0.0, value), (1.0, value)])],
        };
        let figures = server(&[panel("s", 0.25), panel("ratio", 0.5), panel("bytes", 2e6), panel("", 3.0)], 1.0);
        for part in ["in s (ms)", "in ratio (%)", "in bytes (MiB)", ">in <"] {
            assert!(figures.contains(part), "{part}: {figures}");
        }
    }
}
