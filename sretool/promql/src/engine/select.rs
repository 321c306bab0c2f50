//! Reading of selectors.

use super::data::{ABSENT, Column, Grid, RawSeries, Series};
use super::evaluator::{Evaluated, Evaluator, HISTOGRAM_SIZE, Statistics};
use super::{Compat, EvalError};
use crate::ast::{At, BinaryOp, Duration, Expr, ExprKind, Extension, Span, VectorSelector};
use crate::histogram::{Histogram, ResetHint};
use crate::storage::{HistogramSample, Sample, SelectHints, SeriesData, StartTimes, is_stale};
use crate::value::MatrixSeries;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

/// How far the times of reading are from those of evaluation: first `@`, then `offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub at: Option<i64>,
    pub offset: i64,
}

impl Reading {
    /// When to read for an evaluation at `t`.
    pub fn time(self, t: i64) -> i64 {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }
}

/// The sample that stands for a series at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Live<'a> {
    Float(Sample),
    Histogram(&'a HistogramSample),
}

impl Live<'_> {
    /// When it was taken, milliseconds since the Unix epoch.
    pub fn t(self) -> i64 {
        match self {
            Self::Float(sample) => sample.t,
            Self::Histogram(sample) => sample.t,
        }
    }
}

/// A range vector before it is cut into windows.
#[derive(Debug)]
pub(super) struct Ranges {
    pub series: Vec<RawSeries>,
    pub reading: Reading,
    /// Length of each window, milliseconds.
    pub range: i64,
    /// Whether functions may look beyond the windows.
    pub extension: Option<Extension>,
}

impl Evaluator<'_> {
    pub fn closed(&self) -> bool {
        self.options.compat == Compat::V2_42
    }

    /// First millisecond of a range of length `range` that ends at `end`.
    pub fn range_start(&self, end: i64, range: i64) -> i64 {
        end.saturating_sub(range).saturating_add(i64::from(!self.closed()))
    }

    pub fn reading(&self, at: Option<At>, offset: Option<&Duration>, span: Span) -> Evaluated<Reading> {
        let offset = offset.map_or(Ok(0), |d| self.milliseconds(d, true, span))?;
        Ok(Reading { at: self.fixed_time(at), offset })
    }

    /// The length of a duration in milliseconds.
    pub fn milliseconds(&self, duration: &Duration, negative: bool, span: Span) -> Evaluated<i64> {
        let fail = |message: &str| {
            Err(EvalError::Duration { message: message.to_owned(), line: span.line, column: span.column })
        };
        let seconds = self.seconds(duration);
        let ms = match duration {
            Duration::Seconds(literal) => (literal.0 * 1e9).round() / 1e6,
            _ => seconds * 1000.0,
        }
        .trunc();
        if seconds.is_nan() || seconds.is_infinite() {
            return fail("duration is NaN or infinite");
        }
        if seconds <= 0.0 && !negative {
            return fail("duration must be greater than 0");
        }
        if ms.abs() > 9.3e12 {
            return fail("duration is out of range");
        }
        // A positive duration below a millisecond would make an endless loop of its steps.
        Ok(if negative { ms as i64 } else { (ms as i64).max(1) })
    }

    fn seconds(&self, duration: &Duration) -> f64 {
        match duration {
            Duration::Seconds(literal) => literal.0,
            Duration::Step => self.query.step as f64 / 1000.0,
            Duration::Range => (self.query.end() - self.query.start) as f64 / 1000.0,
            Duration::Negate(inner) => -self.seconds(inner),
            Duration::MinOf(a, b) => go_min(self.seconds(a), self.seconds(b)),
            Duration::MaxOf(a, b) => go_max(self.seconds(a), self.seconds(b)),
            Duration::Binary(op, a, b) => {
                let (a, b) = (self.seconds(a), self.seconds(b));
                match op {
                    // A division by zero shows as an infinite or undefined length.
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div => a / b,
                    BinaryOp::Mod => a % b,
                    _ => a.powf(b),
                }
            }
        }
    }

    /// Reads every series of a selector from `min_t` to `max_t`, in order of labels.
    pub fn read(&mut self, selector: &VectorSelector, min_t: i64, max_t: i64) -> Evaluated<Rc<Vec<SeriesData>>> {
        let statistics = self.statistics == Statistics::Only;
        let mut key = format!("{min_t} {max_t} {statistics}");
        for matcher in &selector.matchers {
            // Writing to a String cannot fail.
            let _ = write!(key, " {matcher}");
        }
        if let Some(series) = self.reads.get(&key) {
            return Ok(Rc::clone(series));
        }
        let mut series = self.store.select(&selector.matchers, SelectHints { min_t, max_t })?;
        self.count(series.iter().map(|s| s.samples.len() + HISTOGRAM_SIZE * s.histograms.len()).sum())?;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        for s in series.iter_mut().filter(|s| statistics && !s.histograms.is_empty()) {
            s.histograms = without_buckets(&s.histograms);
        }
        let series = Rc::new(series);
        self.reads.insert(key, Rc::clone(&series));
        Ok(series)
    }

    /// The values of an instant selector.
    pub fn instant_vector(&mut self, selector: &VectorSelector, grid: Grid) -> Evaluated<Vec<Series>> {
        let (found, reading) = self.read_instant(selector, grid)?;
        let live = |series: &SeriesData| {
            let mut result = Series::new(series.labels.clone(), false, Vec::with_capacity(grid.len));
            let mut histograms = Column::new();
            for found in self.live_samples(series, reading, grid) {
                result.values.push(if let Some(Live::Float(sample)) = found { sample.v } else { ABSENT });
                if !series.histograms.is_empty() {
                    let histogram = if let Some(Live::Histogram(sample)) = found { Some(&sample.h) } else { None };
                    histograms.push(histogram.cloned());
                }
            }
            result.histograms = histograms;
            result
        };
        Ok(found.iter().map(live).filter(|s| !s.is_empty()).collect())
    }

    /// What `f` makes of the sample that stands for each series at each time.
    pub fn instant_samples(
        &mut self,
        selector: &VectorSelector,
        grid: Grid,
        f: fn(Live<'_>) -> f64,
    ) -> Evaluated<Vec<Series>> {
        let (found, reading) = self.read_instant(selector, grid)?;
        let live = |series: &SeriesData| {
            let values = self.live_samples(series, reading, grid).map(|found| found.map_or(ABSENT, f)).collect();
            Series::new(series.labels.clone(), false, values)
        };
        Ok(found.iter().map(live).filter(|s| !s.is_empty()).collect())
    }

    /// The times, in milliseconds, of the samples that stand for each series; histograms stay what they are.
    pub fn read_live(&mut self, selector: &VectorSelector, reading: Reading, grid: Grid) -> Evaluated<Vec<Series>> {
        let found = self.read_for(selector, reading, grid)?;
        let live = |series: &SeriesData| {
            let mut result = Series::new(series.labels.clone(), false, vec![ABSENT; grid.len]);
            for (i, live) in self.live_samples(series, reading, grid).enumerate() {
                match live {
                    Some(Live::Float(sample)) => result.values[i] = sample.t as f64,
                    Some(Live::Histogram(sample)) => result.put(i, Arc::clone(&sample.h)),
                    None => {}
                }
            }
            result
        };
        Ok(found.iter().map(live).filter(|s| !s.is_empty()).collect())
    }

    /// When the counter of the sample that stands for each series started, in seconds; nothing where that is not known.
    pub fn live_starts(&mut self, selector: &VectorSelector, grid: Grid) -> Evaluated<Vec<Series>> {
        let (found, reading) = self.read_instant(selector, grid)?;
        let live = |series: &SeriesData| {
            let starts = series.starts.as_deref();
            let start = |live: Live<'_>| {
                let (list, i) = match live {
                    Live::Float(s) => (&starts?.samples, series.samples.partition_point(|o| o.t < s.t)),
                    Live::Histogram(s) => (&starts?.histograms, series.histograms.partition_point(|o| o.t < s.t)),
                };
                list.get(i).map(|t| *t as f64 / 1000.0)
            };
            let values = self.live_samples(series, reading, grid);
            let values = values.map(|live| live.map_or(ABSENT, |live| start(live).unwrap_or(0.0))).collect();
            Series::new(series.labels.clone(), false, values)
        };
        Ok(found.iter().map(live).filter(|s| !s.is_empty()).collect())
    }

    fn read_instant(&mut self, selector: &VectorSelector, grid: Grid) -> Evaluated<(Rc<Vec<SeriesData>>, Reading)> {
        let reading = self.reading(selector.at, selector.offset.as_ref(), Span::default())?;
        Ok((self.read_for(selector, reading, grid)?, reading))
    }

    fn read_for(&mut self, selector: &VectorSelector, reading: Reading, grid: Grid) -> Evaluated<Rc<Vec<SeriesData>>> {
        let min_t = self.range_start(reading.time(grid.start), self.options.lookback_ms);
        let found = self.read(selector, min_t, reading.time(grid.end()))?;
        self.count(found.len().saturating_mul(grid.len))?;
        Ok(found)
    }

    /// The sample that stands for a series at each time: the latest one unless it is too old or a stale marker.
    fn live_samples<'s>(
        &self,
        series: &'s SeriesData,
        reading: Reading,
        grid: Grid,
    ) -> impl Iterator<Item = Option<Live<'s>>> {
        let lookback = self.options.lookback_ms;
        let (mut next, mut next_histogram) = (0, 0);
        let closed = i64::from(!self.closed());
        grid.times().map(move |t| {
            let t = reading.time(t);
            next += series.samples[next..].partition_point(|s| s.t <= t);
            next_histogram += series.histograms[next_histogram..].partition_point(|s| s.t <= t);
            let float = next.checked_sub(1).map(|i| series.samples[i]);
            let histogram = next_histogram.checked_sub(1).map(|i| &series.histograms[i]);
            let oldest = t.saturating_sub(lookback).saturating_add(closed);
            match (float, histogram) {
                (float, Some(h)) if float.is_none_or(|f| f.t < h.t) => {
                    (h.t >= oldest && !h.h.is_stale()).then_some(Live::Histogram(h))
                }
                (Some(f), _) => (f.t >= oldest && !is_stale(f.v)).then_some(Live::Float(f)),
                (None, _) => None,
            }
        })
    }

    /// The range vector of a selector or subquery.
    pub fn ranges(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Ranges> {
        match &expr.unparenthesized().kind {
            ExprKind::Matrix(m) => {
                let reading = self.reading(m.selector.at, m.selector.offset.as_ref(), expr.span)?;
                let range = self.milliseconds(&m.range, false, expr.span)?;
                let extension = m.selector.extension;
                let lookback = self.options.lookback_ms;
                let before = if extension.is_some() { lookback } else { 0 };
                let after = if extension == Some(Extension::Smoothed) { lookback } else { 0 };
                let min_t = self.range_start(reading.time(grid.start), range).saturating_sub(before);
                let found = self.read(&m.selector, min_t, reading.time(grid.end()).saturating_add(after))?;
                let series = found.iter().map(raw).filter(|s| !s.is_empty()).collect();
                Ok(Ranges { series, reading, range, extension })
            }
            ExprKind::Subquery(s) => self.subquery(s, expr.span, grid),
            _ => Err(EvalError::Type("expected a range vector".into())),
        }
    }

    /// The samples of a range vector at the first time of a grid.
    pub fn range_vector(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Vec<MatrixSeries>> {
        let ranges = self.ranges(expr, grid)?;
        let end = ranges.reading.time(grid.start);
        let start = self.range_start(end, ranges.range);
        let mut matrix = Vec::new();
        for series in ranges.series {
            let inside = |t: i64| (start..=end).contains(&t);
            let samples: Vec<_> = match ranges.extension {
                Some(extension) => {
                    self.extended_samples(&series, (end.saturating_sub(ranges.range), end), extension)?
                }
                None => series.samples.iter().filter(|s| inside(s.t)).copied().collect(),
            };
            let histograms: Vec<_> = series.histograms.iter().filter(|s| inside(s.t)).cloned().collect();
            if !samples.is_empty() || !histograms.is_empty() {
                let labels =
                    if series.drop_name { series.labels.without(super::names::is_metric_label) } else { series.labels };
                matrix.push(MatrixSeries { labels, samples, histograms });
            }
        }
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        if matrix.windows(2).any(|pair| pair[0].labels == pair[1].labels) {
            return Err(EvalError::DuplicateLabels);
        }
        Ok(matrix)
    }
}

/// Counts and sums alone, resets found out before the buckets go.
fn without_buckets(histograms: &[HistogramSample]) -> Arc<[HistogramSample]> {
    let mut before: Option<&Histogram> = None;
    let strip = |sample: &'_ HistogramSample| {
        let Histogram { reset_hint, schema, count, sum, .. } = *sample.h;
        Histogram { reset_hint, schema, count, sum, ..Histogram::default() }
    };
    let mut stripped = Vec::with_capacity(histograms.len());
    for sample in histograms {
        let mut h = strip(sample);
        if !sample.h.is_stale() {
            if let (ResetHint::Unknown, Some(before)) = (h.reset_hint, before) {
                let reset = sample.h.is_reset_after(before);
                h.reset_hint = if reset { ResetHint::Reset } else { ResetHint::NotReset };
            }
            before = Some(&sample.h);
        }
        stripped.push(HistogramSample { t: sample.t, h: Arc::new(h) });
    }
    stripped.into()
}

/// Without stale markers; shares the samples where there are none.
pub(super) fn raw(series: &SeriesData) -> RawSeries {
    let samples = if series.samples.iter().any(|s| is_stale(s.v)) {
        series.samples.iter().filter(|s| !is_stale(s.v)).copied().collect()
    } else {
        Arc::clone(&series.samples)
    };
    let histograms = if series.histograms.iter().any(|s| s.h.is_stale()) {
        series.histograms.iter().filter(|s| !s.h.is_stale()).cloned().collect()
    } else {
        Arc::clone(&series.histograms)
    };
    let starts = series.starts.as_ref().map(|starts| Arc::new(live_starts(series, starts)));
    RawSeries { labels: series.labels.clone(), drop_name: false, samples, histograms, starts }
}

/// The start times of the samples that are no stale markers.
fn live_starts(series: &SeriesData, starts: &StartTimes) -> StartTimes {
    let samples = series.samples.iter().zip(&starts.samples).filter(|(s, _)| !is_stale(s.v));
    let histograms = series.histograms.iter().zip(&starts.histograms).filter(|(s, _)| !s.h.is_stale());
    StartTimes { samples: samples.map(|(_, t)| *t).collect(), histograms: histograms.map(|(_, t)| *t).collect() }
}

/// The smaller of two numbers; NaN if either is, unlike `f64::min`.
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The larger of two numbers; NaN if either is, unlike `f64::max`.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::Empty;
    use crate::{Compat, EngineOptions, Literal};

    fn evaluator(compat: Compat) -> Evaluator<'static> {
        let query = Grid { start: 60_000, step: 15_000, len: 5 };
        Evaluator::new(&Empty, EngineOptions { compat, ..EngineOptions::default() }, query)
    }

    fn ms(src: &str, negative: bool) -> Evaluated<i64> {
        let src = format!("m offset ({src})");
        let expr = crate::parse(&src).unwrap();
        let ExprKind::Vector(selector) = expr.kind else { panic!("no selector") };
        let zero = Duration::Seconds(Literal(0.0));
        let offset = selector.offset.unwrap_or(zero);
        evaluator(Compat::V3).milliseconds(&offset, negative, Span { line: 3, column: 4, ..Span::default() })
    }

    #[test]
    fn durations_come_in_milliseconds() {
        for (src, expected) in [
            ("5m", 300_000),
            ("1.0005", 1000),
            ("step()", 15_000),
            ("range()", 60_000),
            ("step() * 2 + 1", 31_000),
            ("10 % 4", 2000),
            ("2 ^ 3 ^ 0", 2000),
            ("-(1m)", -60_000),
            ("min_of(1h, step())", 15_000),
            ("max_of(-1, 1ms)", 1),
            ("0", 0),
        ] {
            assert_eq!(ms(src, true), Ok(expected), "{src}");
        }
    }

    #[test]
    fn durations_that_make_no_sense_are_refused_with_their_place() {
        for (src, negative, part) in [
            ("0", false, "greater than 0"),
            ("1 - 2", false, "greater than 0"),
            ("1 / (step() - 15)", true, "NaN or infinite"),
            ("step() % (step() - 15)", true, "NaN or infinite"),
            ("10 ^ 12", true, "out of range"),
        ] {
            let message = ms(src, negative).unwrap_err().to_string();
            assert!(message.starts_with("3:4: ") && message.contains(part), "{src}: {message}");
        }
        assert_eq!(ms("0.0001", false), Ok(1));
    }

    #[test]
    fn reading_goes_to_the_fixed_time_first_and_back_from_there() {
        assert_eq!(Reading { at: None, offset: 10 }.time(100), 90);
        assert_eq!(Reading { at: Some(50), offset: 10 }.time(100), 40);
        assert_eq!(Reading { at: None, offset: i64::MAX }.time(-10), i64::MIN);
    }

    #[test]
    fn only_2_42_includes_the_left_bound() {
        assert_eq!(evaluator(Compat::V3).range_start(100, 30), 71);
        assert_eq!(evaluator(Compat::V2_42).range_start(100, 30), 70);
        let fixed = evaluator(Compat::V3);
        assert_eq!((fixed.fixed_time(Some(At::Start)), fixed.fixed_time(Some(At::End))), (Some(60_000), Some(120_000)));
    }

    #[test]
    fn stale_markers_are_left_out_and_clean_samples_are_shared() {
        let series =
            |last: f64| SeriesData::new(crate::Labels::default(), [Sample { t: 1, v: 1.0 }, Sample { t: 2, v: last }]);
        let clean = series(2.0);
        assert!(Arc::ptr_eq(&raw(&clean).samples, &clean.samples));
        assert_eq!(raw(&series(crate::stale_nan())).samples.len(), 1);
        assert_eq!(raw(&series(f64::NAN)).samples.len(), 2);
    }

    #[test]
    fn the_extreme_of_nan_is_nan() {
        assert!(go_min(f64::NAN, 1.0).is_nan() && go_max(1.0, f64::NAN).is_nan());
        assert_eq!((go_min(1.0, 2.0), go_max(1.0, 2.0)), (1.0, 2.0));
    }
}
