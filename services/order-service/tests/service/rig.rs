//! A whole service for one test.

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use order_service::config::Config;
use order_service::domain::Method;
use order_service::payment::{Capture, CaptureRequest, PaymentProvider, ProviderError, SimulatedProvider};
use secrecy::SecretString;
use serde_json::{Value, json};
use service_common::auth::{Claims, Issuer, Keys};
use service_common::config::DatabaseUrl;
use service_common::{Context, Faults, Reader, Role, Service, Verifier};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt as _;
use uuid::Uuid;

pub const SERVICE_TOKEN: &str = "test-service-token";

/// A service, and tokens for it.
#[derive(Debug)]
pub struct Rig {
    pub service: Service,
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
        assert_eq!(problem["status"], status);
        problem
    }
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

    pub async fn with(config: Config, provider: Arc<dyn PaymentProvider>, file: Option<&Path>) -> Self {
        let issuer = Issuer::generate().unwrap();
        let keys = Keys::fixed(&issuer.jwks());
        let verifier = Verifier::new(keys, Some(SecretString::from(SERVICE_TOKEN)));
        let mut cx = Context::for_test(&order_service::SPEC);
        if let Some(file) = file {
            cx.settings.database = DatabaseUrl::File(file.to_owned());
        }
        let service = order_service::assemble(cx, &config, verifier, provider).await.unwrap();
        Self { service, issuer, user: Uuid::now_v7() }
    }

    /// A token of a user.
    pub fn token_of(&self, user: Uuid, roles: &[Role]) -> String {
        let now = chrono::Utc::now().timestamp();
        self.issuer.sign(&Claims::new(user, "ada@example.com", roles, now, 900)).unwrap()
    }

    pub fn token(&self) -> String {
        self.token_of(self.user, &[Role::User])
    }

    pub fn admin(&self) -> String {
        self.token_of(Uuid::now_v7(), &[Role::User, Role::Admin])
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
        self.send(request.body(body).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.service.api.clone().oneshot(request).await.unwrap()).await
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

    /// The value of a series in the exposition, without its `service` label.
    pub async fn metric(&self, series: &str) -> f64 {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let text = answer(self.service.admin.clone().oneshot(request).await.unwrap()).await.text;
        let line = text.lines().find_map(|line| {
            let (found, value) = line.split_once("} ")?;
            let found = found.replace("service=\"order-service\",", "").replace("service=\"order-service\"", "");
            (format!("{found}}}").replace("{}", "") == series).then(|| value.to_owned())
        });
        let line = line.unwrap_or_else(|| panic!("{series} is missing in\n{text}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
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
