//! PromQL: parser and evaluator, pure: no clock, no network, no files.

mod labels;
mod storage;
mod value;

pub use labels::{Labels, METRIC_NAME, MatchOp, Matcher};
pub use storage::{Queryable, STALE_NAN_BITS, Sample, SelectHints, SeriesData, StorageError, is_stale, stale_nan};
pub use value::{MatrixSeries, Value, VectorSample};
