//! Remote write.

use super::Shared;
use super::error::{ApiError, ErrorType};
use crate::remote_write::{self, MetricMetadata, WriteRequest};
use crate::server::metrics::Metrics;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use tsdb::{Exemplar, Metadata, MetricType, Store};

/// Largest decompressed request.
const LIMIT: usize = 128 << 20;

/// Answers 204 when everything was stored, 400 where a sample was refused: senders drop what a 400 refuses, and
/// repeat only what failed with 5xx.
pub(super) async fn write(State(app): Shared, body: Bytes) -> Result<StatusCode, ApiError> {
    // Not among the query slots: slow queries must not hold up what is written.
    let task = tokio::task::spawn_blocking(move || {
        let request = remote_write::decode(&body, LIMIT).map_err(ApiError::bad_data)?;
        let (accepted, refused) = append(&app.store, &request);
        Metrics::count(&app.metrics.samples, "accepted", accepted);
        if let Some((rejected, message)) = refused {
            Metrics::count(&app.metrics.samples, "rejected", rejected);
            return Err(ApiError::bad_data(message));
        }
        Ok(StatusCode::NO_CONTENT)
    });
    task.await.map_err(|e| ApiError::new(ErrorType::Internal, e))?
}

/// Stores what can be stored; tells how much was refused, and why.
fn append(store: &Store, request: &WriteRequest) -> (usize, Option<(usize, String)>) {
    let mut batch = Vec::new();
    let mut exemplars = Vec::new();
    for series in &request.timeseries {
        let labels = remote_write::labels(&series.labels);
        batch.extend(series.samples.iter().map(|s| (labels.clone(), s.timestamp, s.value)));
        exemplars.extend(series.exemplars.iter().map(|exemplar| (labels.clone(), exemplar)));
    }
    let result = store.append_batch(&batch);
    for (series, e) in exemplars {
        let labels = remote_write::labels(&e.labels);
        store.add_exemplar(&series, Exemplar { labels, value: e.value, t: e.timestamp });
    }
    for metadata in &request.metadata {
        store.set_metadata(&metadata.metric_family_name, describe(metadata));
    }
    match result {
        Ok(accepted) => (accepted, None),
        Err(error) => (error.accepted, Some((error.rejected.len(), error.to_string()))),
    }
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
