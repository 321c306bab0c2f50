//! What the evaluator needs of a store.

use crate::labels::{Labels, Matcher};
use crate::summary::{SeriesSummaries, SummaryHints};
use std::sync::Arc;

/// The bit pattern that marks the end of a series; any other NaN is an ordinary value.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether a value is the staleness marker.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Value; see [`is_stale`].
    pub v: f64,
}

/// One series with its samples in order of time, stale markers included.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesData {
    /// Label set, metric name included.
    pub labels: Labels,
    /// Samples with strictly rising timestamps.
    pub samples: Arc<[Sample]>,
}

/// What a selector asks for: samples with `min_t <= t <= max_t`.
#[derive(Clone, Copy, Debug)]
pub struct SelectHints {
    /// First millisecond, inclusive.
    pub min_t: i64,
    /// Last millisecond, inclusive.
    pub max_t: i64,
}

/// A source of series. Implementations return every series that matches all matchers and has a sample in the
/// window; the order does not matter.
pub trait Queryable: Send + Sync {
    /// Reads series.
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError>;

    /// Summarises windows of every series that matches, where the store can do so at less cost than that of reading
    /// the samples; `None` where it cannot, so that the caller reads them.
    fn summaries(
        &self,
        matchers: &[Matcher],
        hints: SummaryHints<'_>,
    ) -> Result<Option<Vec<SeriesSummaries>>, StorageError> {
        let _ = (matchers, hints);
        Ok(None)
    }
}

/// Why a store could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The answer would exceed a limit.
    #[error("the query would load more than {limit} samples; narrow its selectors or its range")]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// Any other failure, in words.
    #[error("{0}")]
    Other(String),
}
