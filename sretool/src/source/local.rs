//! Answers from samples held in process.

use super::{Answer, SourceError};
use promql::Queryable;
use std::path::Path;
use std::sync::Arc;

/// Samples held in process, with the name that people know them by.
#[derive(Clone)]
pub struct Local {
    name: Arc<str>,
    storage: Arc<dyn Queryable>,
    newest_ms: Option<i64>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Local {
    /// Wraps a store that something else fills.
    pub fn new(name: &str, storage: Arc<dyn Queryable>, newest_ms: Option<i64>) -> Self {
        Self { name: name.into(), storage, newest_ms }
    }

    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        Err(SourceError::Invalid(format!("{}: cannot be read yet", path.display())))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    pub(super) fn instant(&self, _expr: &str, _at_ms: i64) -> Result<Answer, SourceError> {
        let _ = &self.storage;
        Err(SourceError::Invalid("not yet".into()))
    }

    pub(super) fn range(&self, _expr: &str, _start: i64, _end: i64, _step: i64) -> Result<Answer, SourceError> {
        Err(SourceError::Invalid("not yet".into()))
    }
}
