//! What only this service reads from its environment.

use crate::domain::Backoff;
use crate::domain::payment::RetryPolicy;
use service_common::Reader;
use std::time::Duration;

/// Configuration of order-service beside the common settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SEED_STOCK`: units on hand of each product in a new database, default 1,000,000.
    pub seed_stock: i64,
    /// `NOTIFICATION_SERVICE_URL`: where events are delivered; without it they wait in the outbox.
    pub notification_service_url: Option<String>,
    /// `PAYMENT_PROVIDER_URL`: an HTTP payment provider; without it payments are simulated in process.
    pub payment_provider_url: Option<String>,
    /// `PAYMENT_TIMEOUT_MS`: longest wait for the provider, default 2 s.
    pub payment_timeout: Duration,
    /// `PAYMENT_MAX_ATTEMPTS` and `PAYMENT_RETRY_MS`: how often a failing provider is asked (default 4), and the pause
    /// after the first attempt (default 200 ms).
    pub payment_retry: RetryPolicy,
    /// `SIMULATED_PAYMENT_LATENCY_MS`: time that the simulated provider takes, default 20 ms.
    pub simulated_latency: Duration,
    /// `RESERVATION_TTL_S`: how long stock is held for an unpaid order, default 15 min.
    pub reservation_ttl: Duration,
}

impl Config {
    /// Reads the configuration.
    #[must_use]
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let retry_pause = reader.number("PAYMENT_RETRY_MS", 200, 1..=60_000);
        Self {
            seed_stock: reader.number("SEED_STOCK", 1_000_000, 0..=1_000_000_000),
            notification_service_url: reader.http_url("NOTIFICATION_SERVICE_URL"),
            payment_provider_url: reader.http_url("PAYMENT_PROVIDER_URL"),
            payment_timeout: Duration::from_millis(reader.number("PAYMENT_TIMEOUT_MS", 2_000, 1..=60_000)),
            payment_retry: RetryPolicy {
                max_attempts: reader.number("PAYMENT_MAX_ATTEMPTS", 4, 1..=20),
                backoff: Backoff { base: Duration::from_millis(retry_pause), cap: Duration::from_secs(30) },
            },
            simulated_latency: Duration::from_millis(reader.number("SIMULATED_PAYMENT_LATENCY_MS", 20, 0..=60_000)),
            reservation_ttl: Duration::from_secs(reader.number("RESERVATION_TTL_S", 900, 1..=604_800)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_need_no_environment() {
        let mut reader = Reader::new(&[]);
        let config = Config::read(&mut reader);
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!((config.seed_stock, config.reservation_ttl.as_secs()), (1_000_000, 900));
        assert_eq!(config.notification_service_url, None);
    }

    #[test]
    fn every_mistake_is_reported() {
        let env = [("SEED_STOCK", "-1"), ("PAYMENT_MAX_ATTEMPTS", "0"), ("NOTIFICATION_SERVICE_URL", "ftp://x")];
        let mut reader = Reader::new(&env);
        let _ = Config::read(&mut reader);
        let keys: Vec<_> = reader.finish().unwrap_err().0.into_iter().map(|error| error.key).collect();
        assert_eq!(keys, ["SEED_STOCK", "NOTIFICATION_SERVICE_URL", "PAYMENT_MAX_ATTEMPTS"]);
    }
}
