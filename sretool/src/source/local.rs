//! Answers from samples held in process.

use super::{Answer, SourceError};
use promql::{Engine, EngineOptions, EvalError, Evaluation, Queryable};
use std::path::Path;
use std::sync::Arc;
use tsdb::exposition::Format;

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

    /// Samples without a timestamp of their own count as taken when the file was last written.
    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let unreadable = |cause: std::io::Error| SourceError::Invalid(format!("{name}: cannot be read: {cause}"));
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let written = std::fs::metadata(path).and_then(|file| file.modified()).map_err(unreadable)?;
        let written_ms = chrono::DateTime::<chrono::Utc>::from(written).timestamp_millis();
        // Only OpenMetrics ends with this line, and its timestamps are in seconds instead of milliseconds.
        let format = if text.trim_end().ends_with("# EOF") { Format::OpenMetrics } else { Format::Text };
        let store = tsdb::load(&text, format, written_ms)
            .map_err(|error| SourceError::Invalid(format!("{name}:{}: {error}", error.line())))?;
        let newest_ms = store.stats().max_time;
        Ok(Self::new(&name, Arc::new(store), newest_ms))
    }

    /// The store, for those who read samples rather than ask queries.
    pub(crate) fn storage(&self) -> Arc<dyn Queryable> {
        Arc::clone(&self.storage)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    pub(super) fn instant(&self, expr: &str, at_ms: i64) -> Result<Answer, SourceError> {
        let parsed = promql::parse(expr).map_err(|error| bad_data(&error))?;
        answer(Engine::new(EngineOptions::default()).instant(&*self.storage, &parsed, at_ms))
    }

    pub(super) fn range(&self, expr: &str, start: i64, end: i64, step: i64) -> Result<Answer, SourceError> {
        let parsed = promql::parse(expr).map_err(|error| bad_data(&error))?;
        answer(Engine::new(EngineOptions::default()).range(&*self.storage, &parsed, start, end, step))
    }
}

fn bad_data(error: &promql::ParseError) -> SourceError {
    SourceError::Refused { kind: "bad_data".to_owned(), message: error.to_string() }
}

fn answer(result: Result<Evaluation, EvalError>) -> Result<Answer, SourceError> {
    match result {
        Ok(evaluation) => Ok(Answer { value: evaluation.value, warnings: evaluation.warnings }),
        Err(error) => Err(SourceError::Refused { kind: "execution".to_owned(), message: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::Value;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.txt");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_answers_at_its_newest_sample() {
        let (_folder, path) = file("# TYPE a counter\na_total 1 100\na_total 4 160\n# EOF\n");
        let local = Local::read(&path).unwrap();
        assert_eq!(local.newest_ms(), Some(160_000));
        let Value::Vector(vector) = local.instant("a_total", 160_000).unwrap().value else { panic!("no vector") };
        assert!((vector[0].v - 4.0).abs() < f64::EPSILON);
    }

    #[test]
    fn faults_name_the_file_and_the_line() {
        let (_folder, path) = file("a 1\nb{ 2\n");
        let error = Local::read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.txt:2: "), "{error}");
        let error = Local::read(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/file: cannot be read"), "{error}");
    }

    #[test]
    fn a_wrong_expression_is_a_query_error() {
        let (_folder, path) = file("a 1\n");
        assert!(Local::read(&path).unwrap().instant("sum(", 0).unwrap_err().is_query_error());
    }
}
