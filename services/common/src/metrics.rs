//! Metrics: the registry of a service, request metrics, process and runtime metrics.

mod process;
mod runtime;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::time::Duration;

/// Content type of the exposition.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Route of requests that match no route: their path must not become a label value.
pub const UNMATCHED: &str = "unmatched";
/// Upper bounds of the request duration histogram, in seconds.
pub const DURATION_BUCKETS_S: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Statuses that exist at 0 for every route: a counter that is born at its first error loses that error.
const ZERO_STATUSES: [u16; 4] = [200, 500, 503, 504];

/// The registry of a service: every series carries its name, and `service_info` its version.
#[must_use]
pub fn registry(service: &'static str, version: &'static str) -> Registry {
    let mut registry = Registry::with_labels(std::iter::once((Cow::from("service"), Cow::from(service))));
    let info = Family::<[(&'static str, &'static str); 1], Gauge>::default();
    info.get_or_create(&[("version", version)]).set(1);
    registry.register("service_info", "The running version of this service", info);
    registry.register_collector(Box::new(process::ProcessCollector::new()));
    registry.register_collector(Box::new(runtime::RuntimeCollector));
    registry
}

/// The exposition of a registry in the OpenMetrics format.
///
/// # Errors
/// When a metric cannot be encoded, which would be a programming error of its type.
pub fn encode(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::with_capacity(64 * 1024);
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

/// Labels of `http_requests_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Labels of `http_request_duration_seconds`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

/// The label of an exemplar: where to look in the traces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TraceLabels {
    /// The trace's identifier, 32 hexadecimal digits.
    pub trace_id: String,
}

#[derive(Debug, Clone, Copy)]
struct DurationBuckets;

impl MetricConstructor<HistogramWithExemplars<TraceLabels>> for DurationBuckets {
    fn new_metric(&self) -> HistogramWithExemplars<TraceLabels> {
        HistogramWithExemplars::new(DURATION_BUCKETS_S.into_iter())
    }
}

/// One operation of the API: what is needed to create its series at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Method, in capitals.
    pub method: &'static str,
    /// Route pattern.
    pub route: String,
    /// Statuses that are documented for it.
    pub statuses: Vec<u16>,
}

/// Rate, errors and duration of the requests of an API.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, HistogramWithExemplars<TraceLabels>, DurationBuckets>,
    in_flight: Gauge,
}

impl HttpMetrics {
    /// Registers `http_requests_total`, `http_request_duration_seconds` and `http_requests_in_flight`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(DurationBuckets),
            in_flight: Gauge::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from reading a request's head to its response's head, in seconds",
            metrics.durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        metrics
    }

    /// Creates all series of these operations at 0, and one for requests that match no route.
    pub fn create_series(&self, operations: &[Operation]) {
        for operation in operations {
            let Operation { method, route, statuses } = operation;
            for status in ZERO_STATUSES.iter().chain(statuses) {
                let labels = RequestLabels { method, route: route.clone(), status: *status };
                drop(self.requests.get_or_create(&labels));
            }
            drop(self.durations.get_or_create(&RouteLabels { method, route: route.clone() }));
        }
        let unmatched = RequestLabels { method: "GET", route: UNMATCHED.to_owned(), status: 404 };
        drop(self.requests.get_or_create(&unmatched));
    }

    /// Counts a request that begins.
    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }

    /// Counts a request that ends.
    pub(crate) fn end(
        &self,
        method: &'static str,
        route: &str,
        status: u16,
        duration: Duration,
        trace: Option<TraceLabels>,
    ) {
        self.in_flight.dec();
        self.requests.get_or_create(&RequestLabels { method, route: route.to_owned(), status }).inc();
        let labels = RouteLabels { method, route: route.to_owned() };
        let time = trace.is_some().then(std::time::SystemTime::now);
        self.durations.get_or_create(&labels).observe(duration.as_secs_f64(), trace, time);
    }
}
