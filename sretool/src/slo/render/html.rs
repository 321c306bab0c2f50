//! A report as one page: no script, no font and no picture from elsewhere, and every text escaped.

use super::{duration, escaped, largest_incidents, percent, plot, ratio, row, title};
use slo::{Gate, Report, SloReport, Status};

const STYLE: &str = include_str!("page.css");

/// Nothing may be loaded or run, whatever a name in a document holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn render(report: &Report) -> String {
    let mut body = header(report);
    body += &summary(report);
    for slo in &report.slos {
        body += &card(slo);
    }
    let source = escaped(&report.source);
    body += &format!("<footer>{} &middot; {source} &middot; sretool {}</footer>", report.at, env!("CARGO_PKG_VERSION"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Service level objectives: {}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n",
        report.verdict
    )
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::AtRisk => "risk",
        Status::Breached => "bad",
        Status::NoData => "none",
    }
}

fn badge(status: Status) -> String {
    format!("<span class=\"badge {}\">{status}</span>", class(status))
}

fn header(report: &Report) -> String {
    let mut out = format!("<header><h1>Service level objectives {}</h1>", badge(report.verdict));
    if let Some(policy) = &report.policy {
        let (class, gate) = match policy.gate {
            Gate::Pass => ("ok", "lets changes through"),
            Gate::Warn => ("risk", "lets changes through, with a warning"),
            Gate::Undecided => ("none", "cannot decide: there are no data"),
            Gate::Fail => ("bad", "holds changes back"),
        };
        out += &format!("<section class=\"policy {class}\"><strong>Policy {}</strong> {gate}.", escaped(&policy.name));
        if !policy.reached.is_empty() {
            out += "<ul>";
            for reached in &policy.reached {
                let who = escaped(&reached.name());
                let (percent, text) = (reached.step.remaining_percent, escaped(&reached.step.text));
                out += &format!("<li>{who}: {percent} % or less left. {text}</li>");
            }
            out += "</ul>";
        }
        out += "</section>";
    }
    out + "</header>"
}

fn summary(report: &Report) -> String {
    let mut out = String::from("<div class=\"scroll\"><table class=\"summary\"><thead><tr>");
    for (i, heading) in super::HEADINGS.iter().enumerate() {
        let class = if (1..7).contains(&i) { " class=\"n\"" } else { "" };
        out += &format!("<th{class}>{heading}</th>");
    }
    out += "</tr></thead><tbody>";
    for (i, slo) in report.slos.iter().enumerate() {
        let cells = row(slo);
        out += &format!("<tr><td><a href=\"#{}\">{}</a></td>", anchor(slo), escaped(&cells[0]));
        for cell in &cells[1..7] {
            out += &format!("<td class=\"n\">{}</td>", escaped(cell));
        }
        out += &format!("<td>{}</td></tr>", badge(report.slos[i].status));
    }
    out + "</tbody></table></div>"
}

/// An address within the page.
fn anchor(slo: &SloReport) -> String {
    let text = format!("{} {}", slo.id, slo.group_text());
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn card(slo: &SloReport) -> String {
    let mut out = format!(
        "<section class=\"card\" id=\"{}\"><h2>{} {}</h2>",
        anchor(slo),
        escaped(&title(slo)),
        badge(slo.status)
    );
    out += &format!("<p class=\"promise\">{}</p>", escaped(&promise(slo)));
    let cells = row(slo);
    out += "<dl class=\"tiles\">";
    for (name, value) in
        [("SLI", &cells[2]), ("budget left", &cells[4]), ("burn 1h", &cells[5]), ("exhausted in", &cells[6])]
    {
        out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
    }
    out += "</dl>";
    if let Some(svg) = plot::burn_down(slo) {
        out += &format!("<figure><figcaption>Error budget left</figcaption>{svg}</figure>");
    }
    if let Some(svg) = plot::errors(slo) {
        out += &format!("<figure><figcaption>Share that failed</figcaption>{svg}</figure>");
    }
    out += &rates(slo);
    out += &incidents(slo);
    out += &history(slo);
    out + "</section>"
}

fn promise(slo: &SloReport) -> String {
    let period = match (&slo.period_start, &slo.period_end) {
        (Some(start), Some(end)) => format!("from {start} to {end}"),
        _ => format!("in {}", slo.window),
    };
    let parts: Vec<_> = slo.parts.iter().map(|(weight, id)| format!("{id} (weight {weight})")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!("; made of {}", parts.join(", ")) };
    format!("{} promised {period}{parts}", percent(slo.objective, 3))
}

fn rates(slo: &SloReport) -> String {
    let mut out = String::from("<p class=\"rates\">Burn rates:");
    for (window, rate) in &slo.burn_rates {
        let rate = rate.map_or_else(|| super::NO_DATA.to_owned(), |rate| format!("{rate:.2}x"));
        out += &format!(" <span><b>{window}</b> {rate}</span>");
    }
    out + "</p>"
}

fn incidents(slo: &SloReport) -> String {
    let (largest, smaller) = largest_incidents(slo);
    if largest.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h3>Where the budget went</h3><div class=\"scroll\"><table><thead><tr><th>begin</th><th class=\"n\">length</th>\
         <th class=\"n\">bad</th><th class=\"n\">budget spent</th></tr></thead><tbody>",
    );
    for incident in largest {
        out += &format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.0}</td><td class=\"n\">{}</td></tr>",
            escaped(&incident.start),
            duration(incident.duration_s),
            incident.bad,
            percent(incident.budget_spent, 1)
        );
    }
    if let Some((count, spent)) = smaller {
        let spent = percent(spent, 1);
        out += &format!("<tr><td>{count} smaller ones</td><td></td><td></td><td class=\"n\">{spent}</td></tr>");
    }
    out + "</tbody></table></div>"
}

fn history(slo: &SloReport) -> String {
    if slo.history.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h3>Earlier periods</h3><div class=\"scroll\"><table><thead><tr><th>period</th><th class=\"n\">SLI</th>\
         <th class=\"n\">events</th><th class=\"n\">budget left</th><th></th></tr></thead><tbody>",
    );
    for past in &slo.history {
        out += &format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escaped(&past.name),
            ratio(past.sli, 4),
            past.total.map_or_else(|| "-".to_owned(), |total| format!("{total:.0}")),
            ratio(past.error_budget_remaining, 1),
            badge(past.status)
        );
    }
    out + "</tbody></table></div>"
}
