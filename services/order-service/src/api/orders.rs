//! `/v1/orders`.

use super::problems::PROBLEM;
use super::{App, reply};
use crate::domain::{Basket, RequestedLine};
use crate::store::{NewOrder, Order, StoreError};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use service_common::problem::ProblemBody;
use service_common::trace;
use service_common::{Authenticated, Json, Path, Problem, Query};
use service_common::{clock, failpoint};
use uuid::Uuid;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// 1 to 50 lines, each with another product.
    pub items: Vec<RequestedLine>,
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Most orders of the answer, 1 to 100, default 20.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    pub cursor: Option<Uuid>,
}

/// Part of a list of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OrderList {
    /// Orders, newest first.
    pub items: Vec<Order>,
    /// Where the next part begins; null at the end.
    pub next_cursor: Option<Uuid>,
}

/// Reserves stock and creates an order.
///
/// A repeated request with the same `Idempotency-Key` and body gets the response of the first one.
#[utoipa::path(post, path = "/v1/orders", operation_id = "create_order", tag = "orders", request_body = OrderRequest, security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]+$", description = "Names the request")),
    responses(
        (status = 201, description = "Created; stock is reserved", body = Order),
        (status = 400, description = "No JSON, or a malformed key", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "Out of stock", body = ProblemBody, content_type = PROBLEM),
        (status = 415, description = "Not sent as JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Invalid lines, or the key belongs to another body",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn create(
    State(app): State<App>,
    caller: Authenticated,
    headers: HeaderMap,
    Json(request): Json<OrderRequest>,
) -> Result<Response, Problem> {
    let user_id = caller.require_user()?;
    let keyed = reply::keyed(&headers, user_id, "order", &request)?;
    let basket = Basket::new(&request.items, &app.catalogue)?;
    let new = NewOrder { user_id, email: caller.email().map(ToOwned::to_owned), basket };
    let result = app.store.create_order(&new, keyed.as_ref(), clock::now()).await;
    match &result {
        Ok(reply) if !reply.replayed => {
            failpoint::pass("order.created");
            app.metrics.created();
        }
        Err(StoreError::OutOfStock { .. }) => app.metrics.rejected(),
        _ => {}
    }
    Ok(reply::respond(result?))
}

/// Lists the caller's orders, newest first.
#[utoipa::path(get, path = "/v1/orders", operation_id = "list_orders", tag = "orders", params(Page), security(("token" = [])),
    responses(
        (status = 200, description = "Part of the list", body = OrderList),
        (status = 400, description = "Malformed limit or cursor", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Limit out of range", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(page): Query<Page>,
) -> Result<Json<OrderList>, Problem> {
    let user = caller.require_user()?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid_field("limit", format!("{limit} is out of range; give 1 to {MAX_LIMIT}")));
    }
    // One more than asked for tells whether there is a next part.
    let mut items = app.store.orders_of(user, page.cursor, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|order| order.id);
    Ok(Json(OrderList { items, next_cursor }))
}

/// Reads one order.
#[utoipa::path(get, path = "/v1/orders/{id}", operation_id = "get_order", tag = "orders", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "The order", body = Order),
        (status = 400, description = "Malformed id", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such order, or another user's", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn get(State(app): State<App>, caller: Authenticated, Path(id): Path<Uuid>) -> Result<Json<Order>, Problem> {
    app.readable(&caller, id).await.map(Json)
}

/// Cancels an order that is not paid, and releases its stock.
#[utoipa::path(post, path = "/v1/orders/{id}/cancel", operation_id = "cancel_order", tag = "orders", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "The cancelled order", body = Order),
        (status = 400, description = "Malformed id", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Neither the owner nor an administrator",
            body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such order, or another user's", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "The order's status forbids it, or a payment is under way",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn cancel(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
) -> Result<Json<Order>, Problem> {
    app.changeable(&caller, id).await?;
    let order = app.store.cancel(id, trace::current().as_deref(), clock::now()).await?;
    app.metrics.reached(order.status);
    app.wake_relay.notify_one();
    Ok(Json(order))
}
