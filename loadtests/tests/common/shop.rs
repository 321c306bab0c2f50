//! A stand-in for the three services on one port, which counts what it is asked.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use loadtests::Services;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the stand-in does besides answering.
#[derive(Debug, Default)]
pub struct Shop {
    /// Requests by method and path pattern, with the status they got.
    pub seen: Mutex<BTreeMap<String, u64>>,
    /// Answers are held back from the first to the second.
    pub stall: Mutex<Option<(Instant, Instant)>>,
    /// Every so many requests (0: none) one is answered with status 500.
    pub fail_every: AtomicU64,
    next: AtomicU64,
    traced: AtomicU64,
    addresses: Mutex<BTreeSet<String>>,
}

impl Shop {
    /// Starts it on a thread of its own.
    pub fn open() -> (Arc<Self>, Services) {
        let shop = Arc::new(Self::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = router(shop.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        (shop, Services { users: url.clone(), orders: url.clone(), notifications: url })
    }

    /// All requests so far.
    pub fn total(&self) -> u64 {
        self.seen.lock().unwrap().values().sum()
    }

    /// Requests that carried a trace context.
    pub fn traced(&self) -> u64 {
        self.traced.load(Ordering::Relaxed)
    }

    /// Holds back answers from `after` now, for `length`.
    pub fn stall(&self, after: Duration, length: Duration) {
        let from = Instant::now() + after;
        *self.stall.lock().unwrap() = Some((from, from + length));
    }
}

fn router(shop: Arc<Shop>) -> Router {
    let list =
        |h: HeaderMap| async move { (allowed(&h), Json(json!({"items": [{"id": "id-0"}], "next_cursor": null}))) };
    let stock = || async { Json(json!({"sku": "a", "on_hand": 5, "reserved": 0})) };
    Router::new()
        .route("/v1/users", post(register).get(list))
        .route("/v1/users/me", get(|h: HeaderMap| async move { (allowed(&h), Json(json!({}))) }))
        .route("/v1/users/{id}", patch(|h: HeaderMap| async move { (allowed(&h), Json(json!({}))) }))
        .route("/v1/sessions", post(session))
        .route("/v1/sessions/refresh", post(session))
        .route("/v1/sessions/current", delete(|| async { StatusCode::NO_CONTENT }))
        .route("/v1/products", get(|| async { Json(json!({"items": [{"sku": "a"}, {"sku": "b"}]})) }))
        .route("/v1/inventory/{sku}", get(stock).put(stock))
        .route("/v1/orders", post(order).get(list))
        .route(
            "/v1/orders/{id}",
            get(|Path(id): Path<String>| async move {
                Json(json!({"id": id, "status": "confirmed", "payment": {"status": "captured"}}))
            }),
        )
        .route("/v1/orders/{id}/payment", post(|| async { StatusCode::ACCEPTED }))
        .route("/v1/orders/{id}/cancel", post(|| async { StatusCode::OK }))
        .route("/v1/notifications", get(list))
        .route("/v1/preferences", get(|| async { Json(json!({})) }).put(|_: Json<Value>| async { Json(json!({})) }))
        .layer(from_fn_with_state(shop.clone(), watch))
        .with_state(shop)
}

async fn register(shop: State<Arc<Shop>>, body: Json<Value>) -> (StatusCode, Json<Value>) {
    let new = shop.addresses.lock().unwrap().insert(body["email"].to_string());
    let status = if new { StatusCode::CREATED } else { StatusCode::CONFLICT };
    (status, Json(json!({"id": id(&shop)})))
}

async fn watch(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let key = format!("{} {}", request.method(), request.uri().path());
    *shop.seen.lock().unwrap().entry(key).or_default() += 1;
    let traced = request.headers().get("traceparent").is_some_and(|value| value.len() == 55);
    shop.traced.fetch_add(u64::from(traced), Ordering::Relaxed);
    let stall = *shop.stall.lock().unwrap();
    if let Some((from, to)) = stall
        && Instant::now() >= from
    {
        tokio::time::sleep(to.saturating_duration_since(Instant::now())).await;
    }
    let every = shop.fail_every.load(Ordering::Relaxed);
    if every > 0 && shop.total().is_multiple_of(every) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    next.run(request).await
}

fn id(shop: &Shop) -> String {
    format!("id-{}", shop.next.fetch_add(1, Ordering::Relaxed))
}

fn allowed(headers: &HeaderMap) -> StatusCode {
    match headers.get("authorization").and_then(|value| value.to_str().ok()) {
        Some("Bearer token") => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

async fn session(_: Json<Value>) -> Json<Value> {
    Json(json!({"access_token": "token", "refresh_token": "refresh", "expires_in": 900}))
}

async fn order(shop: State<Arc<Shop>>, headers: HeaderMap, body: Json<Value>) -> (StatusCode, Json<Value>) {
    let keyed = headers.contains_key("idempotency-key");
    let filled = body["items"].as_array().is_some_and(|items| !items.is_empty());
    let status = if keyed && filled { StatusCode::CREATED } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({"id": id(&shop), "status": "reserved"})))
}
