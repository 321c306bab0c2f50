//! Asks a source what a report needs.

use crate::source::{Source, SourceError};
use futures::{StreamExt, TryStreamExt, stream};
use promql::Value;
use slo::{Answers, BurnWindows, Composite, PlannedQuery, Report, Request, Slo, Tiles, When};

/// Queries in flight at once: enough to hide latency, few enough to leave the server to others.
const CONCURRENCY: usize = 8;

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
    /// An answer is not one number for each group.
    #[error("{slo}: {error}")]
    Answer {
        /// The SLO.
        slo: String,
        /// What is wrong.
        error: slo::AnswerError,
    },
}

/// What a report is to contain.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Burn-rate conditions.
    pub burn: BurnWindows,
    /// Whether to follow the period step by step, for incidents and plots.
    pub timeline: bool,
    /// How many earlier periods.
    pub past: u32,
    /// Whether to read the metrics even where the generated rules have recorded their events.
    pub raw: bool,
}

impl Default for Contents {
    fn default() -> Self {
        Self { burn: BurnWindows::workbook(), timeline: false, past: 0, raw: false }
    }
}

/// Asks a source everything that the objectives' report needs, at one time (milliseconds since the Unix epoch).
///
/// # Errors
/// When a query gets no usable answer; no data is an answer.
pub async fn judge(source: &Source, slos: &[Slo], at_ms: i64) -> Result<Report, JudgeError> {
    judge_with(source, slos, &[], at_ms, &Contents::default()).await
}

/// The same for composites too, with more in the report.
///
/// # Errors
/// As [`judge`].
pub async fn judge_with(
    source: &Source,
    slos: &[Slo],
    composites: &[Composite],
    at_ms: i64,
    contents: &Contents,
) -> Result<Report, JudgeError> {
    let mut requests = Vec::new();
    for slo in slos {
        let tiles = if contents.raw { None } else { tiles(source, slo, at_ms).await };
        let Contents { burn, timeline, past, .. } = contents.clone();
        requests.push(Request { at_ms, burn, timeline, past, tiles });
    }
    let queries: Vec<(usize, PlannedQuery)> = slos
        .iter()
        .zip(&requests)
        .enumerate()
        .flat_map(|(i, (slo, request))| slo::plan(slo, request).into_iter().map(move |query| (i, query)))
        .collect();
    let values: Vec<_> = stream::iter(queries)
        .map(|(i, query)| async move {
            match ask(source, &query).await {
                Ok(value) => Ok((i, query, value)),
                Err(source) => Err(JudgeError::Source { expr: query.expr, source }),
            }
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let mut answers = vec![Answers::default(); slos.len()];
    for (i, query, value) in &values {
        let recorded = answers[*i].record(&slos[*i], query, value);
        recorded.map_err(|error| JudgeError::Answer { slo: slos[*i].id.clone(), error })?;
    }
    let mut reports = Vec::new();
    for ((slo, answers), request) in slos.iter().zip(&answers).zip(&requests) {
        reports.extend(slo::evaluate(slo, answers, request));
    }
    if let Some(request) = requests.first() {
        let made: Vec<_> = composites.iter().flat_map(|whole| slo::composite(whole, &reports, request)).collect();
        reports.extend(made);
    }
    Ok(Report::new(at_ms, source.name(), reports))
}

async fn ask(source: &Source, query: &PlannedQuery) -> Result<Value, SourceError> {
    let answer = match query.when {
        When::At(at) => source.instant(&query.expr, at).await?,
        When::Steps { start_ms, end_ms, step_ms } => source.range(&query.expr, start_ms, end_ms, step_ms).await?,
    };
    Ok(answer.value)
}

/// The events that the generated rules have recorded. Where that cannot be told, the metrics themselves are read.
async fn tiles(source: &Source, slo: &Slo, at_ms: i64) -> Option<Tiles> {
    let (mut probe, queries) = slo::probe(slo, at_ms)?;
    for query in &queries {
        probe.record(query, &ask(source, query).await.ok()?);
    }
    probe.tiles()
}
