//! The HTTP API.

pub(crate) mod error;
mod params;
mod query;
mod series;
mod status;
mod write;

use super::clock;
use super::metrics::{Answer, Handler, Metrics};
use super::rule_manager::RuleManager;
use super::targets::TargetBoard;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use error::{ApiError, ErrorType};
use promql::Engine;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tsdb::Store;

/// Largest form that a query may come in.
const FORM_LIMIT: usize = 1 << 20;
/// Largest compressed remote-write request.
const WRITE_LIMIT: usize = 32 << 20;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub store: Arc<Store>,
    pub engine: Engine,
    pub board: Arc<TargetBoard>,
    pub rules: Arc<RuleManager>,
    pub metrics: Arc<Metrics>,
    pub query_timeout: Duration,
    /// Queries that compute at one time; the others wait.
    pub query_slots: Arc<Semaphore>,
    pub started_ms: i64,
}

type Shared = State<Arc<App>>;

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let form = DefaultBodyLimit::max(FORM_LIMIT);
    let api = Router::new()
        .route("/query", get(query::instant).post(query::instant))
        .route("/query_range", get(query::range).post(query::range))
        .route("/query_exemplars", get(series::exemplars).post(series::exemplars))
        .route("/series", get(series::series).post(series::series))
        .route("/labels", get(series::labels).post(series::labels))
        .route("/label/{name}/values", get(series::label_values))
        .route("/metadata", get(series::metadata))
        .route("/targets", get(status::targets))
        .route("/rules", get(status::rules))
        .route("/alerts", get(status::alerts))
        .route("/alertmanagers", get(status::alertmanagers))
        .route("/status/buildinfo", get(status::build_info))
        .route("/status/runtimeinfo", get(status::runtime_info))
        .layer(form)
        .route("/write", post(write::write).layer(DefaultBodyLimit::max(WRITE_LIMIT)))
        .fallback(|| async { ApiError::new(ErrorType::NotFound, "there is no such endpoint") });
    Router::new()
        .nest("/api/v1", api)
        .route("/metrics", get(status::metrics))
        .route("/-/healthy", get(|| async { "sretool is healthy.\n" }))
        .route("/-/ready", get(|| async { "sretool is ready.\n" }))
        .route("/", get(status::index))
        .layer(middleware::from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

async fn measure(State(app): Shared, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let handler = matched.unwrap_or_else(|| "unmatched".to_owned());
    let response = next.run(request).await;
    let answer = Answer { handler: handler.clone(), code: response.status().as_u16() };
    app.metrics.requests.get_or_create(&answer).inc();
    app.metrics.request_seconds.get_or_create(&Handler { handler }).observe(started.elapsed().as_secs_f64());
    response
}

/// An answer or an error, both in the API's form.
pub(crate) type ApiResult = Result<error::Success, ApiError>;

impl App {
    /// Runs a computation on the blocking pool, within the time and the number of queries allowed.
    async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Duration,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let app = Arc::clone(self);
        let slots = Arc::clone(&self.query_slots);
        let job = async move {
            let slot = slots.acquire_owned().await.map_err(|e| ApiError::new(ErrorType::Internal, e))?;
            let task = tokio::task::spawn_blocking(move || {
                // The slot is held until the work ends, even where nobody waits for it any more.
                let _slot = slot;
                work(&app)
            });
            task.await.map_err(|e| ApiError::new(ErrorType::Internal, e))?
        };
        let timed_out = |_| ApiError::new(ErrorType::Timeout, "query timed out in expression evaluation");
        tokio::time::timeout(timeout, job).await.map_err(timed_out)?
    }
}

#[cfg(test)]
mod tests;
