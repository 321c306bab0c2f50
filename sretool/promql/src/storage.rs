//! What the evaluator needs of a store.

use crate::histogram::Histogram;
use crate::labels::{Labels, Matcher};
use crate::summary::{SummaryHints, SummaryVisitor};
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

/// One sample that is a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// The histogram; a stale marker is one whose sum [`is_stale`].
    pub h: Arc<Histogram>,
}

/// When the counters behind samples started, milliseconds since the Unix epoch; 0 where that is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartTimes {
    /// One for each number of the series, or none at all.
    pub samples: Vec<i64>,
    /// One for each histogram of the series, or none at all.
    pub histograms: Vec<i64>,
}

/// One series with its samples in order of time, stale markers included. Numbers and histograms stand apart, so that
/// series of numbers, which nearly all are, cost nothing more than their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesData {
    /// Label set, metric name included.
    pub labels: Labels,
    /// Numbers with strictly rising timestamps.
    pub samples: Arc<[Sample]>,
    /// Native histograms with strictly rising timestamps, none of which is that of a number.
    pub histograms: Arc<[HistogramSample]>,
    /// When the counters started, where the store knows it.
    pub starts: Option<Arc<StartTimes>>,
}

impl SeriesData {
    /// A series of numbers.
    pub fn new(labels: Labels, samples: impl Into<Arc<[Sample]>>) -> Self {
        Self { labels, samples: samples.into(), ..Self::default() }
    }

    /// Whether it has no sample at all.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }
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

    /// Summarises windows of every series that matches, one series at a time, where the store can do so at less cost
    /// than that of reading the samples; `false` where it cannot and has visited none, so that the caller reads them.
    /// A series with native histograms or known starts has no summary.
    fn summarize(
        &self,
        matchers: &[Matcher],
        hints: SummaryHints<'_>,
        visit: &mut SummaryVisitor<'_>,
    ) -> Result<bool, StorageError> {
        let _ = (matchers, hints, visit);
        Ok(false)
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
