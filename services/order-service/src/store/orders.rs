//! Creating, reading, cancelling and refunding orders.

use super::idempotency::{KeyedRequest, Reply, StoredResponse};
use super::rows::{Order, select_order};
use super::{Millis, Store, StoreError, inventory, outbox};
use crate::domain::catalogue::CURRENCY;
use crate::domain::{Basket, Command, OrderStatus};
use service_common::database::lock_row;
use service_common::database::rows::instant;
use sqlx::AnyConnection;
use uuid::Uuid;

/// What is needed to create an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Who orders.
    pub user_id: Uuid,
    /// Where the customer is told about it.
    pub email: Option<String>,
    /// What is ordered.
    pub basket: Basket,
}

impl Store {
    /// Reserves the stock of a new order and keeps it, or gives the reply of an earlier request with the same key.
    ///
    /// # Errors
    /// [`StoreError::OutOfStock`], [`StoreError::KeyReused`], or when the database fails.
    pub async fn create_order(
        &self,
        new: &NewOrder,
        keyed: Option<&KeyedRequest>,
        now: Millis,
    ) -> Result<Reply, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some(keyed) = keyed
            && let Some(response) = keyed.claim(&mut tx, now).await?
        {
            return Ok(Reply { response, replayed: true });
        }
        let (status, effect) = OrderStatus::Pending.apply(Command::Reserve)?;
        let order = Order {
            id: Uuid::now_v7(),
            user_id: new.user_id,
            email: new.email.clone(),
            status,
            items: new.basket.lines().to_vec(),
            total: new.basket.total(),
            currency: CURRENCY.to_owned(),
            payment: None,
            created_at: instant(now),
            updated_at: instant(now),
        };
        insert(&mut tx, &order, self.reserved_until(now), now).await?;
        let response = StoredResponse { status: 201, location: location(order.id), body: json(&order)? };
        if let Some(keyed) = keyed {
            keyed.keep(&mut tx, &response).await?;
        }
        // Last, so that the rows everybody wants are locked for the shortest time, and sorted by SKU, so that two
        // orders cannot wait for each other.
        for line in new.basket.lines() {
            inventory::apply(&mut tx, effect, &line.sku, line.quantity).await?;
        }
        tx.commit().await?;
        Ok(Reply { response, replayed: false })
    }

    /// One order.
    ///
    /// # Errors
    /// [`StoreError::NoOrder`], or when the database fails.
    pub async fn order(&self, id: Uuid) -> Result<Order, StoreError> {
        let mut conn = self.db.reader().acquire().await?;
        read(&mut conn, id).await
    }

    /// Orders of one user, newest first, that are older than `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn orders_of(&self, user: Uuid, before: Option<Uuid>, limit: u32) -> Result<Vec<Order>, StoreError> {
        // No identifier is greater than this one: without a cursor the list starts at the newest order.
        let before = before.unwrap_or(Uuid::max()).to_string();
        let orders = sqlx::query_as(select_order!("WHERE o.user_id = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3"))
            .bind(user.to_string())
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(self.db.reader())
            .await?;
        Ok(orders)
    }

    /// Gives an order up and releases its stock.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when it is paid or final, [`StoreError::PaymentInTheWay`] while a provider may still
    /// take money for it, [`StoreError::NoOrder`], or a database failure.
    pub async fn cancel(&self, id: Uuid, traceparent: Option<&str>, now: Millis) -> Result<Order, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut order = read_locked(&mut tx, id).await?;
        order.status.apply(Command::Cancel)?;
        if let Some(payment) = order.payment.as_ref().filter(|payment| payment.status.in_flight()) {
            return Err(StoreError::PaymentInTheWay { id: payment.id.to_string(), status: payment.status });
        }
        advance(&mut tx, &mut order, Command::Cancel, traceparent, now).await?;
        tx.commit().await?;
        Ok(order)
    }

    /// Takes note of a returned payment and restores the stock.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the order is not paid, [`StoreError::NoOrder`], or a database failure.
    pub async fn refund(&self, id: Uuid, traceparent: Option<&str>, now: Millis) -> Result<Order, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut order = read_locked(&mut tx, id).await?;
        advance(&mut tx, &mut order, Command::Refund, traceparent, now).await?;
        if let Some(payment) = &order.payment {
            sqlx::query(
                "UPDATE payments SET status = 'refunded', updated_at = $1 WHERE id = $2 AND status = 'captured'",
            )
            .bind(now)
            .bind(payment.id.to_string())
            .execute(&mut *tx)
            .await?;
        }
        let order = read(&mut tx, order.id).await?;
        tx.commit().await?;
        Ok(order)
    }
}

/// Moves an order on: its state, its stock and the event that tells of it change together or not at all.
pub(super) async fn advance(
    conn: &mut AnyConnection,
    order: &mut Order,
    command: Command,
    traceparent: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let (next, effect) = order.status.apply(command)?;
    let changed = sqlx::query("UPDATE orders SET status = $1, updated_at = $2 WHERE id = $3 AND status = $4")
        .bind(next.as_str())
        .bind(now)
        .bind(order.id.to_string())
        .bind(order.status.as_str())
        .execute(&mut *conn)
        .await?
        .rows_affected();
    if changed != 1 {
        return Err(StoreError::NoOrder);
    }
    for line in &order.items {
        inventory::apply(conn, effect, &line.sku, line.quantity).await?;
    }
    order.status = next;
    order.updated_at = instant(now);
    outbox::record(conn, order, traceparent, now).await
}

/// One order with its latest payment.
pub(super) async fn read(conn: &mut AnyConnection, id: Uuid) -> Result<Order, StoreError> {
    sqlx::query_as(select_order!("WHERE o.id = $1"))
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NoOrder)
}

/// One order that nobody else changes until the transaction ends.
pub(super) async fn read_locked(conn: &mut AnyConnection, id: Uuid) -> Result<Order, StoreError> {
    lock_row(conn, "SELECT id FROM orders WHERE id = $1 FOR UPDATE", &id.to_string()).await?;
    read(conn, id).await
}

/// Where clients find an order.
pub(super) fn location(id: Uuid) -> String {
    format!("/v1/orders/{id}")
}

/// A response body. The types of this crate have only string keys, so that this cannot fail in practice.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(sqlx::Error::Encode(Box::new(error))))
}

async fn insert(
    conn: &mut AnyConnection,
    order: &Order,
    reserved_until: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO orders (id, user_id, email, status, items, total, currency, reserved_until, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(order.id.to_string())
    .bind(order.user_id.to_string())
    .bind(&order.email)
    .bind(order.status.as_str())
    .bind(json(&order.items)?)
    .bind(order.total)
    .bind(&order.currency)
    .bind(reserved_until)
    .bind(now)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}
