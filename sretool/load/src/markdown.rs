//! The result of a run as a comment on a change.

use crate::format::{count, digits};
use crate::gate::GateStatus;
use crate::report::{Percentiles, Report};
use crate::text::{observed, sums};
use crate::verdict::Verdict;
use std::fmt::Write as _;

/// Verdict and thresholds first; routes and causes are folded away.
pub fn markdown(report: &Report) -> String {
    let partial = if report.partial { " (partial: interrupted)" } else { "" };
    let target = report.target_rps.map_or_else(String::new, |target| format!(" of {} asked", digits(target)));
    let mut page = format!(
        "### {} Load test: {}{partial}\n\n**{} requests/s**{target} over {} s, {} executor. {}.\n\n",
        mark(report.verdict),
        report.verdict,
        digits(report.achieved_rps),
        digits(report.duration_s),
        report.executor,
        sums(report)
    );
    for reason in &report.reasons {
        let _ = writeln!(page, "> {}", cell(reason));
    }
    if !report.thresholds.is_empty() {
        page.push_str("\n| Threshold | Observed | |\n|---|---:|---|\n");
    }
    for threshold in &report.thresholds {
        let mark = if threshold.ok { "✅ ok" } else { "❌ broken" };
        let _ = writeln!(page, "| `{}` | {} | {mark} |", cell(&threshold.expr), cell(&observed(threshold)));
    }
    gate(&mut page, report);
    page.push_str("\n| Milliseconds | p50 | p90 | p95 | p99 | max |\n|---|---:|---:|---:|---:|---:|\n");
    for (name, percentiles) in
        [("response", &report.response_ms), ("service", &report.service_ms), ("lag", &report.lag_ms)]
    {
        let _ = writeln!(page, "| {name} | {} |", cells(percentiles));
    }
    routes(&mut page, report);
    causes(&mut page, report);
    page
}

fn gate(page: &mut String, report: &Report) {
    if report.gate.is_empty() {
        return;
    }
    page.push_str("\n| SLO | |\n|---|---|\n");
    for slo in &report.gate {
        let mark = match slo.status {
            GateStatus::Ok => "✅ kept",
            GateStatus::Burnt => "❌ burnt",
            GateStatus::NoData => "⚠️ no data",
        };
        let disagreement = slo.disagreement.as_ref().map(|text| format!("; {text}")).unwrap_or_default();
        let _ = writeln!(page, "| {}{} | {mark} |", cell(&slo.sentence()), cell(&disagreement));
    }
}

fn routes(page: &mut String, report: &Report) {
    let _ = write!(
        page,
        "\n<details><summary>{} routes</summary>\n\n| Route (response, ms) | p50 | p90 | p95 | p99 | max | Requests | \
         Errors |\n|---|---:|---:|---:|---:|---:|---:|---:|\n",
        report.routes.len()
    );
    for route in &report.routes {
        let (name, cells) = (cell(&route.name), cells(&route.response_ms));
        let _ = writeln!(page, "| `{name}` | {cells} | {} | {} |", count(route.count), count(route.failed));
    }
    page.push_str("\n</details>\n");
}

fn causes(page: &mut String, report: &Report) {
    if report.causes.is_empty() {
        return;
    }
    page.push_str("\n| Cause of errors | Requests |\n|---|---:|\n");
    for (cause, n) in &report.causes {
        let _ = writeln!(page, "| {} | {} |", cell(cause), count(*n));
    }
}

/// A verdict at a glance.
pub(crate) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Invalid => "⚠️",
    }
}

/// Text that ends no cell, no line and starts no tag.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ").replace('`', "'")
}

fn cells(percentiles: &Percentiles) -> String {
    percentiles.all().map(|value| value.map_or_else(|| "–".to_owned(), digits)).join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn the_verdict_comes_first_and_tables_have_even_rows() {
        let page = markdown(&report(&["p95<200ms", "errors<0.1%"]));
        assert!(page.starts_with("### ❌ Load test: fail\n\n**50.0 requests/s** of 50.0 asked over 2.00 s"), "{page}");
        assert!(page.contains("| `errors&lt;0.1%` | 1% | ❌ broken |"), "{page}");
        for block in page.split("\n\n").filter(|block| block.starts_with('|')) {
            let bars: Vec<_> = block.lines().map(|line| line.matches('|').count()).collect();
            assert!(bars.windows(2).all(|pair| pair[0] == pair[1]), "{block}");
        }
    }

    #[test]
    fn slos_have_a_table_of_their_own() {
        let page = markdown(&crate::report::tests::gated());
        assert!(page.contains("burns 5.00 times as fast as it may; the client sent 100 requests"), "{page}");
        assert!(page.contains("| ❌ burnt |") && page.contains("| ⚠️ no data |"), "{page}");
    }

    #[test]
    fn nothing_breaks_out_of_a_cell() {
        assert_eq!(cell("a|b\n<script>`"), "a\\|b &lt;script>'");
    }
}
