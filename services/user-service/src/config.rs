//! What only this service reads from its environment.

use crate::lockout::LockoutPolicy;
use crate::password::HasherOptions;
use crate::validate;
use secrecy::{ExposeSecret as _, SecretString};
use service_common::Reader;
use service_common::auth::Issuer;
use std::time::Duration;

/// The configuration of user-service beside the common settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ADMIN_EMAIL` and `ADMIN_PASSWORD`: the administrator that exists after start.
    pub admin: Option<(String, SecretString)>,
    /// `JWT_SIGNING_KEY`: private key of access tokens; without it one is made once and kept in the database.
    pub signing_key: Option<Issuer>,
    /// `ACCESS_TOKEN_TTL_S`: lifetime of an access token, default 900.
    pub access_ttl: Duration,
    /// `REFRESH_TOKEN_TTL_S`: lifetime of a refresh token, default 30 days.
    pub refresh_ttl: Duration,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`, `PASSWORD_WORKERS`, `PASSWORD_QUEUE`.
    pub hasher: HasherOptions,
    /// `LOCKOUT_FAILURES`, `LOCKOUT_S`.
    pub lockout: LockoutPolicy,
}

impl Config {
    /// Reads the service's keys.
    #[must_use]
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let hasher = HasherOptions::default();
        let lockout = LockoutPolicy::default();
        Self {
            admin: admin(reader),
            signing_key: signing_key(reader),
            access_ttl: Duration::from_secs(reader.number("ACCESS_TOKEN_TTL_S", 900, 1..=86_400)),
            refresh_ttl: Duration::from_secs(reader.number("REFRESH_TOKEN_TTL_S", 2_592_000, 1..=31_536_000)),
            hasher: HasherOptions {
                memory_kib: reader.number("ARGON2_MEMORY_KIB", hasher.memory_kib, 8..=1_048_576),
                iterations: reader.number("ARGON2_ITERATIONS", hasher.iterations, 1..=100),
                workers: reader.number("PASSWORD_WORKERS", hasher.workers, 1..=256),
                queue: reader.number("PASSWORD_QUEUE", hasher.queue, 0..=10_000),
            },
            lockout: LockoutPolicy {
                failures: reader.number("LOCKOUT_FAILURES", lockout.failures, 1..=1_000),
                lock: Duration::from_secs(reader.number("LOCKOUT_S", lockout.lock.as_secs(), 1..=86_400)),
            },
        }
    }

    /// A configuration with a hash that costs next to nothing.
    #[must_use]
    pub fn for_test() -> Self {
        let none: [(&str, &str); 0] = [];
        let mut config = Self::read(&mut Reader::new(&none));
        config.hasher.memory_kib = 8;
        config.hasher.iterations = 1;
        config
    }
}

fn admin(reader: &mut Reader<'_>) -> Option<(String, SecretString)> {
    let (email, password) = (reader.text("ADMIN_EMAIL"), reader.secret("ADMIN_PASSWORD"));
    match (email, password) {
        (None, None) => None,
        (Some(_), None) => {
            reader.reject("ADMIN_PASSWORD", "is not set although ADMIN_EMAIL is", "set both or neither");
            None
        }
        (None, Some(_)) => {
            reader.reject("ADMIN_EMAIL", "is not set although ADMIN_PASSWORD is", "set both or neither");
            None
        }
        (Some(email), Some(password)) => {
            if let Err(message) = validate::email(&email) {
                reader.reject(
                    "ADMIN_EMAIL",
                    format!("`{email}` {message}"),
                    "give an address such as admin@example.com",
                );
            }
            if let Err(message) = validate::password(password.expose_secret()) {
                reader.reject("ADMIN_PASSWORD", message, "choose another one");
            }
            Some((email, password))
        }
    }
}

fn signing_key(reader: &mut Reader<'_>) -> Option<Issuer> {
    let key = reader.secret("JWT_SIGNING_KEY")?;
    match Issuer::from_text(key.expose_secret()) {
        Ok(issuer) => Some(issuer),
        Err(error) => {
            let remedy = "make one with `openssl genpkey -algorithm ed25519`";
            reader.reject("JWT_SIGNING_KEY", error.to_string(), remedy);
            None
        }
    }
}
