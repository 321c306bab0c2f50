//! notification-service: e-mail, text and push messages through a queue.
//!
//! ```text
//! request ──> api ──> store ──> SQLite       accepted, or found again by its Idempotency-Key (inbox)
//!                       │
//!       delivery worker ┤ reads what is due, sends, keeps what became of it; dead letters after bounded attempts
//!                upkeep ┘ gauges, and dropping what is old
//! ```
//!
//! In this version every channel ends in [`delivery::LogSink`]: a line in the log, nothing leaves the machine.

pub mod api;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod metrics;
pub mod schema;
pub mod store;
pub mod upkeep;

use api::App;
use config::Config;
use delivery::log_sink::{DELIVERY_ERROR, DELIVERY_LATENCY};
use delivery::{DeliveryWorker, LogSink, Senders};
use metrics::NotificationMetrics;
use service_common::{Context, Env, Faults, Service, Spec, StartError, Verifier};
use std::process::ExitCode;
use std::sync::Arc;
use store::Store;
use tokio::sync::Notify;
use upkeep::Upkeep;

/// Name, version and default ports.
pub const SPEC: Spec =
    Spec { name: "notification-service", version: env!("CARGO_PKG_VERSION"), port: 3003, admin_port: 9003 };

/// Runs the service with configuration from `env` until it is told to stop.
pub fn main_with(env: &dyn Env) -> ExitCode {
    service_common::run(&SPEC, env, Config::read, build)
}

/// Assembles the service with the keys of user-service, delivering into the log.
///
/// # Errors
/// When the database or a client cannot be set up.
pub async fn build(mut cx: Context, config: Config) -> Result<Service, StartError> {
    cx.faults = Faults::with_kinds(&[DELIVERY_ERROR, DELIVERY_LATENCY]);
    let verifier = cx.verifier()?;
    let senders = Senders::all(Arc::new(LogSink::new(cx.faults.clone())));
    tracing::warn!("e-mail, sms and push are delivered by LogSink: into this log, to nobody");
    assemble(cx, config, verifier, senders).await
}

/// Assembles the service with a given verifier and senders.
///
/// # Errors
/// When the database cannot be set up.
pub async fn assemble(
    mut cx: Context,
    config: Config,
    verifier: Verifier,
    senders: Senders,
) -> Result<Service, StartError> {
    let store = Store::new(cx.database(schema::MIGRATIONS).await?);
    let metrics = NotificationMetrics::register(&mut cx.registry);
    let app = App { store: store.clone(), metrics: metrics.clone(), verifier, wake: Arc::new(Notify::new()) };
    let upkeep = Upkeep { store: store.clone(), metrics: metrics.clone(), retention: config.retention };
    upkeep.refresh_gauges().await.map_err(|error| StartError::Other(error.to_string()))?;
    let worker = DeliveryWorker {
        store,
        senders,
        metrics,
        policy: config.policy,
        timeout: config.timeout,
        wake: Arc::clone(&app.wake),
    };
    cx.tasks.spawn("upkeep", |stop| upkeep.run(stop));
    cx.tasks.spawn("delivery worker", |stop| worker.run(stop));
    Ok(cx.finish(api::router(app)))
}
