//! Queries at one time and over a range.

use super::error::{ApiError, ErrorType, Success};
use super::params::Params;
use super::{ApiResult, App, Shared, clock};
use crate::server::json;
use axum::extract::State;
use promql::{EvalError, Evaluation, Matcher, Queryable, SelectHints, SeriesData, StorageError};
use std::time::{Duration, Instant};

/// Points of a series that a range query may return, as in Prometheus.
const MAX_POINTS: i64 = 11_000;

pub(super) async fn instant(State(app): Shared, params: Params) -> ApiResult {
    let at = params.time("time", clock::now_ms())?;
    let expr = params.expression()?;
    let limit = params.limit()?;
    let timeout = timeout(&app, &params)?;
    let evaluate = move |app: &App| {
        let store = Deadline::new(app, timeout);
        store.finish(app.engine.instant(&store, &expr, at), limit)
    };
    app.compute(timeout, evaluate).await
}

pub(super) async fn range(State(app): Shared, params: Params) -> ApiResult {
    let start = params.required_time("start")?;
    let end = params.required_time("end")?;
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = params.duration("step")?;
    let step = step.ok_or_else(|| ApiError::parameter("step", "cannot parse \"\" to a valid duration"))?;
    if step <= 0 {
        let cause = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", cause));
    }
    if end.saturating_sub(start) / step > MAX_POINTS {
        let remedy = "Try decreasing the query resolution (?step=XX)";
        return Err(ApiError::bad_data(format!(
            "exceeded maximum resolution of 11,000 points per timeseries. {remedy}"
        )));
    }
    let expr = params.expression()?;
    let limit = params.limit()?;
    let timeout = timeout(&app, &params)?;
    let evaluate = move |app: &App| {
        let store = Deadline::new(app, timeout);
        store.finish(app.engine.range(&store, &expr, start, end, step), limit)
    };
    app.compute(timeout, evaluate).await
}

/// The time allowed: what the request asks for, up to the server's.
fn timeout(app: &App, params: &Params) -> Result<Duration, ApiError> {
    let asked = params.duration("timeout")?.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    Ok(asked.map_or(app.query_timeout, |asked| asked.min(app.query_timeout)))
}

/// The store until a time: an evaluation that nobody waits for any more ends at its next selector.
struct Deadline<'a> {
    app: &'a App,
    until: Instant,
}

impl<'a> Deadline<'a> {
    fn new(app: &'a App, timeout: Duration) -> Self {
        Self { app, until: Instant::now() + timeout }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn finish(&self, result: Result<Evaluation, EvalError>, limit: usize) -> ApiResult {
        let evaluation = result.map_err(|error| match error {
            EvalError::Storage(_) if self.is_over() => ApiError::new(ErrorType::Timeout, "query timed out"),
            error => ApiError::evaluation(&error),
        })?;
        let Evaluation { mut value, mut warnings, infos } = evaluation;
        if truncate(&mut value, limit) {
            warnings.push("results truncated due to limit".to_owned());
        }
        Ok(Success::raw(json::query_data(&value)).with_annotations(warnings, infos))
    }
}

impl Queryable for Deadline<'_> {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        if self.is_over() {
            return Err(StorageError::Other("query timed out".to_owned()));
        }
        self.app.store.select(matchers, hints)
    }
}

/// Cuts the result to a number of series; tells whether it did.
fn truncate(value: &mut promql::Value, limit: usize) -> bool {
    let before = match value {
        promql::Value::Vector(samples) => samples.len(),
        promql::Value::Matrix(series) => series.len(),
        promql::Value::Scalar(_) | promql::Value::String(..) => return false,
    };
    match value {
        promql::Value::Vector(samples) => samples.truncate(limit),
        promql::Value::Matrix(series) => series.truncate(limit),
        promql::Value::Scalar(_) | promql::Value::String(..) => {}
    }
    before > limit
}
