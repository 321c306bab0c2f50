//! The HTTP API.

mod admin;
mod alertmanager;
pub(crate) mod error;
mod federate;
mod params;
mod pretty;
mod query;
mod series;
mod status;
mod write;

use super::metrics::{Answer, Handler, Metrics};
use super::reload::Reloader;
use super::rule_manager::RuleManager;
use super::targets::TargetBoard;
use super::{QueryLimits, clock};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use error::{ApiError, ErrorType};
use promql::{Engine, Labels};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tsdb::Store;

/// Largest form that a query may come in.
const FORM_LIMIT: usize = 1 << 20;
/// Answers from this size on are compressed for clients that ask for it.
const COMPRESS_FROM: u64 = 1024;
/// Largest compressed remote-write request.
const WRITE_LIMIT: usize = 32 << 20;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub store: Arc<Store>,
    pub engine: Engine,
    pub board: Arc<TargetBoard>,
    pub rules: Arc<RuleManager>,
    pub reloader: Arc<Reloader>,
    pub metrics: Arc<Metrics>,
    pub external_labels: Labels,
    pub limits: QueryLimits,
    /// Queries that compute at one time; the others wait.
    pub query_slots: Arc<Semaphore>,
    pub started_ms: i64,
    pub flags: BTreeMap<String, String>,
}

type Shared = State<Arc<App>>;

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let form = DefaultBodyLimit::max(FORM_LIMIT);
    let api = Router::new()
        .route("/query", get(query::instant).post(query::instant))
        .route("/query_range", get(query::range).post(query::range))
        .route("/format_query", get(query::format).post(query::format))
        .route("/query_exemplars", get(series::exemplars).post(series::exemplars))
        .route("/series", get(series::series).post(series::series))
        .route("/labels", get(series::labels).post(series::labels))
        .route("/label/{name}/values", get(series::label_values))
        .route("/metadata", get(series::metadata))
        .route("/targets", get(status::targets))
        .route("/scrape_pools", get(status::scrape_pools))
        .route("/rules", get(status::rules))
        .route("/alerts", get(status::alerts))
        .route("/alertmanagers", get(status::alertmanagers))
        .route("/status/buildinfo", get(status::build_info))
        .route("/status/runtimeinfo", get(status::runtime_info))
        .route("/status/flags", get(status::flags))
        .route("/status/config", get(status::config))
        .route("/status/tsdb", get(status::tsdb))
        .layer(form)
        .route("/write", post(write::write).layer(DefaultBodyLimit::max(WRITE_LIMIT)))
        .fallback(|| async { ApiError::new(ErrorType::NotFound, "there is no such endpoint") });
    Router::new()
        .nest("/api/v1", api)
        .route("/api/v2/alerts", get(alertmanager::alerts))
        .route("/api/v2/status", get(alertmanager::status))
        .route("/api/v2/silences", get(|| async { axum::Json(serde_json::json!([])) }))
        .route("/federate", get(federate::federate))
        .route("/metrics", get(admin::metrics))
        .route("/-/healthy", get(|| async { "sretool is healthy.\n" }))
        .route("/-/ready", get(|| async { "sretool is ready.\n" }))
        .route("/-/reload", post(admin::reload).put(admin::reload))
        .route("/graph", get(admin::graph))
        .route("/", get(admin::index))
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_FROM)))
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

/// Tells a computation that nobody waits for it any more.
#[derive(Debug, Default)]
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Until when somebody waits for a computation.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    until: Instant,
    abandoned: Arc<AtomicBool>,
}

impl Patience {
    pub(crate) fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

impl App {
    /// Runs a computation on the blocking pool, within the time and the number of queries allowed. A client that goes
    /// away ends it as the time does.
    async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Duration,
        work: impl FnOnce(&Self, &Patience) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let abandoned = Abandoned::default();
        let patience = Patience { until: Instant::now() + timeout, abandoned: abandoned.0.clone() };
        let timed_out = |place| move |_| ApiError::new(ErrorType::Timeout, format!("query timed out in {place}"));
        let slot = tokio::time::timeout(timeout, Arc::clone(&self.query_slots).acquire_owned()).await;
        let slot = slot.map_err(timed_out("query queue"))?.map_err(|e| ApiError::new(ErrorType::Internal, e))?;
        let (app, until) = (Arc::clone(self), patience.until);
        let task = tokio::task::spawn_blocking(move || {
            // The slot is held until the work ends, even where nobody waits for it any more.
            let _slot = slot;
            work(&app, &patience)
        });
        let done = tokio::time::timeout_at(until.into(), task).await.map_err(timed_out("expression evaluation"))?;
        done.map_err(|e| ApiError::new(ErrorType::Internal, e))?
    }
}

#[cfg(test)]
mod tests;
