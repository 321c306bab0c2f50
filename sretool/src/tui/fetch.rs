//! Questions to the source and reading of runbooks, each in a task of its own.

use crate::source::{ActiveAlert, Answer, Source, SourceError};
use std::collections::HashMap;
use std::path::PathBuf;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tui::queries::QueryId;
use tui::{Alert, AlertState, Msg, Problem, Span};

/// Longest runbook that is shown.
const RUNBOOK_LIMIT: u64 = 256 * 1024;

/// Asks and forgets; answers arrive in the channel.
#[derive(Debug)]
pub(super) struct Fetcher {
    source: Source,
    runbooks: PathBuf,
    messages: mpsc::Sender<Msg>,
    under_way: HashMap<QueryId, AbortHandle>,
}

impl Fetcher {
    pub(super) fn new(source: Source, runbooks: PathBuf, messages: mpsc::Sender<Msg>) -> Self {
        Self { source, runbooks, messages, under_way: HashMap::new() }
    }

    /// Evaluates a query. An older one of the same identity is given up: nobody waits for it any more.
    pub(super) fn query(&mut self, id: QueryId, generation: u64, expr: String, span: Span) {
        let source = self.source.clone();
        let task = self.spawn(async move {
            let result = query(&source, &expr, span).await;
            Msg::Answer { id, generation, result: result.map(|answer| answer.value).map_err(problem) }
        });
        if let Some(old) = self.under_way.insert(id, task) {
            old.abort();
        }
    }

    pub(super) fn alerts(&self, generation: u64) {
        let source = self.source.clone();
        self.spawn(async move {
            let result = alerts(&source).await;
            Msg::Alerts { generation, result: result.map_err(problem) }
        });
    }

    /// What answers; a server that does not say stays unnamed.
    pub(super) fn server(&self) {
        let (source, messages) = (self.source.clone(), self.messages.clone());
        tokio::spawn(async move {
            if let Ok(info) = source.build_info().await {
                let name = if info.application.is_empty() { "Prometheus" } else { &info.application };
                // A dashboard that has ended needs no answer.
                let _ = messages.send(Msg::Server(format!("{name} {}", info.version))).await;
            }
        });
    }

    pub(super) fn runbook(&self, name: String) {
        let path = self.runbooks.join(format!("{name}.md"));
        self.spawn(async move { Msg::Runbook { name, result: read(&path).await } });
    }

    fn spawn(&self, future: impl Future<Output = Msg> + Send + 'static) -> AbortHandle {
        let messages = self.messages.clone();
        let task = tokio::spawn(async move {
            let message = future.await;
            // A dashboard that has ended needs no answer.
            let _ = messages.send(message).await;
        });
        task.abort_handle()
    }
}

async fn read(path: &std::path::Path) -> Result<String, String> {
    let told = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => format!("no file {}", path.display()),
        _ => format!("{}: {e}", path.display()),
    };
    let length = tokio::fs::metadata(path).await.map_err(told)?.len();
    if length > RUNBOOK_LIMIT {
        return Err(format!("{}: {length} bytes are too long to show", path.display()));
    }
    tokio::fs::read_to_string(path).await.map_err(told)
}

pub(super) async fn query(source: &Source, expr: &str, span: Span) -> Result<Answer, SourceError> {
    match span {
        Span::At(at_ms) => source.instant(expr, at_ms).await,
        Span::Range { start, end, step } => source.range(expr, start, end, step).await,
    }
}

pub(super) async fn alerts(source: &Source) -> Result<Vec<Alert>, SourceError> {
    Ok(source.alerts().await?.into_iter().map(alert).collect())
}

fn alert(active: ActiveAlert) -> Alert {
    let at = active.active_at.as_deref().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    Alert {
        labels: active.labels,
        annotations: active.annotations,
        state: if active.state == "firing" { AlertState::Firing } else { AlertState::Pending },
        active_at_ms: at.map(|at| at.timestamp_millis()),
        value: active.value,
    }
}

pub(super) fn problem(error: SourceError) -> Problem {
    Problem { message: error.to_string(), source_lost: !matches!(error, SourceError::Refused { .. }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_answers_and_silence_is_not() {
        let refused = problem(SourceError::Refused { kind: "bad_data".into(), message: "parse error".into() });
        assert!(!refused.source_lost && refused.message.contains("parse error"));
        assert!(problem(SourceError::Unreachable { url: "u".into(), cause: "c".into() }).source_lost);
    }

    #[test]
    fn alerts_keep_their_time() {
        let active = ActiveAlert {
            labels: [("alertname".to_owned(), "A".to_owned())].into(),
            annotations: Default::default(),
            state: "firing".into(),
            active_at: Some("1970-01-01T00:00:01.5Z".into()),
            value: "1e+00".into(),
        };
        let alert = alert(active);
        assert_eq!((alert.name(), alert.state, alert.active_at_ms), ("A", AlertState::Firing, Some(1_500)));
    }

    #[tokio::test]
    async fn runbooks_are_read_and_missing_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("A.md"), "# A").unwrap();
        let (sender, mut receiver) = mpsc::channel(8);
        let source = Source::resolve(Some("http://127.0.0.1:1")).unwrap();
        let fetcher = Fetcher::new(source, folder.path().to_owned(), sender);
        fetcher.runbook("A".into());
        assert!(matches!(receiver.recv().await, Some(Msg::Runbook { result: Ok(text), .. }) if text == "# A"));
        fetcher.runbook("B".into());
        assert!(matches!(receiver.recv().await, Some(Msg::Runbook { result: Err(why), .. }) if why.contains("B.md")));
    }

    #[tokio::test]
    async fn a_dead_source_answers_with_a_problem() {
        let (sender, mut receiver) = mpsc::channel(8);
        let source = Source::resolve(Some("http://127.0.0.1:1")).unwrap();
        let mut fetcher = Fetcher::new(source, PathBuf::new(), sender);
        fetcher.query(QueryId::Rate, 7, "up".into(), Span::At(0));
        let Some(Msg::Answer { id, generation, result: Err(problem) }) = receiver.recv().await else {
            panic!("no answer")
        };
        assert!(problem.source_lost && id == QueryId::Rate && generation == 7);
    }
}
