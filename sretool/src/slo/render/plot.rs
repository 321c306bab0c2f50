//! Plots as SVG: where the budget went, and how much failed when.
//!
//! Colours are the page's variables, so that one plot serves light and dark.

use super::{escaped, percent};
use slo::{Point, SloReport};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// More points than pixels only make the page larger.
const COLUMNS: usize = 360;

/// One column of a plot.
struct Column {
    t: i64,
    bad: f64,
    total: f64,
    worst: f64,
    remaining: f64,
}

/// Where values lie on the paper.
struct Scale {
    start: i64,
    end: i64,
    low: f64,
    high: f64,
}

impl Scale {
    fn x(&self, t: i64) -> f64 {
        let share = (t - self.start) as f64 / (self.end - self.start).max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The budget that is left over the period, and the incidents that spent it.
pub(super) fn burn_down(slo: &SloReport) -> Option<String> {
    let columns = columns(&slo.timeline);
    let (first, last) = (slo.timeline.first()?, slo.timeline.last()?);
    let lowest = columns.iter().map(|column| column.remaining).fold(0.0, f64::min);
    // Far below zero, how far no longer matters; the number stands beside the plot.
    let low = lowest.max(-3.0) * 1.05;
    let scale = Scale { start: first.t - first.step_ms, end: last.t, low, high: 1.05 };
    let mut body = String::new();
    for incident in slo.incidents.iter().flatten() {
        let (from, to) = (scale.x(incident.start_ms), scale.x(incident.end_ms));
        let (width, height) = ((to - from).max(2.0), HEIGHT - TOP - BOTTOM);
        let what = escaped(&format!("{}: {} of the budget", incident.start, percent(incident.budget_spent, 1)));
        body += &format!(
            "<rect class=\"incident\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height:.1}\">\
             <title>{what}</title></rect>"
        );
    }
    let levels = if lowest < 0.0 { vec![1.0, 0.5, 0.0, lowest.max(-3.0)] } else { vec![1.0, 0.5, 0.0] };
    body += &grid(&scale, &levels.iter().map(|level| (*level, percent(*level, 0))).collect::<Vec<_>>());
    let mut path = format!("M{:.1},{:.1}", scale.x(scale.start), scale.y(1.0));
    for column in &columns {
        path += &format!("L{:.1},{:.1}", scale.x(column.t), scale.y(column.remaining));
    }
    let (left, right, zero) = (scale.x(scale.start), scale.x(scale.end), scale.y(0.0));
    body += &format!("<path class=\"area\" d=\"{path}L{right:.1},{zero:.1}L{left:.1},{zero:.1}Z\"/>");
    body += &format!("<path class=\"line\" d=\"{path}\"/>");
    Some(svg(&format!("Error budget left of {}", super::title(slo)), &body))
}

/// The share that failed, step by step, on a scale up to the worst.
pub(super) fn errors(slo: &SloReport) -> Option<String> {
    let columns = columns(&slo.timeline);
    let (first, last) = (slo.timeline.first()?, slo.timeline.last()?);
    let budget = 1.0 - slo.objective;
    let worst = columns.iter().map(|column| column.worst).fold(0.0, f64::max);
    let scale = Scale { start: first.t - first.step_ms, end: last.t, low: 0.0, high: worst.max(budget * 2.0) * 1.05 };
    let mut levels = vec![(0.0, percent(0.0, 0)), (budget, format!("{} allowed", percent(budget, 2)))];
    if worst > budget * 3.0 {
        levels.push((worst, percent(worst, 1)));
    }
    let mut body = String::new();
    let width = ((WIDTH - LEFT - RIGHT) / columns.len().max(1) as f64).max(1.0);
    for column in columns.iter().filter(|column| column.worst > 0.0) {
        let (x, y) = (scale.x(column.t) - width, scale.y(column.worst));
        let class = if column.worst > budget { "bar bad" } else { "bar" };
        let height = HEIGHT - BOTTOM - y;
        body +=
            &format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>");
    }
    let labels: Vec<_> = levels.iter().map(|(level, text)| (*level, text.replace(" allowed", ""))).collect();
    body += &grid(&scale, &labels);
    Some(svg(&format!("Share of {} that failed", super::title(slo)), &body))
}

fn columns(timeline: &[Point]) -> Vec<Column> {
    let size = timeline.len().div_ceil(COLUMNS).max(1);
    let column = |points: &[Point]| {
        let worst = points.iter().filter(|point| point.total > 0.0).map(|point| point.bad / point.total);
        let last = points.last()?;
        Some(Column {
            t: last.t,
            bad: points.iter().map(|point| point.bad).sum(),
            total: points.iter().map(|point| point.total).sum(),
            worst: worst.fold(0.0, f64::max),
            remaining: last.remaining,
        })
    };
    let columns: Vec<_> = timeline.chunks(size).filter_map(column).collect();
    debug_assert!(columns.iter().all(|column| column.bad <= column.total + 1e-6));
    columns
}

fn grid(scale: &Scale, levels: &[(f64, String)]) -> String {
    let mut out = String::new();
    let mut labelled: Vec<f64> = Vec::new();
    for (level, text) in levels {
        let (y, right) = (scale.y(*level), WIDTH - RIGHT);
        let class = if *level == 0.0 { "grid zero" } else { "grid" };
        out += &format!("<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        // Two labels in one place cannot be read; the line stands for the second.
        if labelled.iter().all(|other| (other - y).abs() >= 12.0) {
            let (x, base) = (LEFT - 6.0, y + 4.0);
            out += &format!("<text x=\"{x:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>", escaped(text));
            labelled.push(y);
        }
    }
    let ticks = 6_i64;
    for i in 0..=ticks {
        let t = scale.start + (scale.end - scale.start) / ticks * i;
        let date = chrono::DateTime::from_timestamp_millis(t).unwrap_or_default();
        let form = if scale.end - scale.start > 3 * 86_400_000 { "%b %-d" } else { "%H:%M" };
        let anchor = match i {
            0 => "start",
            _ if i == ticks => "end",
            _ => "middle",
        };
        out += &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            scale.x(t),
            HEIGHT - 6.0,
            date.format(form)
        );
    }
    out
}

fn svg(label: &str, body: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{body}</svg>", escaped(label))
}
