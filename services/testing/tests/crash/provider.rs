//! A payment provider that remembers every capture, and user-service's keys.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use service_testing::Tokens;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// For each order the keys of its captures: one key is one movement of money, however often it comes.
pub type Captures = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

async fn capture(State(captures): State<Captures>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let order = body["order_id"].as_str().unwrap().to_owned();
    captures.lock().unwrap().entry(order).or_default().insert(key.clone());
    Json(json!({ "reference": key }))
}

/// Serves both. Returns their URL.
pub async fn serve(tokens: &Tokens) -> (String, Captures) {
    let captures = Captures::default();
    let set = serde_json::to_string(&tokens.issuer().jwks()).unwrap();
    let router = Router::new()
        .route("/v1/captures", post(capture))
        .with_state(Arc::clone(&captures))
        .route("/.well-known/jwks.json", get(async move || set));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, captures)
}
