//! What the server says about itself.

use super::error::{ApiError, ErrorType, Success};
use super::params::Params;
use super::{ApiResult, Shared, clock};
use crate::server::rule_manager::RuleFilter;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use promql::Compat;
use serde_json::json;

/// Type of the OpenMetrics exposition.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn targets(State(app): Shared, params: Params) -> ApiResult {
    let active = match params.get("state").unwrap_or("any") {
        "any" | "active" => true,
        "dropped" => false,
        other => return Err(ApiError::parameter("state", format!("{other:?} is none of any, active, dropped"))),
    };
    Ok(Success::json(&app.board.json(active, params.get("scrapePool"))))
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
    let active: Vec<_> = app.rules.alertmanager().map(|url| json!({ "url": url })).into_iter().collect();
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
    let (stats, options) = (app.store.stats(), app.store.options());
    Ok(Success::json(&json!({
        "startTime": clock::rfc3339(Some(app.started_ms)),
        "reloadConfigSuccess": true,
        "lastConfigTime": clock::rfc3339(Some(app.started_ms)),
        "corruptionCount": 0,
        "storageRetention": rules::format_duration(options.retention_ms),
        "timeSeriesCount": stats.series,
        "sampleCount": stats.samples,
        "storageBytes": stats.bytes,
    })))
}

pub(super) async fn metrics(State(app): Shared) -> Result<Response, ApiError> {
    let body = app.metrics.expose(app.store.stats()).map_err(|e| ApiError::new(ErrorType::Internal, e))?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], body).into_response())
}

pub(super) async fn index(State(app): Shared) -> Html<String> {
    let stats = app.store.stats();
    Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>sretool</title>\
         <h1>sretool {}</h1>\
         <p>An embedded Prometheus (targets: {}, rule groups: {}, series: {}). It answers the Prometheus HTTP API: \
         point Grafana, promtool or <code>sretool tui</code> at this address.</p>\
         <ul><li><a href=\"/api/v1/targets\">targets</a><li><a href=\"/api/v1/rules\">rules</a>\
         <li><a href=\"/api/v1/alerts\">alerts</a><li><a href=\"/metrics\">metrics</a></ul>\n",
        env!("CARGO_PKG_VERSION"),
        app.board.len(),
        app.rules.group_count(),
        stats.series
    ))
}
