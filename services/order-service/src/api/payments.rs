//! `/v1/orders/{id}/payment` and `/v1/orders/{id}/refund`.

use super::problems::PROBLEM;
use super::{App, reply};
use crate::domain::payment::UnknownMethod;
use crate::domain::{Command, Method};
use crate::payment::ProviderError;
use crate::store::{Order, Payment, StoreError};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use service_common::problem::ProblemBody;
use service_common::trace;
use service_common::{Authenticated, Json, Path, Problem};
use service_common::{clock, failpoint};
use uuid::Uuid;

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// `card`, or `card_declined` and `card_error` which the simulated provider declines or fails at.
    #[schema(value_type = Method)]
    pub method: String,
}

/// Asks for the payment of an order. It is carried out in the background; the order tells what became of it.
#[utoipa::path(post, path = "/v1/orders/{id}/payment", operation_id = "pay_order", tag = "payments", request_body = PaymentRequest,
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The order"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]+$", description = "Names the request"),
    ),
    responses(
        (status = 202, description = "The payment is queued", body = Payment),
        (status = 400, description = "No JSON, or a malformed id or key", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Neither the owner nor an administrator",
            body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such order, or another user's", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "The order's status forbids it, or a payment is under way",
            body = ProblemBody, content_type = PROBLEM),
        (status = 415, description = "Not sent as JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Unknown method, or the key belongs to another body",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn pay(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Json(request): Json<PaymentRequest>,
) -> Result<Response, Problem> {
    let method: Method =
        request.method.parse().map_err(|error: UnknownMethod| Problem::invalid_field("method", error.to_string()))?;
    let order = app.changeable(&caller, id).await?;
    let keyed = reply::keyed(&headers, order.user_id, &format!("payment {id}"), &request)?;
    let traceparent = trace::current();
    let reply = app.store.request_payment(id, method, keyed.as_ref(), traceparent.as_deref(), clock::now()).await?;
    failpoint::pass("payment.requested");
    app.wake_payments.notify_one();
    Ok(reply::respond(reply))
}

/// Returns the money of a paid order, and restores the stock.
#[utoipa::path(post, path = "/v1/orders/{id}/refund", operation_id = "refund_order", tag = "payments", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "The refunded order", body = Order),
        (status = 400, description = "Malformed id", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Neither the owner nor an administrator",
            body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such order, or another user's", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "The order's status forbids it", body = ProblemBody, content_type = PROBLEM),
        (status = 502, description = "The payment provider failed; try again",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn refund(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
) -> Result<Json<Order>, Problem> {
    let order = app.changeable(&caller, id).await?;
    order.status.apply(Command::Refund).map_err(StoreError::from)?;
    if let Some(payment) = &order.payment {
        // The provider knows repeats by the payment's id: two requests at once return the money once.
        let answer = tokio::time::timeout(app.payment_timeout, app.provider.refund(payment.id, payment.amount)).await;
        answer.unwrap_or(Err(ProviderError::Timeout)).map_err(|error| {
            Problem::new(StatusCode::BAD_GATEWAY).detail("the payment provider failed; try again").cause(error)
        })?;
    }
    let order = app.store.refund(id, trace::current().as_deref(), clock::now()).await?;
    app.metrics.reached(order.status);
    app.wake_relay.notify_one();
    Ok(Json(order))
}
