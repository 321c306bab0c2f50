//! What the handlers share.

use crate::config::Config;
use crate::lockout::Lockout;
use crate::metrics::Metrics;
use crate::password::Hasher;
use crate::store::{self, NewUser, Store, User};
use axum::extract::FromRef;
use chrono::Utc;
use secrecy::ExposeSecret as _;
use service_common::auth::{Claims, Issuer, Keys};
use service_common::{Context, Problem, StartError, Stop, Verifier};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How often ended sessions are removed.
const PURGE_INTERVAL: Duration = Duration::from_secs(3_600);

/// The state of the service.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    hasher: Hasher,
    issuer: Issuer,
    verifier: Verifier,
    lockout: Mutex<Lockout>,
    metrics: Metrics,
    config: Config,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.0.verifier.clone()
    }
}

impl App {
    /// Opens the database and brings it to where requests can be answered.
    pub(crate) async fn open(cx: &mut Context, config: Config) -> Result<Self, StartError> {
        let store = Store::new(cx.database(&store::MIGRATIONS).await?);
        let hasher = Hasher::new(config.hasher).map_err(|error| StartError::Other(error.to_string()))?;
        let issuer = match &config.signing_key {
            Some(issuer) => issuer.clone(),
            None => store.signing_key().await?,
        };
        if let Some((email, password)) = &config.admin {
            seed_admin(&store, &hasher, email, password.expose_secret()).await?;
        }
        let verifier = Verifier::new(Keys::fixed(&issuer.jwks()), cx.settings.service_token.clone());
        let metrics = Metrics::register(&mut cx.registry);
        let lockout = Mutex::new(Lockout::new(config.lockout));
        let purged = store.clone();
        cx.tasks.spawn("purge", |stop| purge(purged, stop));
        Ok(Self(Arc::new(Inner { store, hasher, issuer, verifier, lockout, metrics, config })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// The signing key.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn lockout(&self) -> MutexGuard<'_, Lockout> {
        self.0.lockout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An access token of a user within a session.
    pub(crate) fn access_token(&self, user: &User, session: Uuid) -> Result<String, Problem> {
        let ttl_s = i64::try_from(self.0.config.access_ttl.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims::new(user.id, &user.email, user.roles(), Utc::now().timestamp(), ttl_s);
        self.0.issuer.sign(&claims.in_session(session)).map_err(Problem::internal)
    }
}

/// Removes what can no longer be used, so that the tables do not grow without end.
async fn purge(store: Store, stop: Stop) {
    while stop.sleep(PURGE_INTERVAL).await {
        match store.purge_sessions().await {
            Ok(tokens) => tracing::debug!(tokens, "ended sessions purged"),
            Err(error) => tracing::warn!(%error, "ended sessions cannot be purged"),
        }
    }
}

/// Makes the account an administrator's; its password is set only when the account is new, so that a restart does not
/// undo a change of it.
async fn seed_admin(store: &Store, hasher: &Hasher, email: &str, password: &str) -> Result<(), StartError> {
    if let Some(account) = store.find_by_email(email).await? {
        if !account.user.is_admin {
            store.make_admin(account.user.id).await?;
        }
        return Ok(());
    }
    let password_hash = hasher.hash(password.to_owned()).await.map_err(|error| StartError::Other(error.to_string()))?;
    let admin = NewUser { email, name: "Administrator", password_hash: &password_hash, is_admin: true };
    store.insert(&admin).await?;
    tracing::info!("administrator seeded");
    Ok(())
}
