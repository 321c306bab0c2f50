//! Accounts: register, read, change, delete, list.

mod page;
mod patch;

use crate::state::App;
use crate::store::{Account, NewUser, User};
use crate::validate::{self, Fields};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_common::problem::ProblemBody;
use service_common::{Authenticated, Json, Path, Problem, Query, Role};
use utoipa::ToSchema;
use uuid::Uuid;

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    #[schema(format = Email)]
    email: String,
    #[schema(format = Password, min_length = 8, max_length = 128)]
    password: String,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserBody {
    id: Uuid,
    email: String,
    name: String,
    roles: &'static [Role],
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            roles: user.roles(),
            email: user.email,
            name: user.name,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Registers an account.
#[utoipa::path(
    post,
    path = "/v1/users",
    tag = "users",
    request_body = Registration,
    responses(
        (status = 201, description = "Registered", body = UserBody),
        (
            status = 400, description = "The body is no JSON",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (
            status = 409, description = "The address is taken",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 422, description = "Invalid fields", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too busy", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn register(
    State(app): State<App>,
    Json(registration): Json<Registration>,
) -> Result<Response, Problem> {
    let Registration { email, password, name } = registration;
    let (email, name) = (email.trim(), name.trim());
    let mut fields = Fields::default();
    fields.check("email", validate::email(email));
    fields.check("password", validate::password(&password));
    fields.check("name", validate::name(name));
    fields.finish()?;
    // Looked up before hashing, so that a taken address costs no processor time; the index decides races.
    if app.store().find_by_email(email).await?.is_some() {
        return Err(taken());
    }
    let password_hash = app.hasher().hash(password).await?;
    let new = NewUser { email, name, password_hash: &password_hash, is_admin: false };
    let user = app.store().insert(&new).await.map_err(if_taken)?;
    app.metrics().registered();
    let location = format!("/v1/users/{}", user.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], with_tag(user)).into_response())
}

/// The caller's own account.
#[utoipa::path(
    get,
    path = "/v1/users/me",
    tag = "users",
    security(("token" = [])),
    responses(
        (status = 200, description = "The account", body = UserBody),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn me(State(app): State<App>, caller: Authenticated, headers: HeaderMap) -> Result<Response, Problem> {
    let id = caller.require_user()?;
    match app.store().find(id).await? {
        Some(account) => Ok(fresh_or_same(account.user, &headers)),
        None => Err(Problem::unauthorized("the account of this token was deleted")),
    }
}

/// An account, for its owner, administrators and services.
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The account", body = UserBody),
        (status = 304, description = "Not changed since the tag in If-None-Match"),
        (status = 400, description = "No UUID", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Somebody else's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such account", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !caller.may_read(id) {
        return Err(not_yours());
    }
    Ok(fresh_or_same(existing(&app, id).await?.user, &headers))
}

/// Changes an account. Owners change name, address and password (giving the present one); administrators also roles.
#[utoipa::path(
    patch,
    path = "/v1/users/{id}",
    tag = "users",
    params(
        ("id" = Uuid, Path, description = "The user"),
        ("If-Match" = Option<String>, Header, description = "Change only this version")
    ),
    request_body = patch::Patch,
    security(("token" = [])),
    responses(
        (status = 200, description = "Changed", body = UserBody),
        (
            status = 400, description = "No UUID or no JSON",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such account", body = ProblemBody, content_type = "application/problem+json"),
        (
            status = 409, description = "The address is taken",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 412, description = "Another version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Invalid fields", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Json(patch): Json<patch::Patch>,
) -> Result<Response, Problem> {
    require_owner(&caller, id)?;
    let account = existing(&app, id).await?;
    require_match(&headers, account.user.version)?;
    let version = account.user.version;
    let change = patch.check(&app, &caller, account).await?;
    let changed = app.store().change(id, version, &change).await.map_err(if_taken)?;
    changed.map(with_tag).ok_or_else(another_version)
}

/// Deletes an account, for its owner and administrators. All its sessions end.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}",
    tag = "users",
    params(
        ("id" = Uuid, Path, description = "The user"),
        ("If-Match" = Option<String>, Header, description = "Delete only this version")
    ),
    security(("token" = [])),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "No UUID", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "Another version", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    require_owner(&caller, id)?;
    let version = existing(&app, id).await?.user.version;
    require_match(&headers, version)?;
    if app.store().delete(id, version).await? { Ok(StatusCode::NO_CONTENT) } else { Err(another_version()) }
}

/// All accounts in the order of registration, for administrators.
#[utoipa::path(
    get,
    path = "/v1/users",
    tag = "users",
    params(page::Page),
    security(("token" = [])),
    responses(
        (status = 200, description = "One page", body = page::UserList),
        (
            status = 400, description = "Wrong limit or cursor",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (
            status = 403, description = "Not an administrator",
            body = ProblemBody, content_type = "application/problem+json"
        )
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(page): Query<page::Page>,
) -> Result<Json<page::UserList>, Problem> {
    caller.require(Role::Admin)?;
    page.fetch(app.store()).await.map(Json)
}

async fn existing(app: &App, id: Uuid) -> Result<Account, Problem> {
    app.store().find(id).await?.ok_or_else(|| Problem::not_found("there is no such user"))
}

/// Answered before the account is looked up: it must not tell whether there is one.
fn require_owner(caller: &Authenticated, id: Uuid) -> Result<(), Problem> {
    if caller.subject() == Some(id) || caller.has(Role::Admin) { Ok(()) } else { Err(not_yours()) }
}

fn not_yours() -> Problem {
    Problem::forbidden("this is not your account")
}

fn another_version() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED).detail("the account was changed meanwhile; read it again")
}

fn taken() -> Problem {
    Problem::conflict("an account with this e-mail address exists").kind("email-taken", "E-mail address taken")
}

fn if_taken(error: sqlx::Error) -> Problem {
    let unique = error.as_database_error().is_some_and(|error| error.is_unique_violation());
    if unique { taken() } else { error.into() }
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether a list of entity tags (`If-Match`, `If-None-Match`) names a version; `*` names all.
fn names(value: &HeaderValue, version: i64) -> bool {
    let tag = tag(version);
    value.to_str().is_ok_and(|list| {
        list.split(',').map(str::trim).any(|item| item == "*" || item.trim_start_matches("W/") == tag)
    })
}

fn require_match(headers: &HeaderMap, version: i64) -> Result<(), Problem> {
    match headers.get(header::IF_MATCH) {
        Some(value) if !names(value, version) => Err(another_version()),
        _ => Ok(()),
    }
}

fn with_tag(user: User) -> Response {
    let tag = tag(user.version);
    ([(header::ETAG, tag)], Json(UserBody::from(user))).into_response()
}

fn fresh_or_same(user: User, headers: &HeaderMap) -> Response {
    match headers.get(header::IF_NONE_MATCH) {
        Some(value) if names(value, user.version) => {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(user.version))]).into_response()
        }
        _ => with_tag(user),
    }
}
