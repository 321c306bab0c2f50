//! What is no part of the API: the server's own metrics, reloading, and pages for people.

use super::Shared;
use super::error::{ApiError, ErrorType};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

/// Type of the OpenMetrics exposition.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn metrics(State(app): Shared) -> Result<Response, ApiError> {
    let body = app.metrics.expose(app.store.stats()).map_err(|e| ApiError::new(ErrorType::Internal, e))?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], body).into_response())
}

/// Reads targets and rules anew; a mistake in them changes nothing.
pub(super) async fn reload(State(app): Shared) -> Response {
    // Files are read, and a rule group may have to end first: away from the threads that answer requests.
    let reloader = app.reloader.clone();
    let done = tokio::task::spawn_blocking(move || reloader.reload()).await;
    match done.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(cause) => {
            tracing::error!(cause, "the configuration was not reloaded");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {cause}\n")).into_response()
        }
    }
}

/// Where links of alerts lead: a form that evaluates an expression.
pub(super) async fn graph() -> Html<&'static str> {
    Html(include_str!("graph.html"))
}

pub(super) async fn index(State(app): Shared) -> Html<String> {
    let stats = app.store.stats();
    Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>sretool</title>\
         <h1>sretool {}</h1>\
         <p>An embedded Prometheus (targets: {}, rule groups: {}, series: {}). It answers the Prometheus HTTP API: \
         point Grafana, promtool or <code>sretool tui</code> at this address.</p>\
         <ul><li><a href=\"/graph\">query</a><li><a href=\"/api/v1/targets\">targets</a>\
         <li><a href=\"/api/v1/rules\">rules</a><li><a href=\"/api/v1/alerts\">alerts</a>\
         <li><a href=\"/metrics\">metrics</a></ul>\n",
        env!("CARGO_PKG_VERSION"),
        app.board.active().len(),
        app.rules.group_count(),
        stats.series
    ))
}
