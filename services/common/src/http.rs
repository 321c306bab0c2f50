//! What happens to every request of an API before and after its handler: identifier, span, metrics, load shedding,
//! faults, time limit, panics.

use crate::faults::Faults;
use crate::metrics::{HttpMetrics, TraceLabels, UNMATCHED};
use crate::problem::Problem;
use crate::telemetry::propagation;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::TraceContextExt as _;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Header that carries a request's identifier in both directions.
pub const REQUEST_ID: &str = "x-request-id";
/// Status under which a request is counted whose client went away before the answer.
const CLIENT_CLOSED: u16 = 499;

/// Limits of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time a handler may take; then 504.
    pub timeout: Duration,
    /// Requests handled at once; more are shed with 503.
    pub in_flight: usize,
    /// Largest request body in bytes; a larger one is refused with 413.
    pub body_bytes: usize,
}

#[derive(Debug)]
struct Shared {
    metrics: HttpMetrics,
    faults: Faults,
    limits: Limits,
    permits: Semaphore,
}

/// Puts the request layer around a complete router, and answers unknown paths and methods with problems.
pub fn wrap(router: Router, metrics: HttpMetrics, faults: Faults, limits: Limits) -> Router {
    let shared = Shared { metrics, faults, limits, permits: Semaphore::new(limits.in_flight) };
    router
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail("this path does not know the method")
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(from_fn_with_state(Arc::new(shared), observe))
}

async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let id = request_id(&request);
    let span = server_span(&request, method, &route, &id);
    let count = Count::begin(&shared.metrics, method, &route, &span);
    let mut response = answer(&shared, &route, request, next).instrument(span.clone()).await;
    finish(&span, &id, &mut response);
    count.end(response.status().as_u16());
    response
}

async fn answer(shared: &Shared, route: &str, request: Request, next: Next) -> Response {
    let Ok(_permit) = shared.permits.try_acquire() else {
        return Problem::unavailable("too many requests are being handled", 1).into_response();
    };
    if declared_length(&request).is_some_and(|length| length > shared.limits.body_bytes as u64) {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
            .detail(format!("the body may have {} bytes", shared.limits.body_bytes))
            .into_response();
    }
    let work = async {
        let effect = shared.faults.effect(route, Instant::now(), rand::random::<f64>);
        if !effect.delay.is_zero() {
            tokio::time::sleep(effect.delay).await;
        }
        if effect.fail {
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
                .kind("injected-fault", "Injected fault")
                .into_response();
        }
        next.run(request).await
    };
    tokio::time::timeout(shared.limits.timeout, work).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} ms", shared.limits.timeout.as_millis());
        Problem::new(StatusCode::GATEWAY_TIMEOUT).detail(detail).into_response()
    })
}

/// A span whose parent, if the caller sent one, is set before the span starts: later it could not be changed.
fn server_span(request: &Request, method: &'static str, route: &str, id: &str) -> Span {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let span = tracing::info_span!(
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        url.path = request.uri().path(),
        url.scheme = "http",
        user_agent.original = user_agent,
        error.r#type = tracing::field::Empty,
        request.id = id,
    );
    // This fails only where no spans are recorded at all.
    let _ = span.set_parent(propagation::extract(request.headers()));
    span
}

/// Writes the outcome into the span, the request's identifier into the response, and the cause of a failure into the
/// log.
fn finish(span: &Span, id: &str, response: &mut Response) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(cause) = problem.cause_text() {
            span.in_scope(|| tracing::error!(status = status.as_u16(), cause, "request failed"));
        }
        *response = problem.instance(id).into_response();
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
}

/// Counts a request exactly once, also when its future is dropped because the client went away.
struct Count<'a> {
    metrics: &'a HttpMetrics,
    method: &'static str,
    route: &'a str,
    span: &'a Span,
    start: Instant,
    status: u16,
}

impl<'a> Count<'a> {
    fn begin(metrics: &'a HttpMetrics, method: &'static str, route: &'a str, span: &'a Span) -> Self {
        metrics.begin();
        Self { metrics, method, route, span, start: Instant::now(), status: CLIENT_CLOSED }
    }

    fn end(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        let context = self.span.context();
        let trace = context.span().span_context().clone();
        let trace = trace.is_sampled().then(|| TraceLabels { trace_id: trace.trace_id().to_string() });
        self.metrics.end(self.method, self.route, self.status, self.start.elapsed(), trace);
    }
}

/// The caller's identifier when it is short and printable, else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) => id.to_owned(),
        _ => uuid::Uuid::now_v7().to_string(),
    }
}

/// A method that is not one of HTTP's own must not become a label value.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

fn declared_length(request: &Request) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    Problem::internal(format!("a handler panicked: {message}")).into_response()
}
