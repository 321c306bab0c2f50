//! Reading of selectors.

use super::data::{ABSENT, Grid, RawSeries, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::{Compat, EvalError};
use crate::ast::{At, BinaryOp, Duration, Expr, ExprKind, Span, VectorSelector};
use crate::storage::{Sample, SelectHints, SeriesData, is_stale};
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

/// A range vector before it is cut into windows.
#[derive(Debug)]
pub(super) struct Ranges {
    pub series: Vec<RawSeries>,
    pub reading: Reading,
    /// Length of each window, milliseconds.
    pub range: i64,
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
        let mut key = format!("{min_t} {max_t}");
        for matcher in &selector.matchers {
            // Writing to a String cannot fail.
            let _ = write!(key, " {matcher}");
        }
        if let Some(series) = self.reads.get(&key) {
            return Ok(Rc::clone(series));
        }
        let mut series = self.store.select(&selector.matchers, SelectHints { min_t, max_t })?;
        self.count(series.iter().map(|s| s.samples.len()).sum())?;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let series = Rc::new(series);
        self.reads.insert(key, Rc::clone(&series));
        Ok(series)
    }

    /// The values of an instant selector.
    pub fn instant_vector(&mut self, selector: &VectorSelector, grid: Grid) -> Evaluated<Vec<Series>> {
        self.instant_samples(selector, grid, |sample| sample.v)
    }

    /// What `f` makes of the sample that stands for each series at each time.
    pub fn instant_samples(
        &mut self,
        selector: &VectorSelector,
        grid: Grid,
        f: fn(Sample) -> f64,
    ) -> Evaluated<Vec<Series>> {
        let reading = self.reading(selector.at, selector.offset.as_ref(), Span::default())?;
        let lookback = self.options.lookback_ms;
        let min_t = self.range_start(reading.time(grid.start), lookback);
        let found = self.read(selector, min_t, reading.time(grid.end()))?;
        self.count(found.len().saturating_mul(grid.len))?;
        let mut vector = Vec::with_capacity(found.len());
        for series in found.iter() {
            let mut values = Vec::with_capacity(grid.len);
            let mut next = 0;
            for t in grid.times() {
                let t = reading.time(t);
                next += series.samples[next..].partition_point(|s| s.t <= t);
                let last = next.checked_sub(1).map(|i| series.samples[i]);
                let live = last.filter(|s| s.t >= self.range_start(t, lookback) && !is_stale(s.v));
                values.push(live.map_or(ABSENT, f));
            }
            let series = Series { labels: series.labels.clone(), drop_name: false, values };
            if !series.is_empty() {
                vector.push(series);
            }
        }
        Ok(vector)
    }

    /// The range vector of a selector or subquery.
    pub fn ranges(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Ranges> {
        match &expr.unparenthesized().kind {
            ExprKind::Matrix(m) => {
                let reading = self.reading(m.selector.at, m.selector.offset.as_ref(), expr.span)?;
                let range = self.milliseconds(&m.range, false, expr.span)?;
                let min_t = self.range_start(reading.time(grid.start), range);
                let found = self.read(&m.selector, min_t, reading.time(grid.end()))?;
                let series = found.iter().map(raw).filter(|s| !s.samples.is_empty()).collect();
                Ok(Ranges { series, reading, range })
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
            let samples: Vec<_> = series.samples.iter().filter(|s| (start..=end).contains(&s.t)).copied().collect();
            if !samples.is_empty() {
                let labels =
                    if series.drop_name { series.labels.without(super::names::is_metric_label) } else { series.labels };
                matrix.push(MatrixSeries { labels, samples });
            }
        }
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        if matrix.windows(2).any(|pair| pair[0].labels == pair[1].labels) {
            return Err(EvalError::DuplicateLabels);
        }
        Ok(matrix)
    }
}

/// Without stale markers; shares the samples where there are none.
fn raw(series: &SeriesData) -> RawSeries {
    let samples = if series.samples.iter().any(|s| is_stale(s.v)) {
        series.samples.iter().filter(|s| !is_stale(s.v)).copied().collect()
    } else {
        Arc::clone(&series.samples)
    };
    RawSeries { labels: series.labels.clone(), drop_name: false, samples }
}

/// The smaller of two numbers; NaN if either is, unlike `f64::min`.
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The larger of two numbers; NaN if either is, unlike `f64::max`.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
