//! Screen 1: every service on one line, charts below.

use super::Ui;
use super::plots::{Plot, columns};
use super::table::{Cell, Col, Order, Table, cell, fit, left, right};
use crate::chart::spark;
use crate::model::Level;
use crate::model::overview::{ServiceRow, budget_level, burn_level, rows};
use crate::queries::{OVERVIEW, QueryId as Q, Subject};
use crate::units::{self, Unit};
use promql::Sample;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

const COLS: [Col; 12] = [
    left("SERVICE", (22, 28), 0),
    right("UP", 5, 3),
    right("RATE", 6, 1),
    right("ERRORS", 7, 0),
    right("P50", 7, 9),
    right("P95", 7, 2),
    right("P99", 7, 6),
    right("IN FLT", 6, 8),
    right("BUDGET", 7, 4),
    right("BURN", 6, 5),
    left("RATE OVER TIME", (14, 40), 7),
    left("P95 OVER TIME", (13, 40), 10),
];
const SORTED: [&str; 5] = ["SERVICE", "RATE", "ERRORS", "P95", "BUDGET"];

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let (rows, all) = rows(ui.state);
    let wanted = rows.len().max(3) as u16 + 3;
    let firing = firing_height(ui);
    // Charts take what is left when it is enough to read them.
    let charts = area.height.saturating_sub(wanted + firing);
    let charts = if charts >= 7 { charts } else { 0 };
    let table = Rect { height: area.height.saturating_sub(firing + charts), ..area };
    services(ui, &rows, all, table, buffer);
    let strip = Rect { y: table.bottom(), height: firing, ..area };
    super::alerts::strip(ui, strip, buffer);
    if charts > 0 {
        plots(ui, &rows, Rect { y: strip.bottom(), height: charts, ..area }, buffer);
    }
}

/// A title and up to three firing alerts.
fn firing_height(ui: &Ui<'_>) -> u16 {
    match crate::model::alerts::counts(ui.state).map_or(0, |counts| counts.firing()) {
        0 => 0,
        n => n.min(3) as u16 + 2,
    }
}

fn services(ui: &Ui<'_>, rows: &[ServiceRow<'_>], all: usize, area: Rect, buffer: &mut Buffer) {
    let note = if rows.len() == all { String::new() } else { format!("{} of {all}", rows.len()) };
    let Some(body) = ui.panel(area, "Services", &note, OVERVIEW, buffer) else { return };
    if rows.is_empty() {
        let (what, next) = match all {
            0 => (
                "no service is scraped",
                "Start the platform with `sretool up`, or name another server: --prometheus URL.",
            ),
            _ => ("no service matches the filter", "Esc clears the filter."),
        };
        ui.empty(body.area, what, next, (all == 0).then_some(Q::UpTargets), buffer);
        return;
    }
    let widths = fit(&COLS, body.area.width.saturating_sub(2));
    let spark_width = |col: usize| widths.iter().find(|(i, _)| *i == col).map_or(0, |(_, w)| usize::from(*w));
    let sparks = (spark_width(10), spark_width(11));
    let sort = ui.state.sort();
    let table = Table {
        cols: COLS.to_vec(),
        rows: rows.iter().map(|row| service(ui, row, sparks)).collect(),
        selected: rows.iter().position(|row| Some(&row.name) == ui.state.selection.service.as_ref()),
        order: Some(Order { title: SORTED[sort.column], descending: (1..=3).contains(&sort.column) != sort.reversed }),
    };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}

/// A number, or the sign for none.
pub(super) fn number(ui: &Ui<'_>, unit: Unit, value: Option<f64>, style: Style) -> Cell {
    match units::cell(unit, value) {
        Some(text) => cell(text, style),
        None => cell(ui.glyphs.none, ui.theme.faint),
    }
}

/// A percentage that could be mistaken for 0 % or 100 % when absent: it says `no data` in words.
pub(super) fn percentage(ui: &Ui<'_>, value: Option<f64>, level: Level) -> Cell {
    match units::cell(Unit::Ratio, value) {
        Some(text) => cell(text, ui.number_style(level)),
        None => cell(units::NO_DATA, ui.theme.faint),
    }
}

/// One error in a thousand is worth a look, one in twenty is bad.
pub(super) fn error_level(errors: Option<f64>) -> Level {
    match errors {
        None => Level::Unknown,
        Some(ratio) if ratio >= 0.05 => Level::Bad,
        Some(ratio) if ratio >= 0.001 => Level::Warn,
        Some(_) => Level::Good,
    }
}

fn service(ui: &Ui<'_>, row: &ServiceRow<'_>, sparks: (usize, usize)) -> Vec<Cell> {
    let text = ui.theme.text;
    let seconds = |value| number(ui, Unit::Seconds, value, text);
    let up = match (row.up, row.targets) {
        (Some(up), Some(all)) => {
            let word =
                if all == 1.0 { if up == 1.0 { "up" } else { "down" }.to_owned() } else { format!("{up}/{all}") };
            cell(word, ui.level_style(row.reachable()))
        }
        _ => cell(ui.glyphs.none, ui.theme.faint),
    };
    let level = row.level();
    let name = Line::from(vec![
        Span::styled(format!("{} ", ui.level_glyph(level)), ui.level_style(level)),
        Span::styled(row.name.clone(), text),
    ]);
    let burn = number(ui, Unit::BurnRate, row.burn, ui.number_style(burn_level(row.burn)));
    let serves = row.rate.is_some();
    let budget = if serves || row.budget.is_some() {
        percentage(ui, row.budget, budget_level(row.budget))
    } else {
        cell(ui.glyphs.none, ui.theme.faint)
    };
    let errors =
        if serves { percentage(ui, row.errors, error_level(row.errors)) } else { cell(ui.glyphs.none, ui.theme.faint) };
    vec![
        name,
        up,
        number(ui, Unit::RequestsPerSecond, row.rate, text),
        errors,
        seconds(row.p50),
        seconds(row.p95),
        seconds(row.p99),
        number(ui, Unit::Short, row.in_flight, text),
        budget,
        burn,
        sparkline(ui, row.rates, sparks.0, ui.theme.series[0]),
        sparkline(ui, row.p95s, sparks.1, ui.theme.series[1]),
    ]
}

fn sparkline(ui: &Ui<'_>, samples: &[Sample], width: usize, style: Style) -> Cell {
    let (start, end, step) = ui.state.chart_span(Subject::Everything);
    cell(spark(samples, start, end, step, width, &ui.glyphs), style)
}

fn plots(ui: &Ui<'_>, rows: &[ServiceRow<'_>], area: Rect, buffer: &mut Buffer) {
    let across = match area.width {
        0..76 => 1,
        76..150 => 2,
        _ => 3,
    };
    let all = [
        ("Request rate", Q::RateByService, 1.0),
        ("p95 duration", Q::P95ByService, 0.0),
        ("Errors", Q::ErrorsByService, 0.01),
    ];
    for ((title, id, at_least), area) in all.into_iter().zip(columns(area, across)) {
        let queries = [id];
        let mut plot = Plot::new(title, &queries).at_least(at_least);
        plot.next = "Charts fill as requests arrive; - widens the time range.";
        plot.lines = ui.all_series(id, |labels| labels.get("service").to_owned());
        plot.lines.retain(|line| rows.iter().any(|row| row.name == line.name));
        ui.plot(plot, area, buffer);
    }
}
