//! Remote write.

use super::Shared;
use super::error::{ApiError, ErrorType};
use crate::remote_write::{self, MetricMetadata, Version, WriteRequest};
use crate::server::metrics::Metrics;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tsdb::{Exemplar, Metadata, MetricType, Store};

/// Largest decompressed request.
const LIMIT: usize = 128 << 20;

/// What was stored, as remote write 2.0 wants it in the answer.
const WRITTEN: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

/// Answers 204 when everything was stored, 400 where a sample was refused: senders drop what a 400 refuses, and
/// repeat only what failed with 5xx.
pub(super) async fn write(State(app): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let kind = text(header::CONTENT_TYPE).unwrap_or(remote_write::CONTENT_TYPE);
    let Some(version) = Version::from_content_type(kind) else {
        return Err(ApiError::new(ErrorType::Unsupported, format!("the content type {kind:?} is not understood")));
    };
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|encoding| *encoding != "snappy") {
        let message = format!("the content encoding {encoding:?} is not understood; send snappy");
        return Err(ApiError::new(ErrorType::Unsupported, message));
    }
    // Not among the query slots: slow queries must not hold up what is written.
    let task = tokio::task::spawn_blocking(move || {
        let request = remote_write::decode_as(version, &body, LIMIT).map_err(ApiError::bad_data)?;
        let written = append(&app.store, &request);
        Metrics::count(&app.metrics.samples, "accepted", written.samples);
        Metrics::count(&app.metrics.samples, "rejected", written.refused);
        Ok(written)
    });
    let written = task.await.map_err(|e| ApiError::new(ErrorType::Internal, e))??;
    let mut response = match written.problem {
        Some(problem) => ApiError::bad_data(problem).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    for (name, count) in WRITTEN.into_iter().zip([written.samples, 0, written.exemplars]) {
        response.headers_mut().insert(name, count.into());
    }
    Ok(response)
}

/// What became of a request.
#[derive(Debug, Default)]
struct Written {
    samples: usize,
    exemplars: usize,
    refused: usize,
    problem: Option<String>,
}

/// Stores what can be stored; tells how much was refused, and why.
fn append(store: &Store, request: &WriteRequest) -> Written {
    let mut batch = Vec::new();
    let mut exemplars = Vec::new();
    let mut written = Written::default();
    for series in &request.timeseries {
        let labels = remote_write::labels(&series.labels);
        batch.extend(series.samples.iter().map(|s| (labels.clone(), s.timestamp, s.value)));
        exemplars.extend(series.exemplars.iter().map(|exemplar| (labels.clone(), exemplar)));
        written.refused += series.histograms.len();
    }
    if written.refused > 0 {
        let count = written.refused;
        written.problem = Some(format!("{count} native histograms refused: this store keeps numbers only"));
    }
    match store.append_batch(&batch) {
        Ok(accepted) => written.samples = accepted,
        Err(error) => {
            written.samples = error.accepted;
            written.refused += error.rejected.len();
            written.problem = Some(error.to_string());
        }
    }
    for (series, e) in exemplars {
        let labels = remote_write::labels(&e.labels);
        let exemplar = Exemplar { labels, value: e.value, t: e.timestamp };
        written.exemplars += usize::from(store.add_exemplar(&series, exemplar));
    }
    for metadata in &request.metadata {
        store.set_metadata(&metadata.metric_family_name, describe(metadata));
    }
    written
}

fn describe(metadata: &MetricMetadata) -> Metadata {
    let kind = match metadata.kind {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    };
    Metadata { kind, help: metadata.help.clone(), unit: metadata.unit.clone() }
}
