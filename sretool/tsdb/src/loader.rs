//! Whole files of metrics as a store.

use crate::exposition::{Format, ParseError, visit};
use crate::store::{AppendError, Store, StoreOptions};

/// Why a file could not be loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The text is malformed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A sample contradicts an earlier one, or the file has too many series.
    #[error("line {line}: {error}")]
    Append {
        /// Line, from 1.
        line: usize,
        /// The store's reason.
        error: AppendError,
    },
}

impl LoadError {
    /// The line at fault, from 1.
    pub fn line(&self) -> usize {
        match self {
            Self::Parse(error) => error.line,
            Self::Append { line, .. } => *line,
        }
    }
}

/// Loads an OpenMetrics text, such as `promtool tsdb create-blocks-from openmetrics` takes, in any order of time.
/// Samples without a timestamp get `default_t`, milliseconds since the Unix epoch.
///
/// # Errors
/// [`LoadError`] with the line of the first fault.
pub fn load_openmetrics(body: &str, default_t: i64) -> Result<Store, LoadError> {
    load(body, Format::OpenMetrics, default_t)
}

/// Loads a text of either format.
///
/// # Errors
/// [`LoadError`] with the line of the first fault.
pub fn load(body: &str, format: Format, default_t: i64) -> Result<Store, LoadError> {
    let store = Store::new(StoreOptions { retention_ms: i64::MAX, max_series: 5_000_000, out_of_order_ms: i64::MAX });
    let metadata = visit(body, format, default_t, |entry| {
        let t = entry.timestamp.unwrap_or(default_t);
        store.append(&entry.labels, t, entry.value).map_err(|error| LoadError::Append { line: entry.line, error })?;
        if let Some(exemplar) = entry.exemplar {
            store.add_exemplar(&entry.labels, exemplar);
        }
        Ok::<_, LoadError>(())
    })?;
    for (family, metadata) in metadata {
        store.set_metadata(&family, metadata);
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::{Queryable, SelectHints};

    const ALWAYS: SelectHints = SelectHints { min_t: i64::MIN, max_t: i64::MAX };

    #[test]
    fn a_file_in_any_order_becomes_a_store() {
        let body = "# TYPE a counter\n# HELP a Things.\na_total{x=\"1\"} 3 20.5\na_total{x=\"1\"} 2 10\n\
                    a_total{x=\"2\"} 1\na_total{x=\"1\"} 4 30 # {trace_id=\"t\"} 0.5\n# EOF\n";
        let store = load_openmetrics(body, 7).unwrap();
        let mut found = store.select(&[], ALWAYS).unwrap();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        let samples: Vec<Vec<_>> = found.iter().map(|s| s.samples.iter().map(|s| (s.t, s.v)).collect()).collect();
        assert_eq!(samples, [vec![(10_000, 2.0), (20_500, 3.0), (30_000, 4.0)], vec![(7, 1.0)]]);
        assert_eq!(store.exemplars(&[], 30_000, 30_000).len(), 1);
        assert_eq!(store.metadata()["a"].help, "Things.");
    }

    #[test]
    fn contradictions_name_their_line() {
        let error = load_openmetrics("a 1 5\na 1 5\na 2 5\n# EOF\n", 0).unwrap_err();
        assert_eq!(error.line(), 3);
        assert_eq!(error.to_string(), "line 3: a has the value 1 at 5000 ms already; 2 was refused");
    }

    #[test]
    fn a_cut_off_file_is_refused() {
        let error = load_openmetrics("a 1 5\nb 2", 0).unwrap_err();
        assert_eq!((error.line(), error.to_string().contains("# EOF")), (3, true));
        assert!(load("a 1 5\nb 2", Format::Text, 0).is_ok());
    }
}
