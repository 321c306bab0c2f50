//! The life of a payment.

use super::Backoff;
use super::status::UnknownStatus;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// How a customer pays. The simulated provider knows what to do with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A card that works.
    Card,
    /// A card that the simulated provider declines.
    CardDeclined,
    /// A card at which the simulated provider fails.
    CardError,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Card, Self::CardDeclined, Self::CardError];

    /// The name in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::CardDeclined => "card_declined",
            Self::CardError => "card_error",
        }
    }
}

/// A method that is not offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not offered; give one of card, card_declined, card_error")]
pub struct UnknownMethod(pub String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// Waits for its first or next attempt.
    Queued,
    /// The provider was asked and its answer is not known yet.
    Processing,
    /// The money is ours.
    Captured,
    /// The provider refused; the customer may try another way.
    Declined,
    /// The provider failed in every attempt.
    Failed,
    /// The money went back.
    Refunded,
}

impl PaymentStatus {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Processing, Self::Captured, Self::Declined, Self::Failed, Self::Refunded];

    /// The name in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }

    /// Whether the provider may still take money because of it.
    #[must_use]
    pub const fn in_flight(self) -> bool {
        matches!(self, Self::Queued | Self::Processing)
    }
}

impl FromStr for PaymentStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// What to do after a provider failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again after a pause.
    Retry(Duration),
    /// Enough: the payment has failed.
    GiveUp,
}

/// How often a provider is asked, and with which pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts, the first one included.
    pub max_attempts: u32,
    /// Pauses between them.
    pub backoff: Backoff,
}

impl RetryPolicy {
    /// What to do after `attempts` attempts have failed.
    #[must_use]
    pub fn after_failure(&self, attempts: u32, jitter: f64) -> AfterFailure {
        if attempts >= self.max_attempts {
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
    fn names_survive_a_round_trip() {
        for method in Method::ALL {
            assert_eq!(method.as_str().parse::<Method>(), Ok(method));
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
        for status in PaymentStatus::ALL {
            assert_eq!(status.as_str().parse::<PaymentStatus>(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn an_unknown_method_names_all_that_are_offered() {
        let message = "cash".parse::<Method>().unwrap_err().to_string();
        for method in Method::ALL {
            assert!(message.contains(method.as_str()), "{message}");
        }
    }

    #[test]
    fn attempts_are_bounded() {
        let backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) };
        let policy = RetryPolicy { max_attempts: 3, backoff };
        assert_eq!(policy.after_failure(1, 0.0), AfterFailure::Retry(Duration::from_millis(100)));
        assert_eq!(policy.after_failure(2, 0.0), AfterFailure::Retry(Duration::from_millis(200)));
        assert_eq!(policy.after_failure(3, 0.0), AfterFailure::GiveUp);
        assert_eq!(policy.after_failure(4, 0.0), AfterFailure::GiveUp);
    }

    #[test]
    fn only_unsettled_payments_are_in_flight() {
        let in_flight: Vec<_> = PaymentStatus::ALL.into_iter().filter(|status| status.in_flight()).collect();
        assert_eq!(in_flight, [PaymentStatus::Queued, PaymentStatus::Processing]);
    }
}
