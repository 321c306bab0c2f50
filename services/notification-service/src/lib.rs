//! notification-service: e-mail, text and push messages through a queue.
//!
//! ```text
//! request ──> api ──> store ──> SQLite       accepted, or found again by its Idempotency-Key (inbox)
//!                       │
//!       delivery worker ┤ reads what is due, sends, keeps what became of it; dead letters after bounded attempts
//!                upkeep ┘ gauges, and dropping what is old
//! ```
//!
//! Requests come by the API or, with `AMQP_URL`, from a queue ([`consumer`]). A channel without a configured gateway ends
//! in [`delivery::LogSink`]: a line in the log, nothing leaves the machine.

pub mod api;
pub mod config;
pub mod consumer;
pub mod delivery;
pub mod domain;
pub mod metrics;
pub mod schema;
pub mod store;
pub mod upkeep;

use api::App;
use config::{Config, Gateways};
use consumer::Consumer;
use delivery::faulty::{DELIVERY_ERROR, DELIVERY_LATENCY};
use delivery::{DeliveryWorker, Faulty, LogSink, PushSender, Sender, Senders, SmsSender, SmtpSender};
use metrics::NotificationMetrics;
use service_common::{Context, Env, Faults, Service, Spec, StartError, Verifier};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::Notify;
use upkeep::Upkeep;

/// Name, version and default ports.
pub const SPEC: Spec =
    Spec { name: "notification-service", version: env!("CARGO_PKG_VERSION"), port: 3003, admin_port: 9003 };

/// How long a preference may be remembered; a change through any replica that shares the cache counts at once.
const PREFERENCES_TTL: Duration = Duration::from_secs(30);

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
    let senders = gateways(&config.gateways, &cx.faults, config.timeout)?;
    assemble(cx, config, verifier, senders).await
}

/// The sender of every channel: a gateway where one is configured, else the log.
fn gateways(config: &Gateways, faults: &Faults, timeout: Duration) -> Result<Senders, StartError> {
    let log: Arc<dyn Sender> = Arc::new(Faulty::new(LogSink, faults.clone()));
    let mut senders = Senders::all(log);
    match &config.smtp {
        Some(smtp) => senders.email = Arc::new(Faulty::new(SmtpSender::new(smtp, timeout)?, faults.clone())),
        None => tracing::warn!("SMTP_URL is not set: e-mail is delivered by LogSink, into this log, to nobody"),
    }
    match &config.sms {
        Some(sms) => senders.sms = Arc::new(Faulty::new(SmsSender::new(sms, timeout)?, faults.clone())),
        None => tracing::warn!("SMS_URL is not set: sms are delivered by LogSink, into this log, to nobody"),
    }
    match &config.push {
        Some(push) => senders.push = Arc::new(Faulty::new(PushSender::new(push.clone(), timeout)?, faults.clone())),
        None => tracing::warn!("VAPID_PRIVATE_KEY is not set: push is delivered by LogSink, into this log, to nobody"),
    }
    Ok(senders)
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
    let database = cx.database(schema::MIGRATIONS).await?;
    let store = Store::new(database, cx.cache("preferences", PREFERENCES_TTL)?);
    let metrics = NotificationMetrics::register(&mut cx.registry);
    let app = App {
        store: store.clone(),
        metrics: metrics.clone(),
        verifier,
        broker: cx.broker(consumer::QUEUE),
        wake: Arc::new(Notify::new()),
    };
    let upkeep = Upkeep { store: store.clone(), metrics: metrics.clone(), retention: config.retention };
    upkeep.refresh_gauges().await.map_err(|error| StartError::Other(error.to_string()))?;
    let worker = DeliveryWorker {
        store,
        senders,
        metrics,
        policy: config.policy,
        timeout: config.timeout,
        faults: cx.faults.clone(),
        wake: Arc::clone(&app.wake),
    };
    if let Some(broker) = app.broker.clone() {
        let consumer = Consumer::new(app.clone(), broker, &mut cx.registry);
        cx.tasks.spawn("consumer", |stop| consumer.run(stop));
    }
    cx.tasks.spawn("upkeep", |stop| upkeep.run(stop));
    cx.tasks.spawn("delivery worker", |stop| worker.run(stop));
    Ok(cx.finish(api::router(app)))
}
