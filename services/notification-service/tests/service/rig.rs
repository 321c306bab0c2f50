//! A whole service for one test.

use async_trait::async_trait;
use axum::http::StatusCode;
use notification_service::SPEC;
use notification_service::config::Config;
use notification_service::delivery::{Message, SendError, Sender, Senders};
use serde_json::{Value, json};
use service_common::config::DatabaseUrl;
use service_common::{Context, Reader, Role, Service};
use service_testing::{Answer, Backend, TestDatabase, Tokens, ask, metric};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

pub use service_testing::SERVICE_TOKEN;

/// A new database of the kind that this test target is for.
pub async fn database() -> TestDatabase {
    Backend::of(env!("CARGO_CRATE_NAME")).database().await
}

/// A context over a given database or a new one, which lives as long as the second value.
pub async fn context(database: Option<&DatabaseUrl>) -> (Context, Option<TestDatabase>) {
    let mut cx = Context::for_test(&SPEC);
    let fresh = if database.is_none() { Some(self::database().await) } else { None };
    if let Some(url) = database.or(fresh.as_ref().map(|fresh| &fresh.url)) {
        cx.settings.database = url.clone();
    }
    (cx, fresh)
}

pub const ADA: &str = "ada@example.com";

/// A service, and tokens for it.
#[derive(Debug)]
pub struct Rig {
    pub service: Service,
    pub sender: Arc<Scripted>,
    tokens: Tokens,
    pub user: Uuid,
    _database: Option<TestDatabase>,
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

    pub async fn with(
        config: Config,
        used: Arc<dyn Sender>,
        sender: Arc<Scripted>,
        database: Option<&DatabaseUrl>,
    ) -> Self {
        let tokens = Tokens::new(ADA);
        let (cx, fresh) = context(database).await;
        let service = notification_service::assemble(cx, config, tokens.verifier(), Senders::all(used)).await.unwrap();
        Self { service, sender, tokens, user: Uuid::now_v7(), _database: fresh }
    }

    pub fn token_of(&self, user: Uuid, roles: &[Role]) -> String {
        self.tokens.of(user, roles)
    }

    pub fn token(&self) -> String {
        self.token_of(self.user, &[Role::User])
    }

    pub fn admin(&self) -> String {
        self.tokens.admin()
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
        ask(&self.service.api, token, method, path, body, headers).await
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

    /// The value of a series, without its `service` label.
    pub async fn metric(&self, series: &str) -> f64 {
        metric(&self.service.admin, series).await
    }

    /// Ends the tasks at once, as a crash would.
    pub async fn crash(&self) {
        self.service.tasks.drain(Duration::ZERO).await;
    }
}
