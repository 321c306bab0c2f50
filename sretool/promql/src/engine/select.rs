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
                matrix.push(MatrixSeries::new(labels, samples));
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
