//! `/v1/notifications`.

use super::problems::PROBLEM;
use super::request::{Checked, NotificationRequest};
use super::{App, problems};
use crate::domain::{Channel, Status};
use crate::store::{Filter, NewNotification, Notification};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use service_common::clock;
use service_common::problem::ProblemBody;
use service_common::trace;
use service_common::{Authenticated, Json, Path, Problem, Query, Role};
use uuid::Uuid;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;
/// Whose keys those of other services are, by whatever way their requests come.
pub(crate) const SERVICE: &str = "service";
const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// A notification that was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// The notification.
    pub id: Uuid,
    /// `accepted`, or `suppressed` when the recipient does not want the channel; a repeat gets the present status.
    pub status: Status,
}

/// Which notifications.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those about this order.
    pub order_id: Option<String>,
    /// Most of them, 1 to 100, default 20.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    pub cursor: Option<Uuid>,
}

/// Part of a list of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotificationList {
    /// Notifications, newest first.
    pub items: Vec<Notification>,
    /// Where the next part begins; null at the end.
    pub next_cursor: Option<Uuid>,
}

/// Accepts a notification; it is delivered in the background.
///
/// A repeated request with the same `Idempotency-Key` gets the notification of the first one. Services and
/// administrators may notify anybody, users only themselves by e-mail.
#[utoipa::path(post, path = "/v1/notifications", operation_id = "create_notification", tag = "notifications", request_body = NotificationRequest,
    security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]+$", description = "Names the request")),
    responses(
        (status = 202, description = "Accepted, or suppressed by the recipient's preferences", body = Accepted),
        (status = 400, description = "No JSON, or a malformed key", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "A user may only notify itself", body = ProblemBody, content_type = PROBLEM),
        (status = 415, description = "Not sent as JSON", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Unknown channel or template, wrong recipient or variable",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn create(
    State(app): State<App>,
    caller: Authenticated,
    headers: HeaderMap,
    Json(request): Json<NotificationRequest>,
) -> Result<Response, Problem> {
    let key = key(&headers)?;
    let checked = request.check().map_err(Problem::invalid)?;
    let user_id = recipient_user(&caller, &request.to, &checked)?;
    let caller = caller.subject().map_or_else(|| SERVICE.to_owned(), |subject| subject.to_string());
    let new = new_notification(request, checked, caller, key, user_id).map_err(Problem::internal)?;
    let acceptance = app.accept(&new).await?;
    let body = Accepted { id: acceptance.id, status: acceptance.status };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/notifications/{}", acceptance.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if acceptance.repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What a request says, with who asked and for whom.
pub(crate) fn new_notification(
    request: NotificationRequest,
    checked: Checked,
    caller: String,
    key: Option<String>,
    user_id: Option<Uuid>,
) -> Result<NewNotification, serde_json::Error> {
    Ok(NewNotification {
        caller,
        key,
        canonical: serde_json::to_vec(&request)?,
        channel: checked.channel,
        to: request.to,
        template: checked.template,
        text: checked.text,
        order_id: checked.order_id,
        user_id,
        traceparent: trace::current(),
    })
}

/// The user that a notification is for. Users may only write to themselves, where their token says they are.
fn recipient_user(caller: &Authenticated, to: &str, checked: &Checked) -> Result<Option<Uuid>, Problem> {
    if caller.has(Role::Service) || caller.has(Role::Admin) {
        return Ok(checked.user_id);
    }
    let own_address =
        checked.channel == Channel::Email && caller.email().is_some_and(|own| own.eq_ignore_ascii_case(to));
    let own_id = checked.user_id.is_none() || checked.user_id == caller.subject();
    if own_address && own_id {
        Ok(caller.subject())
    } else {
        Err(Problem::forbidden("a user may only send e-mail to its own address"))
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request(format!("Idempotency-Key must have 1 to {MAX_KEY} printable characters"))),
    }
}

/// Lists notifications, newest first: users see their own, services and administrators all.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "list_notifications", tag = "notifications", params(ListQuery), security(("token" = [])),
    responses(
        (status = 200, description = "Part of the list", body = NotificationList),
        (status = 400, description = "Malformed limit or cursor", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 422, description = "Limit out of range", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(query): Query<ListQuery>,
) -> Result<Json<NotificationList>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid_field("limit", format!("{limit} is out of range; give 1 to {MAX_LIMIT}")));
    }
    let sees_all = caller.has(Role::Service) || caller.has(Role::Admin);
    let user_id = if sees_all { None } else { Some(caller.require_user()?) };
    // One more than asked for tells whether there is a next part.
    let filter = Filter { order_id: query.order_id, user_id, before: query.cursor, limit: limit + 1 };
    let mut items = app.store.list(&filter).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|notification| notification.id);
    Ok(Json(NotificationList { items, next_cursor }))
}

/// Reads one notification.
#[utoipa::path(get, path = "/v1/notifications/{id}", operation_id = "get_notification", tag = "notifications", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The notification")),
    responses(
        (status = 200, description = "The notification", body = Notification),
        (status = 400, description = "Malformed id", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such notification, or another user's",
            body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn get(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
) -> Result<Json<Notification>, Problem> {
    let notification = app.store.notification(id).await?;
    // Without an owner it belongs to services and administrators only.
    let may_read = match notification.user_id {
        Some(owner) => caller.may_read(owner),
        None => caller.has(Role::Service) || caller.has(Role::Admin),
    };
    if may_read { Ok(Json(notification)) } else { Err(problems::no_notification()) }
}

/// Gives a dead letter all its attempts again.
#[utoipa::path(post, path = "/v1/notifications/{id}/retry", operation_id = "retry_notification", tag = "notifications", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The notification")),
    responses(
        (status = 202, description = "It waits for delivery again", body = Accepted),
        (status = 400, description = "Malformed id", body = ProblemBody, content_type = PROBLEM),
        (status = 401, description = "No valid token", body = ProblemBody, content_type = PROBLEM),
        (status = 403, description = "Not an administrator", body = ProblemBody, content_type = PROBLEM),
        (status = 404, description = "No such notification", body = ProblemBody, content_type = PROBLEM),
        (status = 409, description = "It has not failed", body = ProblemBody, content_type = PROBLEM),
    ))]
pub async fn retry(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    caller.require(Role::Admin)?;
    app.store.retry(id, clock::now()).await?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Accepted { id, status: Status::Accepted })))
}
