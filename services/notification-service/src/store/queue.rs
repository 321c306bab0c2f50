//! The queue: notifications that wait for delivery, and what became of attempts.
//!
//! One worker reads the queue and keeps what it did afterwards. A crash in between delivers again: at least once.

use super::{Millis, Store, StoreError};
use crate::domain::{Channel, Status, Template};
use service_common::database::Dialect;
use service_common::database::rows::{count, parsed};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// A notification that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The notification.
    pub id: Uuid,
    /// How it is sent.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// Which text it is.
    pub template: Template,
    /// The text's first line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// How often delivery was tried before.
    pub attempts: u32,
    /// The trace that caused it.
    pub traceparent: Option<String>,
    /// When it was accepted.
    pub created_at: Millis,
}

impl<'r> FromRow<'r, AnyRow> for Waiting {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: parsed(row, "id")?,
            channel: parsed(row, "channel")?,
            to: row.try_get("recipient")?,
            template: parsed(row, "template")?,
            subject: row.try_get("subject")?,
            body: row.try_get("body")?,
            attempts: count(row, "attempts")?,
            traceparent: row.try_get("traceparent")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// What became of an attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sender has taken it.
    Delivered {
        /// When.
        at: Millis,
    },
    /// Try again at this time.
    Retry {
        /// When.
        at: Millis,
        /// Why it failed.
        reason: String,
    },
    /// A dead letter.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How many notifications wait, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Notifications that wait.
    pub depth: i64,
    /// When the oldest of them was accepted.
    pub oldest: Option<Millis>,
}

macro_rules! columns {
    () => {
        "id, channel, recipient, template, subject, body, attempts, traceparent, created_at"
    };
}

macro_rules! due {
    ($lock:literal) => {
        concat!(
            "notifications WHERE status = 'accepted' AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2 ",
            $lock
        )
    };
}

impl Store {
    /// Notifications that are due, the longest due first.
    ///
    /// On PostgreSQL they are this worker's alone until `lease` has passed, so that the workers of several replicas
    /// share the work; a SQLite file has one worker.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(&self, limit: u32, lease: Millis, now: Millis) -> Result<Vec<Waiting>, StoreError> {
        let (sql, pool) = match self.db.dialect() {
            Dialect::Sqlite => (concat!("SELECT ", columns!(), " FROM ", due!("")), self.db.reader()),
            Dialect::Postgres => (
                concat!(
                    "UPDATE notifications SET next_attempt_at = $3 WHERE id IN (SELECT id FROM ",
                    due!("FOR UPDATE SKIP LOCKED"),
                    ") RETURNING ",
                    columns!()
                ),
                self.db.writer(),
            ),
        };
        let waiting = sqlx::query_as(sql)
            .bind(now)
            .bind(i64::from(limit))
            .bind(now.saturating_add(lease))
            .fetch_all(pool)
            .await?;
        Ok(waiting)
    }

    /// Keeps what became of a batch of attempts.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is kept.
    pub async fn keep(&self, outcomes: &[(Uuid, Outcome)]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for (id, outcome) in outcomes {
            let (status, reason, at, delivered) = match outcome {
                Outcome::Delivered { at } => (Status::Delivered, None, *at, Some(*at)),
                Outcome::Retry { at, reason } => (Status::Accepted, Some(reason), *at, None),
                Outcome::Failed { reason } => (Status::Failed, Some(reason), 0, None),
            };
            sqlx::query(
                "UPDATE notifications SET status = $1, last_error = $2, next_attempt_at = $3, delivered_at = $4, \
                 attempts = attempts + 1 WHERE id = $5 AND status = 'accepted'",
            )
            .bind(status.as_str())
            .bind(reason)
            .bind(at)
            .bind(delivered)
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Gives a dead letter all its attempts again.
    ///
    /// # Errors
    /// [`StoreError::NotFailed`], [`StoreError::NoNotification`], or a database failure.
    pub async fn retry(&self, id: Uuid, now: Millis) -> Result<(), StoreError> {
        let revived = sqlx::query(
            "UPDATE notifications SET status = 'accepted', attempts = 0, next_attempt_at = $1 \
             WHERE id = $2 AND status = 'failed'",
        )
        .bind(now)
        .bind(id.to_string())
        .execute(self.db.writer())
        .await?
        .rows_affected();
        if revived == 1 { Ok(()) } else { Err(StoreError::NotFailed(self.notification(id).await?.status)) }
    }

    /// Gives up to `limit` dead letters all their attempts again, the oldest first. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_failed(&self, limit: u32, now: Millis) -> Result<u64, StoreError> {
        let revived = sqlx::query(
            "UPDATE notifications SET status = 'accepted', attempts = 0, next_attempt_at = $1 WHERE id IN \
             (SELECT id FROM notifications WHERE status = 'failed' ORDER BY id LIMIT $2)",
        )
        .bind(now)
        .bind(i64::from(limit))
        .execute(self.db.writer())
        .await?
        .rows_affected();
        Ok(revived)
    }

    /// How many notifications wait, and since when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let (depth, oldest) =
            sqlx::query_as("SELECT count(*), min(created_at) FROM notifications WHERE status = 'accepted'")
                .fetch_one(self.db.reader())
                .await?;
        Ok(Backlog { depth, oldest })
    }

    /// Drops notifications from before `before` that nobody waits for, at most `limit`. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, before: Millis, limit: u32) -> Result<u64, StoreError> {
        // Identifiers begin with the time, so that the primary key finds the old ones.
        let bound = uuid::Builder::from_unix_timestamp_millis(u64::try_from(before).unwrap_or(0), &[0; 10]).into_uuid();
        let dropped = sqlx::query(
            "DELETE FROM notifications WHERE id IN \
             (SELECT id FROM notifications WHERE id < $1 AND status IN ('delivered', 'suppressed') LIMIT $2)",
        )
        .bind(bound.to_string())
        .bind(i64::from(limit))
        .execute(self.db.writer())
        .await?
        .rows_affected();
        Ok(dropped)
    }
}
