//! From samples to dots.

use super::axis::{TimeAxis, ValueAxis};
use super::canvas::Canvas;
use promql::Sample;

/// All that is drawn of the samples in one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Index, from the left.
    pub x: usize,
    /// First value.
    pub first: f64,
    /// Last value.
    pub last: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

/// Splits samples where the line breaks: at a value that is not finite, and where a step is missing.
pub fn runs(samples: &[Sample], step_ms: i64) -> Vec<&[Sample]> {
    let mut runs = Vec::new();
    let mut start = 0;
    for (index, sample) in samples.iter().enumerate() {
        let late = index > start && sample.t - samples[index - 1].t > step_ms.max(1) * 3 / 2;
        if late || !sample.v.is_finite() {
            runs.push(&samples[start..index]);
            start = if sample.v.is_finite() { index } else { index + 1 };
        }
    }
    runs.push(samples.get(start..).unwrap_or_default());
    runs.retain(|run| !run.is_empty());
    runs
}

/// Reduces one run to one entry a column; `column` places a time.
pub fn columns(run: &[Sample], column: impl Fn(i64) -> Option<usize>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for sample in run {
        let (Some(x), v) = (column(sample.t), sample.v) else { continue };
        match columns.last_mut().filter(|last| last.x == x) {
            Some(last) => {
                last.last = v;
                last.min = last.min.min(v);
                last.max = last.max.max(v);
            }
            None => columns.push(Column { x, first: v, last: v, min: v, max: v }),
        }
    }
    columns
}

pub(super) fn draw(samples: &[Sample], step_ms: i64, canvas: &mut Canvas, time: &TimeAxis, values: &ValueAxis) {
    let (width, height) = (canvas.dots_x(), canvas.dots_y());
    for run in runs(samples, step_ms) {
        let mut previous: Option<(usize, usize)> = None;
        for column in columns(run, |t| time.dot(t, width)) {
            let y = |v| values.dot(v, height);
            let first = (column.x, y(column.first));
            canvas.line(previous.unwrap_or(first), first);
            canvas.line((column.x, y(column.min)), (column.x, y(column.max)));
            previous = Some((column.x, y(column.last)));
        }
    }
}
