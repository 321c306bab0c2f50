//! Functions over windows that hold histograms, or numbers whose counters' starts are known.

use super::Compat;
use super::annotations::{Annotations, Note};
use super::native_rates as rates;
use super::windows::{Window, WindowFn};
use crate::ast::Span;
use crate::histogram::{Histogram, Mean, ResetHint, Total};
use crate::storage::{HistogramSample, Sample};
use std::sync::Arc;

/// What a function sees of one series at one time. One of the two kinds of samples is there at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct NativeWindow<'a> {
    pub samples: &'a [Sample],
    pub histograms: &'a [HistogramSample],
    /// Starts of the counters, as many as samples, or none.
    pub starts: &'a [i64],
    pub histogram_starts: &'a [i64],
    /// Bounds of the window, milliseconds.
    pub start: i64,
    pub end: i64,
    /// Evaluation time, milliseconds.
    pub time: i64,
    pub params: [f64; 2],
    pub compat: Compat,
    /// The function that works on numbers alone.
    pub of_floats: WindowFn,
}

/// What a function yields.
#[derive(Clone, Debug)]
pub(super) enum Output {
    Float(f64),
    Histogram(Arc<Histogram>),
}

impl From<Histogram> for Output {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(Arc::new(histogram))
    }
}

/// Where remarks go, and what they are about.
#[derive(Debug)]
pub(super) struct Remarks<'a> {
    pub notes: &'a mut Annotations,
    pub span: Span,
    pub metric: &'a str,
}

impl<'a> Remarks<'a> {
    pub fn note(&mut self, note: impl FnOnce(&'a str) -> Note<'a>) {
        self.notes.note(note(self.metric), self.span);
    }
}

/// Yields a value, or nothing where the window holds too little.
pub(super) type NativeFn = fn(&NativeWindow<'_>, &mut Remarks<'_>) -> Option<Output>;

/// The function of a name; one that knows only numbers passes over histograms.
pub(super) fn find(name: &str) -> NativeFn {
    match name {
        "rate" => |w, r| rates::extrapolated(w, true, true, r),
        "increase" => |w, r| rates::extrapolated(w, true, false, r),
        "delta" => |w, r| rates::extrapolated(w, false, false, r),
        "irate" => |w, r| rates::last_change(w, true, r),
        "idelta" => |w, r| rates::last_change(w, false, r),
        "resets" => |w, _| Some(Output::Float(rates::resets(w))),
        "changes" => |w, _| Some(Output::Float(rates::changes(w))),
        "sum_over_time" => |w, r| joined(w, r, sum),
        "avg_over_time" => |w, r| joined(w, r, mean),
        "count_over_time" => |w, _| Some(Output::Float((w.samples.len() + w.histograms.len()) as f64)),
        "present_over_time" => |_, _| Some(Output::Float(1.0)),
        "first_over_time" => |w, _| w.points().next().map(|(_, point)| point.output()),
        "last_over_time" => |w, _| w.last().map(|(_, point)| point.output()),
        "ts_of_first_over_time" => |w, _| w.points().next().map(|(t, _)| Output::Float(seconds(t))),
        "ts_of_last_over_time" => |w, _| w.last().map(|(t, _)| Output::Float(seconds(t))),
        _ => floats,
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A sample of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

impl Point<'_> {
    fn output(self) -> Output {
        match self {
            Self::Float(v) => Output::Float(v),
            Self::Histogram(h) => Output::Histogram(Arc::clone(h)),
        }
    }
}

impl<'a> NativeWindow<'a> {
    /// Samples of both kinds in order of time.
    pub fn points(&self) -> impl Iterator<Item = (i64, Point<'a>)> + use<'a> {
        let mut samples = self.samples.iter().peekable();
        let mut histograms = self.histograms.iter().peekable();
        std::iter::from_fn(move || {
            let earlier = match (samples.peek(), histograms.peek()) {
                (Some(s), Some(h)) => s.t < h.t,
                (s, _) => s.is_some(),
            };
            if earlier {
                samples.next().map(|s| (s.t, Point::Float(s.v)))
            } else {
                histograms.next().map(|h| (h.t, Point::Histogram(&h.h)))
            }
        })
    }

    fn last(&self) -> Option<(i64, Point<'a>)> {
        let float = self.samples.last().map(|s| (s.t, Point::Float(s.v)));
        let histogram = self.histograms.last().map(|s| (s.t, Point::Histogram(&s.h)));
        match (float, histogram) {
            (Some(f), Some(h)) if f.0 > h.0 => Some(f),
            (f, h) => h.or(f),
        }
    }

    /// The function on the numbers alone.
    fn of_floats(&self) -> Option<f64> {
        let drops: Vec<f64> = self.samples.windows(2).filter(|p| p[1].v < p[0].v).map(|p| p[0].v).collect();
        let (samples, drops) = (self.samples, &drops[..]);
        let Self { start, end, time, params, compat, .. } = *self;
        (self.of_floats)(&Window { samples, drops, start, end, time, params, compat })
    }
}

fn floats(w: &NativeWindow<'_>, remarks: &mut Remarks<'_>) -> Option<Output> {
    if w.samples.is_empty() {
        return None;
    }
    if !w.histograms.is_empty() {
        remarks.note(Note::IgnoredInRange);
    }
    w.of_floats().map(Output::Float)
}

/// A function of samples of one kind.
fn joined(
    w: &NativeWindow<'_>,
    remarks: &mut Remarks<'_>,
    of_histograms: fn(&[HistogramSample], &mut Remarks<'_>) -> Option<Histogram>,
) -> Option<Output> {
    match (w.samples.is_empty(), w.histograms.is_empty()) {
        (false, false) => {
            remarks.note(Note::MixedRange);
            None
        }
        (false, true) => w.of_floats().map(Output::Float),
        _ => of_histograms(w.histograms, remarks).map(Output::from),
    }
}

fn sum(histograms: &[HistogramSample], remarks: &mut Remarks<'_>) -> Option<Histogram> {
    let (first, rest) = histograms.split_first()?;
    let mut total = Total::of(&first.h);
    let merges = rest.iter().map(|sample| total.add(&sample.h)).collect::<Vec<_>>();
    noted(merges, histograms, remarks).then(|| total.value())
}

fn mean(histograms: &[HistogramSample], remarks: &mut Remarks<'_>) -> Option<Histogram> {
    let (first, rest) = histograms.split_first()?;
    let mut mean = Mean::of(&first.h);
    let merges = rest.iter().map(|sample| mean.add(&sample.h)).collect::<Vec<_>>();
    noted(merges, histograms, remarks).then(|| mean.value())
}

/// Remarks on what additions met; false where one of them has failed.
fn noted(
    merges: Vec<Result<crate::histogram::Merge, crate::histogram::Incompatible>>,
    histograms: &[HistogramSample],
    remarks: &mut Remarks<'_>,
) -> bool {
    let operation = "aggregation";
    if merges.iter().any(Result::is_err) {
        remarks.note(Note::MixedSchemas);
        return false;
    }
    // Hints collide over the whole window, not only from one sample to the next.
    let any = |hint: ResetHint| histograms.iter().any(|s| s.h.reset_hint == hint);
    if any(ResetHint::Reset) && any(ResetHint::NotReset) {
        remarks.note(|_| Note::ResetCollision(operation));
    }
    if merges.iter().flatten().any(|m| m.bounds_reconciled) {
        remarks.note(|_| Note::BoundsReconciled(operation));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(count: f64) -> Arc<Histogram> {
        Arc::new(Histogram { count, sum: count, positive: vec![(0, count)], ..Histogram::default() })
    }

    #[track_caller]
    fn run(name: &str, floats: &[(i64, f64)], histograms: &[(i64, f64)]) -> (Option<Output>, Vec<String>) {
        let samples: Vec<_> = floats.iter().map(|(t, v)| Sample { t: *t, v: *v }).collect();
        let histograms: Vec<_> = histograms.iter().map(|(t, v)| HistogramSample { t: *t, h: histogram(*v) }).collect();
        let window = NativeWindow {
            samples: &samples,
            histograms: &histograms,
            starts: &[],
            histogram_starts: &[],
            start: 0,
            end: 10_000,
            time: 10_000,
            params: [0.5, f64::NAN],
            compat: Compat::V3,
            of_floats: super::super::windows::find(name).unwrap(),
        };
        let mut notes = Annotations::default();
        let mut remarks =
            Remarks { notes: &mut notes, span: Span { line: 1, column: 2, ..Span::default() }, metric: "m" };
        let output = find(name)(&window, &mut remarks);
        (output, [notes.warnings, notes.infos].concat())
    }

    #[test]
    fn the_first_and_last_sample_may_be_of_either_kind() {
        let (floats, histograms) = ([(2000, 5.0)], [(1000, 1.0), (3000, 3.0)]);
        let is_histogram = |name, count| {
            let (output, notes) = run(name, &floats, &histograms);
            assert!(notes.is_empty());
            assert!(matches!(output, Some(Output::Histogram(h)) if h.count == count), "{name}");
        };
        is_histogram("first_over_time", 1.0);
        is_histogram("last_over_time", 3.0);
        let number = |name, floats: &[(i64, f64)]| match run(name, floats, &histograms).0 {
            Some(Output::Float(v)) => v,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(number("last_over_time", &[(4000, 5.0)]), 5.0);
        assert_eq!(number("count_over_time", &floats), 3.0);
        assert_eq!(number("present_over_time", &floats), 1.0);
        assert_eq!(number("ts_of_first_over_time", &floats), 1.0);
        assert_eq!(number("ts_of_last_over_time", &floats), 3.0);
        assert_eq!(number("max_over_time", &floats), 5.0);
    }

    #[test]
    fn what_cannot_be_joined_yields_nothing_but_a_warning() {
        for name in ["sum_over_time", "avg_over_time", "rate", "increase", "delta", "irate"] {
            let (output, notes) = run(name, &[(2000, 5.0)], &[(1000, 1.0)]);
            assert!(output.is_none(), "{name}");
            let expected = "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:2)";
            assert_eq!(notes, [expected], "{name}");
        }
    }

    #[test]
    fn functions_of_numbers_pass_over_histograms_and_say_so() {
        let (output, notes) = run("min_over_time", &[(1000, 4.0), (2000, 5.0)], &[(3000, 1.0)]);
        assert!(matches!(output, Some(Output::Float(4.0))));
        assert!(notes[0].starts_with("PromQL info: ignored histograms in a range"), "{notes:?}");
        let (output, notes) = run("min_over_time", &[], &[(3000, 1.0)]);
        assert!(output.is_none() && notes.is_empty());
    }

    #[test]
    fn sums_and_means_of_histograms_are_histograms() {
        let of = |name| match run(name, &[], &[(1000, 1.0), (2000, 2.0), (3000, 6.0)]).0 {
            Some(Output::Histogram(h)) => h.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("sum_over_time"), "{count:9, sum:9, (0.5,1]:9}");
        assert_eq!(of("avg_over_time"), "{count:3, sum:3, (0.5,1]:3}");
    }
}
