//! Queries at one time and over a range.

use super::error::{ApiError, ErrorType, Success};
use super::params::Params;
use super::pretty::pretty;
use super::{ApiResult, App, Patience, Shared, clock};
use crate::server::json;
use axum::extract::State;
use promql::{
    Engine, EngineOptions, EvalError, Evaluation, Matcher, Queryable, SelectHints, SeriesData, StorageError,
    SummaryHints, SummaryVisitor,
};
use std::time::Duration;
use tsdb::Store;

/// Points of a series that a range query may return, as in Prometheus.
const MAX_POINTS: i64 = 11_000;

pub(super) async fn instant(State(app): Shared, params: Params) -> ApiResult {
    let limit = params.limit()?;
    let at = params.time("time", clock::now_ms())?;
    let timeout = timeout(&app, &params)?;
    let engine = engine(&app, &params)?;
    let expr = params.expression()?;
    let evaluate = move |app: &App, patience: &Patience| {
        let store = Bounded { store: &app.store, patience };
        store.finish(engine.instant(&store, &expr, at), limit)
    };
    app.compute(timeout, evaluate).await
}

pub(super) async fn range(State(app): Shared, params: Params) -> ApiResult {
    let limit = params.limit()?;
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
    let timeout = timeout(&app, &params)?;
    let engine = engine(&app, &params)?;
    let expr = params.expression()?;
    let evaluate = move |app: &App, patience: &Patience| {
        let store = Bounded { store: &app.store, patience };
        store.finish(engine.range(&store, &expr, start, end, step), limit)
    };
    app.compute(timeout, evaluate).await
}

/// The expression as it would be written.
pub(super) async fn format(params: Params) -> ApiResult {
    Ok(Success::json(&pretty(&params.expression()?).into()))
}

/// The time allowed: what the request asks for, up to the server's.
fn timeout(app: &App, params: &Params) -> Result<Duration, ApiError> {
    let asked = params.duration("timeout")?.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    Ok(asked.map_or(app.limits.timeout, |asked| asked.min(app.limits.timeout)))
}

/// The engine, with the lookback that the request asks for.
fn engine(app: &App, params: &Params) -> Result<Engine, ApiError> {
    Ok(match params.duration("lookback_delta")? {
        Some(lookback_ms) if lookback_ms > 0 => Engine::new(EngineOptions { lookback_ms, ..*app.engine.options() }),
        Some(_) => return Err(ApiError::parameter("lookback_delta", "the duration must be positive")),
        None => app.engine.clone(),
    })
}

/// The store as long as somebody waits: an evaluation that nobody waits for any more ends at its next selector.
struct Bounded<'a> {
    store: &'a Store,
    patience: &'a Patience,
}

impl Bounded<'_> {
    fn finish(&self, result: Result<Evaluation, EvalError>, limit: usize) -> ApiResult {
        let evaluation = result.map_err(|error| match error {
            EvalError::Storage(_) if self.patience.is_over() => ApiError::new(ErrorType::Timeout, TIMED_OUT),
            error => ApiError::evaluation(&error),
        })?;
        let Evaluation { mut value, mut warnings, infos } = evaluation;
        if truncate(&mut value, limit) {
            warnings.push("results truncated due to limit".to_owned());
        }
        Ok(Success::raw(json::query_data(&value)).with_annotations(warnings, infos))
    }
}

const TIMED_OUT: &str = "query timed out in expression evaluation";

impl Queryable for Bounded<'_> {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        if self.patience.is_over() {
            return Err(StorageError::Other(TIMED_OUT.to_owned()));
        }
        self.store.select(matchers, hints)
    }

    fn summarize(
        &self,
        matchers: &[Matcher],
        hints: SummaryHints<'_>,
        visit: &mut SummaryVisitor<'_>,
    ) -> Result<bool, StorageError> {
        if self.patience.is_over() {
            return Err(StorageError::Other(TIMED_OUT.to_owned()));
        }
        self.store.summarize(matchers, hints, visit)
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
