//! A whole service for one test.

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use notification_service::config::Config;
use notification_service::delivery::{Message, SendError, Sender, Senders};
use secrecy::SecretString;
use serde_json::{Value, json};
use service_common::auth::{Claims, Issuer, Keys};
use service_common::config::DatabaseUrl;
use service_common::{Context, Reader, Role, Service, Verifier};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt as _;
use uuid::Uuid;

pub const SERVICE_TOKEN: &str = "test-service-token";
pub const ADA: &str = "ada@example.com";

/// A service, and tokens for it.
#[derive(Debug)]
pub struct Rig {
    pub service: Service,
    pub sender: Arc<Scripted>,
    issuer: Issuer,
    pub user: Uuid,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// Asserts status and type of a problem, and returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], kind, "{problem}");
        problem
    }
}

/// A sender that answers as it was told, then with success, and remembers what it was given.
#[derive(Debug, Default)]
pub struct Scripted {
    answers: Mutex<VecDeque<Result<(), SendError>>>,
    pub sent: Mutex<Vec<(Uuid, String, String)>>,
}

impl Scripted {
    pub fn failing(times: usize) -> Arc<Self> {
        let answers = (0..times).map(|_| Err(SendError::Temporary("busy".to_owned()))).collect();
        Arc::new(Self { answers: Mutex::new(answers), sent: Mutex::default() })
    }

    pub fn refusing() -> Arc<Self> {
        let answers = VecDeque::from([Err(SendError::Permanent("no such mailbox".to_owned()))]);
        Arc::new(Self { answers: Mutex::new(answers), sent: Mutex::default() })
    }

    pub fn deliveries(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl Sender for Scripted {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(()));
        if answer.is_ok() {
            self.sent.lock().unwrap().push((message.id, message.to.to_owned(), message.subject.to_owned()));
        }
        answer
    }
}

/// A sender that never answers.
#[derive(Debug)]
pub struct Silent;

#[async_trait]
impl Sender for Silent {
    async fn send(&self, _: &Message<'_>) -> Result<(), SendError> {
        std::future::pending().await
    }
}

/// Configuration with short pauses.
pub fn config() -> Config {
    let env = [("DELIVERY_RETRY_MS", "5"), ("DELIVERY_MAX_ATTEMPTS", "3")];
    let mut reader = Reader::new(&env);
    let config = Config::read(&mut reader);
    reader.finish().unwrap();
    config
}

impl Rig {
    pub async fn new() -> Self {
        Self::sending_with(Arc::new(Scripted::default())).await
    }

    pub async fn sending_with(sender: Arc<Scripted>) -> Self {
        Self::with(config(), sender.clone(), sender, None).await
    }

    pub async fn with(config: Config, used: Arc<dyn Sender>, sender: Arc<Scripted>, file: Option<&Path>) -> Self {
        let issuer = Issuer::generate().unwrap();
        let verifier = Verifier::new(Keys::fixed(&issuer.jwks()), Some(SecretString::from(SERVICE_TOKEN)));
        let mut cx = Context::for_test(&notification_service::SPEC);
        if let Some(file) = file {
            cx.settings.database = DatabaseUrl::File(file.to_owned());
        }
        let service = notification_service::assemble(cx, config, verifier, Senders::all(used)).await.unwrap();
        Self { service, sender, issuer, user: Uuid::now_v7() }
    }

    pub fn token_of(&self, user: Uuid, roles: &[Role]) -> String {
        let now = chrono::Utc::now().timestamp();
        self.issuer.sign(&Claims::new(user, ADA, roles, now, 900)).unwrap()
    }

    pub fn token(&self) -> String {
        self.token_of(self.user, &[Role::User])
    }

    pub fn admin(&self) -> String {
        self.token_of(Uuid::now_v7(), &[Role::User, Role::Admin])
    }

    /// Sends a request as another service.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(SERVICE_TOKEN, method, path, body, &[]).await
    }

    pub async fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        answer(self.service.api.clone().oneshot(request.body(body).unwrap()).await.unwrap()).await
    }

    /// What order-service sends when an order is confirmed.
    pub fn confirmation(&self, order: &str) -> Value {
        json!({
            "channel": "email", "to": ADA, "template": "order_confirmed",
            "data": { "order_id": order, "user_id": self.user, "total": 1_890, "currency": "EUR" }
        })
    }

    /// Accepts a confirmation and returns its id.
    pub async fn notify(&self, order: &str) -> String {
        let answer = self.call("POST", "/v1/notifications", Some(self.confirmation(order))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a notification has a status, and returns it.
    pub async fn until(&self, id: &str, status: &str) -> Value {
        for _ in 0..1_000 {
            let found = self.call("GET", &format!("/v1/notifications/{id}"), None).await.json();
            if found["status"] == status {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("notification {id} did not become {status}");
    }

    /// The value of a series in the exposition, without its `service` label.
    pub async fn metric(&self, series: &str) -> f64 {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let text = answer(self.service.admin.clone().oneshot(request).await.unwrap()).await.text;
        let value = text.lines().find_map(|line| {
            let (found, value) = line.split_once("} ")?;
            let found = found.replace("service=\"notification-service\",", "");
            let found = format!("{}}}", found.replace("service=\"notification-service\"", "")).replace("{}", "");
            (found == series).then(|| value.to_owned())
        });
        let value = value.unwrap_or_else(|| panic!("{series} is missing in\n{text}"));
        value.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Ends the tasks at once, as a crash would.
    pub async fn crash(&self) {
        self.service.tasks.drain(Duration::ZERO).await;
    }
}

async fn answer(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}
