//! Text messages by an HTTP gateway.

use super::sender::{Message, SendError, Sender};
use crate::config::Sms;
use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use serde_json::json;
use service_common::{Client, StartError};
use std::time::Duration;

/// Hands text messages to a gateway: `POST URL {to,text}`, the notification's id as `Idempotency-Key`.
#[derive(Debug, Clone)]
pub struct SmsSender {
    client: Client,
    url: String,
}

impl SmsSender {
    /// A sender through a gateway.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(config: &Sms, timeout: Duration) -> Result<Self, StartError> {
        Ok(Self { client: Client::new(timeout, config.token.clone())?, url: config.url.clone() })
    }
}

#[async_trait]
impl Sender for SmsSender {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        let request = self
            .client
            .request(Method::POST, &self.url)
            .header("idempotency-key", message.id.to_string())
            .json(&json!({ "to": message.to, "text": message.body }));
        let answer = self.client.send(request).await.map_err(|error| SendError::Temporary(error.to_string()))?;
        judge(answer.status())
    }
}

/// What the status of a gateway means. It refuses this message for good only with a status that says so.
pub(super) fn judge(status: StatusCode) -> Result<(), SendError> {
    const FOR_GOOD: [StatusCode; 6] = [
        StatusCode::BAD_REQUEST,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::GONE,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    match status {
        status if status.is_success() => Ok(()),
        status if FOR_GOOD.contains(&status) => Err(SendError::Permanent(format!("status {status}"))),
        status => Err(SendError::Temporary(format!("status {status}"))),
    }
}
