//! Calls to other services: traced, limited in time, repeated only where that is safe.

use crate::faults::{Faults, SLOW_DEPENDENCY};
use crate::telemetry::propagation;
use axum::http::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Further attempts of one call.
const MAX_RETRIES: u32 = 2;
/// Pause before the first further attempt; doubled for each one after it, and shortened by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// What a call pays into the retry budget, and what a further attempt takes out: at most one in ten in the long run,
/// so that a failing peer is not hit with a multiple of its load.
const DEPOSIT: i64 = 1;
const WITHDRAWAL: i64 = 10;
const MAX_BUDGET: i64 = 1_000;
const FIRST_BUDGET: i64 = 100;

/// Why a call failed. An answer with an error status is an answer, not a failure.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The request cannot be built.
    #[error("cannot build the request: {0}")]
    Build(#[source] reqwest::Error),
    /// No answer came in time.
    #[error("no answer in time: {0}")]
    Timeout(#[source] reqwest::Error),
    /// The peer cannot be reached or broke off.
    #[error("cannot reach the peer: {0}")]
    Transport(#[source] reqwest::Error),
}

/// A client of other services.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    token: Option<SecretString>,
    budget: Arc<AtomicI64>,
    faults: Faults,
}

impl Client {
    /// A client with a time limit for each attempt; it authenticates itself with the services' shared token, if given.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(timeout: Duration, token: Option<SecretString>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(1)))
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            // Peers are addressed inside the platform; a proxy of the environment is for the world outside.
            .no_proxy()
            .build()?;
        Ok(Self { http, token, budget: Arc::new(AtomicI64::new(FIRST_BUDGET)), faults: Faults::default() })
    }

    /// The same client, which these faults make slow.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    /// The client below, for callers that do without spans and repetition.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request within a client span. It is repeated when it cannot do harm (an idempotent method, or an
    /// `Idempotency-Key` header) and the peer was not reached or answered 502, 503 or 504.
    ///
    /// # Errors
    /// When the last attempt brought no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, OutboundError> {
        let request = request.build().map_err(OutboundError::Build)?;
        if let Some(delay) = self.faults.strikes(SLOW_DEPENDENCY, "outbound").and_then(|fault| fault.latency_ms) {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let repeatable = is_repeatable(&request);
        self.budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some((left + DEPOSIT).min(MAX_BUDGET)))
            .ok();
        let mut attempt = 0;
        loop {
            let copy = if repeatable { request.try_clone() } else { None };
            let Some(copy) = copy else { return self.attempt(request, attempt).await };
            let result = self.attempt(copy, attempt).await;
            if attempt == MAX_RETRIES || !is_temporary(&result) || !self.withdraw() {
                return result;
            }
            let pause = FIRST_PAUSE * 2_u32.pow(attempt);
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, mut request: reqwest::Request, attempt: u32) -> Result<Response, OutboundError> {
        let span = tracing::info_span!(
            "call",
            otel.name = request.method().as_str(),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            http.request.method = request.method().as_str(),
            http.request.resend_count = attempt,
            http.response.status_code = tracing::field::Empty,
            server.address = request.url().host_str(),
            server.port = request.url().port_or_known_default(),
            url.full = %format_args!("{}{}", request.url().origin().ascii_serialization(), request.url().path()),
            error.r#type = tracing::field::Empty,
        );
        propagation::inject(&span.context(), request.headers_mut());
        let result = self.http.execute(request).instrument(span.clone()).await;
        match &result {
            Ok(response) => {
                span.record("http.response.status_code", response.status().as_u16());
                if response.status().is_client_error() || response.status().is_server_error() {
                    span.record("otel.status_code", "ERROR");
                    span.record("error.type", response.status().as_str());
                }
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", if error.is_timeout() { "timeout" } else { "transport" });
            }
        }
        result.map_err(|error| {
            // The URL may hold an identifier of a person; the span has it without the query.
            let error = error.without_url();
            if error.is_timeout() { OutboundError::Timeout(error) } else { OutboundError::Transport(error) }
        })
    }

    fn withdraw(&self) -> bool {
        self.budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left >= WITHDRAWAL).then(|| left - WITHDRAWAL))
            .is_ok()
    }
}

fn is_repeatable(request: &reqwest::Request) -> bool {
    let key: Option<&HeaderValue> = request.headers().get("idempotency-key");
    key.is_some() || matches!(*request.method(), Method::GET | Method::HEAD | Method::PUT | Method::DELETE)
}

fn is_temporary(result: &Result<Response, OutboundError>) -> bool {
    match result {
        Ok(response) => matches!(
            response.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(OutboundError::Build(_)) => false,
        Err(OutboundError::Timeout(_) | OutboundError::Transport(_)) => true,
    }
}
