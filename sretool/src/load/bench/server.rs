//! The server of the bench: one thread, a small JSON answer, and where asked for a capacity or a freeze.

use crate::exit;
use crate::io::Io;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The answer of every route that needs none of its own.
const ANSWER: &str = r#"{"id":"0193a5c0-7b1e-7000-8000-5d1c3a9e2f40","status":"confirmed"}"#;

/// What Goose users need to get going.
const SESSION: &str = r#"{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":900}"#;
const PRODUCTS: &str = r#"{"items":[{"sku":"a","name":"a","price":100},{"sku":"b","name":"b","price":200}]}"#;

/// Arguments of `sretool load bench-server`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Answer so many requests a second, one after the other
    #[arg(long)]
    capacity: Option<f64>,
    /// Freeze so long after the first request of a run
    #[arg(long, value_parser = load::parse_duration, requires = "freeze_for")]
    freeze_after: Option<Duration>,
    /// Answer nothing for so long
    #[arg(long, value_parser = load::parse_duration)]
    freeze_for: Option<Duration>,
}

#[derive(Debug)]
struct Bench {
    args: ServerArgs,
    first: OnceLock<Instant>,
    free: Mutex<Instant>,
}

/// Serves until it is killed.
pub(in crate::load) fn serve(args: &ServerArgs, io: &mut Io<'_>) -> ExitCode {
    let bench = Arc::new(Bench { args: args.clone(), first: OnceLock::new(), free: Mutex::new(Instant::now()) });
    let served = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(args.listen).await?;
            io.line(format_args!("ready http://{}/", listener.local_addr()?));
            axum::serve(listener, Router::new().fallback(answer).with_state(bench)).await
        })
    });
    match served {
        Ok(()) => exit::good(),
        Err(error) => {
            io.error(error);
            exit::invalid()
        }
    }
}

async fn answer(State(bench): State<Arc<Bench>>, request: Request) -> Response {
    let path = request.uri().path();
    let set_up = *request.method() == Method::POST && (path == "/v1/users" || path == "/v1/sessions");
    bench.wait(set_up).await;
    let (status, body) = match (request.method(), path) {
        (&Method::POST, "/v1/users" | "/v1/orders" | "/v1/notifications") => (StatusCode::CREATED, ANSWER),
        (&Method::POST, "/v1/sessions" | "/v1/sessions/refresh") => (StatusCode::OK, SESSION),
        (&Method::GET, "/v1/products") => (StatusCode::OK, PRODUCTS),
        (&Method::POST, path) if path.ends_with("/payment") => (StatusCode::ACCEPTED, ANSWER),
        _ => (StatusCode::OK, ANSWER),
    };
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

impl Bench {
    async fn wait(&self, set_up: bool) {
        let now = Instant::now();
        if let Some(capacity) = self.args.capacity {
            let at = {
                let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
                *free = (*free).max(now) + Duration::from_secs_f64(1.0 / capacity);
                *free
            };
            tokio::time::sleep_until(at.into()).await;
        }
        if set_up {
            return;
        }
        if let (Some(after), Some(length)) = (self.args.freeze_after, self.args.freeze_for) {
            let begin = *self.first.get_or_init(|| now) + after;
            if now >= begin && now < begin + length {
                tokio::time::sleep_until((begin + length).into()).await;
            }
        }
    }
}
