//! What an expression yields on the way: values on a grid of times.

use super::EvalError;
use crate::labels::Labels;
use crate::storage::{STALE_NAN_BITS, Sample, is_stale};
use crate::value::{MatrixSeries, Value, VectorSample};

/// Stands for "no sample" in a series. No operation yields these bits: hardware quietens a signalling NaN.
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
                    .map(|(labels, v)| VectorSample { labels, t, v })
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
            .map(|s| MatrixSeries { samples: s.samples(grid), labels: s.labels })
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
