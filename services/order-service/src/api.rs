//! The HTTP API.

pub mod inventory;
pub mod orders;
pub mod payments;
pub mod problems;
pub mod products;
pub mod reply;

use crate::domain::Catalogue;
use crate::metrics::OrderMetrics;
use crate::payment::PaymentProvider;
use crate::store::{Order, Store};
use axum::extract::FromRef;
use bytes::Bytes;
use service_common::{Authenticated, Problem, Role, Verifier};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// What handlers need.
#[derive(Debug, Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// All products; they do not change while the service runs.
    pub catalogue: Arc<Catalogue>,
    /// The body of `GET /v1/products`.
    pub products: Bytes,
    /// Returns money.
    pub provider: Arc<dyn PaymentProvider>,
    /// Longest wait for the provider.
    pub payment_timeout: Duration,
    /// Business metrics.
    pub metrics: OrderMetrics,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Wakes the payment worker.
    pub wake_payments: Arc<Notify>,
    /// Wakes the relay.
    pub wake_relay: Arc<Notify>,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

impl App {
    /// An order that the caller may read. To others it does not exist.
    async fn readable(&self, caller: &Authenticated, id: Uuid) -> Result<Order, Problem> {
        let order = self.store.order(id).await?;
        if caller.may_read(order.user_id) { Ok(order) } else { Err(problems::no_order()) }
    }

    /// An order that the caller may change: the owner's and an administrator's.
    async fn changeable(&self, caller: &Authenticated, id: Uuid) -> Result<Order, Problem> {
        let order = self.readable(caller, id).await?;
        if caller.subject() == Some(order.user_id) || caller.has(Role::Admin) {
            Ok(order)
        } else {
            Err(Problem::forbidden("only the owner and administrators may change an order"))
        }
    }
}

/// All routes.
pub fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(products::list))
        .routes(routes!(orders::create, orders::list))
        .routes(routes!(orders::get))
        .routes(routes!(orders::cancel))
        .routes(routes!(payments::pay))
        .routes(routes!(payments::refund))
        .routes(routes!(inventory::get, inventory::put))
        .with_state(app)
}
