//! A SIMULATED payment provider: no money moves. It answers by the method, always the same way.

use super::provider::{Capture, CaptureRequest, PaymentProvider, ProviderError};
use crate::domain::Method;
use async_trait::async_trait;
use service_common::Faults;
use std::time::Duration;
use uuid::Uuid;

/// Fault kind of the admin port: the provider fails.
pub const PAYMENT_ERROR: &str = "payment_error";
/// Fault kind of the admin port: the provider is slow by `latency_ms`.
pub const PAYMENT_LATENCY: &str = "payment_latency";
/// Route of these faults: they concern no route of the API.
const NO_ROUTE: &str = "payment-provider";
const DEFAULT_FAULT_LATENCY_MS: u64 = 1_000;

/// Captures `card`, declines `card_declined` and fails at `card_error`; faults of the admin port make it fail or slow.
#[derive(Debug, Clone)]
pub struct SimulatedProvider {
    latency: Duration,
    faults: Faults,
}

impl SimulatedProvider {
    /// A provider that takes `latency` for every answer.
    #[must_use]
    pub fn new(latency: Duration, faults: Faults) -> Self {
        Self { latency, faults }
    }

    async fn behave(&self) -> Result<(), ProviderError> {
        let slow = self.faults.strikes(PAYMENT_LATENCY, NO_ROUTE);
        let extra = slow.map_or(0, |fault| fault.latency_ms.unwrap_or(DEFAULT_FAULT_LATENCY_MS));
        tokio::time::sleep(self.latency + Duration::from_millis(extra)).await;
        match self.faults.strikes(PAYMENT_ERROR, NO_ROUTE) {
            Some(_) => Err(ProviderError::Failed("injected fault".to_owned())),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    async fn capture(&self, request: &CaptureRequest) -> Result<Capture, ProviderError> {
        self.behave().await?;
        match request.method {
            Method::Card => Ok(Capture::Captured { reference: format!("simulated-{}", request.payment_id) }),
            Method::CardDeclined => Ok(Capture::Declined { reason: "insufficient funds (simulated)".to_owned() }),
            Method::CardError => Err(ProviderError::Failed("internal error (simulated)".to_owned())),
        }
    }

    async fn refund(&self, _payment_id: Uuid, _amount: i64) -> Result<(), ProviderError> {
        self.behave().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_common::faults::Fault;
    use std::time::Instant;

    fn request(method: Method) -> CaptureRequest {
        CaptureRequest { payment_id: Uuid::now_v7(), order_id: Uuid::now_v7(), method, amount: 100 }
    }

    #[tokio::test]
    async fn the_method_decides_and_the_reference_is_stable() {
        let provider = SimulatedProvider::new(Duration::ZERO, Faults::default());
        let card = request(Method::Card);
        let first = provider.capture(&card).await.unwrap();
        assert!(matches!(&first, Capture::Captured { .. }));
        assert_eq!(provider.capture(&card).await.unwrap(), first);
        let declined = provider.capture(&request(Method::CardDeclined)).await;
        assert!(matches!(declined, Ok(Capture::Declined { .. })));
        assert!(matches!(provider.capture(&request(Method::CardError)).await, Err(ProviderError::Failed(_))));
    }

    #[tokio::test]
    async fn an_injected_fault_makes_it_fail() {
        let faults = Faults::with_kinds(&[PAYMENT_ERROR, PAYMENT_LATENCY]);
        let fault = Fault { kind: PAYMENT_ERROR.into(), route: "*".into(), ratio: 1.0, latency_ms: None, ttl_s: 60 };
        faults.replace(vec![fault], &[], Instant::now()).unwrap();
        let provider = SimulatedProvider::new(Duration::ZERO, faults.clone());
        assert!(provider.capture(&request(Method::Card)).await.is_err());
        faults.clear();
        assert!(provider.capture(&request(Method::Card)).await.is_ok());
    }
}
