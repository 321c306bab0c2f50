//! Selectors with a modifier, read as they are: values on the line between samples, ranges with values at their bounds.

use super::EvalError;
use super::annotations::Note;
use super::data::{ABSENT, Grid, RawSeries, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::extended::{between, between_histograms};
use super::native_windows::Remarks;
use super::select::{Reading, raw};
use crate::ast::{Extension, Span, VectorSelector};
use crate::histogram::{Histogram, ResetHint};
use crate::storage::{HistogramSample, Sample};

impl Evaluator<'_> {
    /// `m smoothed`: the value at each time lies between the samples before and after it.
    pub fn smoothed_vector(&mut self, selector: &VectorSelector, span: Span, grid: Grid) -> Evaluated<Vec<Series>> {
        let reading = self.reading(selector.at, selector.offset.as_ref(), span)?;
        let lookback = self.options.lookback_ms;
        let min_t = self.range_start(reading.time(grid.start), lookback);
        let found = self.read(selector, min_t, reading.time(grid.end()).saturating_add(lookback))?;
        self.count(found.len().saturating_mul(grid.len))?;
        let smooth = |series| self.smooth(&raw(series), reading, span, grid);
        Ok(found.iter().map(smooth).filter(|s| !s.is_empty()).collect())
    }

    fn smooth(&mut self, series: &RawSeries, reading: Reading, span: Span, grid: Grid) -> Series {
        let lookback = self.options.lookback_ms;
        let mut result = Series::new(series.labels.clone(), false, vec![ABSENT; grid.len]);
        for (i, t) in grid.times().enumerate() {
            let t = reading.time(t);
            let (first, last) = (self.range_start(t, lookback), t.saturating_add(lookback));
            let samples = within(&series.samples, |s| s.t, first, last);
            let histograms = within(&series.histograms, |s| s.t, first, last);
            let mut remarks = Remarks { notes: &mut self.notes, span, metric: series.labels.metric_name() };
            match (samples.is_empty(), histograms.is_empty()) {
                (false, false) => remarks.note(Note::MixedRange),
                (false, true) => result.values[i] = value_at(samples, t).unwrap_or(ABSENT),
                _ => {
                    if let Some(histogram) = histogram_at(histograms, t, &mut remarks) {
                        result.put(i, histogram.into());
                    }
                }
            }
        }
        result
    }

    /// The samples of `m[5m] anchored` or `m[5m] smoothed` from `start` (exclusive) to `end`, with values at both.
    pub fn extended_samples(
        &self,
        series: &RawSeries,
        (start, end): (i64, i64),
        extension: Extension,
    ) -> Evaluated<Vec<Sample>> {
        let lookback = self.options.lookback_ms;
        let smoothed = extension == Extension::Smoothed;
        let after = if smoothed { lookback } else { 0 };
        let (first, last) = (self.range_start(start, lookback), end.saturating_add(after));
        if !within(&series.histograms, |s| s.t, first, last).is_empty() {
            return Err(EvalError::Argument(format!("{extension} modifier is not supported with histograms")));
        }
        let samples = within(&series.samples, |s| s.t, first, last);
        let Some(all) = samples.len().checked_sub(1) else { return Ok(Vec::new()) };
        let first = samples[..all].partition_point(|s| s.t <= start).saturating_sub(1);
        let last = if smoothed { samples[..all].partition_point(|s| s.t < end) } else { all };
        if samples[last].t <= start {
            return Ok(Vec::new());
        }
        let left = match samples.get(first + 1) {
            Some(next) if smoothed && samples[first].t < start => between(samples[first], *next, start, false),
            _ => samples[first].v,
        };
        let right = if smoothed && last > 0 && samples[last].t > end {
            between(samples[last - 1], samples[last], end, false)
        } else {
            samples[last].v
        };
        let mut extended = vec![Sample { t: start, v: left }];
        extended.extend(samples[first..=last].iter().filter(|s| s.t > start && s.t < end));
        extended.push(Sample { t: end, v: right });
        Ok(extended)
    }
}

/// The samples with `first <= t <= last`.
fn within<T>(samples: &[T], t: impl Fn(&T) -> i64, first: i64, last: i64) -> &[T] {
    let from = samples.partition_point(|s| t(s) < first);
    let to = samples.partition_point(|s| t(s) <= last);
    samples.get(from..to).unwrap_or(&[])
}

/// Without a sample after it, the last value holds on.
fn value_at(samples: &[Sample], t: i64) -> Option<f64> {
    let next = samples.partition_point(|s| s.t < t);
    match (next.checked_sub(1).map(|i| samples[i]), samples.get(next)) {
        (_, Some(exact)) if exact.t == t => Some(exact.v),
        (Some(before), Some(after)) => Some(between(before, *after, t, false)),
        (before, None) => before.map(|s| s.v),
        (None, Some(_)) => None,
    }
}

fn histogram_at(samples: &[HistogramSample], t: i64, remarks: &mut Remarks<'_>) -> Option<Histogram> {
    let next = samples.partition_point(|s| s.t < t);
    match (next.checked_sub(1).map(|i| &samples[i]), samples.get(next)) {
        (_, Some(exact)) if exact.t == t => Some(Histogram::clone(&exact.h)),
        (Some(before), Some(after)) => {
            if before.h.is_custom() != after.h.is_custom() {
                remarks.note(Note::MixedSchemas);
                return None;
            }
            let counter = [before, after].iter().any(|s| s.h.reset_hint != ResetHint::Gauge);
            between_histograms(before, after, t, counter, remarks)
        }
        // A hint speaks of the sample before, not of the value that holds on.
        (before, None) => before.map(|s| Histogram { reset_hint: ResetHint::Unknown, ..Histogram::clone(&s.h) }),
        (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_hold_on_after_the_last_sample_and_begin_with_the_first() {
        let samples = [Sample { t: 10, v: 1.0 }, Sample { t: 20, v: 3.0 }];
        let at = |t| value_at(&samples, t);
        assert_eq!([at(5), at(10), at(15), at(20), at(30)], [None, Some(1.0), Some(2.0), Some(3.0), Some(3.0)]);
    }

    #[test]
    fn both_bounds_belong_to_a_cut() {
        let times = [1i64, 5, 9];
        assert_eq!(within(&times, |t| *t, 1, 5), [1, 5]);
        assert_eq!(within(&times, |t| *t, 6, 5), []);
    }
}
