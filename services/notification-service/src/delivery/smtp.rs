//! E-mail by SMTP.

use super::sender::{Message, SendError, Sender};
use crate::config::Smtp;
use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;
use service_common::StartError;
use std::time::Duration;

/// Hands e-mail to a mail server. The message's id is the notification's: a server or reader that sees it twice has got
/// a repeat.
#[derive(Debug)]
pub struct SmtpSender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
}

impl SmtpSender {
    /// A sender through a mail server, which is connected to when there is mail.
    ///
    /// # Errors
    /// When the URL or the sender's address cannot be used.
    pub fn new(config: &Smtp, timeout: Duration) -> Result<Self, StartError> {
        let wrong = |key: &str, error: &dyn std::fmt::Display| StartError::Other(format!("{key}: {error}"));
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.url.expose_secret())
            .map_err(|error| wrong("SMTP_URL", &error))?
            .timeout(Some(timeout))
            .build();
        let from: Mailbox = config.from.parse().map_err(|error| wrong("SMTP_FROM", &error))?;
        let domain = from.email.domain().to_owned();
        Ok(Self { transport, from, domain })
    }
}

#[async_trait]
impl Sender for SmtpSender {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        let permanent = |error: &dyn std::fmt::Display| SendError::Permanent(error.to_string());
        let to: Mailbox = message.to.parse().map_err(|error| permanent(&error))?;
        let mail = lettre::Message::builder()
            .message_id(Some(format!("<{}@{}>", message.id, self.domain)))
            .from(self.from.clone())
            .to(to)
            .subject(message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.body.to_owned())
            .map_err(|error| permanent(&error))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(permanent(&error)),
            Err(error) => Err(SendError::Temporary(error.to_string())),
        }
    }
}
