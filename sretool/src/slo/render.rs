//! A report as text, JSON, Markdown, JUnit and HTML. Nothing is computed here but the form of numbers.

mod html;
mod junit;
mod markdown;
mod numbers;
mod plot;

use super::report::Format;
pub(super) use numbers::{NO_DATA, duration, percent};
use slo::{Incident, Report, SloReport, Status, Unit, Window};

const HEADINGS: [&str; 8] = ["SLO", "objective", "SLI", "events", "budget left", "burn 1h", "exhausted in", "status"];

/// A report as a text that ends with a line end.
pub(super) fn report(report: &Report, format: Format) -> Result<String, serde_json::Error> {
    Ok(match format {
        Format::Text => text(report),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Markdown => markdown::render(report),
        Format::Junit => junit::render(report),
        Format::Html => html::render(report),
    })
}

fn text(report: &Report) -> String {
    let rows: Vec<[String; 8]> = report.slos.iter().map(row).collect();
    let mut lines = table(&HEADINGS, &rows);
    for slo in &report.slos {
        for past in &slo.history {
            let (sli, left) = (ratio(past.sli, 4), ratio(past.error_budget_remaining, 1));
            lines.push(format!("{} {}: SLI {sli}, budget left {left}, {}", title(slo), past.name, past.status));
        }
        let (largest, smaller) = largest_incidents(slo);
        for incident in largest {
            let (spent, length) = (percent(incident.budget_spent, 1), duration(incident.duration_s));
            lines.push(format!("{} incident {} for {length}: {spent} of the budget", title(slo), incident.start));
        }
        if let Some((count, spent)) = smaller {
            lines.push(format!("{} {count} smaller incidents: {} of the budget", title(slo), percent(spent, 1)));
        }
    }
    lines.push(format!("{} at {} by {}", report.verdict, report.at, report.source));
    lines.join("\n") + "\n"
}

/// Columns: names to the left, numbers to the right, the last one as it is.
pub(super) fn table<const N: usize>(headings: &[&str; N], rows: &[[String; N]]) -> Vec<String> {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let mut line = format!("{:<w$}", row[0], w = widths[0]);
        for (cell, width) in row.iter().zip(widths).take(N - 1).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        format!("{line}  {}", row[N - 1])
    };
    std::iter::once(&headings.map(str::to_owned)).chain(rows).map(line).collect()
}

/// People look at this many incidents of an objective.
const INCIDENTS: usize = 10;

/// The incidents that spent most, in order of time, and number and spending of the others; JSON has them all.
fn largest_incidents(slo: &SloReport) -> (Vec<&Incident>, Option<(usize, f64)>) {
    let mut all: Vec<_> = slo.incidents.iter().flatten().collect();
    all.sort_by(|a, b| b.budget_spent.total_cmp(&a.budget_spent));
    let smaller = all.split_off(all.len().min(INCIDENTS));
    all.sort_by_key(|incident| incident.start_ms);
    let spent = smaller.iter().map(|incident| incident.budget_spent).sum();
    (all, (!smaller.is_empty()).then_some((smaller.len(), spent)))
}

/// Service, name and group.
fn title(slo: &SloReport) -> String {
    let group = slo.group_text();
    if group.is_empty() {
        format!("{}/{}", slo.service, slo.name)
    } else {
        format!("{}/{} {{{group}}}", slo.service, slo.name)
    }
}

fn ratio(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), |ratio| percent(ratio, decimals))
}

fn row(slo: &SloReport) -> [String; 8] {
    let or_no_data = |text: Option<String>| text.unwrap_or_else(|| NO_DATA.to_owned());
    let burn = slo.burn_rates.get(&Window::hours(1)).copied().flatten();
    let counted = match slo.unit {
        Unit::Events | Unit::Slices => or_no_data(slo.total.map(|total| format!("{total:.0}"))),
        Unit::Ratio => "-".to_owned(),
    };
    [
        title(slo),
        percent(slo.objective, 3),
        ratio(slo.sli, 4),
        if slo.unit == Unit::Slices { format!("{counted} slices") } else { counted },
        ratio(slo.error_budget_remaining, 1),
        or_no_data(burn.map(|rate| format!("{rate:.2}x"))),
        match (slo.time_to_exhaustion_s, slo.status) {
            _ if slo.error_budget_remaining.is_some_and(|left| left <= 0.0) => "spent".to_owned(),
            (Some(seconds), _) => duration(seconds),
            (None, Status::NoData) => NO_DATA.to_owned(),
            (None, _) => "never".to_owned(),
        },
        slo.status.to_string(),
    ]
}

/// One objective in one line.
fn sentence(slo: &SloReport) -> String {
    let [name, objective, sli, events, left, ..] = row(slo);
    if slo.status == Status::NoData {
        return format!("{name}: no data in {}", slo.window);
    }
    format!("{name}: {}, SLI {sli} of {objective} promised, {events} events, budget left {left}", slo.status)
}

/// Text in HTML and XML, also within quotes. Characters that XML forbids are replaced.
fn escaped(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    let text: String = text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
