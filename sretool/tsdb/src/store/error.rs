//! Why samples are refused.

use super::StoreOptions;
use crate::series::Refusal;
use promql::{Labels, Sample};

/// Why a sample was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// The series has another value at this time.
    #[error("{labels} has the value {existing} at {t} ms already; {rejected} was refused")]
    Duplicate {
        /// The series.
        labels: Labels,
        /// Time in milliseconds since the Unix epoch.
        t: i64,
        /// The value that is kept.
        existing: f64,
        /// The value that was refused.
        rejected: f64,
    },
    /// The sample is older than the window for late samples allows.
    #[error("{labels}: the sample at {t} ms is more than {window_ms} ms older than the newest, at {newest} ms")]
    TooOld {
        /// The series.
        labels: Labels,
        /// Time of the sample.
        t: i64,
        /// Time of the series' newest sample.
        newest: i64,
        /// The window.
        window_ms: i64,
    },
    /// The store is full.
    #[error("{labels} would exceed the limit of {limit} series; drop labels with many values or raise the limit")]
    SeriesLimit {
        /// The limit.
        limit: usize,
        /// The series that was refused.
        labels: Labels,
    },
    /// A series needs at least one label.
    #[error("a series without labels cannot be stored")]
    NoLabels,
}

impl AppendError {
    pub(super) fn refused(refusal: Refusal, labels: &Labels, sample: Sample, options: StoreOptions) -> Self {
        let (labels, t) = (labels.clone(), sample.t);
        match refusal {
            Refusal::Duplicate { existing } => Self::Duplicate { labels, t, existing, rejected: sample.v },
            Refusal::TooOld { newest } => Self::TooOld { labels, t, newest, window_ms: options.out_of_order_ms },
        }
    }
}

/// A refused sample of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub at: usize,
    /// Why.
    pub error: AppendError,
}

/// Samples of a batch that were refused; the rest was stored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{} of {} samples refused: {}", rejected.len(), accepted + rejected.len(), self.first())]
pub struct BatchError {
    /// Samples that are in the store now.
    pub accepted: usize,
    /// Refused samples; those of new series come last.
    pub rejected: Vec<Rejected>,
}

impl BatchError {
    fn first(&self) -> String {
        self.rejected.first().map(|r| r.error.to_string()).unwrap_or_default()
    }
}
