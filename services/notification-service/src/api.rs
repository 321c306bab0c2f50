//! The HTTP API.

pub mod notifications;
pub mod preferences;
pub mod problems;
pub mod request;

use crate::metrics::NotificationMetrics;
use crate::store::Store;
use axum::extract::FromRef;
use service_common::Verifier;
use std::sync::Arc;
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What handlers need.
#[derive(Debug, Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Metrics.
    pub metrics: NotificationMetrics,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Wakes the delivery worker.
    pub wake: Arc<Notify>,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

/// All routes.
pub fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(notifications::create, notifications::list))
        .routes(routes!(notifications::get))
        .routes(routes!(notifications::retry))
        .routes(routes!(preferences::get, preferences::put))
        .with_state(app)
}
