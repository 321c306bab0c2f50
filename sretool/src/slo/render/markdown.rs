//! A report as a comment on a pull request.

use super::{HEADINGS, NO_DATA, duration, largest_incidents, percent, ratio, row, title};
use slo::{Gate, Report, SloReport, Status};

pub(super) fn render(report: &Report) -> String {
    let mut out = heading(report);
    out.push_str(&format!("| {} |\n|---|---:|---:|---:|---:|---:|---:|---|\n", HEADINGS.join(" | ")));
    for slo in &report.slos {
        let mut cells = row(slo).map(|cell| escaped(&cell));
        cells[7] = format!("{} {}", symbol(slo.status), cells[7]);
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out.push_str(&policy(report));
    out.push_str(&incidents(&report.slos));
    out.push_str(&history(&report.slos));
    out.push_str(&format!("\n**{}** at {} by {}\n", report.verdict, report.at, escaped(&report.source)));
    out
}

fn heading(report: &Report) -> String {
    let of = |status| report.slos.iter().filter(|slo| slo.status == status).count();
    let counts = [Status::Breached, Status::NoData, Status::AtRisk, Status::Ok];
    let counts = counts.map(|status| (of(status), status));
    let words: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, status)| format!("{n} {status}")).collect();
    format!("### {} Service level objectives: {}\n\n", symbol(report.verdict), words.join(", "))
}

fn symbol(status: Status) -> &'static str {
    match status {
        Status::Ok => "\u{1f7e2}",
        Status::AtRisk => "\u{1f7e1}",
        Status::Breached => "\u{1f534}",
        Status::NoData => "\u{26aa}",
    }
}

fn policy(report: &Report) -> String {
    let Some(policy) = &report.policy else { return String::new() };
    let gate = match policy.gate {
        Gate::Pass => "passes",
        Gate::Warn => "passes with a warning",
        Gate::Undecided => "cannot decide: there are no data",
        Gate::Fail => "**holds this change back**",
    };
    let mut out = format!("\nThe error-budget policy {} {gate}.\n", escaped(&policy.name));
    for reached in &policy.reached {
        let (who, percent) = (escaped(&reached.name()), reached.step.remaining_percent);
        out.push_str(&format!("- {who} has {percent} % or less left. {}\n", escaped(&reached.step.text)));
    }
    out
}

fn incidents(slos: &[SloReport]) -> String {
    let (mut rows, mut count) = (String::new(), 0);
    for slo in slos {
        let (largest, smaller) = largest_incidents(slo);
        let name = escaped(&title(slo));
        for incident in largest {
            let (length, spent) = (duration(incident.duration_s), percent(incident.budget_spent, 1));
            rows += &format!("| {name} | {} | {length} | {:.0} | {spent} |\n", incident.start, incident.bad);
            count += 1;
        }
        if let Some((more, spent)) = smaller {
            rows += &format!("| {name} | {more} smaller ones | | | {} |\n", percent(spent, 1));
            count += more;
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n<details><summary>{count} incidents spent budget</summary>\n\n| SLO | begin | length | bad | budget spent |\n\
         |---|---|---:|---:|---:|\n{rows}\n</details>\n"
    )
}

fn history(slos: &[SloReport]) -> String {
    let Some(longest) = slos.iter().max_by_key(|slo| slo.history.len()).filter(|slo| !slo.history.is_empty()) else {
        return String::new();
    };
    let names: Vec<_> = longest.history.iter().rev().map(|past| past.name.as_str()).collect();
    let titles: Vec<_> = names.iter().map(|name| escaped(name)).collect();
    let mut out = format!("\n<details><summary>Earlier periods: SLI</summary>\n\n| SLO | {} |\n", titles.join(" | "));
    out.push_str(&format!("|---|{}\n", "---:|".repeat(names.len())));
    for slo in slos {
        let cell = |name: &&str| {
            let past = slo.history.iter().find(|past| past.name == **name);
            past.map_or_else(|| NO_DATA.to_owned(), |past| format!("{} {}", symbol(past.status), ratio(past.sli, 4)))
        };
        let cells: Vec<_> = names.iter().map(cell).collect();
        out.push_str(&format!("| {} | {} |\n", escaped(&title(slo)), cells.join(" | ")));
    }
    out + "\n</details>\n"
}

/// Text in a cell of a table: nothing in it is markup, and nothing ends the cell.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A mention or a reference would notify people or link to other changes.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
