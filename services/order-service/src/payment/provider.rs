//! What a payment provider does.

use crate::domain::Method;
use async_trait::async_trait;
use std::fmt;
use uuid::Uuid;

/// A request to take money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRequest {
    /// The payment. Asking again with the same id must not take money again.
    pub payment_id: Uuid,
    /// Which order is paid.
    pub order_id: Uuid,
    /// How the customer pays.
    pub method: Method,
    /// Amount in minor units.
    pub amount: i64,
}

/// The provider's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capture {
    /// The money is taken.
    Captured {
        /// The provider's name for it.
        reference: String,
    },
    /// The provider refuses this way of paying.
    Declined {
        /// Why.
        reason: String,
    },
}

/// The provider gave no answer; asking again is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No answer in time.
    #[error("the payment provider did not answer in time")]
    Timeout,
    /// It failed or cannot be reached.
    #[error("the payment provider failed: {0}")]
    Failed(String),
}

/// Takes and returns money. Both are idempotent by the payment's id.
#[async_trait]
pub trait PaymentProvider: fmt::Debug + Send + Sync {
    /// Takes money.
    async fn capture(&self, request: &CaptureRequest) -> Result<Capture, ProviderError>;

    /// Returns the money of a captured payment.
    async fn refund(&self, payment_id: Uuid, amount: i64) -> Result<(), ProviderError>;
}
