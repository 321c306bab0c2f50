//! The admin port: metrics, health and faults. It is never served on the API's port.

use crate::extract::Json;
use crate::faults::{FaultList, Faults};
use crate::health::{Health, Report};
use crate::metrics::{self, CONTENT_TYPE};
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Instant;

/// What the admin port shows.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Metrics of the service.
    pub registry: Arc<Registry>,
    /// Whether it should be given traffic.
    pub health: Health,
    /// Faults injected into it.
    pub faults: Faults,
    /// Its route patterns, to which faults may be bound.
    pub routes: Arc<[String]>,
}

/// The router of the admin port.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(async || "ok\n"))
        .route("/startupz", get(startupz))
        .route("/readyz", get(readyz))
        .route("/faults", get(list_faults).put(replace_faults).delete(clear_faults))
        .fallback(async || Problem::not_found("the admin port serves /metrics, /livez, /readyz, /startupz and /faults"))
        .with_state(admin)
}

async fn scrape(State(admin): State<Admin>) -> Result<Response, Problem> {
    let text = metrics::encode(&admin.registry).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

async fn startupz(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.health.is_started() { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "starting\n") }
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, Json<Report>) {
    let report = admin.health.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn list_faults(State(admin): State<Admin>) -> Json<FaultList> {
    Json(admin.faults.list(Instant::now()))
}

async fn replace_faults(State(admin): State<Admin>, Json(list): Json<FaultList>) -> Result<Json<FaultList>, Problem> {
    let now = Instant::now();
    admin.faults.replace(list.faults, &admin.routes, now)?;
    let list = admin.faults.list(now);
    for fault in &list.faults {
        tracing::warn!(
            kind = fault.kind,
            route = fault.route,
            ratio = fault.ratio,
            ttl_s = fault.ttl_s,
            "fault injected"
        );
    }
    Ok(Json(list))
}

async fn clear_faults(State(admin): State<Admin>) -> StatusCode {
    admin.faults.clear();
    tracing::warn!("faults cleared");
    StatusCode::NO_CONTENT
}
