//! The public key of access tokens.

use crate::state::App;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

/// The keys with which access tokens are verified (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "keys",
    responses((status = 200, description = "The key set", body = serde_json::Value))
)]
pub(super) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=300")], axum::Json(app.issuer().jwks()))
}
