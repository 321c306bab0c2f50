//! A whole service for one test.

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use order_service::SPEC;
use order_service::config::Config;
use order_service::domain::Method;
use order_service::payment::{Capture, CaptureRequest, PaymentProvider, ProviderError, SimulatedProvider};
use serde_json::{Value, json};
use service_common::config::DatabaseUrl;
use service_common::{Context, Faults, Reader, Role, Service};
use service_testing::{Answer, Backend, TestDatabase, Tokens, answer, ask, metric};
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A service, and tokens for it.
#[derive(Debug)]
pub struct Rig {
    pub service: Service,
    tokens: Tokens,
    pub user: Uuid,
    _database: Option<TestDatabase>,
}

/// Configuration with short pauses.
pub fn config() -> Config {
    let env = [("PAYMENT_RETRY_MS", "5"), ("PAYMENT_MAX_ATTEMPTS", "3"), ("SIMULATED_PAYMENT_LATENCY_MS", "0")];
    let mut reader = Reader::new(&env);
    let config = Config::read(&mut reader);
    reader.finish().unwrap();
    config
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(config(), simulated(), None).await
    }

    pub async fn with(config: Config, provider: Arc<dyn PaymentProvider>, database: Option<&DatabaseUrl>) -> Self {
        let tokens = Tokens::new("ada@example.com");
        let (cx, fresh) = context(database).await;
        let service = order_service::assemble(cx, &config, tokens.verifier(), provider).await.unwrap();
        Self { service, tokens, user: Uuid::now_v7(), _database: fresh }
    }

    /// A token of a user.
    pub fn token_of(&self, user: Uuid, roles: &[Role]) -> String {
        self.tokens.of(user, roles)
    }

    pub fn token(&self) -> String {
        self.token_of(self.user, &[Role::User])
    }

    pub fn admin(&self) -> String {
        self.tokens.admin()
    }

    /// Sends a request as the rig's user.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.token(), method, path, body, &[]).await
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

    pub async fn send(&self, request: Request<Body>) -> Answer {
        answer::send(&self.service.api, request).await
    }

    /// Creates an order and returns its id.
    pub async fn order(&self, sku: &str, quantity: i64) -> String {
        let body = json!({ "items": [{ "sku": sku, "quantity": quantity }] });
        let answer = self.call("POST", "/v1/orders", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn pay(&self, order: &str, method: &str) -> Answer {
        self.call("POST", &format!("/v1/orders/{order}/payment"), Some(json!({ "method": method }))).await
    }

    /// Waits until an order satisfies a condition, and returns it.
    #[track_caller]
    pub fn until<'a>(&'a self, order: &'a str, condition: fn(&Value) -> bool) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..1_000 {
                let found = self.call("GET", &format!("/v1/orders/{order}"), None).await.json();
                if condition(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("order {order} did not get there, see {caller}");
        }
    }

    pub async fn stock(&self, sku: &str) -> (i64, i64) {
        let stock = self.call("GET", &format!("/v1/inventory/{sku}"), None).await.json();
        (stock["on_hand"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap())
    }

    pub async fn set_stock(&self, sku: &str, on_hand: i64) -> Answer {
        let body = json!({ "on_hand": on_hand });
        self.call_as(&self.admin(), "PUT", &format!("/v1/inventory/{sku}"), Some(body), &[]).await
    }

    /// The value of a series, without its `service` label.
    pub async fn metric(&self, series: &str) -> f64 {
        metric(&self.service.admin, series).await
    }

    /// Waits for a metric to have a value: counters follow what the database says.
    #[track_caller]
    pub fn until_metric<'a>(&'a self, series: &'a str, value: f64) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..1_000 {
                if self.metric(series).await == value {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("{series} did not become {value}, see {caller}");
        }
    }

    /// Ends the tasks at once, as a crash would.
    pub async fn crash(&self) {
        self.service.tasks.drain(Duration::ZERO).await;
    }
}

pub fn simulated() -> Arc<dyn PaymentProvider> {
    Arc::new(SimulatedProvider::new(Duration::ZERO, Faults::default()))
}

/// A provider that never answers.
#[derive(Debug, Default)]
pub struct Silent {
    pub asked: AtomicUsize,
}

#[async_trait]
impl PaymentProvider for Silent {
    async fn capture(&self, _: &CaptureRequest) -> Result<Capture, ProviderError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn refund(&self, _: Uuid, _: i64) -> Result<(), ProviderError> {
        Err(ProviderError::Failed("silent".to_owned()))
    }
}

/// A provider that remembers what it captured, and fails a number of times first.
#[derive(Debug, Default)]
pub struct Recording {
    pub captured: Mutex<Vec<Uuid>>,
    pub refunded: Mutex<Vec<Uuid>>,
    pub failures_left: AtomicUsize,
}

#[async_trait]
impl PaymentProvider for Recording {
    async fn capture(&self, request: &CaptureRequest) -> Result<Capture, ProviderError> {
        let failing = self.failures_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if failing.is_ok() {
            return Err(ProviderError::Failed("not yet".to_owned()));
        }
        assert_eq!(request.method, Method::Card);
        self.captured.lock().unwrap().push(request.payment_id);
        Ok(Capture::Captured { reference: request.payment_id.to_string() })
    }

    async fn refund(&self, payment_id: Uuid, _: i64) -> Result<(), ProviderError> {
        self.refunded.lock().unwrap().push(payment_id);
        Ok(())
    }
}
