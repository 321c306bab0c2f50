//! Screen 5: load tests.

use super::Ui;
use super::plots::{Plot, grid};
use super::slos::bar;
use super::table::{Cell, Col, Table, cell, left, right};
use crate::clock;
use crate::model::load::{Run, Threshold, runs, selected, thresholds};
use crate::model::{Level, label_values, lookup};
use crate::queries::QueryId as Q;
use crate::state::Child;
use crate::units::{self, Unit};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const THRESHOLD_COLS: [Col; 3] = [left("", (8, 8), 0), left("THRESHOLD", (14, 60), 0), right("OBSERVED", 9, 1)];
/// What a run is asked for at once: its head.
const HEAD: [Q; 4] = [Q::LoadElapsed, Q::LoadTarget, Q::LoadRequests, Q::LoadDuration];

pub(super) fn render(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(run) = selected(ui.state) else {
        nothing(ui, area, buffer);
        return;
    };
    let head_height = area.height.min(4);
    head(ui, &run, Rect { height: head_height, ..area }, buffer);
    let rest = Rect { y: area.y + head_height, height: area.height - head_height, ..area };
    // Numbers and thresholds stand beside the charts where there is width, else below them.
    let (charts, side) = if area.width >= 100 {
        let width = (area.width * 3 / 8).clamp(36, 56);
        (Rect { width: rest.width - width - 2, ..rest }, Rect { x: rest.right() - width, width, ..rest })
    } else {
        let below = (rest.height / 3).max(8).min(rest.height);
        let height = rest.height - below;
        (Rect { height, ..rest }, Rect { y: rest.y + height, height: below, ..rest })
    };
    if charts.height >= 6 {
        plots(ui, charts, buffer);
        side_panels(ui, side, buffer);
    } else {
        side_panels(ui, rest, buffer);
    }
}

fn nothing(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let log = log_height(ui, area.height);
    let upper = Rect { height: area.height - log, ..area };
    if let Some(body) = ui.panel(upper, "Load test", "", &[Q::LoadRunning], buffer) {
        let (what, next) = match ui.state.child {
            Child::Running { .. } => {
                ("the load test has started", "Its first numbers arrive within seconds; x stops it.")
            }
            _ => (
                "no load test in the last hour",
                "r starts one here, or run `sretool load --rps 1000` in another terminal.",
            ),
        };
        ui.empty(body.area, what, next, Some(Q::LoadRunning), buffer);
    }
    child_log(ui, Rect { y: upper.bottom(), height: log, ..area }, buffer);
}

fn log_height(ui: &Ui<'_>, height: u16) -> u16 {
    match ui.state.child_log.len() {
        0 => 0,
        n => (n as u16 + 1).min(height / 2),
    }
}

/// The output of the load test that was started here, its end.
fn child_log(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let note = match &ui.state.child {
        Child::None => String::new(),
        Child::Running { stopping: true, .. } => "stopping".to_owned(),
        Child::Running { since_ms, .. } => format!("for {}, x stops it", clock::span(ui.state.now_ms - since_ms)),
        Child::Ended(how) => how.clone(),
    };
    let title = format!("sretool {}", ui.state.config.load_args.join(" "));
    let inner = ui.title(area, &title, &note, ui.theme.dim, buffer);
    let height = usize::from(inner.height);
    let skip = ui.state.child_log.len().saturating_sub(height);
    for (line, y) in ui.state.child_log.iter().skip(skip).zip(inner.top()..inner.bottom()) {
        buffer.set_stringn(inner.x + 1, y, line, usize::from(inner.width.saturating_sub(2)), ui.theme.dim);
    }
}

/// Which run, how far it is, and what it aims at.
fn head(ui: &Ui<'_>, run: &Run, area: Rect, buffer: &mut Buffer) {
    let runs = runs(ui.state);
    let place = runs.iter().position(|id| *id == run.id).map_or(0, |i| i + 1);
    let note = if runs.len() > 1 { format!("{place} of {}, j and k choose", runs.len()) } else { String::new() };
    let Some(body) = ui.panel(area, &format!("Load test {}", run.id), &note, &HEAD, buffer) else { return };
    let (text, dim) = (ui.theme.text, ui.theme.dim);
    let state = if run.running {
        Span::styled(format!("{} running  ", ui.glyphs.good), ui.theme.good)
    } else {
        Span::styled(format!("{} finished  ", ui.glyphs.unknown), dim)
    };
    let mut spans = vec![state];
    if let (Some(elapsed), Some(duration)) = (run.elapsed_s, run.duration_s) {
        let width = usize::from(area.width / 3).clamp(8, 60);
        spans.extend(bar(ui, elapsed / duration, width, Level::Good).spans);
        let times = format!("  {} of {}", clock::span((elapsed * 1e3) as i64), clock::span((duration * 1e3) as i64));
        spans.push(Span::styled(times, text));
    }
    let mut facts = Vec::new();
    for (name, unit, value) in [
        ("target", Unit::RequestsPerSecond, run.target),
        ("ok", Unit::Short, run.ok),
        ("failed", Unit::Short, run.failed),
        ("timed out", Unit::Short, run.timed_out),
        ("in flight", Unit::Short, run.in_flight),
    ] {
        let bad = matches!(name, "failed" | "timed out") && value.is_some_and(|v| v > 0.0);
        facts.push(Span::styled(format!("{name} "), dim));
        let number = value.map_or_else(|| ui.glyphs.none.to_owned(), |v| units::format(unit, v));
        facts.push(Span::styled(format!("{number}   "), if bad { ui.theme.bad } else { text }));
    }
    let width = body.area.width.saturating_sub(2);
    for (spans, y) in [spans, facts].into_iter().zip(body.area.top()..body.area.bottom()) {
        buffer.set_line(body.area.x + 1, y, &Line::from(spans), width);
    }
    ui.age(&body, buffer);
}

fn plots(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let down = if area.height >= 18 { 2 } else { 1 };
    let across = if area.width >= 70 { 2 } else { 1 };
    let mut rate = Plot::new("Request rate", &[Q::LoadRateOverTime, Q::LoadTargetOverTime])
        .line("achieved", ui.only_series(Q::LoadRateOverTime))
        .styled("target", ui.only_series(Q::LoadTargetOverTime), ui.theme.series[1])
        .at_least(1.0);
    rate.next = "The first second has not ended yet.";
    let mut percentiles = Plot::new("Response time", &[Q::LoadPercentilesOverTime]);
    percentiles.lines = ui.all_series(Q::LoadPercentilesOverTime, |labels| quantile_name(labels.get("quantile")));
    percentiles.lines.retain(|line| line.name != "p90");
    let errors = {
        let mut plot = Plot::new("Failures", &[Q::LoadErrorsOverTime]).at_least(1.0);
        plot.lines = ui.all_series(Q::LoadErrorsOverTime, |labels| labels.get("outcome").replace('_', " "));
        plot.lines.iter_mut().for_each(|line| {
            let index = if line.name == "failed" { 4 } else { 1 };
            line.style = Some(ui.theme.series[index]);
        });
        plot
    };
    let lag = Plot::new("Sent too late by", &[Q::LoadLagOverTime]).styled(
        "p99",
        ui.only_series(Q::LoadLagOverTime),
        ui.theme.series[2],
    );
    for (plot, area) in [rate, percentiles, errors, lag].into_iter().zip(grid(area, across, down)) {
        ui.plot(plot, area, buffer);
    }
}

fn quantile_name(quantile: &str) -> String {
    match quantile {
        "1" => "slowest".to_owned(),
        other => other.parse::<f64>().map_or_else(|_| other.to_owned(), |q| format!("p{}", (q * 1e5).round() / 1e3)),
    }
}

fn side_panels(ui: &Ui<'_>, area: Rect, buffer: &mut Buffer) {
    let thresholds = thresholds(ui.state);
    let quantiles = label_values(ui.state.value(Q::LoadPercentiles), "quantile");
    if area.width < 100 && area.height < 16 {
        // Low and wide: the two side by side.
        let [a, b] = [0, 1].map(|i| super::plots::columns(area, 2)[i]);
        percentile_table(ui, &quantiles, a, buffer);
        threshold_table(ui, &thresholds, b, buffer);
        return;
    }
    let upper = (quantiles.len() as u16 + 3).min(area.height);
    percentile_table(ui, &quantiles, Rect { height: upper, ..area }, buffer);
    let log = log_height(ui, area.height - upper);
    let middle = area.height - upper - log;
    threshold_table(ui, &thresholds, Rect { y: area.y + upper, height: middle, ..area }, buffer);
    child_log(ui, Rect { y: area.bottom() - log, height: log, ..area }, buffer);
}

fn percentile_table(ui: &Ui<'_>, quantiles: &[String], area: Rect, buffer: &mut Buffer) {
    let Some(body) = ui.panel(area, "Last second", "", &[Q::LoadPercentiles, Q::LoadLag], buffer) else { return };
    let row = |quantile: &String| -> Vec<Cell> {
        let get = |id| lookup(ui.state.value(id), &[("quantile", quantile)]);
        let seconds = |value| super::overview::number(ui, Unit::Seconds, value, ui.theme.text);
        vec![cell(quantile_name(quantile), ui.theme.dim), seconds(get(Q::LoadPercentiles)), seconds(get(Q::LoadLag))]
    };
    let table = Table {
        cols: vec![left("", (7, 7), 0), right("RESPONSE", 9, 0), right("SENT LATE BY", 12, 1)],
        rows: quantiles.iter().map(row).collect(),
        selected: None,
        order: None,
    };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}

fn threshold_table(ui: &Ui<'_>, thresholds: &[Threshold], area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let Some(body) = ui.panel(area, "Thresholds", "", &[Q::LoadThresholdOk], buffer) else { return };
    if thresholds.is_empty() {
        ui.empty(body.area, "none set", "`sretool load --threshold 'p95<200ms'` sets one.", None, buffer);
        return;
    }
    let row = |threshold: &Threshold| -> Vec<Cell> {
        let level = threshold.level();
        let word = match threshold.ok {
            Some(true) => "ok",
            Some(false) => "broken",
            None => units::NO_DATA,
        };
        let observed = units::cell(threshold.unit(), threshold.observed).unwrap_or_else(|| ui.glyphs.none.to_owned());
        vec![
            cell(format!("{} {word}", ui.level_glyph(level)), ui.level_style(level)),
            cell(threshold.expr.clone(), ui.theme.text),
            cell(observed, ui.theme.text),
        ]
    };
    let rows = thresholds.iter().map(row).collect();
    let table = Table { cols: THRESHOLD_COLS.to_vec(), rows, selected: None, order: None };
    ui.table(&table, body.area, buffer);
    ui.age(&body, buffer);
}
