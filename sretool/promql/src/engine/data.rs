//! What an expression yields on the way: values on a grid of times.

use super::EvalError;
use crate::labels::Labels;
use crate::storage::{STALE_NAN_BITS, Sample, is_stale};
use crate::value::{MatrixSeries, Value, VectorSample};

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

/// One series on a grid: a value, or `ABSENT`, for each time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub labels: Labels,
    /// Whether the metric name goes at the end of the query: label functions may still read it.
    pub drop_name: bool,
    pub values: Vec<f64>,
}

impl Series {
    pub fn is_empty(&self) -> bool {
        !self.values.iter().any(|v| present(*v))
    }

    /// The same series with other values.
    pub fn with_values(&self, values: Vec<f64>) -> Self {
        Self { labels: self.labels.clone(), drop_name: self.drop_name, values }
    }

    fn samples(&self, grid: Grid) -> Vec<Sample> {
        let pairs = grid.times().zip(&self.values);
        pairs.filter(|(_, v)| present(**v)).map(|(t, v)| Sample { t, v: *v }).collect()
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
        match self {
            Self::Scalar(values) => Self::Scalar(repeat(values)),
            Self::Text(text) => Self::Text(text),
            Self::Vector(series) => {
                Self::Vector(series.into_iter().map(|s| Series { values: repeat(s.values), ..s }).collect())
            }
        }
    }

    pub fn into_instant(self, t: i64) -> Value {
        match self {
            Self::Scalar(values) => Value::Scalar(Sample { t, v: values.first().copied().unwrap_or(f64::NAN) }),
            Self::Text(text) => Value::String(t, text),
            Self::Vector(series) => Value::Vector(
                series
                    .into_iter()
                    .filter_map(|s| s.values.first().copied().filter(|v| present(*v)).map(|v| (s.labels, v)))
                    .map(|(labels, v)| VectorSample::new(labels, t, v))
                    .collect(),
            ),
        }
    }

    pub fn into_range(self, grid: Grid) -> Value {
        let series = match self {
            Self::Scalar(values) => vec![Series { labels: Labels::default(), drop_name: false, values }],
            Self::Text(_) => Vec::new(),
            Self::Vector(series) => series,
        };
        let mut matrix: Vec<_> = series
            .into_iter()
            .map(|s| MatrixSeries::new(s.labels.clone(), s.samples(grid)))
            .filter(|s| !s.samples.is_empty())
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
    pub samples: std::sync::Arc<[Sample]>,
}

impl RawSeries {
    pub fn from_grid(series: &Series, grid: Grid) -> Self {
        let samples = series.samples(grid).into();
        Self { labels: series.labels.clone(), drop_name: series.drop_name, samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> Series {
        Series { labels: Labels::new([("__name__", name)]), drop_name: false, values: values.to_vec() }
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
