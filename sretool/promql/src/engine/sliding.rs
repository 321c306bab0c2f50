//! Slides a window over series that hold more than numbers, or that a modifier lets look beyond their windows.

use super::data::{ABSENT, Column, Grid, RawSeries, Series};
use super::evaluator::Evaluator;
use super::extended;
use super::native_windows::{self, NativeFn, NativeWindow, Output, Remarks};
use super::select::Ranges;
use super::windows::WindowFn;
use crate::ast::{Call, Extension, Span};
use std::sync::Arc;

/// Functions to which the start of a counter says anything.
const KNOWS_STARTS: [&str; 4] = ["rate", "irate", "increase", "resets"];

/// A place in a list of samples that only moves forward.
#[derive(Clone, Copy, Debug, Default)]
struct Cut {
    from: usize,
    to: usize,
}

impl Cut {
    /// Moves on to the samples with `first <= t <= last`.
    fn advance<T>(&mut self, samples: &[T], t: impl Fn(&T) -> i64, (first, last): (i64, i64)) {
        self.from += samples[self.from..].iter().take_while(|s| t(s) < first).count();
        self.to = self.to.max(self.from);
        self.to += samples[self.to..].iter().take_while(|s| t(s) <= last).count();
    }

    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.from..self.to).unwrap_or(&[])
    }
}

/// A call over windows of one range vector.
pub(super) struct Sliding<'a> {
    pub call: &'a Call,
    pub ranges: &'a Ranges,
    pub params: &'a [Vec<f64>; 2],
    pub of_floats: WindowFn,
    /// Where remarks point to.
    pub span: Span,
}

impl Evaluator<'_> {
    /// The values of a function at each time, with what should be said about them.
    pub fn slide_native(&mut self, series: &RawSeries, s: &Sliding<'_>, grid: Grid) -> Series {
        let name = s.call.function.name;
        let f = match s.ranges.extension {
            Some(extension) => extended::find(name, extension),
            None => native_windows::find(name),
        };
        let mut result = Series::new(series.labels.clone(), series.drop_name, vec![ABSENT; grid.len]);
        let starts = series.starts.as_deref().filter(|_| KNOWS_STARTS.contains(&name));
        let (mut floats, mut histograms) = (Cut::default(), Cut::default());
        let mut column = Column::new();
        for (step, time) in grid.times().enumerate() {
            let end = s.ranges.reading.time(time);
            let bounds = self.reach(end, s.ranges);
            floats.advance(&series.samples, |s| s.t, bounds);
            histograms.advance(&series.histograms, |s| s.t, bounds);
            let param = |i: usize| s.params[i].get(step).copied().unwrap_or(f64::NAN);
            let window = NativeWindow {
                samples: floats.of(&series.samples),
                histograms: histograms.of(&series.histograms),
                starts: starts.map_or(&[], |starts| floats.of(&starts.samples)),
                histogram_starts: starts.map_or(&[], |starts| histograms.of(&starts.histograms)),
                start: end.saturating_sub(s.ranges.range),
                end,
                time,
                params: [param(0), param(1)],
                compat: self.options.compat,
                of_floats: s.of_floats,
            };
            match self.apply(f, &window, s.span, series.labels.metric_name()) {
                Some(Output::Float(v)) => result.values[step] = v,
                Some(Output::Histogram(h)) => {
                    column.resize(grid.len, None);
                    column[step] = Some(Arc::clone(&h));
                }
                None => {}
            }
        }
        result.histograms = column;
        result
    }

    fn apply(&mut self, f: NativeFn, window: &NativeWindow<'_>, span: Span, metric: &str) -> Option<Output> {
        if window.samples.is_empty() && window.histograms.is_empty() {
            return None;
        }
        f(window, &mut Remarks { notes: &mut self.notes, span, metric })
    }

    /// First and last millisecond that a window sees: its own, or as far beyond as a modifier lets it look.
    fn reach(&self, end: i64, ranges: &Ranges) -> (i64, i64) {
        let lookback = self.options.lookback_ms;
        let first = self.range_start(end, ranges.range);
        match ranges.extension {
            None => (first, end),
            Some(Extension::Anchored) => (first.saturating_sub(lookback), end),
            Some(Extension::Smoothed) => (first.saturating_sub(lookback), end.saturating_add(lookback)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_move_forward_and_hold_both_bounds() {
        let samples = [1i64, 5, 9, 13];
        let mut cut = Cut::default();
        let mut at = |first, last| {
            cut.advance(&samples, |t| *t, (first, last));
            cut.of(&samples).to_vec()
        };
        assert_eq!(at(-5, 0), []);
        assert_eq!(at(1, 5), [1, 5]);
        assert_eq!(at(2, 9), [5, 9]);
        assert_eq!(at(20, 30), []);
        assert_eq!(Cut { from: 3, to: 9 }.of(&samples), []);
    }
}
