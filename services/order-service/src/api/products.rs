//! `/v1/products`.

use super::App;
use crate::domain::{Catalogue, Product};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::Serialize;

/// All products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProductList {
    /// The products, by SKU.
    pub items: Vec<Product>,
}

/// The body of the list, made once: products do not change while the service runs.
///
/// # Errors
/// When it cannot be written as JSON, which cannot happen for these types.
pub fn body(catalogue: &Catalogue) -> Result<Bytes, serde_json::Error> {
    let list = ProductList { items: catalogue.iter().cloned().collect() };
    serde_json::to_vec(&list).map(Bytes::from)
}

/// Lists all products.
#[utoipa::path(get, path = "/v1/products", operation_id = "list_products", tag = "products",
    responses((status = 200, description = "All products", body = ProductList)))]
pub async fn list(State(app): State<App>) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=60")];
    (headers, app.products)
}
