//! Results of an evaluation.

use crate::labels::Labels;
use crate::storage::Sample;

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// Label set.
    pub labels: Labels,
    /// Evaluation time, milliseconds since the Unix epoch.
    pub t: i64,
    /// Value.
    pub v: f64,
}

/// One series of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSeries {
    /// Label set.
    pub labels: Labels,
    /// Samples in order of time.
    pub samples: Vec<Sample>,
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
