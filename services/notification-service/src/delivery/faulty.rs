//! Faults of the admin port in front of a sender.

use super::sender::{Message, SendError, Sender};
use async_trait::async_trait;
use service_common::Faults;
use std::time::Duration;

/// Fault kind of the admin port: delivery fails.
pub const DELIVERY_ERROR: &str = "delivery_error";
/// Fault kind of the admin port: delivery is slow by `latency_ms`.
pub const DELIVERY_LATENCY: &str = "delivery_latency";
/// Where these faults strike: no route of the API.
const NO_ROUTE: &str = "delivery";
const DEFAULT_FAULT_LATENCY_MS: u64 = 1_000;

/// A sender that faults of the admin port make fail or slow.
#[derive(Debug, Clone)]
pub struct Faulty<S> {
    sender: S,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// A sender behind these faults.
    #[must_use]
    pub fn new(sender: S, faults: Faults) -> Self {
        Self { sender, faults }
    }
}

#[async_trait]
impl<S: Sender> Sender for Faulty<S> {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        if let Some(fault) = self.faults.strikes(DELIVERY_LATENCY, NO_ROUTE) {
            let delay = fault.latency_ms.unwrap_or(DEFAULT_FAULT_LATENCY_MS);
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if self.faults.strikes(DELIVERY_ERROR, NO_ROUTE).is_some() {
            return Err(SendError::Temporary("injected fault".to_owned()));
        }
        self.sender.send(message).await
    }
}
