//! What is in the store: series, labels, metadata, exemplars.

use super::error::{ApiError, Success};
use super::params::Params;
use super::{ApiResult, Shared};
use crate::server::json;
use axum::extract::{Path, State};
use promql::{Compat, Labels, Matcher, is_label_name};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The interval that a request asks for, in ms; all of time where it does not.
fn interval(params: &Params) -> Result<(i64, i64), ApiError> {
    let (start, end) = (params.time("start", i64::MIN)?, params.time("end", i64::MAX)?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    Ok((start, end))
}

pub(super) async fn series(State(app): Shared, params: Params) -> ApiResult {
    let (start, end) = interval(&params)?;
    let (selectors, limit) = (params.selectors()?, params.limit()?);
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let timeout = app.limits.timeout;
    let read = move |app: &super::App, _: &super::Patience| {
        let found = selectors.iter().flat_map(|matchers| app.store.series(matchers, start, end));
        let found: BTreeSet<Labels> = found.collect();
        let (truncated, found) = (found.len() > limit, found.into_iter().take(limit).collect::<Vec<_>>());
        Ok(Success::raw(json::label_sets(&found)).with_annotations(truncation(truncated), Vec::new()))
    };
    app.compute(timeout, read).await
}

pub(super) async fn labels(State(app): Shared, params: Params) -> ApiResult {
    let (start, end) = interval(&params)?;
    let read = |matchers: &[Matcher]| app.store.label_names(matchers, start, end);
    strings(&params, read)
}

pub(super) async fn label_values(State(app): Shared, Path(name): Path<String>, params: Params) -> ApiResult {
    if app.engine.options().compat == Compat::V2_42 && !is_label_name(&name) {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let (start, end) = interval(&params)?;
    let read = |matchers: &[Matcher]| app.store.label_values(&name, matchers, start, end);
    strings(&params, read)
}

/// The union over all selectors, in order.
fn strings(params: &Params, read: impl Fn(&[Matcher]) -> Vec<Arc<str>>) -> ApiResult {
    let (selectors, limit) = (params.selectors()?, params.limit()?);
    let all: BTreeSet<Arc<str>> = match selectors.as_slice() {
        [] => read(&[]).into_iter().collect(),
        selectors => selectors.iter().flat_map(|matchers| read(matchers)).collect(),
    };
    let truncated = all.len() > limit;
    let shown: Vec<_> = all.iter().take(limit).map(|text| &**text).collect();
    Ok(Success::json(&json!(shown)).with_annotations(truncation(truncated), Vec::new()))
}

fn truncation(truncated: bool) -> Vec<String> {
    if truncated { vec!["results truncated due to limit".to_owned()] } else { Vec::new() }
}

pub(super) async fn metadata(State(app): Shared, params: Params) -> ApiResult {
    let (limit, metric) = (params.metadata_limit("limit")?, params.get("metric"));
    let per_metric = params.metadata_limit("limit_per_metric")?;
    let all = app.store.metadata().into_iter().filter(|(family, _)| metric.is_none_or(|m| m == family));
    let describe = |(family, data): (String, tsdb::Metadata)| {
        let own = json!({ "type": data.kind.as_str(), "help": data.help, "unit": data.unit });
        (family, if per_metric == 0 { json!([]) } else { json!([own]) })
    };
    let shown: Map<String, Value> = all.take(limit).map(describe).collect();
    Ok(Success::json(&shown.into()))
}

pub(super) async fn exemplars(State(app): Shared, params: Params) -> ApiResult {
    let (start, end) = interval(&params)?;
    let expr = params.expression()?;
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for selector in expr.selectors() {
        for series in app.store.exemplars(&selector.selector.matchers, start, end) {
            if seen.insert(series.labels.clone()) {
                found.push(one_series(&series));
            }
        }
    }
    Ok(Success::raw(format!("[{}]", found.join(","))))
}

fn one_series(series: &tsdb::SeriesExemplars) -> String {
    let exemplars: Vec<_> = series
        .exemplars
        .iter()
        .map(|e| {
            let (labels, value, time) = (json::labels(&e.labels), json::number(e.value), json::time(e.t));
            format!(r#"{{"labels":{labels},"value":"{value}","timestamp":{time}}}"#)
        })
        .collect();
    format!(r#"{{"seriesLabels":{},"exemplars":[{}]}}"#, json::labels(&series.labels), exemplars.join(","))
}
