//! What time does to the data: reservations run out, and records of the past are dropped.

use super::orders::{advance, read};
use super::rows::Order;
use super::{Millis, Store, StoreError};
use crate::domain::Command;

macro_rules! expired {
    ($lock:literal) => {
        concat!(
            "SELECT o.id FROM orders o LEFT JOIN payments p ON p.id = o.payment_id ",
            "WHERE o.status = 'reserved' AND o.reserved_until <= $1 ",
            "AND (p.status IS NULL OR p.status NOT IN ('queued', 'processing')) ORDER BY o.reserved_until LIMIT $2 ",
            $lock
        )
    };
}

impl Store {
    /// Cancels reserved orders whose time has run out and which no payment is under way for. Returns them.
    ///
    /// # Errors
    /// When the database fails; then none is cancelled.
    pub async fn expire_reservations(&self, limit: u32, now: Millis) -> Result<Vec<Order>, StoreError> {
        let nothing_to_do =
            sqlx::query(expired!("")).bind(now).bind(1_i64).fetch_optional(self.db.reader()).await?.is_none();
        if nothing_to_do {
            return Ok(Vec::new());
        }
        let mut tx = self.db.begin().await?;
        let ids: Vec<String> =
            sqlx::query_scalar(self.db.dialect().pick(expired!(""), expired!("FOR UPDATE OF o SKIP LOCKED")))
                .bind(now)
                .bind(i64::from(limit))
                .fetch_all(&mut *tx)
                .await?;
        let mut expired = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id.parse().map_err(|error| StoreError::Database(sqlx::Error::Decode(Box::new(error))))?;
            let mut order = read(&mut tx, id).await?;
            // A payment may have been asked for between finding the order and locking it.
            if order.payment.as_ref().is_some_and(|payment| payment.status.in_flight()) {
                continue;
            }
            advance(&mut tx, &mut order, Command::Cancel, None, now).await?;
            expired.push(order);
        }
        tx.commit().await?;
        Ok(expired)
    }

    /// Drops idempotency keys and delivered events from before `before`, at most `limit` of each. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, before: Millis, limit: u32) -> Result<u64, StoreError> {
        const STATEMENTS: [&str; 2] = [
            "DELETE FROM idempotency WHERE (subject, operation, key) IN \
             (SELECT subject, operation, key FROM idempotency WHERE created_at < $1 LIMIT $2)",
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE sent_at < $1 LIMIT $2)",
        ];
        let mut dropped = 0;
        for statement in STATEMENTS {
            dropped += sqlx::query(statement)
                .bind(before)
                .bind(i64::from(limit))
                .execute(self.db.writer())
                .await?
                .rows_affected();
        }
        Ok(dropped)
    }
}
