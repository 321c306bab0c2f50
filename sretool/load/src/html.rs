//! The result of a run as one HTML page that needs nothing else.

mod axis;
mod chart;
mod charts;
mod heatmap;
mod tables;

use crate::format::{digits, escape, percent};
use crate::report::Report;
use crate::text::sums;
use crate::threshold::error_ratio;
use std::fmt::Write as _;

const STYLE: &str = include_str!("html/style.css");

/// A self-contained page, light or dark as its reader prefers: verdict, thresholds, charts over time, heatmap,
/// percentile curve, routes, errors, the slowest requests with their traces, and what the server saw.
pub fn html(report: &Report) -> String {
    let verdict = report.verdict;
    let partial = if report.partial { " <span class=\"dim\">(partial: cut short by its user)</span>" } else { "" };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Load test: {verdict}</title>\
         <style>\n{STYLE}</style></head><body>\n<h1>Load test <span class=\"badge {verdict}\">{verdict}</span>{partial}\
         </h1>\n"
    );
    let target = report.target_rps.map_or_else(String::new, |t| format!(" of {} asked", digits(t)));
    let _ = writeln!(
        page,
        "<p>{} requests/s{target} over {} s with the {} executor: {}.</p>",
        digits(report.achieved_rps),
        digits(report.duration_s),
        escape(&report.executor),
        sums(report)
    );
    for reason in &report.reasons {
        let _ = writeln!(page, "<p class=\"reason {verdict}\">{}</p>", escape(reason));
    }
    tiles(&mut page, report);
    tables::thresholds(&mut page, report);
    tables::gate(&mut page, report);
    page.push_str("<h2>Over time</h2>\n");
    page.push_str(&charts::all(report));
    if !report.server.is_empty() {
        page.push_str("<h2>The server in the same time, as its Prometheus saw it</h2>\n");
        page.push_str(&charts::server(&report.server, report.duration_s));
    }
    tables::latency(&mut page, report);
    tables::routes(&mut page, report);
    tables::causes(&mut page, report);
    tables::slowest(&mut page, report);
    tables::generator(&mut page, report);
    footer(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

/// The numbers that people look for first.
fn tiles(page: &mut String, report: &Report) {
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{} ms", digits(value)));
    let errors = error_ratio(&report.whole.counts(), report.partial).map_or_else(|| "no data".to_owned(), percent);
    page.push_str("<div class=\"tiles\">\n");
    for (value, name) in [
        (format!("{}/s", digits(report.achieved_rps)), "requests answered"),
        (shown(report.response_ms.p50), "p50 response"),
        (shown(report.response_ms.p95), "p95 response"),
        (shown(report.response_ms.p99), "p99 response"),
        (errors, "errors"),
        (shown(report.lag_ms.p99), "p99 lag of the generator"),
    ] {
        let _ = writeln!(page, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
    }
    page.push_str("</div>\n");
}

fn footer(page: &mut String, report: &Report) {
    let meta = &report.meta;
    let mut facts = vec![format!("run {}", escape(&meta.run))];
    if let Some(ms) = meta.started_at_ms {
        facts.push(format!("started {}", utc(ms)));
    }
    facts.extend(meta.profile.iter().map(|profile| format!("profile {}", escape(profile))));
    if !meta.targets.is_empty() {
        facts.push(format!("target {}", escape(&meta.targets.join(", "))));
    }
    facts.push(escape(&meta.tool));
    facts.retain(|fact| !fact.is_empty() && fact != "run ");
    let _ = writeln!(page, "<footer>{}</footer>", facts.join(" · "));
}

/// A moment as RFC 3339 in UTC, to the second (days by Howard Hinnant's `civil_from_days`).
fn utc(ms: i64) -> String {
    let (days, seconds) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1000);
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;
    use crate::report::{Meta, Panel};

    #[test]
    fn the_page_is_self_contained_and_escaped() {
        let mut report = report(&["p95<200ms", "errors<0.1%"]);
        let lines = vec![("user<x>".to_owned(), vec![(0.0, 1.0), (1.0, 2.0)])];
        report.server = vec![Panel { title: "CPU".into(), unit: String::new(), query: "up".into(), lines }];
        report.meta = Meta { run: "r<1>".into(), started_at_ms: Some(1_700_000_000_000), ..Meta::default() };
        let page = html(&report);
        assert!(page.contains("<span class=\"badge fail\">fail</span>"));
        // Five charts, the percentile curve, the heatmap, and one of the server.
        assert_eq!(page.matches("<svg").count(), 8);
        for escaped in ["p95&lt;200ms", "POST /b&lt;c&gt;", "user&lt;x&gt;", "r&lt;1&gt;", "2023-11-14T22:13:20Z"] {
            assert!(page.contains(escaped), "{escaped}");
        }
        for outside in ["http://", "https://", "<script", "src=", "url(", "@import"] {
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        for tag in ["table", "tr", "td", "svg", "p", "h2", "div", "figure", "code", "span", "text", "line"] {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            let closed = page.matches(&format!("</{tag}>")).count();
            let empty = if tag == "line" { opened - closed } else { 0 };
            assert_eq!(opened, closed + empty, "{tag}");
        }
    }

    #[test]
    fn a_run_without_samples_has_a_page_without_numbers() {
        let plan =
            crate::Plan { executor: "http".into(), schedule: None, duration_s: 1.0, capacity: 1, thresholds: vec![] };
        let page = html(&Report::new(&plan, &crate::Totals::default(), true));
        assert!(page.contains("badge invalid") && page.contains("partial") && page.contains("<b>–</b>"));
        assert!(page.contains("<b>no data</b>"), "no traffic is not 0 % errors");
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }

    #[test]
    fn moments_are_utc() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_769_860_799_999, "2026-01-31T11:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(ms), text);
        }
    }
}
