//! What time does to the data: reservations run out, and records of the past are dropped.

use super::orders::{advance, read};
use super::rows::Order;
use super::{Millis, Store, StoreError};
use crate::domain::Command;

impl Store {
    /// Cancels reserved orders whose time has run out and which no payment is under way for. Returns them.
    ///
    /// # Errors
    /// When the database fails; then none is cancelled.
    pub async fn expire_reservations(&self, limit: u32, now: Millis) -> Result<Vec<Order>, StoreError> {
        const EXPIRED: &str = "SELECT o.id FROM orders o LEFT JOIN payments p ON p.id = o.payment_id \
             WHERE o.status = 'reserved' AND o.reserved_until <= ? \
             AND (p.status IS NULL OR p.status NOT IN ('queued', 'processing')) ORDER BY o.reserved_until LIMIT ?";
        let nothing_to_do = sqlx::query(EXPIRED).bind(now).bind(1).fetch_optional(self.db.reader()).await?.is_none();
        if nothing_to_do {
            return Ok(Vec::new());
        }
        let mut tx = self.db.begin().await?;
        let ids: Vec<String> = sqlx::query_scalar(EXPIRED).bind(now).bind(limit).fetch_all(&mut *tx).await?;
        let mut expired = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id.parse().map_err(|error| StoreError::Database(sqlx::Error::Decode(Box::new(error))))?;
            let mut order = read(&mut tx, id).await?;
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
            "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE created_at < ? LIMIT ?)",
            "DELETE FROM outbox WHERE rowid IN (SELECT rowid FROM outbox WHERE sent_at < ? LIMIT ?)",
        ];
        let mut dropped = 0;
        for statement in STATEMENTS {
            dropped += sqlx::query(statement).bind(before).bind(limit).execute(self.db.writer()).await?.rows_affected();
        }
        Ok(dropped)
    }
}
