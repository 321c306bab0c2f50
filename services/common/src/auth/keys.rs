//! Public keys: fixed, or fetched from the service that signs and cached.

use super::{AuthError, JwkSet};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Shortest time between two fetches: tokens with invented key identifiers must not become requests.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest time between two fetches while no key is known yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// Age from which keys are fetched again beside the running requests.
const MAX_AGE: Duration = Duration::from_secs(300);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

type KeyMap = HashMap<String, DecodingKey>;

/// Where the keys that tokens are verified with come from.
#[derive(Debug, Clone)]
pub struct Keys(Source);

#[derive(Debug, Clone)]
enum Source {
    Fixed(Arc<KeyMap>),
    Remote(Arc<Remote>),
}

#[derive(Debug)]
struct Remote {
    url: String,
    client: reqwest::Client,
    known: RwLock<(KeyMap, Option<Instant>)>,
    last_attempt: Mutex<Option<Instant>>,
    min_interval: Duration,
}

impl Keys {
    /// Fixed keys.
    #[must_use]
    pub fn fixed(set: &JwkSet) -> Self {
        Self(Source::Fixed(Arc::new(usable(set))))
    }

    /// Keys published at `base_url`/.well-known/jwks.json, fetched when a token names an unknown one.
    #[must_use]
    pub fn remote(base_url: &str, client: reqwest::Client) -> Self {
        Self::remote_every(base_url, client, MIN_INTERVAL)
    }

    fn remote_every(base_url: &str, client: reqwest::Client, min_interval: Duration) -> Self {
        Self(Source::Remote(Arc::new(Remote {
            url: format!("{base_url}/.well-known/jwks.json"),
            client,
            known: RwLock::default(),
            last_attempt: Mutex::default(),
            min_interval,
        })))
    }

    /// The key of an identifier.
    pub(super) async fn find(&self, kid: &str) -> Result<DecodingKey, AuthError> {
        match &self.0 {
            Source::Fixed(keys) => keys.get(kid).cloned().ok_or(AuthError::UnknownKey),
            Source::Remote(remote) => remote.find(kid).await,
        }
    }
}

impl Remote {
    async fn find(self: &Arc<Self>, kid: &str) -> Result<DecodingKey, AuthError> {
        let (known, age) = self.look_up(kid);
        if let Some(key) = known {
            if age.is_none_or(|age| age > MAX_AGE) {
                let remote = Arc::clone(self);
                tokio::spawn(async move { remote.refresh().await });
            }
            return Ok(key);
        }
        let fetched = self.refresh().await;
        match (self.look_up(kid), fetched) {
            ((Some(key), _), _) => Ok(key),
            // Keys were never seen: the token may well be good, we cannot tell.
            ((None, None), _) | (_, Err(())) => Err(AuthError::KeysUnavailable),
            ((None, Some(_)), Ok(())) => Err(AuthError::UnknownKey),
        }
    }

    fn look_up(&self, kid: &str) -> (Option<DecodingKey>, Option<Duration>) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.0.get(kid).cloned(), known.1.map(|fetched| fetched.elapsed()))
    }

    /// Fetches the keys unless that was tried a moment ago. Callers wait for the fetch of another one, not for their
    /// own.
    async fn refresh(&self) -> Result<(), ()> {
        let mut last_attempt = self.last_attempt.lock().await;
        let fetched = self.known.read().unwrap_or_else(PoisonError::into_inner).1;
        let interval = if fetched.is_some() { self.min_interval } else { RETRY_INTERVAL.min(self.min_interval) };
        if last_attempt.is_some_and(|last| last.elapsed() < interval) {
            return Ok(());
        }
        *last_attempt = Some(Instant::now());
        match self.fetch().await {
            Ok(set) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = (usable(&set), Some(Instant::now()));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(url = self.url, %error, "cannot fetch the keys of access tokens");
                Err(())
            }
        }
    }

    async fn fetch(&self) -> Result<JwkSet, reqwest::Error> {
        self.client.get(&self.url).timeout(FETCH_TIMEOUT).send().await?.error_for_status()?.json().await
    }
}

/// The Ed25519 keys of a set that carry an identifier; others cannot have signed a token of ours.
fn usable(set: &JwkSet) -> KeyMap {
    set.keys
        .iter()
        .filter(|jwk| {
            matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519)
        })
        .filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Issuer;
    use axum::Router;
    use axum::routing::get;

    /// A publisher of keys that can be changed.
    async fn publisher(keys: Arc<RwLock<JwkSet>>) -> String {
        let answer = async move || axum::Json(keys.read().unwrap().clone());
        let router = Router::new().route("/.well-known/jwks.json", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_the_old_one_forgotten() {
        let (old, new) = (Issuer::generate().unwrap(), Issuer::generate().unwrap());
        let published = Arc::new(RwLock::new(old.jwks()));
        let url = publisher(Arc::clone(&published)).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let keys = Keys::remote_every(&url, client, Duration::ZERO);
        assert!(keys.find(old.kid()).await.is_ok());
        assert_eq!(keys.find(new.kid()).await.unwrap_err(), AuthError::UnknownKey);
        *published.write().unwrap() = new.jwks();
        assert!(keys.find(new.kid()).await.is_ok());
        assert_eq!(keys.find(old.kid()).await.unwrap_err(), AuthError::UnknownKey);
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let mut set = Issuer::from_seed([1; 32]).unwrap().jwks();
        let rsa = r#"{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}"#;
        let symmetric = r#"{"kty":"oct","kid":"s","k":"c2VjcmV0"}"#;
        set.keys.extend([rsa, symmetric].map(|key| serde_json::from_str(key).unwrap()));
        let mut nameless = set.keys[0].clone();
        nameless.common.key_id = None;
        set.keys.push(nameless);
        assert_eq!(usable(&set).len(), 1);
    }
}
