//! When a delivery that failed is tried again.

use super::Backoff;
use std::time::Duration;

/// How often delivery is tried, and with which pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// Most attempts, the first one included.
    pub max_attempts: u32,
    /// Pauses between them.
    pub backoff: Backoff,
}

/// What to do after an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again after a pause.
    Retry(Duration),
    /// Enough: the notification is a dead letter.
    GiveUp,
}

impl DeliveryPolicy {
    /// What to do after `attempts` attempts; a permanent failure is not tried again.
    #[must_use]
    pub fn after_failure(&self, attempts: u32, permanent: bool, jitter: f64) -> AfterFailure {
        if permanent || attempts >= self.max_attempts {
            AfterFailure::GiveUp
        } else {
            AfterFailure::Retry(self.backoff.pause(attempts, jitter))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_and_permanent_failures_final() {
        let backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(60) };
        let policy = DeliveryPolicy { max_attempts: 3, backoff };
        assert_eq!(policy.after_failure(1, false, 0.0), AfterFailure::Retry(Duration::from_millis(500)));
        assert_eq!(policy.after_failure(2, false, 0.0), AfterFailure::Retry(Duration::from_secs(1)));
        assert_eq!(policy.after_failure(3, false, 0.0), AfterFailure::GiveUp);
        assert_eq!(policy.after_failure(1, true, 0.0), AfterFailure::GiveUp);
    }
}
