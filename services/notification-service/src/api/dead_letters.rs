//! `/v1/dead-letters`.

use super::App;
use super::problems::PROBLEM;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use service_common::problem::ProblemBody;
use service_common::{Authenticated, Json, Problem, Role, clock};

/// Dead letters taken up by one request.
const BATCH: u32 = 1_000;

/// What was taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// Messages put back into the broker's queue.
    pub messages: u32,
    /// Failed notifications that get all their attempts again.
    pub notifications: u64,
}

/// Takes up dead letters again: messages that could not be read, and notifications whose attempts were used up; at most
/// 1,000 of each.
#[utoipa::path(post, path = "/v1/dead-letters/replay", operation_id = "replay_dead_letters", tag = "notifications",
    security(("token" = [])),
    responses(
        (status = 202, description = "They wait again", body = Replayed),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not an administrator", body = ProblemBody, content_type = PROBLEM),
        (status = 503, description = "The broker does not answer", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn replay(State(app): State<App>, caller: Authenticated) -> Result<(StatusCode, Json<Replayed>), Problem> {
    caller.require(Role::Admin)?;
    let notifications = app.store.retry_failed(BATCH, clock::now()).await?;
    app.wake.notify_one();
    let messages = match &app.broker {
        Some(broker) => broker
            .replay(BATCH)
            .await
            .map_err(|error| Problem::unavailable("the broker does not answer", 5).cause(error))?,
        None => 0,
    };
    Ok((StatusCode::ACCEPTED, Json(Replayed { messages, notifications })))
}
