//! A report as a comment on a pull request.

use super::{HEADINGS, NO_DATA, duration, percent, ratio, row, title};
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
        let (id, group) = (escaped(&reached.id), escaped(&reached.group));
        let percent = reached.step.remaining_percent;
        out.push_str(&format!("- {id} {group} has {percent} % or less left. {}\n", escaped(&reached.step.text)));
    }
    out
}

fn incidents(slos: &[SloReport]) -> String {
    let rows: Vec<_> = slos
        .iter()
        .flat_map(|slo| slo.incidents.iter().flatten().map(move |incident| (slo, incident)))
        .map(|(slo, incident)| {
            let (length, spent) = (duration(incident.duration_s), percent(incident.budget_spent, 1));
            format!("| {} | {} | {length} | {:.0} | {spent} |\n", escaped(&title(slo)), incident.start, incident.bad)
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "\n<details><summary>{} incidents spent budget</summary>\n\n| SLO | begin | length | bad | budget spent |\n\
         |---|---|---:|---:|---:|\n{}\n</details>\n",
        rows.len(),
        rows.concat()
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
