//! `/v1/preferences`.

use super::App;
use super::problems::PROBLEM;
use crate::store::Preferences;
use axum::extract::State;
use serde_json::{Map, Value};
use service_common::clock;
use service_common::problem::ProblemBody;
use service_common::{Authenticated, Json, Problem};

/// Reads which channels the caller wants.
#[utoipa::path(get, path = "/v1/preferences", operation_id = "get_preferences", tag = "preferences", security(("token" = [])),
    responses(
        (status = 200, description = "Which channels are wanted", body = Preferences),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn get(State(app): State<App>, caller: Authenticated) -> Result<Json<Preferences>, Problem> {
    Ok(Json(app.store.preferences(caller.require_user()?).await?))
}

/// Says which channels the caller wants; those that are not named are wanted.
#[utoipa::path(put, path = "/v1/preferences", operation_id = "put_preferences", tag = "preferences", request_body = Preferences,
    security(("token" = [])),
    responses(
        (status = 200, description = "Which channels are wanted now", body = Preferences),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = PROBLEM),
        (status = 415, description = "Not sent as JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Unknown channel, or no truth value", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn put(
    State(app): State<App>,
    caller: Authenticated,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Preferences>, Problem> {
    // Read by name only: an array would otherwise count as fields in their order, and an empty one would want all.
    let wanted: Preferences = serde_json::from_value(Value::Object(body))
        .map_err(|error| Problem::invalid_field("preferences", error.to_string()))?;
    app.store.set_preferences(caller.require_user()?, wanted, clock::now()).await?;
    Ok(Json(wanted))
}
