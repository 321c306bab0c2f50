//! What comes in and what goes out.

use crate::keymap::Key;
use crate::queries::QueryId;
use promql::Value;
use std::collections::BTreeMap;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// A second passed.
    Tick {
        /// Milliseconds since the Unix epoch.
        now_ms: i64,
    },
    /// The size of the terminal changed, or the terminal came back after a suspension.
    Redraw,
    /// A query was answered.
    Answer {
        /// Which one.
        id: QueryId,
        /// Of the [`Cmd::Query`].
        generation: u64,
        /// The value, or why there is none.
        result: Result<Value, Problem>,
    },
    /// The alerts were read.
    Alerts {
        /// Of the [`Cmd::Alerts`].
        generation: u64,
        /// The alerts, or why there are none.
        result: Result<Vec<Alert>, Problem>,
    },
    /// What the server says it is: `Prometheus 2.42.0`.
    Server(String),
    /// A runbook was read.
    Runbook {
        /// Its name.
        name: String,
        /// Its text, or why there is none.
        result: Result<String, String>,
    },
    /// The load test started here has news.
    Load(LoadEvent),
}

/// News of the load test that was started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadEvent {
    /// It runs.
    Started,
    /// It wrote a line.
    Line(String),
    /// It ended with this exit status, or none when it was killed.
    Ended(Option<i32>),
    /// It could not be started.
    Failed(String),
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In words.
    pub message: String,
    /// Whether the source is to blame (unreachable, too slow), rather than the question.
    pub source_lost: bool,
}

/// Something to do. The caller never waits for it before handling the next message.
#[derive(Clone, Debug, PartialEq)]
pub enum Cmd {
    /// Evaluate a PromQL expression and send [`Msg::Answer`].
    Query {
        /// For the answer.
        id: QueryId,
        /// For the answer.
        generation: u64,
        /// PromQL.
        expr: String,
        /// Over which time.
        span: Span,
    },
    /// Read the alerts and send [`Msg::Alerts`].
    Alerts {
        /// For the answer.
        generation: u64,
    },
    /// Ask the server what it is and send [`Msg::Server`].
    Server,
    /// Read the runbook of this name (no path) and send [`Msg::Runbook`].
    Runbook {
        /// File name without directory and extension.
        name: String,
    },
    /// Start `sretool` with these arguments as a child and send [`Msg::Load`].
    StartLoad {
        /// After the program's name.
        args: Vec<String>,
    },
    /// Ask that child to stop.
    StopLoad,
    /// Restore the terminal, stop the process, and send [`Msg::Redraw`] when it continues.
    Suspend,
    /// Leave.
    Quit,
}

/// The time of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// An instant query at this time, ms.
    At(i64),
    /// A range query; both ends count.
    Range {
        /// ms.
        start: i64,
        /// ms.
        end: i64,
        /// ms.
        step: i64,
    },
}

/// Whether an alert fires yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// It fires.
    Firing,
    /// Its condition holds, but not for long enough.
    Pending,
}

/// An active alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Annotations, templates expanded.
    pub annotations: BTreeMap<String, String>,
    /// Pending or firing.
    pub state: AlertState,
    /// Since when its condition holds, ms.
    pub active_at_ms: Option<i64>,
    /// Value of its expression.
    pub value: String,
}

impl Alert {
    /// A label's value, or `""`.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Name of the alert.
    pub fn name(&self) -> &str {
        self.label("alertname")
    }

    /// `page`, `ticket` or another word; sloth's own label where `severity` is absent.
    pub fn severity(&self) -> &str {
        match self.label("severity") {
            "" => self.label("sloth_severity"),
            severity => severity,
        }
    }

    /// The service that it is about, as far as its labels tell.
    pub fn service(&self) -> &str {
        let names = ["service", "sloth_service", "job"];
        names.iter().map(|name| self.label(name)).find(|value| !value.is_empty()).unwrap_or("")
    }

    /// What tells it from all others: its labels.
    pub fn key(&self) -> String {
        self.labels.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// Summary, else description, else nothing.
    pub fn summary(&self) -> &str {
        let names = ["summary", "title", "description"];
        names.iter().find_map(|name| self.annotations.get(*name)).map_or("", String::as_str)
    }

    /// Name of its runbook: the file name of `runbook_url` without extension, else the alert's name.
    pub fn runbook(&self) -> String {
        let url = self.annotations.get("runbook_url").map_or("", String::as_str);
        let file = url.split(['#', '?']).next().unwrap_or("").trim_end_matches('/').rsplit('/').next().unwrap_or("");
        let stem = file.strip_suffix(".md").unwrap_or(file);
        let name = if stem.is_empty() { self.name() } else { stem };
        // The name becomes part of a path: nothing in it may leave the folder of runbooks.
        let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
        safe.trim_start_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(labels: &[(&str, &str)], runbook: &str) -> Alert {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Alert {
            labels: map(labels),
            annotations: map(&[("runbook_url", runbook)]),
            state: AlertState::Firing,
            active_at_ms: None,
            value: String::new(),
        }
    }

    #[test]
    fn runbook_names_come_from_the_url_and_never_leave_the_folder() {
        let named = |url| alert(&[("alertname", "HighErrors")], url).runbook();
        assert_eq!(named("alerts/runbooks/Budget.md"), "Budget");
        assert_eq!(named("https://x.test/runbooks/Budget.md#steps"), "Budget");
        assert_eq!(named(""), "HighErrors");
        assert_eq!(named("../../etc/.passwd"), "passwd");
        assert_eq!(alert(&[("alertname", "../x y")], "").runbook(), "xy");
    }

    #[test]
    fn severity_and_service_fall_back_to_sloths_labels() {
        let sloth = alert(&[("sloth_severity", "page"), ("sloth_service", "orders")], "");
        assert_eq!((sloth.severity(), sloth.service()), ("page", "orders"));
        let own = alert(&[("severity", "ticket"), ("sloth_severity", "page"), ("job", "j")], "");
        assert_eq!((own.severity(), own.service()), ("ticket", "j"));
    }
}
