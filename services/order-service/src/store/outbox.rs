//! Transactional outbox: an event is written in the transaction of the change that it tells of.
//!
//! Delivery is at least once: the event's id is the `Idempotency-Key` by which the receiver drops repeats.

use super::orders::json;
use super::rows::Order;
use super::{Millis, Store, StoreError};
use crate::domain::OrderStatus;
use serde_json::json;
use service_common::database::Dialect;
use service_common::database::rows::{count, parsed};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row as _};
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

impl<'r> FromRow<'r, AnyRow> for PendingEvent {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: parsed(row, "id")?,
            payload: row.try_get("payload")?,
            traceparent: row.try_get("traceparent")?,
            attempts: count(row, "attempts")?,
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
    conn: &mut AnyConnection,
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
         VALUES ($1, $2, $3, $4, $5, $6)",
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

macro_rules! due {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            "WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= $1 AND NOT EXISTS ( ",
            "SELECT 1 FROM outbox AS earlier WHERE earlier.order_id = event.order_id AND earlier.id < event.id ",
            "AND earlier.sent_at IS NULL AND earlier.dead_at IS NULL) ORDER BY created_at LIMIT $2",
            $tail
        )
    };
}

impl Store {
    /// Events that are due, oldest first; of one order only the first, so that its events arrive in order.
    ///
    /// On PostgreSQL they are this relay's alone until `lease` has passed, so that the relays of several replicas
    /// share the work; a SQLite file has one relay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_events(&self, limit: u32, lease: Millis, now: Millis) -> Result<Vec<PendingEvent>, StoreError> {
        let sql = self.db.dialect().pick(
            due!("SELECT id, payload, traceparent, attempts FROM outbox AS event ", ""),
            concat!(
                "UPDATE outbox SET next_attempt_at = $3 WHERE id IN (",
                due!("SELECT id FROM outbox AS event ", " FOR UPDATE SKIP LOCKED"),
                ") RETURNING id, payload, traceparent, attempts"
            ),
        );
        let pool = match self.db.dialect() {
            Dialect::Sqlite => self.db.reader(),
            Dialect::Postgres => self.db.writer(),
        };
        let mut events: Vec<PendingEvent> = sqlx::query_as(sql)
            .bind(now)
            .bind(i64::from(limit))
            .bind(now.saturating_add(lease))
            .fetch_all(pool)
            .await?;
        // An `UPDATE` returns its rows in any order; identifiers begin with the time.
        events.sort_unstable_by_key(|event| event.id);
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
                    "UPDATE outbox SET attempts = attempts + 1, last_error = NULL, sent_at = $1 WHERE id = $2",
                )
                .bind(now),
                Delivery::Retry { at, reason } => sqlx::query(
                    "UPDATE outbox SET attempts = attempts + 1, last_error = $1, next_attempt_at = $2 WHERE id = $3",
                )
                .bind(reason)
                .bind(*at),
                Delivery::Dead { reason } => sqlx::query(
                    "UPDATE outbox SET attempts = attempts + 1, last_error = $1, dead_at = $2 WHERE id = $3",
                )
                .bind(reason)
                .bind(now),
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
