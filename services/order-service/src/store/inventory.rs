//! Stock: changed only by conditional updates, so that no number can fall below zero.

use super::{Store, StoreError};
use crate::domain::StockEffect;
use serde::Serialize;
use sqlx::{AnyConnection, FromRow};

/// Stock of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow, utoipa::ToSchema)]
pub struct Inventory {
    /// The product.
    pub sku: String,
    /// Units in the warehouse, the reserved ones included.
    pub on_hand: i64,
    /// Units that are promised to orders which are not confirmed yet.
    pub reserved: i64,
    /// Units that can be ordered: on hand without the reserved ones.
    pub available: i64,
}

impl Store {
    /// The stock of one product.
    ///
    /// # Errors
    /// [`StoreError::NoProduct`], or when the database fails.
    pub async fn inventory(&self, sku: &str) -> Result<Inventory, StoreError> {
        sqlx::query_as("SELECT sku, on_hand, reserved, on_hand - reserved AS available FROM inventory WHERE sku = $1")
            .bind(sku)
            .fetch_optional(self.db.reader())
            .await?
            .ok_or_else(|| StoreError::NoProduct(sku.to_owned()))
    }

    /// The stock of all products.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inventories(&self) -> Result<Vec<Inventory>, StoreError> {
        let all = sqlx::query_as("SELECT sku, on_hand, reserved, on_hand - reserved AS available FROM inventory")
            .fetch_all(self.db.reader())
            .await?;
        Ok(all)
    }

    /// Sets the units on hand of one product, as after counting them.
    ///
    /// # Errors
    /// [`StoreError::BelowReserved`] when more units are promised, [`StoreError::NoProduct`], or a database failure.
    pub async fn set_on_hand(&self, sku: &str, on_hand: i64) -> Result<Inventory, StoreError> {
        let mut updated: Vec<Inventory> = sqlx::query_as(
            "UPDATE inventory SET on_hand = $1 WHERE sku = $2 AND reserved <= $1 \
             RETURNING sku, on_hand, reserved, on_hand - reserved AS available",
        )
        .bind(on_hand)
        .bind(sku)
        .fetch_all(self.db.writer())
        .await?;
        match updated.pop() {
            Some(inventory) => Ok(inventory),
            None => {
                let reserved = self.inventory(sku).await?.reserved;
                Err(StoreError::BelowReserved { sku: sku.to_owned(), reserved })
            }
        }
    }
}

/// Applies an effect to the stock of one product.
pub(super) async fn apply(
    conn: &mut AnyConnection,
    effect: StockEffect,
    sku: &str,
    units: i64,
) -> Result<(), StoreError> {
    let sql = match effect {
        StockEffect::None => return Ok(()),
        StockEffect::Reserve => {
            "UPDATE inventory SET reserved = reserved + $1 WHERE sku = $2 AND on_hand - reserved >= $1"
        }
        StockEffect::Fulfil => {
            "UPDATE inventory SET on_hand = on_hand - $1, reserved = reserved - $1 WHERE sku = $2 AND reserved >= $1"
        }
        StockEffect::Release => "UPDATE inventory SET reserved = reserved - $1 WHERE sku = $2 AND reserved >= $1",
        StockEffect::Restock => "UPDATE inventory SET on_hand = on_hand + $1 WHERE sku = $2",
    };
    let changed = sqlx::query(sql).bind(units).bind(sku).execute(conn).await?.rows_affected();
    if changed == 1 { Ok(()) } else { Err(StoreError::OutOfStock { sku: sku.to_owned(), asked: units }) }
}
