//! Log events as JSON lines.

use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Value};
use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Writes each event as one JSON object: `timestamp`, `level`, `service`, `target`, `message`, the event's fields, and
/// `trace_id` and `span_id` when it happened within a span.
pub(super) struct JsonLayer<W> {
    service: &'static str,
    sink: W,
    dispatch: OnceLock<WeakDispatch>,
}

impl<W> JsonLayer<W> {
    pub(super) fn new(service: &'static str, sink: W) -> Self {
        Self { service, sink, dispatch: OnceLock::new() }
    }
}

impl<S, W> Layer<S> for JsonLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // Registered once; a second time it would be the same subscriber.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Map::new();
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        fields.insert("timestamp".to_owned(), now.into());
        fields.insert("level".to_owned(), metadata.level().as_str().into());
        fields.insert("service".to_owned(), self.service.into());
        fields.insert("target".to_owned(), metadata.target().into());
        event.record(&mut Fields(&mut fields));
        if let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade)
            && let Some(id) = event.parent().cloned().or_else(|| context.current_span().id().cloned())
            && let Some(trace) = get_otel_context(&id, &dispatch)
        {
            let span = trace.span().span_context().clone();
            if span.is_valid() {
                fields.insert("trace_id".to_owned(), span.trace_id().to_string().into());
                fields.insert("span_id".to_owned(), span.span_id().to_string().into());
            }
        }
        let mut line = Value::Object(fields).to_string();
        line.push('\n');
        // A log that cannot be written must not stop the service.
        let _ = self.sink.make_writer_for(metadata).write_all(line.as_bytes());
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
