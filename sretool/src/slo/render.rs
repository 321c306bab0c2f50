//! A report as text, JSON, Markdown and JUnit. Nothing is computed here but the form of numbers.

use super::report::Format;
use crate::io::Io;
use slo::{Report, SloReport, Status, Window};

const NO_DATA: &str = "no data";

const HEADINGS: [&str; 8] = ["SLO", "objective", "SLI", "events", "budget left", "burn 1h", "exhausted in", "status"];

/// Prints a report.
pub(super) fn print(report: &Report, format: Format, io: &mut Io<'_>) {
    match format {
        Format::Text => text(report, io),
        Format::Json => match serde_json::to_string_pretty(report) {
            Ok(json) => io.line(json),
            Err(error) => io.error(error),
        },
        Format::Markdown => markdown(report, io),
        Format::Junit => junit(report, io),
    }
}

fn text(report: &Report, io: &mut Io<'_>) {
    let rows: Vec<[String; 8]> = report.slos.iter().map(row).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in std::iter::once(&HEADINGS.map(str::to_owned)).chain(&rows) {
        // Names to the left, numbers to the right, the status at the end.
        let mut line = format!("{:<w$}", row[0], w = widths[0]);
        for (cell, width) in row.iter().zip(widths).take(7).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        io.line(format_args!("{line}  {}", row[7]));
    }
    io.line(format_args!("{} at {} by {}", report.verdict, report.at, report.source));
}

fn markdown(report: &Report, io: &mut Io<'_>) {
    io.line(format_args!("| {} |", HEADINGS.join(" | ")));
    io.line("|---|---:|---:|---:|---:|---:|---:|---|");
    for slo in &report.slos {
        io.line(format_args!("| {} |", row(slo).join(" | ").replace('\n', " ")));
    }
    io.line(format_args!("\n**{}** at {} by {}", report.verdict, report.at, report.source));
}

fn junit(report: &Report, io: &mut Io<'_>) {
    let count = |status| report.slos.iter().filter(|slo| slo.status == status).count();
    io.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    io.line(format_args!(
        "<testsuite name=\"slo\" tests=\"{}\" failures=\"{}\" errors=\"{}\" timestamp=\"{}\">",
        report.slos.len(),
        count(Status::Breached),
        count(Status::NoData),
        escaped(&report.at)
    ));
    for slo in &report.slos {
        let open = format!("  <testcase classname=\"{}\" name=\"{}\"", escaped(&slo.service), escaped(&slo.name));
        let detail = escaped(&sentence(slo));
        match slo.status {
            Status::Breached => io.line(format_args!("{open}><failure message=\"{detail}\"/></testcase>")),
            Status::NoData => io.line(format_args!("{open}><error message=\"{detail}\"/></testcase>")),
            Status::Ok | Status::AtRisk => {
                io.line(format_args!("{open}><system-out>{detail}</system-out></testcase>"));
            }
        }
    }
    io.line("</testsuite>");
}

fn sentence(slo: &SloReport) -> String {
    let [name, objective, sli, events, left, ..] = row(slo);
    if slo.status == Status::NoData {
        return format!("{name}: no data in {}", slo.window);
    }
    format!("{name}: {}, SLI {sli} of {objective} promised, {events} events, budget left {left}", slo.status)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn row(slo: &SloReport) -> [String; 8] {
    let or_no_data = |text: Option<String>| text.unwrap_or_else(|| NO_DATA.to_owned());
    let burn = slo.burn_rates.get(&Window::hours(1)).copied().flatten();
    [
        format!("{}/{}", slo.service, slo.name),
        percent(slo.objective, 3),
        or_no_data(slo.sli.map(|sli| percent(sli, 4))),
        or_no_data(slo.total.map(|total| format!("{total:.0}"))),
        or_no_data(slo.error_budget_remaining.map(|left| percent(left, 1))),
        or_no_data(burn.map(|rate| format!("{rate:.2}x"))),
        match (slo.time_to_exhaustion_s, slo.status) {
            (Some(seconds), _) => duration(seconds),
            (None, Status::NoData) => NO_DATA.to_owned(),
            (None, _) => "never".to_owned(),
        },
        slo.status.to_string(),
    ]
}

/// A percentage without trailing zeros, cut rather than rounded up: 99.99999 % is not 100 %.
fn percent(ratio: f64, decimals: usize) -> String {
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    // Binary fractions of decimals end in noise, such as 99.89999999999999.
    let cut = (ratio * 100.0 * scale + 1e-6).floor() / scale;
    let text = format!("{cut:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

fn duration(seconds: f64) -> String {
    let (days, hours, minutes) = (seconds / 86_400.0, seconds / 3_600.0, seconds / 60.0);
    if days >= 365.0 {
        "over a year".to_owned()
    } else if days >= 2.0 {
        format!("{days:.0}d")
    } else if hours >= 2.0 {
        format!("{hours:.0}h")
    } else if seconds > 0.0 {
        format!("{minutes:.0}m")
    } else {
        "spent".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo::Catalog;

    /// One objective of each status; the second has no data.
    fn report() -> Report {
        let document = |name: &str| {
            format!(
                "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: {name}}}\nspec:\n  service: shop\n  \
                 timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
                 objectives: [{{target: 0.99}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
                 ratioMetric:\n        counter: true\n        bad: {{metricSource: {{spec: {{query: e}}}}}}\n        \
                 total: {{metricSource: {{spec: {{query: r}}}}}}\n"
            )
        };
        let documents = ["checkout", "idle", "search"].map(document);
        let catalog = Catalog::load(documents.iter().map(|text| ("a.yaml", text.as_str())));
        let burn = slo::BurnWindows::workbook();
        let counts = [Some((2_000.0, 100_000.0)), None, Some((1.0, 1_000.0))];
        let judged = catalog.slos.iter().zip(counts).map(|(slo, counts)| {
            let mut answers = slo::Answers::default();
            for query in slo::plan(slo, &burn) {
                let Some((bad, total)) = counts else { continue };
                let v = if query.part == slo::Part::Bad { bad } else { total };
                answers.record(&query, &promql::Value::Scalar(promql::Sample { t: 0, v })).unwrap();
            }
            slo::evaluate(slo, &answers, &burn)
        });
        Report::new(1_700_000_000_000, "http://127.0.0.1:9090/<a&b>", judged.collect())
    }

    fn printed(format: Format) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        print(&report(), format, &mut Io { out: &mut out, err: &mut err, terminal: false });
        assert_eq!(err, b"");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_a_table() {
        insta::assert_snapshot!(printed(Format::Text));
    }

    #[test]
    fn markdown_is_a_table() {
        insta::assert_snapshot!(printed(Format::Markdown));
    }

    #[test]
    fn junit_has_a_case_for_each_objective() {
        insta::assert_snapshot!(printed(Format::Junit));
    }

    #[test]
    fn percentages_never_round_up_to_perfection() {
        assert_eq!(percent(0.999_999_99, 4), "99.9999 %");
        assert_eq!(percent(0.999, 3), "99.9 %");
        assert_eq!(percent(1.0, 4), "100 %");
        assert_eq!(percent(-8.77, 1), "-877 %");
        assert_eq!(percent(0.0, 1), "0 %");
    }

    #[test]
    fn durations_use_one_unit() {
        assert_eq!(duration(30.0 * 86_400.0), "30d");
        assert_eq!(duration(7_200.0), "2h");
        assert_eq!(duration(90.0), "2m");
        assert_eq!(duration(0.0), "spent");
        assert_eq!(duration(1e12), "over a year");
    }
}
