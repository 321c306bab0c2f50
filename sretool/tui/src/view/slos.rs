//! Screen 3: objectives, their budgets, and the selected one over time.

use super::Ui;
use super::overview::{number, percentage};
use super::plots::{Plot, columns, grid};
use super::table::{Cell, Col, Order, Table, cell, left, right};
use crate::clock;
use crate::model::overview::{PAGE_BURN, SLOW_PAGE_BURN, budget_level, burn_level};
use crate::model::slos::{SloRow, rows, selected};
use crate::queries::{QueryId as Q, SLOS};
use crate::units::{self, Unit};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const COLS: [Col; 9] = [
    left("NAME", (33, 44), 0),
    left("STATUS", (10, 10), 0),
    right("OBJECTIVE", 9, 4),
    right("PERIOD", 6, 8),
    right("SLI", 9, 5),
    left("BUDGET", (17, 17), 1),
    right("BURN 1H", 7, 2),
    right("BURN 6H", 7, 6),
    right("EXHAUSTED IN", 12, 3),
];
const SORTED: [&str; 3] = ["NAME", "BUDGET", "BURN 1H"];

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let (rows, all) = rows(ui.state);
    if ui.state.drilled && selected(ui.state).is_some() {
        let table = Rect { height: area.height.min(4), ..area };
        let rows: Vec<_> = rows.into_iter().filter(|row| Some(&row.id) == ui.state.selection.slo.as_ref()).collect();
        objectives(ui, &rows, all, table, buffer);
        let rest = Rect { y: table.bottom(), height: area.height - table.height, ..area };
        let down = if rest.height >= 14 { 2 } else { 1 };
        plots(ui, grid(rest, 1, down), buffer);
        return;
    }
    let wanted = rows.len().max(3) as u16 + 3;
    let charts = area.height.saturating_sub(wanted);
    let charts = if charts >= 7 { charts } else { 0 };
    objectives(ui, &rows, all, Rect { height: area.height - charts, ..area }, buffer);
    if charts > 0 && !rows.is_empty() {
        let rest = Rect { y: area.bottom() - charts, height: charts, ..area };
        plots(ui, columns(rest, if area.width >= 110 { 2 } else { 1 }), buffer);
    }
}

fn objectives(ui: &Ui<'_>, rows: &[SloRow], all: usize, area: Rect, buffer: &mut Buffer) {
    let note = if rows.len() == all { String::new() } else { format!("{} of {all}", rows.len()) };
    let Some(body) = ui.panel(area, "Objectives", &note, &SLOS[..7], buffer) else { return };
    if rows.is_empty() {
        let (what, next) = match all {
            0 => (
                "no objective is recorded",
                "Load the rules that `sretool slo rules` writes into the server; `sretool up` does.",
            ),
            _ => ("no objective matches the filter", "Esc clears the filter."),
        };
        ui.empty(body.area, what, next, (all == 0).then_some(Q::SloObjective), buffer);
        return;
    }
    let sort = ui.state.sort();
    let table = Table {
        cols: COLS.to_vec(),
        rows: rows.iter().map(|row| objective(ui, row)).collect(),
        selected: rows.iter().position(|row| Some(&row.id) == ui.state.selection.slo.as_ref()),
        order: Some(Order { title: SORTED[sort.column], descending: (sort.column == 2) != sort.reversed }),
    };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}

/// A bar and its number.
fn budget(ui: &Ui<'_>, left: Option<f64>) -> Cell {
    let level = budget_level(left);
    let Some(share) = left else { return percentage(ui, None, level) };
    let mut spans = bar(ui, share, 10, level).spans;
    let text = units::format(Unit::Ratio, share);
    spans.push(Span::styled(format!(" {text:>6}"), ui.number_style(level)));
    Line::from(spans)
}

/// A share of 1 as a bar; what lies outside of 0 to 1 is drawn as the nearer end.
pub(super) fn bar(ui: &Ui<'_>, share: f64, width: usize, level: crate::model::Level) -> Cell {
    let share = share.clamp(0.0, 1.0);
    // Anything left shows at least one cell, and only all of it fills the bar.
    let cells = (share * width as f64).ceil() as usize;
    let cells = if share < 1.0 { cells.min(width.saturating_sub(1)) } else { cells };
    Line::from(vec![
        Span::styled(ui.glyphs.bar.repeat(cells), ui.level_style(level)),
        Span::styled(ui.glyphs.trough.repeat(width - cells), ui.theme.faint),
    ])
}

fn objective(ui: &Ui<'_>, row: &SloRow) -> Vec<Cell> {
    let (text, dim) = (ui.theme.text, ui.theme.dim);
    let status = row.status();
    let level = status.level();
    let burn = |value| number(ui, Unit::BurnRate, value, ui.number_style(burn_level(value)));
    let name =
        Line::from(vec![Span::styled(format!("{} ", row.service), text), Span::styled(row.slo.clone(), ui.theme.key)]);
    let exhaustion = match (row.exhaustion_s, row.burn_1h) {
        (Some(0.0), _) => cell("now", ui.theme.bad),
        (Some(seconds), _) => cell(clock::span((seconds * 1_000.0) as i64), text),
        (None, Some(_)) => cell("never", dim),
        (None, None) => cell(ui.glyphs.none, ui.theme.faint),
    };
    vec![
        name,
        cell(format!("{} {}", ui.level_glyph(level), status.as_str()), ui.level_style(level)),
        percentage(ui, row.objective, crate::model::Level::Good),
        row.days.map_or_else(|| cell(ui.glyphs.none, ui.theme.faint), |days| cell(format!("{days} d"), dim)),
        percentage(ui, row.sli, crate::model::Level::Good),
        budget(ui, row.budget),
        burn(row.burn_1h),
        burn(row.burn_6h),
        exhaustion,
    ]
}

/// Budget and burn rate; where there is room for one, `b` chooses.
fn plots(ui: &Ui<'_>, areas: Vec<Rect>, buffer: &mut Buffer) {
    let name = ui.state.selection.slo.clone().unwrap_or_default();
    let hint = if areas.len() == 1 { " (b: the other)" } else { "" };
    let budget = Plot::new(format!("Budget remaining: {name}{hint}"), &[Q::SloBudgetOverTime])
        .styled("budget", ui.only_series(Q::SloBudgetOverTime), ui.theme.series[3])
        .at_least(1.0);
    let burn = Plot::new(format!("Burn rate over 5 min: {name}{hint}"), &[Q::SloBurnOverTime])
        .styled("burn rate", ui.only_series(Q::SloBurnOverTime), ui.theme.series[1])
        .threshold("pages over 1 h above", Some(PAGE_BURN))
        .threshold("over 6 h above", Some(SLOW_PAGE_BURN))
        .at_least(1.0);
    let order = if ui.state.show_burn { [burn, budget] } else { [budget, burn] };
    let next = "Without events there is no ratio: the chart begins with the first requests. - widens the time range.";
    let order = order.map(|plot| Plot { next, ..plot });
    for (plot, area) in order.into_iter().zip(areas) {
        ui.plot(plot, area, buffer);
    }
}
