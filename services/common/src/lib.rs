//! What every reference service shares: configuration, telemetry, metrics, health, faults, errors and drain.
//!
//! # How a service is assembled
//! ```no_run
//! use service_common::{Context, Env, Reader, Service, Spec, StartError};
//! use std::process::ExitCode;
//!
//! /// Name, version and default ports; every series carries `service="order-service"`.
//! const SPEC: Spec = Spec { name: "order-service", version: "1.0.0", port: 3002, admin_port: 9002 };
//!
//! /// What only this service reads. All mistakes of all keys are reported together, one line each.
//! struct Config {
//!     reservation_s: u64,
//! }
//!
//! impl Config {
//!     fn read(reader: &mut Reader<'_>) -> Self {
//!         Self { reservation_s: reader.number("RESERVATION_S", 900, 1..=86_400) }
//!     }
//! }
//!
//! /// A handler: documented for OpenAPI, which also tells the metrics which series to create at zero.
//! #[utoipa::path(get, path = "/v1/products", responses((status = 200, description = "The products")))]
//! async fn products() -> &'static str {
//!     "[]"
//! }
//!
//! async fn build(mut cx: Context, config: Config) -> Result<Service, StartError> {
//!     // Metrics: register own structs on `cx.registry`; dependency checks on `cx.health`.
//!     // Database: `cx.database(MIGRATIONS).await?` opens DATABASE_URL, adds its metrics and readiness check.
//!     // Authentication: `cx.verifier()` checks tokens against USER_SERVICE_URL and SERVICE_TOKEN.
//!     // Background work: `cx.tasks.spawn("relay", |stop| async move { stop.wait().await; })`.
//!     let _ = (&mut cx, config.reservation_s);
//!     let api = utoipa_axum::router::OpenApiRouter::new().routes(utoipa_axum::routes!(products));
//!     Ok(cx.finish(api))
//! }
//!
//! /// The entry point; `sretool` calls the same function in a child process.
//! pub fn main_with(env: &dyn Env) -> ExitCode {
//!     service_common::run(&SPEC, env, Config::read, build)
//! }
//! ```
//! Handlers return `Result<_, Problem>`, read bodies with [`Json`], and ask for the caller with [`Authenticated`]
//! (the router's state implements `FromRef<State> for Verifier`). Tests call `Context::for_test(&SPEC)`, build the
//! router, and use `tower::ServiceExt::oneshot` on [`Service::api`]; tokens come from [`auth::Issuer`].

pub mod admin;
pub mod amqp;
pub mod auth;
pub mod backoff;
pub mod cache;
pub mod clock;
pub mod config;
pub mod database;
pub mod extract;
pub mod failpoint;
pub mod faults;
pub mod health;
pub mod http;
pub mod metrics;
pub mod openapi;
pub mod outbound;
pub mod problem;
pub mod server;
pub mod service;
pub mod tasks;
pub mod telemetry;
pub mod trace;

pub use auth::{Authenticated, Role, Verifier};
pub use config::{ConfigErrors, Env, ProcessEnv, Reader, Settings};
pub use database::{Database, Migration};
pub use extract::{Json, Path, Query};
pub use faults::Faults;
pub use health::Health;
pub use outbound::Client;
pub use problem::Problem;
pub use service::{Context, Service, Spec, StartError, run};
pub use tasks::{Stop, Tasks};

/// Exit status of a service that was told something wrong in its environment (`EX_CONFIG` of sysexits).
pub const EXIT_CONFIG: u8 = 78;
/// Exit status of a service that could not start or stopped because of a failure (`EX_SOFTWARE` of sysexits).
pub const EXIT_FAILURE: u8 = 70;
