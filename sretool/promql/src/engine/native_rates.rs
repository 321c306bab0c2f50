//! Changes over windows that hold histograms, or numbers whose counters' starts are known.

use super::annotations::Note;
use super::native_windows::{NativeWindow, Output, Point, Remarks};
use crate::histogram::{Histogram, ResetHint, Total};
use crate::storage::HistogramSample;

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A sample's time and the start of its counter; 0 where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub start: i64,
    pub t: i64,
}

impl Life {
    /// Whether the start says that the counter was reset since the sample before. A start at that sample's time is that
    /// of a delta, unless the sample before does not know its start either.
    pub fn is_reset_after(self, before: Self) -> bool {
        if self.start == 0 || self.start >= self.t || self.start < before.t {
            return false;
        }
        if self.start > before.t {
            return true;
        }
        before.start != 0 && before.start < before.t
    }

    /// Whether the counter is said to have started before the sample before, at another time than that one says.
    pub fn overlaps(self, before: Self) -> bool {
        self.start != 0 && self.start < before.t && self.start != before.start
    }
}

fn life(starts: &[i64], i: usize, t: i64) -> Life {
    Life { start: starts.get(i).copied().unwrap_or(0), t }
}

/// A change that can be stretched.
enum Change {
    Float(f64),
    Histogram(Option<Histogram>),
}

/// The change over the samples, extrapolated to the bounds of the window: all the way if a sample is near, else by half
/// the mean distance of the samples. A counter is not extrapolated below zero, and not at all where it is known to have
/// started inside of the window.
pub(super) fn extrapolated(
    w: &NativeWindow<'_>,
    counter: bool,
    per_second: bool,
    remarks: &mut Remarks<'_>,
) -> Option<Output> {
    if !w.samples.is_empty() && !w.histograms.is_empty() {
        remarks.note(Note::MixedRange);
        return None;
    }
    let (first_t, last_t, between, starts) = match (w.samples, w.histograms) {
        ([first, .., last], _) => (first.t, last.t, w.samples.len() - 1, w.starts),
        ([only], _) => (only.t, only.t, 0, w.starts),
        (_, [first, .., last]) => (first.t, last.t, w.histograms.len() - 1, w.histogram_starts),
        (_, [only]) => (only.t, only.t, 0, w.histogram_starts),
        _ => return None,
    };
    let mut change = if w.samples.is_empty() {
        Change::Histogram(if between == 0 { None } else { Some(histogram_change(w, counter, remarks)?) })
    } else {
        Change::Float(float_change(w, counter, remarks))
    };
    let mut covered = seconds(last_t - first_t);
    let spacing = if between == 0 { 0.0 } else { covered / between as f64 };
    let near = |gap: f64| if gap < spacing * 1.1 { gap } else { spacing / 2.0 };
    let born = starts.first().copied().filter(|t| counter && *t != 0 && *t > w.start && *t < first_t);
    let to_start = if let Some(born) = born {
        covered = seconds(last_t - born);
        add_first(w, &mut change, remarks)?;
        0.0
    } else if between == 0 {
        return None;
    } else {
        let gap = near(seconds(first_t - w.start));
        if counter { gap.min(to_zero(w, &change, covered).unwrap_or(gap)) } else { gap }
    };
    let to_end = near(seconds(w.end - last_t));
    let mut factor = if covered == 0.0 { 1.0 } else { (covered + to_start + to_end) / covered };
    if per_second {
        factor /= seconds(w.end - w.start);
    }
    match change {
        Change::Float(v) => Some(Output::Float(v * factor)),
        Change::Histogram(h) => h.map(|h| Output::from(h.times(factor))),
    }
}

/// How long before the first sample the counter would have been zero, in seconds.
fn to_zero(w: &NativeWindow<'_>, change: &Change, covered: f64) -> Option<f64> {
    let (first, change) = match change {
        Change::Float(v) => (w.samples.first()?.v, *v),
        Change::Histogram(h) => (w.histograms.first()?.h.count, h.as_ref()?.count),
    };
    (change > 0.0 && first >= 0.0).then(|| covered * (first / change))
}

/// Adds what the counter had reached at the first sample, having started at zero.
fn add_first(w: &NativeWindow<'_>, change: &mut Change, remarks: &mut Remarks<'_>) -> Option<()> {
    match change {
        Change::Float(v) => *v += w.samples.first()?.v,
        Change::Histogram(change) => {
            let first = &w.histograms.first()?.h;
            *change = Some(match change {
                None => Histogram::clone(first),
                Some(sum) => {
                    let mut total = Total::of(sum);
                    combine(&mut total, first, 1.0, remarks)?;
                    total.value()
                }
            });
        }
    }
    Some(())
}

/// Adds or subtracts; hints are not looked at, because resets are. None where the schemas do not fit.
fn combine(total: &mut Total, other: &Histogram, sign: f64, remarks: &mut Remarks<'_>) -> Option<()> {
    let (merge, operation) =
        if sign > 0.0 { (total.add(other), "addition") } else { (total.subtract(other), "subtraction") };
    let Ok(merge) = merge else {
        remarks.note(Note::MixedSchemas);
        return None;
    };
    if merge.bounds_reconciled {
        remarks.note(|_| Note::BoundsReconciled(operation));
    }
    Some(())
}

fn float_change(w: &NativeWindow<'_>, counter: bool, remarks: &mut Remarks<'_>) -> f64 {
    let (first, last) = (w.samples[0].v, w.samples[w.samples.len() - 1].v);
    let mut change = last - first;
    if !counter {
        return change;
    }
    let mut overlap = false;
    for (i, pair) in w.samples.windows(2).enumerate() {
        let (before, now) = (life(w.starts, i, pair[0].t), life(w.starts, i + 1, pair[1].t));
        overlap |= now.overlaps(before);
        if pair[1].v < pair[0].v || now.is_reset_after(before) {
            change += pair[0].v;
        }
    }
    if overlap {
        remarks.notes.count_overlap(remarks.metric, remarks.span);
    }
    change
}

/// The change of two histograms at least, resets made good where it is that of a counter.
fn histogram_change(w: &NativeWindow<'_>, counter: bool, remarks: &mut Remarks<'_>) -> Option<Histogram> {
    let [first, inner @ .., last] = w.histograms else { return None };
    if counter && [first, last].iter().any(|s| s.h.reset_hint == ResetHint::Gauge) {
        remarks.note(Note::NotCounter);
    }
    // Before a reset the layout of the first sample does not matter.
    let blank;
    let mut before = &*first.h;
    let second = &w.histograms[1];
    if counter && is_reset(w, 1, &first.h) {
        blank = Histogram { schema: second.h.schema, bounds: second.h.bounds.clone(), ..Histogram::default() };
        before = &blank;
    }
    let custom = before.is_custom();
    let mut schema = last.h.schema.min(before.schema);
    if counter {
        if inner.iter().any(|s| s.h.reset_hint == ResetHint::Gauge) {
            remarks.note(Note::NotCounter);
        }
        schema = inner.iter().map(|s| s.h.schema).fold(schema, i32::min);
    }
    if last.h.is_custom() != custom || (counter && inner.iter().any(|s| s.h.is_custom() != custom)) {
        remarks.note(Note::MixedSchemas);
        return None;
    }
    let mut total = Total::of(&last.h);
    total.reduce(schema);
    combine(&mut total, before, -1.0, remarks)?;
    if counter {
        let mut overlap = false;
        for (i, HistogramSample { h, .. }) in w.histograms.iter().enumerate().skip(1) {
            overlap |= lives(w, i).1.overlaps(lives(w, i).0);
            if is_reset(w, i, before) {
                combine(&mut total, before, 1.0, remarks)?;
            }
            before = h;
        }
        if overlap {
            remarks.notes.count_overlap(remarks.metric, remarks.span);
        }
    } else if [first, last].iter().any(|s| s.h.reset_hint != ResetHint::Gauge) {
        remarks.note(Note::NotGauge);
    }
    Some(Histogram { reset_hint: ResetHint::Gauge, ..total.value().compacted() })
}

/// The lives of a histogram and of the one before it.
fn lives(w: &NativeWindow<'_>, i: usize) -> (Life, Life) {
    let of = |i: usize| life(w.histogram_starts, i, w.histograms[i].t);
    (of(i - 1), of(i))
}

fn is_reset(w: &NativeWindow<'_>, i: usize, before: &Histogram) -> bool {
    let (earlier, now) = lives(w, i);
    now.is_reset_after(earlier) || w.histograms[i].h.is_reset_after(before)
}

/// The change from the last sample but one to the last.
pub(super) fn last_change(w: &NativeWindow<'_>, rate: bool, remarks: &mut Remarks<'_>) -> Option<Output> {
    let mut points: Vec<_> = w.lived_points().collect();
    let (now, last) = points.pop()?;
    let (earlier, before) = points.pop()?;
    let interval = seconds(now.t - earlier.t);
    if interval == 0.0 {
        return None;
    }
    match (before, last) {
        (Point::Float(before), Point::Float(last)) => {
            let reset = rate && (last < before || now.is_reset_after(earlier));
            let change = if reset { last } else { last - before };
            Some(Output::Float(if rate { change / interval } else { change }))
        }
        (Point::Histogram(before), Point::Histogram(last)) => {
            let gauges = [before, last].map(|h| h.reset_hint == ResetHint::Gauge);
            if rate && gauges.contains(&true) {
                remarks.note(Note::NotCounter);
            }
            if !rate && gauges.contains(&false) {
                remarks.note(Note::NotGauge);
            }
            let mut total = Total::of(last);
            if !rate || !(now.is_reset_after(earlier) || last.is_reset_after(before)) {
                combine(&mut total, before, -1.0, remarks)?;
            }
            let change = Histogram { reset_hint: ResetHint::Gauge, ..total.value().compacted() };
            Some(Output::from(if rate { change.over(interval) } else { change }))
        }
        _ => {
            remarks.note(Note::MixedRange);
            None
        }
    }
}

impl<'a> NativeWindow<'a> {
    /// Samples of both kinds in order of time, with the starts of their counters.
    fn lived_points(&self) -> impl Iterator<Item = (Life, Point<'a>)> + use<'a> {
        let (starts, histogram_starts) = (self.starts, self.histogram_starts);
        let (mut floats, mut histograms) = (0, 0);
        self.points().map(move |(t, point)| {
            let (starts, i) = match point {
                Point::Float(_) => (starts, &mut floats),
                Point::Histogram(_) => (histogram_starts, &mut histograms),
            };
            *i += 1;
            (life(starts, *i - 1, t), point)
        })
    }
}

/// How often a counter was reset; a change of kind is a reset too.
pub(super) fn resets(w: &NativeWindow<'_>) -> f64 {
    let points: Vec<_> = w.lived_points().collect();
    let is_reset = |pair: &[(Life, Point<'_>)]| match (pair[0].1, pair[1].1) {
        (Point::Float(before), Point::Float(now)) => now < before || pair[1].0.is_reset_after(pair[0].0),
        (Point::Histogram(before), Point::Histogram(now)) => {
            pair[1].0.is_reset_after(pair[0].0) || now.is_reset_after(before)
        }
        _ => true,
    };
    points.windows(2).filter(|pair| is_reset(pair)).count() as f64
}

/// How often the value has changed.
pub(super) fn changes(w: &NativeWindow<'_>) -> f64 {
    let points: Vec<_> = w.points().collect();
    let differ = |pair: &[(i64, Point<'_>)]| match (pair[0].1, pair[1].1) {
        (Point::Float(before), Point::Float(now)) => now != before && !(now.is_nan() && before.is_nan()),
        (Point::Histogram(before), Point::Histogram(now)) => !now.same(before),
        _ => true,
    };
    points.windows(2).filter(|pair| differ(pair)).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_after_the_sample_before_is_a_reset() {
        let reset = |before: (i64, i64), now: (i64, i64)| {
            Life { start: now.0, t: now.1 }.is_reset_after(Life { start: before.0, t: before.1 })
        };
        assert!(reset((10, 100), (150, 200)));
        // A delta begins where the one before ends.
        assert!(reset((10, 100), (100, 200)));
        // An unknown start, one before the sample before, one that makes no sense, and one that is not known.
        assert!(!reset((10, 100), (0, 200)) && !reset((10, 100), (10, 200)) && !reset((10, 100), (250, 200)));
        assert!(!reset((0, 100), (100, 200)) && !reset((100, 100), (100, 200)) && !reset((150, 100), (100, 200)));
    }

    #[test]
    fn starts_overlap_where_they_differ_and_are_too_early() {
        let overlap =
            |before: (i64, i64), start| Life { start, t: 300 }.overlaps(Life { start: before.0, t: before.1 });
        assert!(overlap((10, 100), 50));
        assert!(!overlap((10, 100), 10) && !overlap((10, 100), 100) && !overlap((10, 100), 0));
    }
}
