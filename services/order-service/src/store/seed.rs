//! Products of a new database.

use super::{Store, StoreError};
use crate::domain::{Catalogue, Product};

impl Store {
    /// Adds the products that are missing, each with `stock` units, and reads all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seed(&self, seed: &Catalogue, stock: i64) -> Result<Catalogue, StoreError> {
        let mut tx = self.db.begin().await?;
        for product in seed.iter() {
            sqlx::query(
                "INSERT INTO products (sku, name, price, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(&product.sku)
            .bind(&product.name)
            .bind(product.price)
            .bind(&product.currency)
            .execute(&mut *tx)
            .await?;
            sqlx::query("INSERT INTO inventory (sku, on_hand) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(&product.sku)
                .bind(stock)
                .execute(&mut *tx)
                .await?;
        }
        let products: Vec<(String, String, i64, String)> =
            sqlx::query_as("SELECT sku, name, price, currency FROM products").fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let product = |(sku, name, price, currency)| Product { sku, name, price, currency };
        Ok(Catalogue::new(products.into_iter().map(product)))
    }
}
