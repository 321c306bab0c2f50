//! What an expression yields on the way: values on a grid of times.

use super::EvalError;
use crate::histogram::{Histogram, ResetHint};
use crate::labels::Labels;
use crate::storage::{HistogramSample, STALE_NAN_BITS, Sample, StartTimes, is_stale};
use crate::value::{MatrixSeries, Value, VectorSample};
use std::sync::Arc;

/// Stands for "no sample" in a series. Selectors skip stale markers, which have the same bits, and no operation on
/// numbers yields a signalling NaN, so these bits never are a value.
pub(super) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether there is a sample.
pub(super) fn present(value: f64) -> bool {
    !is_stale(value)
}

/// Evenly spaced evaluation times, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub start: i64,
    /// 0 where there is only one time.
    pub step: i64,
    pub len: usize,
}

impl Grid {
    pub fn of_range(start: i64, end: i64, step: i64) -> Result<Self, EvalError> {
        if step <= 0 {
            return Err(EvalError::Range("zero or negative query resolution step widths are not accepted".into()));
        }
        if end < start {
            return Err(EvalError::Range("end timestamp must not be before start time".into()));
        }
        let steps = end.checked_sub(start).and_then(|width| usize::try_from(width / step).ok());
        match steps {
            Some(steps) if steps < usize::MAX => Ok(Self { start, step, len: steps + 1 }),
            _ => Err(EvalError::Range("the range is too long".into())),
        }
    }

    pub fn time(self, i: usize) -> i64 {
        // `len` was computed from bounds that fit, so this does too.
        self.start.saturating_add(self.step.saturating_mul(i64::try_from(i).unwrap_or(i64::MAX)))
    }

    pub fn end(self) -> i64 {
        self.time(self.len.saturating_sub(1))
    }

    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.len).map(move |i| self.time(i))
    }

    /// Only the first time.
    pub fn first(self) -> Self {
        Self { len: 1, ..self }
    }
}

/// Histograms on a grid: one, or none, for each time; of no length where there is none at all.
pub(super) type Column = Vec<Option<Arc<Histogram>>>;

/// What a series holds at one time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

/// One series on a grid: a value, or `ABSENT`, for each time.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub labels: Labels,
    /// Whether the metric name goes at the end of the query: label functions may still read it.
    pub drop_name: bool,
    pub values: Vec<f64>,
    /// Where a histogram is, the value is `ABSENT`, so that what knows nothing of histograms passes over them.
    pub histograms: Column,
}

impl Series {
    /// A series of numbers.
    pub fn new(labels: Labels, drop_name: bool, values: Vec<f64>) -> Self {
        Self { labels, drop_name, values, histograms: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        !self.values.iter().any(|v| present(*v)) && !self.has_histograms()
    }

    pub fn has_histograms(&self) -> bool {
        self.histograms.iter().any(Option::is_some)
    }

    pub fn histogram(&self, i: usize) -> Option<&Arc<Histogram>> {
        self.histograms.get(i)?.as_ref()
    }

    /// What there is at a time.
    pub fn point(&self, i: usize) -> Option<Point<'_>> {
        let value = self.values[i];
        if present(value) { Some(Point::Float(value)) } else { self.histogram(i).map(Point::Histogram) }
    }

    /// Whether there is anything at a time.
    pub fn there(&self, i: usize) -> bool {
        present(self.values[i]) || self.histogram(i).is_some()
    }

    pub fn clear(&mut self, i: usize) {
        self.values[i] = ABSENT;
        if let Some(histogram) = self.histograms.get_mut(i) {
            *histogram = None;
        }
    }

    /// Puts a histogram where nothing is.
    pub fn put(&mut self, i: usize, histogram: Arc<Histogram>) {
        if self.histograms.is_empty() {
            self.histograms.resize(self.values.len(), None);
        }
        self.histograms[i] = Some(histogram);
    }

    /// A series of the same labels without values.
    pub fn blank(&self) -> Self {
        Self::new(self.labels.clone(), self.drop_name, vec![ABSENT; self.values.len()])
    }

    /// Takes what another series has at a time.
    pub fn copy(&mut self, i: usize, from: &Self) {
        self.values[i] = from.values[i];
        if let Some(histogram) = from.histogram(i) {
            self.put(i, Arc::clone(histogram));
        }
    }

    fn samples(&self, grid: Grid) -> Vec<Sample> {
        let pairs = grid.times().zip(&self.values);
        pairs.filter(|(_, v)| present(**v)).map(|(t, v)| Sample { t, v: *v }).collect()
    }

    fn histogram_samples(&self, grid: Grid) -> Vec<HistogramSample> {
        let sample = |(t, h): (i64, &Option<Arc<Histogram>>)| h.clone().map(|h| HistogramSample { t, h });
        grid.times().zip(&self.histograms).filter_map(sample).collect()
    }
}

/// The value of an expression on a grid.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Series>),
}

impl Data {
    /// The values of a scalar; the parser has checked the type.
    pub fn into_scalar(self) -> Vec<f64> {
        match self {
            Self::Scalar(values) => values,
            Self::Text(_) | Self::Vector(_) => Vec::new(),
        }
    }

    /// The series of a vector; the parser has checked the type.
    pub fn into_vector(self) -> Vec<Series> {
        match self {
            Self::Vector(series) => series,
            Self::Text(_) | Self::Scalar(_) => Vec::new(),
        }
    }

    /// From one time to many, all alike.
    pub fn repeat(self, len: usize) -> Self {
        let repeat = |values: Vec<f64>| vec![values.first().copied().unwrap_or(ABSENT); len];
        let repeat_column = |column: Column| column.into_iter().take(1).flat_map(|h| vec![h; len]).collect();
        match self {
            Self::Scalar(values) => Self::Scalar(repeat(values)),
            Self::Text(text) => Self::Text(text),
            Self::Vector(series) => {
                let spread =
                    |s: Series| Series { values: repeat(s.values), histograms: repeat_column(s.histograms), ..s };
                Self::Vector(series.into_iter().map(spread).collect())
            }
        }
    }

    pub fn into_instant(self, t: i64) -> Value {
        match self {
            Self::Scalar(values) => Value::Scalar(Sample { t, v: values.first().copied().unwrap_or(f64::NAN) }),
            Self::Text(text) => Value::String(t, text),
            Self::Vector(series) => {
                let sample = |s: &Series| {
                    Some(match s.point(0)? {
                        Point::Float(v) => VectorSample::new(s.labels.clone(), t, v),
                        Point::Histogram(h) => VectorSample::of_histogram(s.labels.clone(), t, Arc::clone(h)),
                    })
                };
                Value::Vector(series.iter().filter_map(sample).collect())
            }
        }
    }

    pub fn into_range(self, grid: Grid) -> Value {
        let series = match self {
            Self::Scalar(values) => vec![Series::new(Labels::default(), false, values)],
            Self::Text(_) => Vec::new(),
            Self::Vector(series) => series,
        };
        let mut matrix: Vec<_> = series
            .into_iter()
            .map(|s| MatrixSeries { samples: s.samples(grid), histograms: s.histogram_samples(grid), labels: s.labels })
            .filter(|s| !s.is_empty())
            .collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Value::Matrix(matrix)
    }
}

/// A series with its own samples, as a range vector holds them: without stale markers, in order of time.
#[derive(Clone, Debug)]
pub(super) struct RawSeries {
    pub labels: Labels,
    pub drop_name: bool,
    pub samples: Arc<[Sample]>,
    pub histograms: Arc<[HistogramSample]>,
    /// When the counters behind the samples started, where that is known.
    pub starts: Option<Arc<StartTimes>>,
}

impl RawSeries {
    /// The samples of a subquery. What is known of resets between the samples of a series says nothing about its
    /// evaluations, some of which may fall between these samples and some onto one of them twice.
    pub fn from_grid(series: &Series, grid: Grid) -> Self {
        let mut histograms = series.histogram_samples(grid);
        for sample in &mut histograms {
            if matches!(sample.h.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
                Arc::make_mut(&mut sample.h).reset_hint = ResetHint::Unknown;
            }
        }
        Self {
            labels: series.labels.clone(),
            drop_name: series.drop_name,
            samples: series.samples(grid).into(),
            histograms: histograms.into(),
            starts: None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> Series {
        Series::new(Labels::new([("__name__", name)]), false, values.to_vec())
    }

    #[test]
    fn grids_hold_both_ends_where_the_step_fits() {
        let times = |start, end, step| Grid::of_range(start, end, step).map(|g| g.times().collect::<Vec<_>>());
        assert_eq!(times(0, 20, 10), Ok(vec![0, 10, 20]));
        assert_eq!(times(0, 19, 10), Ok(vec![0, 10]));
        assert_eq!(times(-5, -5, 1), Ok(vec![-5]));
        assert!(times(0, 10, 0).is_err() && times(0, 10, -1).is_err() && times(10, 0, 1).is_err());
        assert!(Grid::of_range(i64::MIN, i64::MAX, 1).is_err());
    }

    #[test]
    fn the_end_of_a_grid_is_its_last_time() {
        let grid = Grid { start: 5, step: 10, len: 4 };
        assert_eq!((grid.end(), grid.first().end()), (35, 5));
        assert_eq!(Grid { start: i64::MAX, step: i64::MAX, len: 3 }.end(), i64::MAX);
    }

    #[test]
    fn only_the_marker_is_absent() {
        assert!(!present(ABSENT));
        for value in [f64::NAN, -f64::NAN, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            assert!(present(value), "{value}");
        }
    }

    #[test]
    fn vectors_become_values_without_what_is_absent() {
        let vector =
            || Data::Vector(vec![series("b", &[ABSENT, 2.0]), series("a", &[1.0, ABSENT]), series("c", &[ABSENT; 2])]);
        let Value::Vector(instant) = vector().into_instant(7) else { panic!("no vector") };
        assert_eq!(instant, [VectorSample::new(Labels::new([("__name__", "a")]), 7, 1.0)]);
        let Value::Matrix(matrix) = vector().into_range(Grid { start: 0, step: 10, len: 2 }) else {
            panic!("no matrix")
        };
        let names: Vec<_> = matrix.iter().map(|s| s.labels.metric_name()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(matrix[1].samples, [Sample { t: 10, v: 2.0 }]);
    }

    #[test]
    fn repeating_spreads_the_first_value() {
        assert_eq!(Data::Scalar(vec![3.0]).repeat(3).into_scalar(), [3.0; 3]);
        let spread = Data::Vector(vec![series("a", &[1.0])]).repeat(2).into_vector();
        assert_eq!(spread[0].values, [1.0, 1.0]);
        assert!(matches!(Data::Text("x".into()).repeat(2), Data::Text(t) if t == "x"));
    }

    #[test]
    fn a_raw_series_holds_the_samples_that_are_there() {
        let raw = RawSeries::from_grid(&series("a", &[1.0, ABSENT, 3.0]), Grid { start: 0, step: 5, len: 3 });
        assert_eq!(&*raw.samples, [Sample { t: 0, v: 1.0 }, Sample { t: 10, v: 3.0 }]);
    }
}
