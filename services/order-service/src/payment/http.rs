//! A payment provider that speaks HTTP.
//!
//! `POST /v1/captures {payment_id,order_id,method,amount}` and `POST /v1/refunds {payment_id,amount}`, both with the
//! payment's id as `Idempotency-Key`. 2xx carries `{reference}`; 402 means declined and carries `{reason}`; all else
//! is a failure that is tried again.

use super::provider::{Capture, CaptureRequest, PaymentProvider, ProviderError};
use async_trait::async_trait;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use service_common::Client;
use service_common::outbound::OutboundError;
use uuid::Uuid;

/// Asks a provider by HTTP.
#[derive(Debug, Clone)]
pub struct HttpProvider {
    client: Client,
    base_url: String,
}

#[derive(Deserialize)]
struct Captured {
    reference: String,
}

#[derive(Deserialize)]
struct Declined {
    reason: String,
}

impl HttpProvider {
    /// A provider at a base URL. The client must not carry the services' shared token: the provider is no part of us.
    #[must_use]
    pub fn new(client: Client, base_url: &str) -> Self {
        Self { client, base_url: base_url.to_owned() }
    }

    async fn post(&self, path: &str, key: Uuid, body: &Value) -> Result<Response, ProviderError> {
        let url = format!("{}{path}", self.base_url);
        let request = self.client.request(Method::POST, &url).header("idempotency-key", key.to_string()).json(body);
        self.client.send(request).await.map_err(|error| match error {
            OutboundError::Timeout(_) => ProviderError::Timeout,
            other => ProviderError::Failed(other.to_string()),
        })
    }
}

#[async_trait]
impl PaymentProvider for HttpProvider {
    async fn capture(&self, request: &CaptureRequest) -> Result<Capture, ProviderError> {
        let body = json!({
            "payment_id": request.payment_id,
            "order_id": request.order_id,
            "method": request.method,
            "amount": request.amount,
        });
        let response = self.post("/v1/captures", request.payment_id, &body).await?;
        let status = response.status();
        if status.is_success() {
            let Captured { reference } = response.json().await.map_err(unreadable)?;
            Ok(Capture::Captured { reference })
        } else if status == StatusCode::PAYMENT_REQUIRED {
            let Declined { reason } = response.json().await.map_err(unreadable)?;
            Ok(Capture::Declined { reason })
        } else {
            Err(ProviderError::Failed(format!("status {status}")))
        }
    }

    async fn refund(&self, payment_id: Uuid, amount: i64) -> Result<(), ProviderError> {
        let body = json!({ "payment_id": payment_id, "amount": amount });
        let status = self.post("/v1/refunds", payment_id, &body).await?.status();
        if status.is_success() { Ok(()) } else { Err(ProviderError::Failed(format!("status {status}"))) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn unreadable(error: reqwest::Error) -> ProviderError {
    ProviderError::Failed(format!("unreadable answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain;
    use std::time::Duration;
    use wiremock::matchers::{body_partial_json, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn request() -> CaptureRequest {
        let method = domain::Method::Card;
        CaptureRequest { payment_id: Uuid::now_v7(), order_id: Uuid::now_v7(), method, amount: 250 }
    }

    async fn provider_answering(status: u16, body: Value, request: &CaptureRequest) -> (MockServer, HttpProvider) {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/captures"))
            .and(header("idempotency-key", request.payment_id.to_string().as_str()))
            .and(body_partial_json(json!({ "method": "card", "amount": 250 })))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let client = Client::new(Duration::from_secs(2), None).unwrap();
        let provider = HttpProvider::new(client, &server.uri());
        (server, provider)
    }

    #[tokio::test]
    async fn statuses_become_answers() {
        let request = request();
        let (_server, provider) = provider_answering(201, json!({ "reference": "r-1" }), &request).await;
        assert_eq!(provider.capture(&request).await, Ok(Capture::Captured { reference: "r-1".into() }));
        let (_server, provider) = provider_answering(402, json!({ "reason": "stolen" }), &request).await;
        assert_eq!(provider.capture(&request).await, Ok(Capture::Declined { reason: "stolen".into() }));
        let (_server, provider) = provider_answering(500, json!({}), &request).await;
        assert!(matches!(provider.capture(&request).await, Err(ProviderError::Failed(_))));
        let (_server, provider) = provider_answering(200, json!("?"), &request).await;
        assert!(matches!(provider.capture(&request).await, Err(ProviderError::Failed(_))));
    }
}
