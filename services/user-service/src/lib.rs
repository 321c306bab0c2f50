//! Users, authentication and roles.
//!
//! Passwords are hashed with argon2id on a bounded number of threads, so that a rush of logins is shed instead of
//! starving everything else. Access tokens are EdDSA JWTs that other services verify with the key set published here;
//! refresh tokens rotate, and using one twice revokes its whole session.

mod config;
mod lockout;
mod metrics;
mod password;
mod routes;
mod state;
mod store;
mod validate;

use service_common::{Context, Env, Service, Spec, StartError};
use std::process::ExitCode;

pub use config::Config;
pub use lockout::{Lockout, LockoutPolicy};
pub use password::{Hasher, HasherOptions, PasswordError};
pub use state::App;

/// Name, version and default ports.
pub const SPEC: Spec = Spec { name: "user-service", version: env!("CARGO_PKG_VERSION"), port: 3001, admin_port: 9001 };

/// Runs the service from an environment to its end.
pub fn main_with(env: &dyn Env) -> ExitCode {
    service_common::run(&SPEC, env, Config::read, build)
}

/// Assembles the service: opens the database, makes or loads the signing key, seeds the administrator.
///
/// # Errors
/// When the database, the signing key or the administrator's credentials cannot be used.
pub async fn build(cx: Context, config: Config) -> Result<Service, StartError> {
    build_with_state(cx, config).await.map(|(service, _)| service)
}

/// As [`build`], and returns the state too, for tests that need the signing key.
///
/// # Errors
/// As [`build`].
pub async fn build_with_state(mut cx: Context, config: Config) -> Result<(Service, App), StartError> {
    let app = App::open(&mut cx, config).await?;
    Ok((cx.finish(routes::router().with_state(app.clone())), app))
}
