//! What the server says about itself.

use super::error::{ApiError, Success};
use super::params::Params;
use super::{ApiResult, App, Shared, clock};
use crate::server::rule_manager::RuleFilter;
use axum::extract::State;
use promql::Compat;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn targets(State(app): Shared, params: Params) -> ApiResult {
    let (active, dropped) = match params.get("state").unwrap_or("any").to_lowercase().as_str() {
        "any" => (true, true),
        "active" => (true, false),
        "dropped" => (false, true),
        other => return Err(ApiError::parameter("state", format!("{other:?} is none of any, active, dropped"))),
    };
    Ok(Success::json(&app.board.json(active, dropped, params.get("scrapePool"))))
}

pub(super) async fn scrape_pools(State(app): Shared) -> ApiResult {
    Ok(Success::json(&json!({ "scrapePools": app.board.pools() })))
}

pub(super) async fn rules(State(app): Shared, params: Params) -> ApiResult {
    let kind = match params.get("type") {
        None => None,
        Some(kind @ ("alert" | "record")) => Some(kind.to_owned()),
        Some(other) => return Err(ApiError::parameter("type", format!("not supported value {other:?}"))),
    };
    let list = |name| params.all(name).map(str::to_owned).collect();
    let filter = RuleFilter {
        kind,
        names: list("rule_name[]"),
        groups: list("rule_group[]"),
        files: list("file[]"),
        without_alerts: params.get("exclude_alerts") == Some("true"),
    };
    Ok(Success::json(&app.rules.rules_json(&filter)))
}

pub(super) async fn alerts(State(app): Shared) -> ApiResult {
    Ok(Success::json(&app.rules.alerts_json()))
}

pub(super) async fn alertmanagers(State(app): Shared) -> ApiResult {
    let active: Vec<_> = app.rules.alertmanagers().map(|url| json!({ "url": url })).collect();
    Ok(Success::json(&json!({ "activeAlertmanagers": active, "droppedAlertmanagers": [] })))
}

/// `version` is the Prometheus whose behaviour is followed, since clients switch features by it.
pub(super) async fn build_info(State(app): Shared) -> ApiResult {
    let version = match app.engine.options().compat {
        Compat::V3 => "3.0.0",
        Compat::V2_42 => "2.42.0",
    };
    Ok(Success::json(&json!({
        "version": version,
        "revision": concat!("sretool-", env!("CARGO_PKG_VERSION")),
        "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        "application": "sretool",
        "applicationVersion": env!("CARGO_PKG_VERSION"),
    })))
}

pub(super) async fn runtime_info(State(app): Shared) -> ApiResult {
    let (stats, options, last) = (app.store.stats(), app.store.options(), app.reloader.last());
    Ok(Success::json(&json!({
        "startTime": clock::rfc3339(Some(app.started_ms)),
        "serverTime": clock::rfc3339(Some(clock::now_ms())),
        "reloadConfigSuccess": last.good,
        "lastConfigTime": clock::rfc3339(Some(last.at)),
        "corruptionCount": 0,
        "storageRetention": rules::format_duration(options.retention_ms),
        "timeSeriesCount": stats.series,
        "sampleCount": stats.samples,
        "storageBytes": stats.bytes,
    })))
}

pub(super) async fn flags(State(app): Shared) -> ApiResult {
    Ok(Success::json(&json!(app.flags)))
}

pub(super) async fn config(State(app): Shared) -> ApiResult {
    Ok(Success::json(&json!({ "yaml": app.reloader.last().config })))
}

/// Entries of each list about the store, where a request names no limit.
const TSDB_LIMIT: usize = 10;

pub(super) async fn tsdb(State(app): Shared, params: Params) -> ApiResult {
    let limit = match params.get("limit").map(str::parse) {
        None => TSDB_LIMIT,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => return Err(ApiError::bad_data("limit must be a positive number")),
    };
    let timeout = app.limits.timeout;
    app.compute(timeout, move |app, _| Ok(Success::json(&cardinality(app, limit)))).await
}

/// Which names and labels the series of the store have most of.
fn cardinality(app: &App, limit: usize) -> Value {
    let series = app.store.series(&[], i64::MIN, i64::MAX);
    let (mut by_name, mut by_pair) = (BTreeMap::new(), BTreeMap::new());
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for labels in &series {
        *by_name.entry(labels.metric_name().to_owned()).or_insert(0) += 1;
        for (name, value) in labels.iter() {
            *by_pair.entry((name, value)).or_insert(0) += 1;
            values.entry(name).or_default().insert(value);
        }
    }
    let counts = values.iter().map(|(name, values)| ((*name).to_owned(), values.len())).collect();
    let bytes = |values: &BTreeSet<&str>| values.iter().map(|v| v.len()).sum();
    let memory = values.iter().map(|(name, values)| ((*name).to_owned(), bytes(values))).collect();
    let pairs = by_pair.iter().map(|((name, value), count)| (format!("{name}={value}"), *count)).collect();
    let stats = app.store.stats();
    json!({
        "headStats": {
            "numSeries": stats.series, "numLabelPairs": by_pair.len(), "numSamples": stats.samples,
            "minTime": stats.min_time.unwrap_or(0), "maxTime": stats.max_time.unwrap_or(0),
        },
        "seriesCountByMetricName": most(by_name.into_iter().collect(), limit),
        "labelValueCountByLabelName": most(counts, limit),
        "memoryInBytesByLabelName": most(memory, limit),
        "seriesCountByLabelValuePair": most(pairs, limit),
    })
}

/// The largest, in order.
fn most(mut counts: Vec<(String, usize)>, limit: usize) -> Vec<Value> {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().take(limit).map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
