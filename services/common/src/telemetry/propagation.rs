//! W3C trace context (`traceparent`, `tracestate`) in HTTP headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The trace that a request belongs to; an empty context when it names none or a malformed one.
#[must_use]
pub fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Incoming(headers))
}

/// Writes a trace into the headers of a request to another service.
pub fn inject(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut Outgoing(headers));
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::TraceContextExt as _;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_survives_the_way_in_and_out() {
        let incoming =
            HeaderMap::from_iter([(HeaderName::from_static("traceparent"), HeaderValue::from_static(PARENT))]);
        let context = extract(&incoming);
        assert_eq!(context.span().span_context().trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        let mut outgoing = HeaderMap::new();
        inject(&context, &mut outgoing);
        assert_eq!(outgoing["traceparent"], PARENT);
    }

    #[test]
    fn a_malformed_parent_is_no_parent() {
        for value in ["", "00-0-0-01", "garbage", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
            let value = HeaderValue::from_static(value);
            let context = extract(&HeaderMap::from_iter([(HeaderName::from_static("traceparent"), value)]));
            assert!(!context.span().span_context().is_valid());
        }
    }
}
