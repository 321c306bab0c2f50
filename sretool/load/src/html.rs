//! The result of a run as one HTML page that needs nothing else.

mod chart;

use crate::format::{count, digits, escape};
use crate::latency::Latency;
use crate::report::{Percentiles, Report};
use crate::text::observed;
use chart::{Axis, Chart, Line};
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#6a737d;--line:#d8dee4;--good:#1a7f37;--bad:#cf222e;\
--odd:#9a6700;--a:#0969da;--b:#8250df;--c:#cf222e}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#8b949e;--line:#30363d;--good:#3fb950;\
--bad:#f85149;--odd:#d29922;--a:#58a6ff;--b:#bc8cff;--c:#f85149}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:62rem;margin:2rem auto;\
padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}.pass{color:var(--good)}.fail{color:var(--bad)}\
.invalid{color:var(--odd)}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right}th:first-child,td:first-child\
{text-align:left}th{color:var(--dim);font-weight:500}svg{width:100%;height:auto}svg text{font:11px system-ui,\
sans-serif;fill:var(--dim)}.dim{color:var(--dim)}";

/// A self-contained page: verdict, thresholds, percentile curve, rate, latency and errors by second, routes.
pub fn html(report: &Report) -> String {
    let partial = if report.partial { " (partial)" } else { "" };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Load test: {verdict}</title>\
         <style>{STYLE}</style></head><body>\n<h1>Load test: <span class=\"{verdict}\">{verdict}</span>{partial}</h1>\n",
        verdict = report.verdict
    );
    let target = report.target_rps.map_or_else(String::new, |t| format!(" of {} asked", digits(t)));
    let _ = writeln!(
        page,
        "<p>{} requests/s{target} over {} s with the {} executor: {} scheduled = {} finished + {} failed + {} timed \
         out + {} unanswered at the end.</p>",
        digits(report.achieved_rps),
        digits(report.duration_s),
        escape(&report.executor),
        count(report.scheduled),
        count(report.finished),
        count(report.failed),
        count(report.timed_out),
        count(report.censored)
    );
    for reason in &report.reasons {
        let _ = writeln!(page, "<p class=\"{}\">{}</p>", report.verdict, escape(reason));
    }
    thresholds(&mut page, report);
    latency_table(&mut page, report);
    percentile_curve(&mut page, report);
    by_second(&mut page, report);
    routes(&mut page, report);
    causes(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

fn thresholds(page: &mut String, report: &Report) {
    page.push_str("<h2>Thresholds</h2><table><tr><th>Condition</th><th>Observed</th><th>Result</th></tr>\n");
    for threshold in &report.thresholds {
        let (class, word) = if threshold.ok { ("pass", "ok") } else { ("fail", "broken") };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{word}</td></tr>",
            escape(&threshold.expr),
            escape(&observed(threshold))
        );
    }
    page.push_str("</table>\n");
}

fn cells(percentiles: &Percentiles) -> String {
    let cell = |value: Option<f64>| format!("<td>{}</td>", value.map_or_else(|| "–".to_owned(), digits));
    percentiles.all().map(cell).concat()
}

const HEADS: &str = "<th>p50</th><th>p90</th><th>p95</th><th>p99</th><th>max</th>";

fn latency_table(page: &mut String, report: &Report) {
    let _ = writeln!(page, "<h2>Latency in milliseconds</h2><table><tr><th></th>{HEADS}</tr>");
    for (name, percentiles) in [
        ("Response: intended start to last byte", &report.response_ms),
        ("Service: actual start to last byte", &report.service_ms),
        ("Lag: intended to actual start", &report.lag_ms),
    ] {
        let _ = writeln!(page, "<tr><td>{name}</td>{}</tr>", cells(percentiles));
    }
    page.push_str("</table>\n");
}

/// Quantiles at 1 − 10^−x: each unit to the right is another nine.
fn nines(latency: &Latency) -> Vec<(f64, f64)> {
    let depth = (latency.count().max(1) as f64).log10().clamp(1.0, 6.0);
    let steps = (depth * 20.0) as u32;
    (0..=steps)
        .filter_map(|i| {
            let x = f64::from(i) / 20.0;
            latency.quantile(1.0 - 10f64.powf(-x)).map(|seconds| (x, seconds * 1e3))
        })
        .collect()
}

fn percentile_curve(page: &mut String, report: &Report) {
    let read = |text: &str| Latency::from_base64(text).map(|latency| nines(&latency)).unwrap_or_default();
    let lines = vec![
        Line { name: "response", color: "var(--a)", points: read(&report.histograms.response) },
        Line { name: "service", color: "var(--b)", points: read(&report.histograms.service) },
    ];
    let label = |x: f64| match x as u32 {
        0 => "p0".to_owned(),
        1 => "p90".to_owned(),
        2 => "p99".to_owned(),
        n => format!("p99.{}", "9".repeat(n as usize - 2)),
    };
    let chart = Chart { title: "Latency by percentile (ms)", lines, x: Axis::Labels(&label) };
    let _ = writeln!(page, "<h2>Latency by percentile</h2>{}", chart.svg());
}

fn by_second(page: &mut String, report: &Report) {
    // A row much shorter than a second would show a rate made of a handful of requests.
    let seconds: Vec<_> = report.seconds.iter().filter(|s| s.seconds >= 0.5).collect();
    let series = |value: &dyn Fn(&crate::Second) -> Option<f64>| -> Vec<(f64, f64)> {
        seconds.iter().filter_map(|s| value(s).map(|v| (s.t, v))).collect()
    };
    let rate = vec![
        Line { name: "due", color: "var(--b)", points: series(&|s| Some(s.scheduled as f64 / s.seconds)) },
        Line {
            name: "answered as expected",
            color: "var(--a)",
            points: series(&|s| Some(s.finished as f64 / s.seconds)),
        },
    ];
    let latency = vec![
        Line { name: "p50", color: "var(--a)", points: series(&|s| s.p50.map(|v| v * 1e3)) },
        Line { name: "p95", color: "var(--b)", points: series(&|s| s.p95.map(|v| v * 1e3)) },
        Line { name: "p99", color: "var(--c)", points: series(&|s| s.p99.map(|v| v * 1e3)) },
    ];
    let errors =
        vec![Line { name: "errors", color: "var(--c)", points: series(&|s| Some(s.errors as f64 / s.seconds)) }];
    page.push_str("<h2>By second</h2>\n");
    for (title, lines) in [("Requests a second", rate), ("Response time (ms)", latency), ("Errors a second", errors)] {
        let _ = writeln!(page, "{}", Chart { title, lines, x: Axis::Seconds }.svg());
    }
}

fn routes(page: &mut String, report: &Report) {
    let _ = writeln!(
        page,
        "<h2>Routes: response time in milliseconds</h2><table><tr><th>Route</th>{HEADS}<th>Requests</th>\
         <th>Errors</th><th>Statuses</th></tr>"
    );
    for route in &report.routes {
        let statuses: Vec<_> = route.statuses.iter().map(|(status, n)| format!("{status}: {}", count(*n))).collect();
        let _ = writeln!(
            page,
            "<tr><td>{}</td>{}<td>{}</td><td>{}</td><td class=\"dim\">{}</td></tr>",
            escape(&route.name),
            cells(&route.response_ms),
            count(route.count),
            count(route.failed),
            statuses.join(", ")
        );
    }
    page.push_str("</table>\n");
}

fn causes(page: &mut String, report: &Report) {
    if report.causes.is_empty() {
        return;
    }
    page.push_str("<h2>Causes of errors</h2><table><tr><th>Cause</th><th>Requests</th></tr>\n");
    for (cause, n) in &report.causes {
        let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(cause), count(*n));
    }
    page.push_str("</table>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn the_page_is_self_contained_and_escaped() {
        let page = html(&report(&["p95<200ms", "errors<0.1%"]));
        assert!(page.contains("Load test: <span class=\"fail\">fail</span>"));
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(page.contains("p95&lt;200ms"));
        assert!(page.contains("POST /b&lt;c&gt;"));
        for outside in ["http://", "https://", "<script", "src=", "url("] {
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        for tag in ["table", "tr", "td", "svg", "p", "h2"] {
            let (opened, closed) =
                (page.matches(&format!("<{tag}>")).count(), page.matches(&format!("<{tag} ")).count());
            assert_eq!(opened + closed, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn nines_climb_to_the_precision_of_the_count() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|ms| latency.record(std::time::Duration::from_millis(ms)));
        let nines = nines(&latency);
        assert_eq!(nines.last().unwrap().0, 3.0);
        assert!(nines.windows(2).all(|w| w[0].1 <= w[1].1));
        assert!((nines.iter().find(|(x, _)| *x == 1.0).unwrap().1 - 900.0).abs() < 1.0);
        assert!(super::nines(&Latency::default()).is_empty());
    }
}
