//! Accepting notifications: a caller's repeated request, told by its key, gets the notification of the first one.

use super::{Millis, Store, StoreError};
use crate::domain::{Channel, Rendered, Status, Template};
use sha2::{Digest as _, Sha256};
use std::str::FromStr as _;
use uuid::Uuid;

/// What is needed to accept a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Who asks: a user's id or `service`; keys of one caller do not concern another.
    pub caller: String,
    /// `Idempotency-Key` of the request.
    pub key: Option<String>,
    /// The request in canonical form, to tell a repeat from another request with the same key.
    pub canonical: Vec<u8>,
    /// How it is sent.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// Which text it is.
    pub template: Template,
    /// The text.
    pub text: Rendered,
    /// The order that it is about.
    pub order_id: Option<String>,
    /// The user that it is for.
    pub user_id: Option<Uuid>,
    /// The trace that caused it.
    pub traceparent: Option<String>,
}

/// A notification that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// The notification.
    pub id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// Whether an earlier request was accepted and this one is its repeat.
    pub repeated: bool,
}

impl Store {
    /// Accepts a notification in one statement, or finds the one that an earlier request with the same key made.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`], or when the database fails.
    pub async fn accept(&self, new: &NewNotification, now: Millis) -> Result<Acceptance, StoreError> {
        let id = Uuid::now_v7();
        let status = self.initial_status(new).await?;
        let hash = Sha256::digest(&new.canonical);
        let inserted = sqlx::query(
            "INSERT INTO notifications (id, caller, key, request, channel, recipient, template, subject, body, \
             order_id, user_id, status, traceparent, next_attempt_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
        )
        .bind(id.to_string())
        .bind(&new.caller)
        .bind(&new.key)
        .bind(hash.as_slice())
        .bind(new.channel.as_str())
        .bind(&new.to)
        .bind(new.template.as_str())
        .bind(&new.text.subject)
        .bind(&new.text.body)
        .bind(&new.order_id)
        .bind(new.user_id.map(|user| user.to_string()))
        .bind(status.as_str())
        .bind(&new.traceparent)
        .bind(now)
        .bind(now)
        .execute(self.db.writer())
        .await?
        .rows_affected();
        if inserted == 1 { Ok(Acceptance { id, status, repeated: false }) } else { self.earlier(new, &hash).await }
    }

    async fn initial_status(&self, new: &NewNotification) -> Result<Status, StoreError> {
        let wanted = match new.user_id {
            Some(user) => self.preferences(user).await?.wants(new.channel),
            None => true,
        };
        Ok(if wanted { Status::Accepted } else { Status::Suppressed })
    }

    async fn earlier(&self, new: &NewNotification, hash: &[u8]) -> Result<Acceptance, StoreError> {
        let found: Option<(String, Vec<u8>, String)> =
            sqlx::query_as("SELECT id, request, status FROM notifications WHERE caller = $1 AND key = $2")
                .bind(&new.caller)
                .bind(&new.key)
                .fetch_optional(self.db.reader())
                .await?;
        let (id, request, status) = found.ok_or(sqlx::Error::RowNotFound)?;
        if request != hash {
            return Err(StoreError::KeyReused);
        }
        let id = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let status = Status::from_str(&status).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Acceptance { id, status, repeated: true })
    }
}
