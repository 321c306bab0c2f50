//! A small service, and how to ask it.

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use service_common::auth::{Issuer, Keys};
use service_common::{Authenticated, Context, Json, Path, Problem, Role, Service, Settings, Spec, Verifier};
use std::time::Duration;
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub const SPEC: Spec = Spec { name: "thing-service", version: "1.2.3", port: 0, admin_port: 0 };

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Thing {
    name: String,
    size: u8,
}

#[utoipa::path(get, path = "/v1/things/{id}", params(("id" = u32, Path)), responses((status = 200, body = Thing)))]
async fn show(Path(id): Path<u32>) -> Json<Thing> {
    Json(Thing { name: format!("thing {id}"), size: 1 })
}

#[utoipa::path(post, path = "/v1/things", responses((status = 201, body = Thing)))]
async fn create(Json(thing): Json<Thing>) -> (StatusCode, Json<Thing>) {
    (StatusCode::CREATED, Json(thing))
}

#[utoipa::path(get, path = "/v1/panic", responses((status = 200)))]
async fn panics() -> &'static str {
    let empty: [u8; 0] = [];
    let index = empty.len();
    if empty.get(index).is_none() {
        panic!("the secret word is swordfish");
    }
    "unreachable"
}

#[utoipa::path(get, path = "/v1/slow", responses((status = 200)))]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    tracing::info!("awake");
    "slept"
}

#[utoipa::path(get, path = "/v1/broken", responses((status = 200)))]
async fn broken() -> Result<(), Problem> {
    Err(sqlx::Error::Protocol("password hunter2 in row 7".to_owned()).into())
}

#[utoipa::path(get, path = "/v1/secret", responses((status = 200)))]
async fn secret(caller: Authenticated) -> Result<String, Problem> {
    caller.require_any(&[Role::Admin, Role::Service])?;
    Ok(caller.subject().map_or_else(|| "service".to_owned(), |id| id.to_string()))
}

#[utoipa::path(get, path = "/v1/greeting", responses((status = 200)))]
async fn greeting(caller: Option<Authenticated>) -> String {
    caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.email().unwrap_or("service").to_owned())
}

#[derive(Clone)]
struct State(Verifier);

impl FromRef<State> for Verifier {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

/// The routes of the test service, with a verifier.
pub fn api(verifier: Verifier) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(create))
        .routes(routes!(panics))
        .routes(routes!(slow))
        .routes(routes!(broken))
        .routes(routes!(secret))
        .routes(routes!(greeting))
        .with_state(State(verifier))
}

/// The test service with changed settings.
pub fn service_with(change: impl FnOnce(&mut Settings)) -> Service {
    let mut settings = Settings::for_test();
    change(&mut settings);
    let keys = Keys::fixed(&Issuer::from_seed([7; 32]).unwrap().jwks());
    let verifier = Verifier::new(keys, settings.service_token.clone());
    Context::new(&SPEC, settings).finish(api(verifier))
}

/// The test service.
pub fn service() -> Service {
    service_with(|_| ())
}

/// An answer, completely read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends one request without a socket.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// `GET` of a path.
pub async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// A request with a JSON body.
pub async fn send_json(router: &Router, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    send(router, request.body(body.into()).unwrap()).await
}

/// The value of one series, by its exact text up to the blank.
pub fn value(exposition: &str, series: &str) -> Option<f64> {
    let line = exposition.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line[series.len()..].split_whitespace().next()?.parse().ok()
}
