//! The tables of a run.

use crate::format::{count, digits, escape, percent};
use crate::gate::{Events, GateStatus};
use crate::report::{Percentiles, Report, RouteReport};
use crate::text::observed;
use std::fmt::Write as _;

const HEADS: &str = "<th>p50</th><th>p90</th><th>p95</th><th>p99</th><th>max</th>";

fn cells(percentiles: &Percentiles) -> String {
    let cell = |value: Option<f64>| format!("<td>{}</td>", value.map_or_else(|| "–".to_owned(), digits));
    percentiles.all().map(cell).concat()
}

pub(super) fn thresholds(page: &mut String, report: &Report) {
    if report.thresholds.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Thresholds</h2><div class=\"card\"><table><tr><th>Condition</th><th>Observed</th><th>Result</th></tr>\n",
    );
    for threshold in &report.thresholds {
        let (class, word) = if threshold.ok { ("pass", "ok") } else { ("fail", "broken") };
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td class=\"{class}\">{word}</td></tr>",
            escape(&threshold.expr),
            escape(&observed(threshold))
        );
    }
    page.push_str("</table></div>\n");
}

/// The SLOs that the run was held against: the server's count beside the client's.
pub(super) fn gate(page: &mut String, report: &Report) {
    if report.gate.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Would the run have burnt the budget?</h2><div class=\"card\"><table><tr><th>SLO</th><th>Objective</th>\
         <th>Server: bad of all</th><th>Client: bad of all</th><th>Burn rate</th><th>Result</th></tr>\n",
    );
    let events = |events: Option<Events>| {
        events.map_or_else(|| "no data".to_owned(), |e| format!("{} of {}", digits(e.bad), digits(e.total)))
    };
    for slo in &report.gate {
        let (class, word) = match slo.status {
            GateStatus::Ok => ("pass", "kept"),
            GateStatus::Burnt => ("fail", "burnt"),
            GateStatus::NoData => ("invalid", "no data"),
        };
        let rate = slo.burn_rate.map_or_else(|| "–".to_owned(), |rate| format!("{}×", digits(rate)));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{rate}</td><td class=\"{class}\">{word}</td></tr>",
            escape(&slo.slo),
            percent(slo.objective),
            events(slo.server),
            events(slo.client)
        );
        if let Some(text) = &slo.disagreement {
            let _ = writeln!(page, "<tr class=\"part\"><td colspan=\"6\" class=\"wrap\">{}</td></tr>", escape(text));
        }
    }
    page.push_str("</table></div>\n");
}

pub(super) fn latency(page: &mut String, report: &Report) {
    let _ = writeln!(page, "<h2>Latency in milliseconds</h2><div class=\"card\"><table><tr><th></th>{HEADS}</tr>");
    for (name, percentiles) in [
        ("Response: intended start to last byte", &report.response_ms),
        ("Service: actual start to last byte", &report.service_ms),
        ("Lag: intended to actual start", &report.lag_ms),
    ] {
        let _ = writeln!(page, "<tr><td>{name}</td>{}</tr>", cells(percentiles));
    }
    page.push_str("</table></div>\n");
}

pub(super) fn routes(page: &mut String, report: &Report) {
    let _ = writeln!(
        page,
        "<h2>Routes: response time in milliseconds</h2><div class=\"card\"><table><tr><th>Route</th>{HEADS}\
         <th>Requests</th><th>Errors</th></tr>"
    );
    report.routes.iter().for_each(|route| self::route(page, route));
    page.push_str("</table></div>\n");
}

/// A row, and under it one for each way in which requests of the route ended, where there were several.
fn route(page: &mut String, route: &RouteReport) {
    let _ = writeln!(
        page,
        "<tr><td>{}</td>{}<td>{}</td><td>{}</td></tr>",
        escape(&route.name),
        cells(&route.response_ms),
        count(route.count),
        count(route.failed)
    );
    for end in route.ends.iter().filter(|_| route.ends.len() > 1) {
        let name = end.end.to_string().replace('_', " ");
        let cells = cells(&end.response_ms);
        let _ = writeln!(page, "<tr class=\"part\"><td>{name}</td>{cells}<td>{}</td><td></td></tr>", count(end.count));
    }
}

pub(super) fn causes(page: &mut String, report: &Report) {
    if report.causes.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Causes of errors</h2><div class=\"card\"><table><tr><th>Cause</th><th>Requests</th><th>Of all</th></tr>\n",
    );
    for (cause, n) in &report.causes {
        let share = percent(*n as f64 / report.scheduled.max(1) as f64);
        let _ = writeln!(page, "<tr><td>{}</td><td>{}</td><td>{share}</td></tr>", escape(cause), count(*n));
    }
    page.push_str("</table></div>\n");
}

/// The slowest requests, one by one, with the command that opens their trace.
pub(super) fn slowest(page: &mut String, report: &Report) {
    let mut slowest = report.whole.slowest.iter().peekable();
    if slowest.peek().is_none() {
        return;
    }
    page.push_str(
        "<h2>Slowest requests</h2><div class=\"card\"><table><tr><th>Due at</th><th class=\"left\">Route</th>\
         <th class=\"left\">End</th><th>Response ms</th><th>Service ms</th><th>Lag ms</th>\
         <th class=\"left\">Trace</th></tr>\n",
    );
    for slow in slowest {
        let ms = |us: u64| digits(us as f64 / 1e3);
        let trace = match (slow.trace_id.as_str(), slow.sampled) {
            ("", _) => "–".to_owned(),
            (id, true) => format!("<code>sretool traces show {}</code>", escape(id)),
            (_, false) => "not sampled".to_owned(),
        };
        let _ = writeln!(
            page,
            "<tr><td>{:.3} s</td><td class=\"left\">{}</td><td class=\"left\">{}</td><td>{}</td><td>{}</td>\
             <td>{}</td><td class=\"left\">{trace}</td></tr>",
            slow.at_s,
            escape(&slow.route),
            slow.end.to_string().replace('_', " "),
            ms(slow.response_us),
            ms(slow.service_us),
            ms(slow.lag_us)
        );
    }
    page.push_str("</table></div>\n");
}

/// Whether the generator had the machine it needed.
pub(super) fn generator(page: &mut String, report: &Report) {
    let usage = report.whole.usage;
    if usage.cpu_us == 0 {
        return;
    }
    let rows = [
        ("CPU time", format!("{} s", digits(usage.cpu_us as f64 / 1e6))),
        ("CPU time a request", format!("{} µs", digits(usage.cpu_us as f64 / report.scheduled.max(1) as f64))),
        ("Its CPUs were busy", usage.busy().map_or_else(|| "no data".to_owned(), percent)),
        ("Time waiting for a CPU", format!("{} s", digits(usage.waited_us as f64 / 1e6))),
        ("Stopped by a CPU limit for", format!("{} s", digits(usage.throttled_us as f64 / 1e6))),
        ("Most memory", format!("{} MiB", digits(usage.peak_rss_kb as f64 / 1024.0))),
    ];
    page.push_str("<h2>The generator itself</h2><div class=\"card\"><table>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<tr><td>{name}</td><td>{value}</td></tr>");
    }
    page.push_str("</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;
    use crate::slowest::Slow;
    use crate::{End, Usage};

    #[test]
    fn a_route_with_several_ends_shows_them() {
        let mut page = String::new();
        routes(&mut page, &report(&[]));
        assert!(page.contains("<tr class=\"part\"><td>500</td>"), "{page}");
        assert_eq!(page.matches("class=\"part\"").count(), 2, "GET /a ended in one way only");
    }

    #[test]
    fn slos_show_both_sides() {
        let mut page = String::new();
        gate(&mut page, &crate::report::tests::gated());
        assert!(page.contains("<td>5.00 of 1,000</td><td>0.000 of 100</td><td>5.00×</td>"), "{page}");
        assert!(page.contains("class=\"invalid\">no data") && page.contains("the client sent 100"), "{page}");
    }

    #[test]
    fn the_slowest_lead_to_their_traces_where_they_were_sampled() {
        let mut report = report(&[]);
        let slow = |trace_id: &str, sampled| Slow {
            at_s: 1.5,
            route: "GET /<a>".into(),
            end: End::TimedOut,
            response_us: 2_500_000,
            service_us: 2_400_000,
            lag_us: 100_000,
            trace_id: trace_id.into(),
            sampled,
        };
        report.whole.slowest = crate::Slowest::default();
        report.whole.slowest.add(slow("abc", true));
        report.whole.slowest.add(slow("def", false));
        let mut page = String::new();
        slowest(&mut page, &report);
        assert!(page.contains("sretool traces show abc") && !page.contains("def"), "{page}");
        assert!(page.contains("GET /&lt;a&gt;") && page.contains("timed out") && page.contains("2,500"), "{page}");
    }

    #[test]
    fn the_generator_tells_what_it_used_where_the_system_tells() {
        let (mut page, mut report) = (String::new(), report(&[]));
        report.whole.usage = Usage::default();
        generator(&mut page, &report);
        assert_eq!(page, "");
        report.whole.usage = Usage { cpu_us: 2_000_000, peak_rss_kb: 20_480, cores: 2, ..Usage::default() };
        generator(&mut page, &report);
        assert!(page.contains("<td>2.00 s</td>") && page.contains("20,000 µs") && page.contains("20.0 MiB"), "{page}");
        assert!(page.contains("no data"), "{page}");
    }
}
