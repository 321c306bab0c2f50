//! `/v1/inventory/{sku}`.

use super::App;
use super::problems::PROBLEM;
use crate::store::Inventory;
use axum::extract::State;
use serde::Deserialize;
use service_common::problem::ProblemBody;
use service_common::{Authenticated, Json, Path, Problem, Role};

/// Most units of one product.
const MAX_ON_HAND: i64 = 1_000_000_000;

/// The result of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockRequest {
    /// Units in the warehouse, the reserved ones included.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub on_hand: i64,
}

/// Reads the stock of a product.
#[utoipa::path(get, path = "/v1/inventory/{sku}", operation_id = "get_inventory", tag = "inventory",
    params(("sku" = String, Path, description = "The product")),
    responses(
        (status = 200, description = "The stock", body = Inventory),
        (status = 404, description = "No such product", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn get(State(app): State<App>, Path(sku): Path<String>) -> Result<Json<Inventory>, Problem> {
    Ok(Json(app.store.inventory(&sku).await?))
}

/// Sets the units on hand of a product.
#[utoipa::path(put, path = "/v1/inventory/{sku}", operation_id = "put_inventory", tag = "inventory", request_body = StockRequest,
    security(("token" = [])), params(("sku" = String, Path, description = "The product")),
    responses(
        (status = 200, description = "The new stock", body = Inventory),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not an administrator", body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such product", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "More units are reserved", body = ProblemBody, content_type = PROBLEM),
        (status = 415, description = "Not sent as JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Out of range", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn put(
    State(app): State<App>,
    caller: Authenticated,
    Path(sku): Path<String>,
    Json(StockRequest { on_hand }): Json<StockRequest>,
) -> Result<Json<Inventory>, Problem> {
    caller.require(Role::Admin)?;
    if !(0..=MAX_ON_HAND).contains(&on_hand) {
        let message = format!("{on_hand} is out of range; give 0 to {MAX_ON_HAND}");
        return Err(Problem::invalid_field("on_hand", message));
    }
    let inventory = app.store.set_on_hand(&sku, on_hand).await?;
    app.metrics.stock(&inventory);
    Ok(Json(inventory))
}
