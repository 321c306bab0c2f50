//! Login, refresh and logout.

use crate::state::App;
use crate::store::{RefreshToken, Rotation, User};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use service_common::problem::ProblemBody;
use service_common::{Authenticated, Json, Problem};
use std::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest password that is looked at; a longer one cannot have been registered.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// E-mail address and password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    email: String,
    #[schema(format = Password)]
    password: String,
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    refresh_token: String,
}

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// Good for one use; its successor comes with the answer.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token in seconds.
    expires_in: u64,
}

/// Logs in. After repeated failures the address is locked for a while.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "sessions",
    request_body = Credentials,
    responses(
        (status = 200, description = "Logged in", body = Tokens),
        (
            status = 400, description = "The body is no JSON",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (
            status = 401, description = "Wrong credentials",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 422, description = "Invalid fields", body = ProblemBody, content_type = "application/problem+json"),
        (
            status = 429, description = "Locked for a while",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 503, description = "Too many logins", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn login(State(app): State<App>, Json(credentials): Json<Credentials>) -> Result<Response, Problem> {
    let Credentials { email, password } = credentials;
    let address = email.trim().to_lowercase();
    if let Some(left) = app.lockout().locked_for(&address, Instant::now()) {
        app.metrics().login(false);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS)
            .kind("locked", "Too many failed logins")
            .detail("too many logins failed for this address")
            .retry_after(left.as_secs_f64().ceil() as u64));
    }
    let account = app.store().find_by_email(&address).await?;
    let plausible = password.len() <= MAX_PASSWORD_BYTES;
    let stored = account.as_ref().filter(|_| plausible).map(|account| account.password_hash.clone());
    let password = if plausible { password } else { String::new() };
    let correct = app.hasher().verify(password, stored).await?;
    let Some(account) = account.filter(|_| correct) else {
        app.metrics().login(false);
        app.lockout().failed(&address, Instant::now());
        return Err(Problem::unauthorized("the e-mail address or the password is wrong"));
    };
    app.lockout().succeeded(&address);
    let token = RefreshToken::generate();
    let session = app.store().start_session(account.user.id, &token, app.config().refresh_ttl).await?;
    let response = tokens(&app, &account.user, session, token)?;
    app.metrics().login(true);
    Ok(response)
}

/// Exchanges a refresh token. Using one a second time ends the session, since somebody must have a copy.
#[utoipa::path(
    post,
    path = "/v1/sessions/refresh",
    tag = "sessions",
    request_body = Refresh,
    responses(
        (status = 200, description = "New tokens", body = Tokens),
        (
            status = 400, description = "The body is no JSON",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (
            status = 401, description = "The token is not good",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 422, description = "Invalid fields", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn refresh(State(app): State<App>, Json(body): Json<Refresh>) -> Result<Response, Problem> {
    let (token, next) = (RefreshToken::from_client(body.refresh_token), RefreshToken::generate());
    match app.store().rotate(&token, &next, app.config().refresh_ttl).await? {
        Rotation::Done { user, session } => match app.store().find(user).await? {
            Some(account) => tokens(&app, &account.user, session, next),
            None => Err(refused()),
        },
        Rotation::Reused { session } => {
            tracing::warn!(%session, "a refresh token was used twice; its session was ended");
            Err(refused())
        }
        Rotation::Refused => Err(refused()),
    }
}

/// Logs out: the session's refresh tokens end at once, its access token at its own end.
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    tag = "sessions",
    security(("token" = [])),
    responses(
        (status = 204, description = "Logged out"),
        (status = 401, description = "Not logged in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Not a user", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn logout(State(app): State<App>, caller: Authenticated) -> Result<StatusCode, Problem> {
    caller.require_user()?;
    if let Some(session) = caller.session() {
        app.store().end_session(session).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn refused() -> Problem {
    Problem::unauthorized("the refresh token is not valid; log in again")
}

fn tokens(app: &App, user: &User, session: Uuid, refresh: RefreshToken) -> Result<Response, Problem> {
    let body = Tokens {
        access_token: app.access_token(user, session)?,
        refresh_token: refresh.into_text(),
        token_type: "Bearer",
        expires_in: app.config().access_ttl.as_secs(),
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, Json(body)).into_response())
}
