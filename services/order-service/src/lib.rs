//! order-service: products, orders, payments and stock.
//!
//! ```text
//! request ──> api ──> store ──> SQLite          a state change, its stock and its event are one transaction
//!                       │
//!        payment worker ┤ claims due payments, asks the provider, settles, confirms
//!                 relay ┤ delivers events of the outbox to notification-service, at least once
//!                upkeep ┘ gauges, reservations that run out, records of the past
//! ```

pub mod api;
pub mod config;
pub mod domain;
pub mod metrics;
pub mod payment;
pub mod relay;
pub mod schema;
pub mod store;
pub mod upkeep;

use api::App;
use config::Config;
use domain::Catalogue;
use metrics::OrderMetrics;
use payment::simulated::{PAYMENT_ERROR, PAYMENT_LATENCY};
use payment::{HttpProvider, PaymentProvider, PaymentWorker, SimulatedProvider};
use relay::{Carrier, Relay};
use service_common::amqp::Publisher;
use service_common::{Client, Context, Env, Faults, Service, Spec, StartError, Verifier};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::Notify;
use upkeep::Upkeep;

/// Name, version and default ports.
pub const SPEC: Spec = Spec { name: "order-service", version: env!("CARGO_PKG_VERSION"), port: 3002, admin_port: 9002 };

/// Longest wait for notification-service.
const RELAY_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the service with configuration from `env` until it is told to stop.
pub fn main_with(env: &dyn Env) -> ExitCode {
    service_common::run(&SPEC, env, Config::read, build)
}

/// Assembles the service with the keys of user-service and the provider of the configuration.
///
/// # Errors
/// When the database or a client cannot be set up.
pub async fn build(mut cx: Context, config: Config) -> Result<Service, StartError> {
    cx.faults = Faults::with_kinds(&[PAYMENT_ERROR, PAYMENT_LATENCY]);
    let verifier = cx.verifier()?;
    let provider: Arc<dyn PaymentProvider> = match &config.payment_provider_url {
        Some(url) => Arc::new(HttpProvider::new(Client::new(config.payment_timeout, None)?, url)),
        None => {
            tracing::warn!("PAYMENT_PROVIDER_URL is not set: payments are SIMULATED, no money moves");
            Arc::new(SimulatedProvider::new(config.simulated_latency, cx.faults.clone()))
        }
    };
    assemble(cx, &config, verifier, provider).await
}

/// Assembles the service with a given verifier and payment provider.
///
/// # Errors
/// When the database or a client cannot be set up.
pub async fn assemble(
    mut cx: Context,
    config: &Config,
    verifier: Verifier,
    provider: Arc<dyn PaymentProvider>,
) -> Result<Service, StartError> {
    let database = cx.database(schema::MIGRATIONS).await?;
    let store = Store::new(database, config.reservation_ttl);
    let catalogue = store.seed(&Catalogue::seed(), config.seed_stock).await.map_err(other)?;
    let app = App {
        products: api::products::body(&catalogue).map_err(other)?,
        catalogue: Arc::new(catalogue),
        store,
        provider,
        payment_timeout: config.payment_timeout,
        metrics: OrderMetrics::register(&mut cx.registry),
        verifier,
        wake_payments: Arc::new(Notify::new()),
        wake_relay: Arc::new(Notify::new()),
    };
    start_tasks(&cx, config, &app).await?;
    Ok(cx.finish(api::router(app)))
}

async fn start_tasks(cx: &Context, config: &Config, app: &App) -> Result<(), StartError> {
    let upkeep =
        Upkeep { store: app.store.clone(), metrics: app.metrics.clone(), wake_relay: Arc::clone(&app.wake_relay) };
    upkeep.refresh_gauges().await.map_err(other)?;
    cx.tasks.spawn("upkeep", |stop| upkeep.run(stop));
    let worker = PaymentWorker {
        store: app.store.clone(),
        provider: Arc::clone(&app.provider),
        metrics: app.metrics.clone(),
        policy: config.payment_retry,
        timeout: config.payment_timeout,
        wake: Arc::clone(&app.wake_payments),
        wake_relay: Arc::clone(&app.wake_relay),
    };
    cx.tasks.spawn("payment worker", |stop| worker.run(stop));
    let carrier = match (cx.broker(relay::QUEUE), config.notification_service_url.clone()) {
        (Some(broker), _) => Carrier::Queue(Publisher::new(broker)),
        (None, Some(base_url)) => Carrier::Http { client: cx.client(RELAY_TIMEOUT)?, base_url },
        (None, None) => {
            tracing::warn!("neither AMQP_URL nor NOTIFICATION_SERVICE_URL is set: events stay in the outbox");
            return Ok(());
        }
    };
    let relay = Relay {
        store: app.store.clone(),
        carrier,
        faults: cx.faults.clone(),
        metrics: app.metrics.clone(),
        wake: Arc::clone(&app.wake_relay),
    };
    cx.tasks.spawn("relay", |stop| relay.run(stop));
    Ok(())
}

fn other(error: impl std::fmt::Display) -> StartError {
    StartError::Other(error.to_string())
}
