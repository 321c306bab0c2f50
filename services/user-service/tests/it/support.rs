//! The service on a database of its own, and how to ask it.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use service_common::{Context, Service};
use service_testing::{Backend, TestDatabase};
use std::sync::Arc;
use tower::ServiceExt as _;
use user_service::{App, Config, SPEC};

pub const PASSWORD: &str = "correct horse battery";
pub const ADMIN: (&str, &str) = ("admin@example.com", "admin password");

/// A running service without sockets.
pub struct Platform {
    pub service: Service,
    pub app: App,
    _database: Arc<TestDatabase>,
}

/// An answer, completely read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:?}")).to_owned()
    }

    /// Checks that this is a problem of a status, and returns its detail.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status);
        self.body["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// Names of the refused fields.
    #[track_caller]
    pub fn fields(&self) -> Vec<String> {
        self.problem(422);
        let errors = self.body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

/// A new database of the kind that this test target is for.
pub async fn database() -> TestDatabase {
    Backend::of(env!("CARGO_CRATE_NAME")).database().await
}

impl Platform {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::over(Arc::new(database().await), change).await
    }

    /// Over a database that others may use too.
    pub async fn over(database: Arc<TestDatabase>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_test();
        config.admin = Some((ADMIN.0.to_owned(), SecretString::from(ADMIN.1.to_owned())));
        change(&mut config);
        let mut cx = Context::for_test(&SPEC);
        cx.settings.database = database.url.clone();
        let (service, app) = user_service::build_with_state(cx, config).await.unwrap();
        Self { service, app, _database: database }
    }

    /// Sends a request: method and path in one text, a token if any, further headers, a body if any.
    pub async fn ask(&self, line: &str, token: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        send(&self.service.api, line, token, headers, body).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(&format!("GET {path}"), token, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(&format!("POST {path}"), "", &[], Some(body)).await
    }

    pub async fn register(&self, email: &str) -> Answer {
        self.post("/v1/users", json!({"email": email, "password": PASSWORD, "name": "Ada"})).await
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/sessions", json!({"email": email, "password": password})).await
    }

    /// A new user: identifier, access token, refresh token.
    pub async fn user(&self, email: &str) -> (String, String, String) {
        let id = self.register(email).await.text("id");
        let session = self.login(email, PASSWORD).await;
        (id, session.text("access_token"), session.text("refresh_token"))
    }

    /// The administrator's access token.
    pub async fn admin(&self) -> String {
        self.login(ADMIN.0, ADMIN.1).await.text("access_token")
    }

    /// The value of a series.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let response =
            self.service.admin.clone().oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line[series.len()..].trim().parse().ok()
    }
}

async fn send(router: &Router, line: &str, token: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let (parts, body) = router.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}
