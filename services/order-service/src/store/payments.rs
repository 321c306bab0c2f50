//! Payments: asked for by a request, carried out by the worker.
//!
//! A worker claims payments with a lease before it asks the provider. A crash leaves them claimed; they are due again
//! at the next start or when the lease ends, and the provider recognises the repeated attempt by the payment's id.

use super::idempotency::{KeyedRequest, Reply, StoredResponse};
use super::orders::{advance, json, location, read_locked};
use super::rows::{Order, Payment};
use super::{Millis, Store, StoreError};
use crate::domain::{Command, Method, OrderStatus, PaymentStatus};
use service_common::database::Dialect;
use service_common::database::rows::{count, parsed};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row as _};
use uuid::Uuid;

/// A claimed payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTask {
    /// The payment.
    pub id: Uuid,
    /// Which order is paid.
    pub order_id: Uuid,
    /// How the customer pays.
    pub method: Method,
    /// Amount in minor units.
    pub amount: i64,
    /// How often the provider was asked, this attempt included.
    pub attempts: u32,
    /// The trace that the payment belongs to.
    pub traceparent: Option<String>,
}

impl<'r> FromRow<'r, AnyRow> for PaymentTask {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: parsed(row, "id")?,
            order_id: parsed(row, "order_id")?,
            method: parsed(row, "method")?,
            amount: row.try_get("amount")?,
            attempts: count(row, "attempts")?,
            traceparent: row.try_get("traceparent")?,
        })
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The money is ours.
    Captured {
        /// The provider's name for the capture.
        reference: String,
    },
    /// The provider refused.
    Declined {
        /// Why.
        reason: String,
    },
    /// The provider failed; try again at this time.
    Retry {
        /// When.
        at: Millis,
        /// Why.
        reason: String,
    },
    /// The provider failed too often.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A payment with what became of its attempt.
pub type Settled = (PaymentTask, Verdict);

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE payments SET status = 'processing', attempts = attempts + 1, next_attempt_at = $1, ",
            "updated_at = $2 WHERE id IN (SELECT id FROM payments WHERE status IN ('queued', 'processing') ",
            "AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3 ",
            $lock,
            ") RETURNING id, order_id, method, amount, attempts, traceparent"
        )
    };
}

macro_rules! paid {
    ($lock:literal) => {
        concat!(
            "SELECT o.id, p.traceparent FROM orders o LEFT JOIN payments p ON p.id = o.payment_id ",
            "WHERE o.status = 'paid' ORDER BY o.id LIMIT $1 ",
            $lock
        )
    };
}

impl Store {
    /// Asks for a payment, or gives the reply of an earlier request with the same key. Asking again in the same way
    /// while the first payment is under way gives that one.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the order cannot be paid, [`StoreError::PaymentInTheWay`] when another way of
    /// paying is under way, [`StoreError::KeyReused`], [`StoreError::NoOrder`], or a database failure.
    pub async fn request_payment(
        &self,
        order_id: Uuid,
        method: Method,
        keyed: Option<&KeyedRequest>,
        traceparent: Option<&str>,
        now: Millis,
    ) -> Result<Reply, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some(keyed) = keyed
            && let Some(response) = keyed.claim(&mut tx, now).await?
        {
            return Ok(Reply { response, replayed: true });
        }
        let order = read_locked(&mut tx, order_id).await?;
        order.status.apply(Command::Pay)?;
        let (payment, replayed) = match order.payment {
            Some(payment) if payment.status.in_flight() && payment.method == method => (payment, true),
            Some(payment) if payment.status.in_flight() => {
                return Err(StoreError::PaymentInTheWay { id: payment.id.to_string(), status: payment.status });
            }
            _ => (insert(&mut tx, &order, method, traceparent, now).await?, false),
        };
        let response = StoredResponse { status: 202, location: location(order_id), body: json(&payment)? };
        if let Some(keyed) = keyed {
            keyed.keep(&mut tx, &response).await?;
        }
        tx.commit().await?;
        Ok(Reply { response, replayed })
    }

    /// Whether the worker has anything to do: a payment is due, or a paid order waits for its confirmation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payment_work_is_due(&self, now: Millis) -> Result<bool, StoreError> {
        let due: i64 = sqlx::query_scalar(
            "SELECT CASE WHEN \
             EXISTS (SELECT 1 FROM payments WHERE status IN ('queued', 'processing') AND next_attempt_at <= $1) \
             OR EXISTS (SELECT 1 FROM orders WHERE status = 'paid') THEN 1 ELSE 0 END",
        )
        .bind(now)
        .fetch_one(self.db.reader())
        .await?;
        Ok(due == 1)
    }

    /// Claims payments that are due, until the lease ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_payments(&self, limit: u32, lease: Millis, now: Millis) -> Result<Vec<PaymentTask>, StoreError> {
        let tasks = sqlx::query_as(self.db.dialect().pick(claim!(""), claim!("FOR UPDATE SKIP LOCKED")))
            .bind(now.saturating_add(lease))
            .bind(now)
            .bind(i64::from(limit))
            .fetch_all(self.db.writer())
            .await?;
        Ok(tasks)
    }

    /// Makes payments that an earlier process had claimed due at once. Returns how many there were. On PostgreSQL none:
    /// another replica may be at work on them, and its lease ends by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recover_payments(&self, now: Millis) -> Result<u64, StoreError> {
        if self.db.dialect() == Dialect::Postgres {
            return Ok(0);
        }
        // The first condition is the one of the index of due payments, without which all payments would be read.
        let recovered = sqlx::query(
            "UPDATE payments SET next_attempt_at = $1 \
             WHERE status IN ('queued', 'processing') AND status = 'processing'",
        )
        .bind(now)
        .execute(self.db.writer())
        .await?
        .rows_affected();
        Ok(recovered)
    }

    /// Keeps what became of a batch of attempts; orders whose payment failed are cancelled.
    /// Returns the orders whose state changed.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is kept.
    pub async fn settle_payments(&self, settled: &[Settled], now: Millis) -> Result<Vec<Order>, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut changed = Vec::new();
        for (task, verdict) in settled {
            if !keep_verdict(&mut tx, task.id, verdict, now).await? {
                continue;
            }
            let command = match verdict {
                Verdict::Captured { .. } => Command::Pay,
                Verdict::Failed { .. } => Command::Cancel,
                Verdict::Declined { .. } | Verdict::Retry { .. } => continue,
            };
            let mut order = read_locked(&mut tx, task.order_id).await?;
            match advance(&mut tx, &mut order, command, task.traceparent.as_deref(), now).await {
                Ok(()) => changed.push(order),
                // One order in an impossible state must not hold up all others.
                Err(StoreError::Illegal(error)) => tracing::error!(order = %order.id, %error, "payment without order"),
                Err(error) => return Err(error),
            }
        }
        tx.commit().await?;
        Ok(changed)
    }

    /// Confirms paid orders: their stock leaves and the customer is told. Returns them.
    ///
    /// # Errors
    /// When the database fails; then none is confirmed.
    pub async fn confirm_paid(&self, limit: u32, now: Millis) -> Result<Vec<Order>, StoreError> {
        let mut tx = self.db.begin().await?;
        let paid: Vec<(String, Option<String>)> =
            sqlx::query_as(self.db.dialect().pick(paid!(""), paid!("FOR UPDATE OF o SKIP LOCKED")))
                .bind(i64::from(limit))
                .fetch_all(&mut *tx)
                .await?;
        let mut confirmed = Vec::with_capacity(paid.len());
        for (id, traceparent) in paid {
            let id = id.parse().map_err(|error| StoreError::Database(sqlx::Error::Decode(Box::new(error))))?;
            let mut order = read_locked(&mut tx, id).await?;
            advance(&mut tx, &mut order, Command::Confirm, traceparent.as_deref(), now).await?;
            confirmed.push(order);
        }
        tx.commit().await?;
        Ok(confirmed)
    }
}

/// Keeps a verdict; `false` when the payment was settled before, as after a lease that ended too early.
async fn keep_verdict(conn: &mut AnyConnection, id: Uuid, verdict: &Verdict, now: Millis) -> Result<bool, StoreError> {
    let (status, reference, reason, at) = match verdict {
        Verdict::Captured { reference } => (PaymentStatus::Captured, Some(reference), None, now),
        Verdict::Declined { reason } => (PaymentStatus::Declined, None, Some(reason), now),
        Verdict::Retry { at, reason } => (PaymentStatus::Queued, None, Some(reason), *at),
        Verdict::Failed { reason } => (PaymentStatus::Failed, None, Some(reason), now),
    };
    let kept = sqlx::query(
        "UPDATE payments SET status = $1, reference = $2, last_error = $3, next_attempt_at = $4, updated_at = $5 \
         WHERE id = $6 AND status = 'processing'",
    )
    .bind(status.as_str())
    .bind(reference)
    .bind(reason)
    .bind(at)
    .bind(now)
    .bind(id.to_string())
    .execute(conn)
    .await?
    .rows_affected();
    Ok(kept == 1)
}

async fn insert(
    conn: &mut AnyConnection,
    order: &Order,
    method: Method,
    traceparent: Option<&str>,
    now: Millis,
) -> Result<Payment, StoreError> {
    debug_assert_eq!(order.status, OrderStatus::Reserved, "only reserved orders can be paid");
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO payments (id, order_id, method, amount, status, traceparent, next_attempt_at, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(order.id.to_string())
    .bind(method.as_str())
    .bind(order.total)
    .bind(PaymentStatus::Queued.as_str())
    .bind(traceparent)
    .bind(now)
    .bind(now)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE orders SET payment_id = $1, updated_at = $2 WHERE id = $3")
        .bind(id.to_string())
        .bind(now)
        .bind(order.id.to_string())
        .execute(conn)
        .await?;
    let status = PaymentStatus::Queued;
    Ok(Payment { id, order_id: order.id, status, method, amount: order.total, attempts: 0, reason: None })
}
