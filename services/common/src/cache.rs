//! A cache beside the database, in this process or in Redis.
//!
//! It fails open: without Redis every request goes to the database. Of many requests for one missing key one loads it
//! and the others wait for that one, and lifetimes vary, so that a cache that was emptied does not overload what is
//! behind it.

mod memory;

use crate::faults::{CACHE_DOWN, Faults};
use memory::Memory;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Longest wait for Redis: a cache that is slower than the database is none.
const REDIS_TIMEOUT: Duration = Duration::from_millis(50);
/// How long Redis is left alone after a failure.
const REST: Duration = Duration::from_millis(500);
/// Lifetimes are shortened by up to this share.
const JITTER: f64 = 0.2;

/// Redis cannot be used as it was configured.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_URL: {0}")]
pub struct CacheError(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Hit,
    Miss,
    Error,
}

type Requests = Family<[(&'static str, &'static str); 1], Counter>;

/// A cache of values that can be written as JSON.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    ttl: Duration,
    prefix: &'static str,
    faults: Faults,
    requests: Requests,
    flights: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

enum Backend {
    Memory(Memory),
    Redis { connection: ConnectionManager, resting_until: Mutex<Option<Instant>> },
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::Redis { .. } => "Redis",
        })
    }
}

impl Cache {
    /// A cache for one kind of value, named by the prefix of its keys; in Redis when a URL is given.
    /// Registers `cache_requests_total{outcome}`.
    ///
    /// # Errors
    /// When the URL is malformed. A Redis that cannot be reached is no error.
    pub fn new(
        redis: Option<&SecretString>,
        prefix: &'static str,
        ttl: Duration,
        faults: Faults,
        registry: &mut Registry,
    ) -> Result<Self, CacheError> {
        let backend = match redis {
            None => Backend::Memory(Memory::default()),
            Some(url) => {
                let wrong = |error: redis::RedisError| CacheError(error.to_string());
                let client = redis::Client::open(url.expose_secret()).map_err(wrong)?;
                let config = ConnectionManagerConfig::new()
                    .set_response_timeout(Some(REDIS_TIMEOUT))
                    .set_connection_timeout(Some(REDIS_TIMEOUT * 4))
                    .set_number_of_retries(1);
                let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(wrong)?;
                Backend::Redis { connection, resting_until: Mutex::default() }
            }
        };
        let requests = Requests::default();
        for outcome in ["hit", "miss", "error"] {
            drop(requests.get_or_create(&[("outcome", outcome)]));
        }
        registry.register("cache_requests", "Look-ups in the cache", requests.clone());
        Ok(Self(Arc::new(Inner { backend, ttl, prefix, faults, requests, flights: Mutex::default() })))
    }

    /// The value of a key, loaded when the cache does not have it.
    ///
    /// # Errors
    /// That of `load`.
    pub async fn get_or_load<T, E>(&self, key: &str, load: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        match self.look_up(key).await {
            (Outcome::Hit, Some(found)) => return Ok(found),
            (Outcome::Error, _) => return load().await,
            _ => {}
        }
        let flight = self.flight(key);
        let _turn = flight.lock().await;
        // The one before may have loaded it.
        if let (Outcome::Hit, Some(found)) = self.read(key).await {
            return Ok(found);
        }
        let loaded = load().await?;
        if let Ok(text) = serde_json::to_vec(&loaded) {
            self.write(key, text).await;
        }
        Ok(loaded)
    }

    /// Forgets a key whose value has changed.
    pub async fn forget(&self, key: &str) {
        let key = self.full(key);
        match &self.0.backend {
            Backend::Memory(memory) => memory.remove(&key),
            Backend::Redis { .. } => {
                let _: Result<(), ()> = self.ask(redis::cmd("DEL").arg(key)).await;
            }
        }
    }

    async fn look_up<T: DeserializeOwned>(&self, key: &str) -> (Outcome, Option<T>) {
        let (outcome, value) = self.read(key).await;
        let label = match outcome {
            Outcome::Hit => "hit",
            Outcome::Miss => "miss",
            Outcome::Error => "error",
        };
        self.0.requests.get_or_create(&[("outcome", label)]).inc();
        (outcome, value)
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> (Outcome, Option<T>) {
        if self.0.faults.strikes(CACHE_DOWN, "cache").is_some() {
            return (Outcome::Error, None);
        }
        let key = self.full(key);
        let found: Option<Vec<u8>> = match &self.0.backend {
            Backend::Memory(memory) => memory.get(&key, Instant::now()),
            Backend::Redis { .. } => match self.ask(redis::cmd("GET").arg(key)).await {
                Ok(found) => found,
                Err(()) => return (Outcome::Error, None),
            },
        };
        // What another release wrote in another form counts as missing.
        let value = found.and_then(|text| serde_json::from_slice(&text).ok());
        (if value.is_some() { Outcome::Hit } else { Outcome::Miss }, value)
    }

    async fn write(&self, key: &str, text: Vec<u8>) {
        let key = self.full(key);
        let ttl = self.0.ttl.mul_f64(1.0 - JITTER * rand::random::<f64>());
        match &self.0.backend {
            Backend::Memory(memory) => memory.insert(key, text, Instant::now() + ttl),
            Backend::Redis { .. } => {
                let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                let _: Result<(), ()> = self.ask(redis::cmd("SET").arg(key).arg(text).arg("PX").arg(ttl)).await;
            }
        }
    }

    /// Asks Redis, unless it has just failed.
    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, ()> {
        let Backend::Redis { connection, resting_until } = &self.0.backend else { return Err(()) };
        let rests = *resting_until.lock().unwrap_or_else(PoisonError::into_inner);
        if rests.is_some_and(|until| Instant::now() < until) {
            return Err(());
        }
        let mut connection = connection.clone();
        let answer = tokio::time::timeout(REDIS_TIMEOUT * 4, command.query_async(&mut connection)).await;
        let rest = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis failed");
                Instant::now() + REST
            }
            Err(_) => Instant::now() + REST,
        };
        *resting_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        Err(())
    }

    fn full(&self, key: &str) -> String {
        format!("{}:{key}", self.0.prefix)
    }

    /// The turn-taking of those who miss one key; forgotten when nobody waits any more.
    fn flight(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        if flights.len() >= 1_024 {
            flights.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::default();
        flights.insert(key.to_owned(), Arc::downgrade(&flight));
        flight
    }
}
