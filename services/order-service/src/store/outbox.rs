//! Transactional outbox: an event is written in the transaction of the change that it tells of.
//!
//! Delivery is at least once: the event's id is the `Idempotency-Key` by which the receiver drops repeats.

use super::orders::json;
use super::rows::{Order, parsed};
use super::{Millis, Store, StoreError};
use crate::domain::OrderStatus;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};
use uuid::Uuid;

/// An event that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEvent {
    /// Identifier, and the key by which the receiver recognises repeats.
    pub id: Uuid,
    /// JSON body of the notification.
    pub payload: String,
    /// The trace that caused the event.
    pub traceparent: Option<String>,
    /// How often delivery was tried before.
    pub attempts: u32,
}

impl<'r> FromRow<'r, SqliteRow> for PendingEvent {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: parsed(row, "id")?,
            payload: row.try_get("payload")?,
            traceparent: row.try_get("traceparent")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

/// What became of an attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has it.
    Sent,
    /// Try again at this time.
    Retry {
        /// When.
        at: Millis,
        /// Why it failed.
        reason: String,
    },
    /// The receiver refused it for good.
    Dead {
        /// Why.
        reason: String,
    },
}

/// How many events wait, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Events that wait.
    pub pending: i64,
    /// When the oldest of them was written.
    pub oldest: Option<Millis>,
}

/// The template by which the customer is told of a state; most states are not worth a message.
fn template(status: OrderStatus) -> Option<&'static str> {
    match status {
        OrderStatus::Confirmed => Some("order_confirmed"),
        OrderStatus::Cancelled => Some("order_cancelled"),
        OrderStatus::Refunded => Some("order_refunded"),
        OrderStatus::Pending | OrderStatus::Reserved | OrderStatus::Paid => None,
    }
}

/// Writes the event of an order's new state, if the state has one and the customer can be reached.
pub(super) async fn record(
    conn: &mut SqliteConnection,
    order: &Order,
    traceparent: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let (Some(template), Some(email)) = (template(order.status), order.email.as_deref()) else { return Ok(()) };
    let payload = json!({
        "channel": "email",
        "to": email,
        "template": template,
        "data": {
            "order_id": order.id,
            "user_id": order.user_id,
            "total": order.total,
            "currency": order.currency,
        },
    });
    sqlx::query(
        "INSERT INTO outbox (id, order_id, payload, traceparent, next_attempt_at, created_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(order.id.to_string())
    .bind(json(&payload)?)
    .bind(traceparent)
    .bind(now)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

impl Store {
    /// Events that are due, oldest first; of one order only the first, so that its events arrive in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_events(&self, limit: u32, now: Millis) -> Result<Vec<PendingEvent>, StoreError> {
        let events = sqlx::query_as(
            "SELECT id, payload, traceparent, attempts FROM outbox AS event \
             WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= ? AND NOT EXISTS ( \
                 SELECT 1 FROM outbox AS earlier WHERE earlier.order_id = event.order_id AND earlier.id < event.id \
                 AND earlier.sent_at IS NULL AND earlier.dead_at IS NULL) \
             ORDER BY created_at LIMIT ?",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(self.db.reader())
        .await?;
        Ok(events)
    }

    /// Keeps what became of a batch of attempts.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is kept and the events are delivered again.
    pub async fn keep_deliveries(&self, deliveries: &[(Uuid, Delivery)], now: Millis) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for (id, delivery) in deliveries {
            let query = match delivery {
                Delivery::Sent => sqlx::query(
                    "UPDATE outbox SET attempts = attempts + 1, last_error = NULL, sent_at = ? WHERE id = ?",
                )
                .bind(now),
                Delivery::Retry { at, reason } => sqlx::query(
                    "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_attempt_at = ? WHERE id = ?",
                )
                .bind(reason)
                .bind(at),
                Delivery::Dead { reason } => {
                    sqlx::query("UPDATE outbox SET attempts = attempts + 1, last_error = ?, dead_at = ? WHERE id = ?")
                        .bind(reason)
                        .bind(now)
                }
            };
            query.bind(id.to_string()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How many events wait, and since when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let (pending, oldest) =
            sqlx::query_as("SELECT count(*), min(created_at) FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL")
                .fetch_one(self.db.reader())
                .await?;
        Ok(Backlog { pending, oldest })
    }
}
