//! Screen 4: alerts, and the selected one with its runbook.

use super::Ui;
use super::table::{Cell, Col, Order, Table, cell, left, right};
use crate::clock;
use crate::message::{Alert, AlertState};
use crate::model::alerts::{rows, selected};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

const COLS: [Col; 6] = [
    left("STATE", (9, 9), 0),
    left("SEVERITY", (8, 8), 3),
    left("NAME", (18, 40), 0),
    left("SERVICE", (12, 24), 2),
    right("SINCE", 8, 1),
    left("SUMMARY", (20, 200), 4),
];
const SORTED: [&str; 3] = ["SEVERITY", "SINCE", "NAME"];

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let rows = rows(ui.state);
    if let (true, Some(alert)) = (ui.state.drilled, selected(ui.state)) {
        detail(ui, alert, area, buffer);
        return;
    }
    // The list gets what it needs, up to half; the selected alert gets the rest.
    let wanted = rows.len().max(3) as u16 + 3;
    let height = if area.height >= 14 { wanted.min(area.height / 2) } else { area.height };
    list(ui, &rows, Rect { height, ..area }, buffer);
    if let (true, Some(alert)) = (height < area.height, selected(ui.state)) {
        let rest = Rect { y: area.y + height, height: area.height - height, ..area };
        detail(ui, alert, rest, buffer);
    }
}

fn list(ui: &Ui<'_>, rows: &[&Alert], area: Rect, buffer: &mut Buffer) {
    let all = ui.state.alerts().data().map_or(0, Vec::len);
    let note = if rows.len() == all { String::new() } else { format!("{} of {all}", rows.len()) };
    let Some(body) = ui.alerts_panel(area, "Alerts", &note, buffer) else { return };
    if rows.is_empty() {
        let line = match all {
            0 => Line::styled(format!("{} Nothing fires and nothing is pending.", ui.glyphs.good), ui.theme.good),
            _ => Line::styled("No alert matches the filter; Esc clears it.", ui.theme.dim),
        };
        ui.message(body.area, vec![Line::default(), line], buffer);
        return;
    }
    let sort = ui.state.sort();
    let table = Table {
        cols: COLS.to_vec(),
        rows: rows.iter().map(|alert| row(ui, alert)).collect(),
        selected: rows.iter().position(|alert| Some(&alert.key()) == ui.state.selection.alert.as_ref()),
        order: Some(Order { title: SORTED[sort.column], descending: (sort.column < 2) != sort.reversed }),
    };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}

fn state_style(ui: &Ui<'_>, alert: &Alert) -> (&'static str, Style) {
    match (alert.state, alert.pages()) {
        (AlertState::Firing, true) => (ui.glyphs.bad, ui.theme.bad),
        (AlertState::Firing, false) => (ui.glyphs.warn, ui.theme.warn),
        (AlertState::Pending, _) => (ui.glyphs.pending, ui.theme.dim),
    }
}

fn since(ui: &Ui<'_>, alert: &Alert) -> String {
    alert.active_at_ms.map_or_else(|| ui.glyphs.none.to_owned(), |at| clock::span(ui.state.now_ms - at))
}

fn row(ui: &Ui<'_>, alert: &Alert) -> Vec<Cell> {
    let (glyph, style) = state_style(ui, alert);
    let word = match alert.state {
        AlertState::Firing => "firing",
        AlertState::Pending => "pending",
    };
    vec![
        cell(format!("{glyph} {word}"), style),
        cell(alert.severity().to_owned(), style),
        cell(alert.name().to_owned(), ui.theme.text),
        cell(alert.service().to_owned(), ui.theme.text),
        cell(since(ui, alert), ui.theme.text),
        cell(one_line(alert.summary()), ui.theme.dim),
    ]
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The firing alerts in a few lines, for the overview.
pub(super) fn strip(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let all = ui.state.alerts().data().map_or(&[][..], Vec::as_slice);
    let mut firing: Vec<_> = all.iter().filter(|alert| alert.state == AlertState::Firing).collect();
    firing.sort_by_key(|alert| (!alert.pages(), alert.key()));
    let Some(body) = ui.alerts_panel(area, "Firing", "4 opens them", buffer) else { return };
    for (alert, y) in firing.iter().zip(body.area.top()..body.area.bottom()) {
        let (glyph, style) = state_style(ui, alert);
        let line = Line::from(vec![
            Span::styled(format!("{glyph} {:<7} ", alert.severity()), style),
            Span::styled(format!("{} ", alert.name()), ui.theme.text),
            Span::styled(format!("{} ", alert.service()), ui.theme.key),
            Span::styled(format!("for {}  ", since(ui, alert)), ui.theme.dim),
            Span::styled(one_line(alert.summary()), ui.theme.dim),
        ]);
        buffer.set_line(body.area.x + 1, y, &line, body.area.width.saturating_sub(2));
    }
    ui.age(&body, buffer);
}

fn detail(ui: &Ui<'_>, alert: &Alert, area: Rect, buffer: &mut Buffer) {
    let note = if ui.state.drilled { "Esc goes back" } else { "Enter enlarges, PageDown scrolls" };
    let title = format!("{} {}", alert.name(), alert.service());
    let inner = ui.title(area, title.trim_end(), note, ui.theme.dim, buffer);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = lines(ui, alert);
    // Scrolling stops where the last line is at the bottom.
    let rows: usize = lines.iter().map(|line| wrapped_rows(&line.to_string(), usize::from(inner.width))).sum();
    let last = rows.saturating_sub(usize::from(inner.height));
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    let scroll = ui.state.scroll.min(last).min(usize::from(u16::MAX)) as u16;
    text.scroll((scroll, 0)).render(inner, buffer);
}

/// Rows that a line takes when it is wrapped between words.
fn wrapped_rows(line: &str, width: usize) -> usize {
    let (mut rows, mut used) = (1, 0);
    for word in line.split_inclusive(' ') {
        let length = word.chars().count();
        if used > 0 && used + word.trim_end().chars().count() > width {
            (rows, used) = (rows + 1, 0);
        }
        used += length;
        // A word longer than the line is broken.
        while used > width && width > 0 && length > width {
            (rows, used) = (rows + 1, used - width);
        }
    }
    rows
}

fn lines(ui: &Ui<'_>, alert: &Alert) -> Vec<Line<'static>> {
    let (text, dim, key) = (ui.theme.text, ui.theme.dim, ui.theme.key);
    let (glyph, style) = state_style(ui, alert);
    let offset = ui.state.config.utc_offset_s;
    let at = alert.active_at_ms.map(|ms| format!(" since {}", clock::date_time(ms, offset))).unwrap_or_default();
    let state = match alert.state {
        AlertState::Firing => "firing",
        AlertState::Pending => "pending",
    };
    let value = if alert.value.is_empty() { String::new() } else { format!(", value {}", alert.value) };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{glyph} {state} {}", alert.severity()), style),
        Span::styled(format!("{at}, {} ago{value}", since(ui, alert)), text),
    ])];
    for (name, value) in alert.annotations.iter().filter(|(name, _)| *name != "runbook_url") {
        lines.push(Line::from(vec![Span::styled(format!("{name}: "), dim), Span::styled(one_line(value), text)]));
    }
    let labels = alert.labels.iter().filter(|(name, _)| *name != "alertname");
    let labels = labels
        .flat_map(|(name, value)| [Span::styled(format!("{name}="), dim), Span::styled(format!("{value}  "), key)]);
    lines.push(Line::from(labels.collect::<Vec<_>>()));
    lines.push(Line::default());
    lines.extend(runbook(ui, alert));
    lines
}

fn runbook(ui: &Ui<'_>, alert: &Alert) -> Vec<Line<'static>> {
    let (text, dim) = (ui.theme.text, ui.theme.dim);
    let url = alert.annotations.get("runbook_url").map_or("", String::as_str);
    let known = ui.state.runbook.as_ref().filter(|runbook| runbook.name == alert.runbook());
    match known.and_then(|runbook| runbook.text.as_ref()) {
        None => vec![Line::styled("runbook: being read", dim)],
        Some(Err(cause)) if url.is_empty() => vec![Line::styled(format!("runbook: {cause}"), dim)],
        Some(Err(cause)) => vec![Line::styled(format!("runbook: {url} ({cause})"), dim)],
        Some(Ok(body)) => body.lines().map(|line| markdown(ui, line, text)).collect(),
    }
}

/// Headings stand out, code is tinted; everything else stays as written.
fn markdown(ui: &Ui<'_>, line: &str, text: Style) -> Line<'static> {
    let plain = line.replace('\t', "    ");
    if plain.starts_with('#') {
        return Line::styled(plain.trim_start_matches('#').trim_start().to_owned(), ui.theme.title);
    }
    let pieces = plain.split('`').enumerate();
    let spans = pieces.map(|(i, piece)| Span::styled(piece.to_owned(), if i % 2 == 1 { ui.theme.key } else { text }));
    Line::from(spans.collect::<Vec<_>>())
}
