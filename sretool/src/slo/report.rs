//! `sretool slo report`.

use super::{files, render};
use crate::io::Io;
use crate::source::{Source, SourceError};
use crate::{exit, runtime};
use futures::{StreamExt, TryStreamExt, stream};
use slo::{Answers, BurnWindows, PlannedQuery, Report, Slo, Status};
use std::path::PathBuf;
use std::process::ExitCode;

/// Queries in flight at once: enough to hide latency, few enough to leave the server to others.
const CONCURRENCY: usize = 8;

/// Arguments of `sretool slo report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO documents [default: slo]
    files: Vec<PathBuf>,
    /// Prometheus-compatible API [default: $PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", conflicts_with = "openmetrics")]
    prometheus: Option<String>,
    /// Read this OpenMetrics file instead of a server
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Time of evaluation: RFC 3339, or seconds since 1970 [default: now, or the file's newest sample]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<i64>,
    /// Report only objectives of this name or identifier
    #[arg(long, value_name = "NAME")]
    slo: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people
    Text,
    /// For programs
    Json,
    /// A table for a pull request
    Markdown,
    /// For a CI system
    Junit,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The source gave no answer to a query.
    #[error("{source}, asked for {expr}")]
    Source {
        /// The query.
        expr: String,
        /// The source's reason.
        source: SourceError,
    },
    /// An answer is not one number.
    #[error("{slo}: {error}")]
    Answer {
        /// The SLO.
        slo: String,
        /// What is wrong.
        error: slo::AnswerError,
    },
}

/// Asks a source everything that the objectives' report needs, at one time (milliseconds since the Unix epoch).
///
/// # Errors
/// When a query gets no usable answer; no data is an answer.
pub async fn judge(source: &Source, slos: &[Slo], at_ms: i64) -> Result<Report, JudgeError> {
    let burn = BurnWindows::workbook();
    let queries: Vec<(usize, PlannedQuery)> = slos
        .iter()
        .enumerate()
        .flat_map(|(i, slo)| slo::plan(slo, &burn).into_iter().map(move |query| (i, query)))
        .collect();
    let values: Vec<_> = stream::iter(queries)
        .map(|(i, query)| async move {
            match source.instant(&query.expr, at_ms).await {
                Ok(answer) => Ok((i, query, answer.value)),
                Err(source) => Err(JudgeError::Source { expr: query.expr, source }),
            }
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let mut answers = vec![Answers::default(); slos.len()];
    for (i, query, value) in &values {
        let recorded = answers[*i].record(query, value);
        recorded.map_err(|error| JudgeError::Answer { slo: slos[*i].id.clone(), error })?;
    }
    let reports = slos.iter().zip(&answers).map(|(slo, answers)| slo::evaluate(slo, answers, &burn)).collect();
    Ok(Report::new(at_ms, source.name(), reports))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let mut catalog = match files::load_usable(&args.files, io) {
        Ok(catalog) => catalog,
        Err(code) => return code,
    };
    if let Some(name) = &args.slo {
        let known: Vec<_> = catalog.slos.iter().map(|slo| slo.id.clone()).collect();
        catalog.slos.retain(|slo| slo.name == *name || slo.id == *name);
        if catalog.slos.is_empty() {
            io.error(format_args!("no SLO is named {name:?}; there are {}", known.join(", ")));
            return exit::invalid();
        }
    }
    let source = match &args.openmetrics {
        Some(path) => Source::from_openmetrics(path),
        None => Source::resolve(args.prometheus.as_deref()),
    };
    let source = match source {
        Ok(source) => source,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let at_ms = args.at.unwrap_or_else(|| source.default_time_ms());
    match runtime::block_on(judge(&source, &catalog.slos, at_ms)) {
        Ok(report) => {
            render::print(&report, args.format, io);
            status(report.verdict)
        }
        Err(error) => {
            io.error(&error);
            failure(&error)
        }
    }
}

fn status(verdict: Status) -> ExitCode {
    match verdict {
        Status::Ok | Status::AtRisk => exit::good(),
        Status::Breached => exit::failed(),
        Status::NoData => exit::no_judgement(),
    }
}

/// A query at fault is invalid input; anything else at fault means that no judgement was possible.
fn failure(error: &JudgeError) -> ExitCode {
    match error {
        JudgeError::Source { source, .. } if !source.is_query_error() => exit::no_judgement(),
        JudgeError::Source { .. } | JudgeError::Answer { .. } => exit::invalid(),
    }
}

/// Reads RFC 3339, or seconds since 1970, into milliseconds.
pub(super) fn parse_time(text: &str) -> Result<i64, String> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    match text.parse::<f64>() {
        // Beyond this bound no date is left.
        Ok(seconds) if seconds.abs() < 8e12 => Ok((seconds * 1000.0).round() as i64),
        _ => Err("write a time such as 2026-01-31T12:00:00Z, or seconds since 1970".into()),
    }
}
