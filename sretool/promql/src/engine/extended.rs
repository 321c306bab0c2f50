//! The modifiers `anchored` and `smoothed`: windows that know the sample before them, or both of their neighbours.

use super::annotations::Note;
use super::native_rates;
use super::native_windows::{NativeFn, NativeWindow, Output, Remarks};
use crate::ast::Extension;
use crate::histogram::{Histogram, ResetHint, Total};
use crate::storage::{HistogramSample, Sample};
use std::sync::Arc;

/// Functions that each modifier allows.
pub(super) fn allowed(extension: Extension) -> &'static [&'static str] {
    match extension {
        Extension::Anchored => &["changes", "delta", "increase", "rate", "resets"],
        Extension::Smoothed => &["delta", "increase", "rate"],
    }
}

/// The function of a name over windows with a modifier; those that are not allowed are refused before.
pub(super) fn find(name: &str, extension: Extension) -> NativeFn {
    match (name, extension) {
        ("rate", Extension::Anchored) => |w, r| change(w, true, true, false, r),
        ("rate", Extension::Smoothed) => |w, r| change(w, true, true, true, r),
        ("increase", Extension::Anchored) => |w, r| change(w, true, false, false, r),
        ("increase", Extension::Smoothed) => |w, r| change(w, true, false, true, r),
        ("delta", Extension::Anchored) => |w, r| change(w, false, false, false, r),
        ("delta", Extension::Smoothed) => |w, r| change(w, false, false, true, r),
        ("resets", _) => |w, _| anchored(w).map(|w| Output::Float(native_rates::resets(&w))),
        ("changes", _) => |w, _| anchored(w).map(|w| Output::Float(native_rates::changes(&w))),
        _ => |_, _| None,
    }
}

/// The samples inside of a window and the last one before it, of whichever kind. None where nothing is inside.
fn anchored<'a>(w: &NativeWindow<'a>) -> Option<NativeWindow<'a>> {
    let floats = w.samples.partition_point(|s| s.t <= w.start);
    let histograms = w.histograms.partition_point(|s| s.t <= w.start);
    if floats >= w.samples.len() && histograms >= w.histograms.len() {
        return None;
    }
    let before = floats.checked_sub(1).map(|i| w.samples[i].t);
    let histogram_before = histograms.checked_sub(1).map(|i| w.histograms[i].t);
    let (floats, histograms) = match (before, histogram_before) {
        (None, None) => (floats, histograms),
        (Some(f), h) if h.is_none_or(|h| f >= h) => (floats - 1, histograms),
        _ => (floats, histograms - 1),
    };
    let starts = w.starts.get(floats..).unwrap_or(&[]);
    let histogram_starts = w.histogram_starts.get(histograms..).unwrap_or(&[]);
    let (samples, histograms) = (&w.samples[floats..], &w.histograms[histograms..]);
    Some(NativeWindow { samples, histograms, starts, histogram_starts, ..*w })
}

/// The change between the bounds of a window. Anchored, the values there are those of the last sample before each;
/// smoothed, they lie on the line between their neighbours.
fn change(
    w: &NativeWindow<'_>,
    counter: bool,
    per_second: bool,
    smoothed: bool,
    remarks: &mut Remarks<'_>,
) -> Option<Output> {
    let per = if per_second { (w.end - w.start) as f64 / 1000.0 } else { 1.0 };
    match (w.samples.is_empty(), w.histograms.is_empty()) {
        (false, false) => {
            remarks.note(Note::MixedRange);
            None
        }
        (false, true) => float_change(w, counter, smoothed).map(|v| Output::Float(v / per)),
        _ => {
            let change = histogram_change(w, counter, smoothed, remarks)?;
            Some(Output::from(change.over(per)))
        }
    }
}

/// The samples from the last before the window to its end, or to the first after it. None where they say nothing.
fn bounds<T>(samples: &[T], t: impl Fn(&T) -> i64, w: &NativeWindow<'_>, smoothed: bool) -> Option<(usize, usize)> {
    let all = samples.len().checked_sub(1)?;
    let first = samples[..all].partition_point(|s| t(s) <= w.start).saturating_sub(1);
    let last = if smoothed { samples[..all].partition_point(|s| t(s) < w.end) } else { all };
    let nothing = t(&samples[last]) <= w.start || (smoothed && t(&samples[first]) > w.end);
    (!nothing).then_some((first, last))
}

/// The value at a time between two samples; a counter that falls has started again at zero.
pub(super) fn between(a: Sample, b: Sample, t: i64, counter: bool) -> f64 {
    let from = if counter && b.v < a.v { 0.0 } else { a.v };
    from + (b.v - from) * (t - a.t) as f64 / (b.t - a.t) as f64
}

fn float_change(w: &NativeWindow<'_>, counter: bool, smoothed: bool) -> Option<f64> {
    let samples = w.samples;
    let (first, last) = bounds(samples, |s| s.t, w, smoothed)?;
    let left = match samples.get(first + 1) {
        Some(next) if smoothed && samples[first].t < w.start => between(samples[first], *next, w.start, counter),
        _ => samples[first].v,
    };
    let right = if smoothed && last > 0 && samples[last].t > w.end {
        between(samples[last - 1], samples[last], w.end, counter)
    } else {
        samples[last].v
    };
    let mut change = right - left;
    if counter {
        // What lies on the bounds is in the values there already.
        let inside = samples[first..=last].iter().filter(|s| s.t > w.start && s.t < w.end).map(|s| s.v);
        let mut before = left;
        for value in inside.chain([right]) {
            if value < before {
                change += before;
            }
            before = value;
        }
    }
    Some(change)
}

/// Adds or subtracts, with remarks. None where the schemas do not fit.
fn joined(a: &Histogram, b: &Histogram, subtract: bool, remarks: &mut Remarks<'_>) -> Option<Histogram> {
    let mut total = Total::of(a);
    let merge = if subtract { total.subtract(b) } else { total.add(b) };
    let Ok(merge) = merge else {
        remarks.note(Note::MixedSchemas);
        return None;
    };
    if merge.bounds_reconciled {
        remarks.note(|_| Note::BoundsReconciled(if subtract { "subtraction" } else { "addition" }));
    }
    Some(total.value())
}

/// The histogram at a time between two others; a counter that was reset has started again at zero.
pub(super) fn between_histograms(
    a: &HistogramSample,
    b: &HistogramSample,
    t: i64,
    counter: bool,
    remarks: &mut Remarks<'_>,
) -> Option<Histogram> {
    if t == a.t {
        return Some(Histogram::clone(&a.h));
    }
    if t == b.t {
        return Some(Histogram::clone(&b.h));
    }
    let share = (t - a.t) as f64 / (b.t - a.t) as f64;
    if counter && b.h.is_reset_after(&a.h) {
        return Some(b.h.times(share));
    }
    let difference = joined(&b.h, &a.h, true, remarks)?;
    joined(&difference.times(share), &a.h, false, remarks)
}

fn histogram_change(
    w: &NativeWindow<'_>,
    counter: bool,
    smoothed: bool,
    remarks: &mut Remarks<'_>,
) -> Option<Histogram> {
    let samples = w.histograms;
    let (first, last) = bounds(samples, |s| s.t, w, smoothed)?;
    let used = &samples[first..=last];
    if used.iter().any(|s| s.h.is_custom() != used[0].h.is_custom()) {
        remarks.note(Note::MixedSchemas);
        return None;
    }
    if counter && used.iter().any(|s| s.h.reset_hint == ResetHint::Gauge) {
        remarks.note(Note::NotCounter);
    }
    let before_start = smoothed && samples[first].t < w.start;
    let left = match samples.get(first + 1) {
        Some(next) if before_start => Arc::new(between_histograms(&samples[first], next, w.start, counter, remarks)?),
        _ => Arc::clone(&samples[first].h),
    };
    let right = if smoothed && last > 0 && samples[last].t > w.end {
        Arc::new(between_histograms(&samples[last - 1], &samples[last], w.end, counter, remarks)?)
    } else {
        Arc::clone(&samples[last].h)
    };
    if !counter && [&left, &right].iter().any(|h| h.reset_hint != ResetHint::Gauge) {
        remarks.note(Note::NotGauge);
    }
    let mut change = joined(&right, &left, true, remarks)?;
    if counter {
        // A reset that the left bound lies in is made good by its value already.
        let spanned = before_start && last > first && samples[first + 1].h.is_reset_after(&samples[first].h);
        let (mut before, next) = if spanned { (&samples[first + 1].h, first + 2) } else { (&left, first + 1) };
        // Else both bounds lie in one stretch between samples, and nothing is between them.
        if next <= last {
            for now in samples[next..last].iter().map(|s| &s.h).chain([&right]) {
                if now.is_reset_after(before) {
                    change = joined(&change, before, false, remarks)?;
                }
                before = now;
            }
        }
    }
    Some(Histogram { reset_hint: ResetHint::Gauge, ..change.compacted() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(t: i64, v: f64) -> Sample {
        Sample { t, v }
    }

    #[test]
    fn values_lie_on_the_line_unless_a_counter_fell() {
        assert_eq!(between(sample(0, 2.0), sample(10, 4.0), 5, true), 3.0);
        assert_eq!(between(sample(0, 6.0), sample(10, 4.0), 5, false), 5.0);
        assert_eq!(between(sample(0, 6.0), sample(10, 4.0), 5, true), 2.0);
    }

    #[test]
    fn histograms_lie_between_their_neighbours() {
        let at = |t, count: f64| {
            let h = Histogram { count, sum: count, positive: vec![(1, count)], ..Histogram::default() };
            HistogramSample { t, h: Arc::new(h) }
        };
        let mut notes = super::super::annotations::Annotations::default();
        let mut remarks = Remarks { notes: &mut notes, span: crate::Span::default(), metric: "" };
        let mut count = |a, b, t| between_histograms(&a, &b, t, true, &mut remarks).unwrap().count;
        assert_eq!(count(at(0, 2.0), at(10, 6.0), 5), 4.0);
        assert_eq!(count(at(0, 6.0), at(10, 2.0), 5), 1.0);
        assert_eq!((count(at(0, 2.0), at(10, 6.0), 0), count(at(0, 2.0), at(10, 6.0), 10)), (2.0, 6.0));
    }

    #[test]
    fn every_allowed_function_is_found() {
        let window = NativeWindow {
            samples: &[sample(500, 1.0), sample(1500, 3.0), sample(2500, 5.0)],
            histograms: &[],
            starts: &[],
            histogram_starts: &[],
            start: 1000,
            end: 2000,
            time: 2000,
            params: [f64::NAN; 2],
            compat: crate::Compat::V3,
            of_floats: |_| None,
        };
        for extension in [Extension::Anchored, Extension::Smoothed] {
            for name in allowed(extension) {
                let mut notes = super::super::annotations::Annotations::default();
                let mut remarks = Remarks { notes: &mut notes, span: crate::Span::default(), metric: "" };
                assert!(find(name, extension)(&window, &mut remarks).is_some(), "{name}");
            }
        }
    }
}
