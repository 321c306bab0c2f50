//! A series in one row.

use super::runs;
use crate::theme::Glyphs;
use promql::Sample;

/// Draws a series as `width` characters. Of the samples in one column the one farthest from the mean of all is drawn,
/// so that neither a spike nor a dip disappears; a column without samples stays empty.
pub fn spark(samples: &[Sample], start_ms: i64, end_ms: i64, step_ms: i64, width: usize, glyphs: &Glyphs) -> String {
    let finite = || samples.iter().filter(|s| s.v.is_finite() && (start_ms..=end_ms).contains(&s.t));
    let count = finite().count();
    if width == 0 || count == 0 || end_ms <= start_ms {
        return " ".repeat(width);
    }
    let mean = finite().map(|s| s.v).sum::<f64>() / count as f64;
    let high = finite().map(|s| s.v).fold(0.0, f64::max);
    let mut columns: Vec<Option<f64>> = vec![None; width];
    let place = |t: i64| ((t - start_ms) as f64 / (end_ms - start_ms) as f64 * (width - 1) as f64).round() as usize;
    let mut put = |x: usize, v: f64| {
        let old = columns[x].get_or_insert(v);
        if (v - mean).abs() > (*old - mean).abs() {
            *old = v;
        }
    };
    for run in runs(samples, step_ms) {
        let mut inside = run.iter().filter(|s| (start_ms..=end_ms).contains(&s.t)).peekable();
        while let Some(sample) = inside.next() {
            let x = place(sample.t);
            put(x, sample.v);
            // Columns between two neighbours belong to the line that joins them.
            let until = inside.peek().map_or(x, |next| place(next.t));
            (x + 1..until).for_each(|between| put(between, sample.v));
        }
    }
    let levels = glyphs.spark;
    let level = |v: f64| {
        let share = if high > 0.0 { (v / high).clamp(0.0, 1.0) } else { 0.0 };
        levels[(share * (levels.len() - 1) as f64).round() as usize]
    };
    columns.into_iter().map(|column| column.map_or(" ", level)).collect()
}
