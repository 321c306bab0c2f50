//! Counts spans on their way out: those that ended and were never exported were dropped, which is to be alerted on.

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// How many sampled spans ended, were exported, and failed to be.
#[derive(Debug, Clone, Default)]
pub(super) struct SpanCounts {
    ended: Counter,
    exported: Counter,
    failed: Counter,
}

impl SpanCounts {
    /// Registers `otel_spans_ended_total`, `otel_spans_exported_total` and `otel_spans_failed_total`.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("otel_spans_ended", "Sampled spans that ended", self.ended.clone());
        registry.register("otel_spans_exported", "Spans that the collector took", self.exported.clone());
        registry.register("otel_spans_failed", "Spans that the collector did not take", self.failed.clone());
    }
}

/// An exporter that counts what became of its spans.
#[derive(Debug)]
pub(super) struct CountedExporter<E> {
    inner: E,
    counts: SpanCounts,
}

impl<E> CountedExporter<E> {
    pub(super) fn new(inner: E, counts: SpanCounts) -> Self {
        Self { inner, counts }
    }
}

impl<E: SpanExporter> SpanExporter for CountedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.inner.export(batch).await;
        let counter = if result.is_ok() { &self.counts.exported } else { &self.counts.failed };
        counter.inc_by(spans);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A processor that counts the spans it is given.
#[derive(Debug)]
pub(super) struct CountedProcessor<P> {
    inner: P,
    counts: SpanCounts,
}

impl<P> CountedProcessor<P> {
    pub(super) fn new(inner: P, counts: SpanCounts) -> Self {
        Self { inner, counts }
    }
}

impl<P: SpanProcessor> SpanProcessor for CountedProcessor<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.counts.ended.inc();
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
