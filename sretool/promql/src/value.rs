//! Results of an evaluation.

use crate::histogram::Histogram;
use crate::labels::Labels;
use crate::storage::{HistogramSample, Sample};
use std::sync::Arc;

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// Label set.
    pub labels: Labels,
    /// Evaluation time, milliseconds since the Unix epoch.
    pub t: i64,
    /// Value; NaN where the element is a histogram.
    pub v: f64,
    /// The native histogram, where the element is one instead of a number.
    pub histogram: Option<Arc<Histogram>>,
}

impl VectorSample {
    /// An element that is a number.
    pub fn new(labels: Labels, t: i64, v: f64) -> Self {
        Self { labels, t, v, histogram: None }
    }

    /// An element that is a native histogram.
    pub fn of_histogram(labels: Labels, t: i64, histogram: Arc<Histogram>) -> Self {
        Self { labels, t, v: f64::NAN, histogram: Some(histogram) }
    }
}

/// One series of a matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixSeries {
    /// Label set.
    pub labels: Labels,
    /// Numbers in order of time.
    pub samples: Vec<Sample>,
    /// Native histograms in order of time; at one time there is a number or a histogram, not both.
    pub histograms: Vec<HistogramSample>,
}

impl MatrixSeries {
    /// A series of numbers.
    pub fn new(labels: Labels, samples: Vec<Sample>) -> Self {
        Self { labels, samples, histograms: Vec::new() }
    }

    /// Whether it has no sample at all.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }
}

/// What a query yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number at a time.
    Scalar(Sample),
    /// A string at a time (milliseconds).
    String(i64, String),
    /// An instant vector.
    Vector(Vec<VectorSample>),
    /// A range vector or the result of a range query.
    Matrix(Vec<MatrixSeries>),
}
