//! Logs and traces.
//!
//! Logs are JSON, one event a line, with the trace they belong to. Spans are made whether or not a collector is
//! configured, so that logs of several services can be joined; they are sampled and exported only when it is.

mod counted;
mod log;
pub mod propagation;

use crate::config::Settings;
use crate::service::Spec;
use counted::{CountedExporter, CountedProcessor, SpanCounts};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, TracerProviderBuilder,
};
use std::time::Duration;
use tracing::Dispatch;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry};

/// Finished spans that wait for export; when it is full, further ones are dropped rather than slowing requests down.
const QUEUE_SIZE: usize = 16_384;
/// Longest wait for the collector when the service stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter refuses its configuration.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}; give a URL such as http://127.0.0.1:4317")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The log filter cannot be read.
    #[error("RUST_LOG: {0}; give a filter such as info")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a subscriber already.
    #[error("telemetry was set up twice in this process: {0}")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Keeps telemetry alive; spans still waiting are sent by [`Guard::flush`].
#[derive(Debug)]
#[must_use = "without it, spans that wait for export are lost"]
pub struct Guard {
    provider: SdkTracerProvider,
    counts: SpanCounts,
}

impl Guard {
    /// Adds the counters of spans: ended, exported, failed. What ended and is neither of the others waits or was
    /// dropped.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        self.counts.register(registry);
    }

    /// Sends the spans that wait, and stops the exporter.
    pub async fn flush(self) {
        // The exporter blocks its caller until the collector has answered.
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "spans were lost at shutdown");
        }
    }
}

/// Sets up logs and traces for the whole process. Must be called within a Tokio runtime when a collector is configured.
///
/// # Errors
/// When the configuration cannot be used, or telemetry was set up before.
pub fn init<W>(spec: &Spec, settings: &Settings, sink: W) -> Result<Guard, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (dispatch, guard) = build(spec, settings, sink)?;
    tracing::dispatcher::set_global_default(dispatch)?;
    Ok(guard)
}

/// As [`init`], but leaves it to the caller where the subscriber applies (tests use one each).
///
/// # Errors
/// When the configuration cannot be used.
pub fn build<W>(spec: &Spec, settings: &Settings, sink: W) -> Result<(Dispatch, Guard), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let counts = SpanCounts::default();
    let provider = provider(spec, settings, &counts)?;
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(spec.name))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        // Spans of the transport below the exporter would be exported in turn, without end.
        .with_filter(filter_fn(|metadata| !is_transport(metadata.target())))
        .with_filter(LevelFilter::INFO);
    let logs = log::JsonLayer::new(spec.name, sink).with_filter(EnvFilter::try_new(&settings.log_filter)?);
    Ok((Dispatch::new(Registry::default().with(traces).with(logs)), Guard { provider, counts }))
}

fn is_transport(target: &str) -> bool {
    ["h2", "hyper", "hyper_util", "tonic", "tower", "reqwest", "opentelemetry"]
        .into_iter()
        .any(|name| target.split("::").next().is_some_and(|root| root == name || root.starts_with("opentelemetry")))
}

fn provider(spec: &Spec, settings: &Settings, counts: &SpanCounts) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder()
        .with_service_name(spec.name)
        .with_attributes([
            KeyValue::new("service.version", spec.version),
            KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ])
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    match &settings.otlp_endpoint {
        Some(endpoint) => Ok(exporting(builder, endpoint, settings.sample_ratio, counts)?.build()),
        // Nobody would keep the spans: an exemplar or a header must not claim that somebody did.
        None => Ok(builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build()),
    }
}

fn exporting(
    builder: TracerProviderBuilder,
    endpoint: &str,
    ratio: f64,
    counts: &SpanCounts,
) -> Result<TracerProviderBuilder, TelemetryError> {
    let exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(Duration::from_secs(5)).build()?;
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SIZE)
        .with_max_export_batch_size(1_024)
        .with_scheduled_delay(Duration::from_secs(1))
        .build();
    let processor =
        BatchSpanProcessor::builder(CountedExporter::new(exporter, counts.clone())).with_batch_config(batch).build();
    Ok(builder
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_span_processor(CountedProcessor::new(processor, counts.clone())))
}
