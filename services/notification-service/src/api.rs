//! The HTTP API.

pub mod dead_letters;
pub mod notifications;
pub mod preferences;
pub mod problems;
pub mod request;

use crate::metrics::NotificationMetrics;
use crate::store::{Acceptance, NewNotification, Store, StoreError};
use axum::extract::FromRef;
use service_common::amqp::Broker;
use service_common::{Verifier, clock, failpoint};
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
    /// The broker's queue, if there is one.
    pub broker: Option<Broker>,
    /// Wakes the delivery worker.
    pub wake: Arc<Notify>,
}

impl App {
    /// Accepts a notification, or finds the one of an earlier request with the same key.
    pub(crate) async fn accept(&self, new: &NewNotification) -> Result<Acceptance, StoreError> {
        let acceptance = self.store.accept(new, clock::now()).await?;
        failpoint::pass("inbox.accepted");
        if !acceptance.repeated {
            self.metrics.reached(new.channel, acceptance.status);
            self.wake.notify_one();
        }
        Ok(acceptance)
    }
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
        .routes(routes!(dead_letters::replay))
        .routes(routes!(preferences::get, preferences::put))
        .with_state(app)
}
