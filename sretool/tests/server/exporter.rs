//! A target whose exposition tests change while it is scraped.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::{Arc, Mutex};

/// What the exporter answers: an OpenMetrics body, or a failure.
type Answer = Arc<Mutex<Option<String>>>;

pub(crate) struct Exporter {
    pub address: String,
    answer: Answer,
}

impl Exporter {
    pub(crate) async fn start(body: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer: Answer = Arc::default();
        let router = Router::new().route("/metrics", get(expose)).with_state(answer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let exporter = Self { address, answer };
        exporter.answer(body);
        exporter
    }

    pub(crate) fn answer(&self, body: &str) {
        *self.answer.lock().unwrap() = Some(format!("{body}# EOF\n"));
    }

    pub(crate) fn fail(&self) {
        *self.answer.lock().unwrap() = None;
    }
}

async fn expose(State(answer): State<Answer>) -> Response {
    let body = answer.lock().unwrap().clone();
    match body {
        Some(body) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0")], body).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
