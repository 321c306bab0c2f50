//! A report over several objectives.

use crate::evaluate::{SloReport, Status};
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

/// The judgement over all objectives: the worst of theirs, where no data is worse than a danger but better than a
/// breach.
pub type Verdict = Status;

/// How objectives stood at a time, as a source saw them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Time of evaluation, RFC 3339.
    pub at: String,
    /// URL or file that answered.
    pub source: String,
    /// The objectives.
    pub slos: Vec<SloReport>,
    /// The judgement over all.
    pub verdict: Verdict,
}

impl Report {
    /// Gathers reports made at a time (milliseconds since the Unix epoch).
    pub fn new(at_ms: i64, source: &str, slos: Vec<SloReport>) -> Self {
        let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        let verdict = slos.iter().map(|slo| slo.status).max().unwrap_or(Status::NoData);
        Self { at: at.to_rfc3339_opts(SecondsFormat::AutoSi, true), source: source.to_owned(), slos, verdict }
    }
}
