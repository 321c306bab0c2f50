//! Screen 2: rate, errors and duration of one service, and its routes.

use super::Ui;
use super::overview::{error_level, number, percentage};
use super::plots::{Plot, grid};
use super::table::{Col, Order, Table, cell, left, right};
use crate::model::lookup;
use crate::model::overview::names;
use crate::model::service::routes;
use crate::queries::QueryId as Q;
use crate::units::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const COLS: [Col; 7] = [
    left("METHOD", (6, 7), 2),
    left("ROUTE", (18, 60), 0),
    right("RATE", 6, 0),
    right("ERRORS", 7, 0),
    right("P50", 7, 4),
    right("P95", 7, 1),
    right("P99", 7, 3),
];
const SORTED: [&str; 4] = ["RATE", "ERRORS", "P95", "ROUTE"];

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(service) = ui.state.selection.service.clone() else {
        let Some(body) = ui.panel(area, "Service", "", &[Q::AllTargets], buffer) else { return };
        let next = "Start the platform with `sretool up`, or name another server: --prometheus URL.";
        ui.empty(body.area, "no service is known", next, Some(Q::AllTargets), buffer);
        return;
    };
    let area = heading(ui, &service, area, buffer);
    let wanted = (routes(ui.state).len().max(2) + 3) as u16;
    // Charts need seven rows to be read; the routes get at most two fifths of the rest.
    let charts = area.height.saturating_sub(wanted.min((area.height * 2 / 5).max(5)));
    let charts = if charts >= 7 { charts } else { 0 };
    if charts > 0 {
        plots(ui, Rect { height: charts, ..area }, buffer);
    }
    route_table(ui, Rect { y: area.y + charts, height: area.height - charts, ..area }, buffer);
}

/// The name, whether it is up, and its place among the others.
fn heading(ui: &Ui<'_>, service: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let get = |id| lookup(ui.state.value(id), &[("service", service)]);
    let up = match (get(Q::UpTargets), get(Q::AllTargets)) {
        (Some(up), Some(all)) if up == all => format!("{} up", ui.glyphs.good),
        (Some(up), Some(all)) => format!("{} {up} of {all} up", ui.glyphs.bad),
        _ => format!("{} not scraped", ui.glyphs.unknown),
    };
    let names = names(ui.state);
    let place = names.iter().position(|name| name == service).map_or(0, |i| i + 1);
    let style = if up.starts_with(ui.glyphs.good) { ui.theme.good } else { ui.theme.bad };
    let mut x = area.x + 1;
    let width = usize::from(area.width.saturating_sub(2));
    for (text, style) in [
        (format!("{service}  "), ui.theme.title),
        (format!("{up}  "), style),
        (format!("{place} of {}, h and l turn the page", names.len()), ui.theme.dim),
    ] {
        let left = width.saturating_sub(usize::from(x - area.x));
        (x, _) = buffer.set_stringn(x, area.y, text, left, style);
    }
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

fn plots(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let across = if area.width >= 70 { 2 } else { 1 };
    let down = if area.height >= 14 { 2 } else { 1 };
    let mut rate = Plot::new("Request rate by status", &[Q::ServiceRate]).at_least(1.0);
    rate.lines = ui.all_series(Q::ServiceRate, |labels| labels.get("class").to_owned());
    for line in &mut rate.lines {
        line.style = Some(class_style(ui, &line.name));
    }
    // A class of status that never occurred in this time would only lengthen the legend.
    rate.lines.retain(|line| line.name == "2xx" || line.samples.iter().any(|s| s.v > 0.0));
    let allowed = lookup(ui.state.value(Q::ServiceErrorBudget), &[]);
    let duration = Plot::new("Duration", &[Q::ServiceP95, Q::ServiceP50, Q::ServiceP99])
        .line("p50", ui.only_series(Q::ServiceP50))
        .line("p95", ui.only_series(Q::ServiceP95))
        .line("p99", ui.only_series(Q::ServiceP99));
    let errors = Plot::new("Errors", &[Q::ServiceErrors])
        .styled("5xx", ui.only_series(Q::ServiceErrors), ui.theme.series[4])
        .threshold("objective allows", allowed)
        .at_least(0.01);
    let in_flight = Plot::new("In flight", &[Q::ServiceInFlight])
        .styled("requests", ui.only_series(Q::ServiceInFlight), ui.theme.series[5])
        .at_least(1.0);
    let plots = [rate, duration, errors, in_flight].map(|plot| Plot {
        next: "Series of http_requests_total, http_request_duration_seconds and http_requests_in_flight with this \
               service label appear here.",
        ..plot
    });
    for (plot, area) in plots.into_iter().zip(grid(area, across, down)) {
        ui.plot(plot, area, buffer);
    }
}

fn class_style(ui: &Ui<'_>, class: &str) -> Style {
    match class {
        "2xx" => ui.theme.series[0],
        "3xx" => ui.theme.series[5],
        "4xx" => ui.theme.series[1],
        "5xx" => ui.theme.series[4],
        _ => ui.theme.series[2],
    }
}

fn route_table(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let rows = routes(ui.state);
    let Some(body) = ui.panel(area, "Routes", "", &[Q::RouteRate, Q::RouteErrors, Q::RouteP95], buffer) else {
        return;
    };
    if rows.is_empty() {
        let (what, next) = match ui.state.filter().text() {
            "" => ("no route has been asked for", "A service that counts http_requests_total by route appears here."),
            _ => ("no route matches the filter", "Esc clears the filter."),
        };
        ui.empty(body.area, what, next, Some(Q::RouteRate), buffer);
        return;
    }
    let text = ui.theme.text;
    let sort = ui.state.sort();
    let selected = rows.iter().position(|row| Some(&row.key()) == ui.state.selection.route.as_ref());
    let table_row = |row: &crate::model::service::RouteRow| {
        vec![
            cell(row.method.clone(), ui.theme.dim),
            cell(row.route.clone(), text),
            number(ui, Unit::RequestsPerSecond, row.rate, text),
            percentage(ui, row.errors, error_level(row.errors)),
            number(ui, Unit::Seconds, row.p50, text),
            number(ui, Unit::Seconds, row.p95, text),
            number(ui, Unit::Seconds, row.p99, text),
        ]
    };
    let table = Table {
        cols: COLS.to_vec(),
        rows: rows.iter().map(table_row).collect(),
        selected,
        order: Some(Order { title: SORTED[sort.column], descending: (sort.column != 3) != sort.reversed }),
    };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}
