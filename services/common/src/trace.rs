//! Traces that go on after their request: work and events keep the `traceparent` of their cause.

use crate::telemetry::propagation;
use axum::http::{HeaderMap, HeaderValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// The current span as a `traceparent`; `None` where no trace is kept.
#[must_use]
pub fn current() -> Option<String> {
    let mut headers = HeaderMap::new();
    propagation::inject(&Span::current().context(), &mut headers);
    headers.get(TRACEPARENT)?.to_str().ok().map(ToOwned::to_owned)
}

/// Makes a new span a child of a kept `traceparent`. It must not have been entered yet.
pub fn resume(span: &Span, traceparent: Option<&str>) {
    let Some(value) = traceparent.and_then(|text| HeaderValue::from_str(text).ok()) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, value);
    // This fails only where no spans are recorded at all.
    let _ = span.set_parent(propagation::extract(&headers));
}
