//! What only this service reads from its environment.

use crate::delivery::Vapid;
use crate::domain::{Backoff, Channel, DeliveryPolicy};
use secrecy::{ExposeSecret as _, SecretString};
use service_common::Reader;
use std::time::Duration;

/// Configuration of notification-service beside the common settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DELIVERY_MAX_ATTEMPTS` and `DELIVERY_RETRY_MS`: attempts before a notification is a dead letter (default 6),
    /// and the pause after the first one (default 500 ms, doubled each time up to 60 s).
    pub policy: DeliveryPolicy,
    /// `DELIVERY_TIMEOUT_MS`: longest wait for a sender, default 5 s.
    pub timeout: Duration,
    /// `RETENTION_DAYS`: how long delivered notifications are kept, default 7.
    pub retention: Duration,
    /// Where each channel's messages are handed over.
    pub gateways: Gateways,
}

/// Where each channel's messages are handed over; a channel without a gateway ends in the log.
#[derive(Debug, Clone, Default)]
pub struct Gateways {
    /// E-mail.
    pub smtp: Option<Smtp>,
    /// Text messages.
    pub sms: Option<Sms>,
    /// Push messages.
    pub push: Option<Vapid>,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// `SMTP_URL`: `smtp://USER:PASSWORD@HOST:PORT`, `smtps://…`, or `smtp://…?tls=required`.
    pub url: SecretString,
    /// `SMTP_FROM`: the sender's address, default `noreply@localhost.localdomain`.
    pub from: String,
}

/// A gateway for text messages.
#[derive(Debug, Clone)]
pub struct Sms {
    /// `SMS_URL`: `POST URL {to,text}` with the notification's id as `Idempotency-Key`.
    pub url: String,
    /// `SMS_TOKEN`: bearer token for it.
    pub token: Option<SecretString>,
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
            gateways: Gateways::read(reader),
        }
    }
}

impl Gateways {
    fn read(reader: &mut Reader<'_>) -> Self {
        let from = reader.text_or("SMTP_FROM", "noreply@localhost.localdomain");
        if let Err(error) = Channel::Email.check(&from) {
            reader.reject("SMTP_FROM", format!("`{from}` {error}"), "give an address such as noreply@example.com");
        }
        let smtp = reader.secret_url("SMTP_URL", &["smtp", "smtps"]).map(|url| Smtp { url, from });
        let token = reader.secret("SMS_TOKEN");
        let sms = reader.http_url("SMS_URL").map(|url| Sms { url, token });
        Self { smtp, sms, push: vapid(reader) }
    }
}

fn vapid(reader: &mut Reader<'_>) -> Option<Vapid> {
    let private = reader.secret("VAPID_PRIVATE_KEY")?;
    let public = reader.text_or("VAPID_PUBLIC_KEY", "");
    let subject = reader.text_or("VAPID_SUBJECT", "mailto:noreply@localhost.localdomain");
    match Vapid::new(private.expose_secret(), &public, subject) {
        Ok(vapid) => Some(vapid),
        Err(error) => {
            let remedy = "give the pair that `npx web-push generate-vapid-keys` prints";
            reader.reject("VAPID_PRIVATE_KEY, VAPID_PUBLIC_KEY", error, remedy);
            None
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
