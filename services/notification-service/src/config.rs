//! What only this service reads from its environment.

use crate::domain::{Backoff, DeliveryPolicy};
use service_common::Reader;
use std::time::Duration;

/// Configuration of notification-service beside the common settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// `DELIVERY_MAX_ATTEMPTS` and `DELIVERY_RETRY_MS`: attempts before a notification is a dead letter (default 6),
    /// and the pause after the first one (default 500 ms, doubled each time up to 60 s).
    pub policy: DeliveryPolicy,
    /// `DELIVERY_TIMEOUT_MS`: longest wait for a sender, default 5 s.
    pub timeout: Duration,
    /// `RETENTION_DAYS`: how long delivered notifications are kept, default 7.
    pub retention: Duration,
}

impl Config {
    /// Reads the configuration.
    #[must_use]
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let pause = Duration::from_millis(reader.number("DELIVERY_RETRY_MS", 500, 1..=60_000));
        Self {
            policy: DeliveryPolicy {
                max_attempts: reader.number("DELIVERY_MAX_ATTEMPTS", 6, 1..=50),
                backoff: Backoff { base: pause, cap: Duration::from_secs(60) },
            },
            timeout: Duration::from_millis(reader.number("DELIVERY_TIMEOUT_MS", 5_000, 1..=60_000)),
            retention: Duration::from_secs(24 * 3_600 * reader.number("RETENTION_DAYS", 7, 1..=3_650)),
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
        assert_eq!((config.policy.max_attempts, config.retention.as_secs()), (6, 604_800));
    }

    #[test]
    fn every_mistake_is_reported() {
        let env = [("DELIVERY_MAX_ATTEMPTS", "0"), ("DELIVERY_TIMEOUT_MS", "soon"), ("RETENTION_DAYS", "-1")];
        let mut reader = Reader::new(&env);
        let _ = Config::read(&mut reader);
        assert_eq!(reader.finish().unwrap_err().0.len(), 3);
    }
}
