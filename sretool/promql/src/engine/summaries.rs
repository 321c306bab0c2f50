//! Functions over range vectors from summaries of the windows, for stores that keep some.

use super::Compat;
use super::data::{ABSENT, Grid, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::rates::{Change, seconds};
use crate::ast::{Expr, ExprKind};
use crate::summary::{Summary, SummaryHints};
use std::ops::ControlFlow;

/// What a function sees of one series at one time. `summary.count` is never zero.
#[derive(Debug)]
struct Window<'a> {
    summary: &'a Summary,
    /// Bounds of the window, milliseconds.
    start: i64,
    end: i64,
    compat: Compat,
}

impl Window<'_> {
    fn change(&self, counter: bool, per: f64) -> Option<f64> {
        let Summary { first, last, resets, count, .. } = *self.summary;
        let value = last.v - first.v + if counter { resets } else { 0.0 };
        let change =
            Change { first, last, count: count as usize, value, start: self.start, end: self.end, compat: self.compat };
        change.extrapolated(counter, per)
    }
}

/// A function that needs no more than a summary.
#[derive(Clone, Copy)]
struct SummaryFn {
    value: fn(&Window<'_>) -> Option<f64>,
    /// Whether sliding over samples costs the same for a long window as for a short one.
    sliding: bool,
    /// Whether the value depends on a sum, so that the order of adding must not matter.
    sums: bool,
}

fn find(name: &str) -> Option<SummaryFn> {
    let sliding = |value| SummaryFn { value, sliding: true, sums: false };
    let scanning = |value| SummaryFn { value, sliding: false, sums: false };
    let summing = |value| SummaryFn { value, sliding: false, sums: true };
    Some(match name {
        "rate" => sliding(|w| w.change(true, seconds(w.end - w.start))),
        "increase" => sliding(|w| w.change(true, 1.0)),
        "delta" => sliding(|w| w.change(false, 1.0)),
        "resets" => sliding(|w| Some(f64::from(w.summary.drops))),
        "changes" => scanning(|w| Some(f64::from(w.summary.changes))),
        "sum_over_time" => summing(|w| Some(w.summary.total())),
        "avg_over_time" => summing(|w| {
            let count = f64::from(w.summary.count);
            Some(w.summary.sum / count + w.summary.lost / count)
        }),
        "count_over_time" => sliding(|w| Some(f64::from(w.summary.count))),
        "min_over_time" => scanning(|w| Some(w.summary.min)),
        "max_over_time" => scanning(|w| Some(w.summary.max)),
        "first_over_time" => sliding(|w| Some(w.summary.first.v)),
        "last_over_time" => sliding(|w| Some(w.summary.last.v)),
        "ts_of_first_over_time" => sliding(|w| Some(seconds(w.summary.first.t))),
        "ts_of_last_over_time" => sliding(|w| Some(seconds(w.summary.last.t))),
        "present_over_time" => sliding(|_| Some(1.0)),
        _ => return None,
    })
}

impl Evaluator<'_> {
    /// The values of a function over a selector's windows; `None` where samples must be read for them.
    pub fn values_of_summaries(&mut self, function: &str, arg: &Expr, grid: Grid) -> Evaluated<Option<Vec<Series>>> {
        let (ExprKind::Matrix(m), Some(f)) = (&arg.unparenthesized().kind, find(function)) else { return Ok(None) };
        // A summary knows nothing of the samples beyond its window.
        if m.selector.extension.is_some() {
            return Ok(None);
        }
        let reading = self.reading(m.selector.at, m.selector.offset.as_ref(), arg.span)?;
        let range = self.milliseconds(&m.range, false, arg.span)?;
        let ends = grid.times().map(|t| reading.time(t));
        let windows: Vec<_> = ends.map(|end| (self.range_start(end, range), end)).collect();
        let hints = SummaryHints { windows: &windows, sliding: f.sliding };
        let compat = self.options.compat;
        let value = |summary: &Summary, end: i64| {
            let window = Window { summary, start: end.saturating_sub(range), end, compat };
            if summary.count == 0 { ABSENT } else { (f.value)(&window).unwrap_or(ABSENT) }
        };
        let (mut vector, mut room, mut sums_known) = (Vec::new(), Ok(()), true);
        let store = self.store;
        let answered = store.summarize(&m.selector.matchers, hints, &mut |labels, summaries| {
            sums_known = !f.sums || summaries.iter().all(|s| s.count == 0 || s.sums_in_any_order());
            room = self.count(grid.len);
            if room.is_err() || !sums_known {
                return ControlFlow::Break(());
            }
            let values = summaries.iter().zip(&windows).map(|(summary, (_, end))| value(summary, *end)).collect();
            vector.push(Series::new(labels.clone(), false, values));
            ControlFlow::Continue(())
        })?;
        room?;
        vector.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok((answered && sums_known).then_some(vector))
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows;
    use super::*;
    use crate::storage::Sample;

    #[test]
    fn both_ways_to_a_value_agree() {
        let samples: Vec<_> =
            [3.0, 7.0, 7.0, 2.0, 5.5].iter().zip(1..).map(|(v, i)| Sample { t: i * 1000, v: *v }).collect();
        let summary: Summary = samples.iter().copied().collect();
        for function in crate::FUNCTIONS {
            let Some(f) = find(function.name) else { continue };
            for compat in [Compat::V3, Compat::V2_42] {
                let (start, end) = (500, 5200);
                let direct = windows::Window {
                    samples: &samples,
                    drops: &[7.0],
                    start,
                    end,
                    time: end,
                    params: [f64::NAN; 2],
                    compat,
                };
                let expected = windows::find(function.name).unwrap()(&direct);
                let found = (f.value)(&Window { summary: &summary, start, end, compat });
                assert_eq!(found, expected, "{}", function.name);
            }
        }
    }

    #[test]
    fn functions_of_every_sample_have_no_summary() {
        for name in ["quantile_over_time", "stddev_over_time", "deriv", "irate", "predict_linear", "abs"] {
            assert!(find(name).is_none(), "{name}");
        }
        assert!(find("rate").is_some_and(|f| f.sliding && !f.sums));
    }
}
