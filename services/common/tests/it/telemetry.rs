//! Logs and traces, with a collector in this process.

use crate::support::{SPEC, api, get, send, service_with, value};
use axum::body::Body;
use axum::http::Request;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use service_common::auth::{Issuer, Keys};
use service_common::telemetry::{self, Guard};
use service_common::{Client, Context, Settings, Verifier};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tonic::transport::server::TcpIncoming;
use tonic::{Request as Call, Response, Status};
use tracing::subscriber::DefaultGuard;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Spans of each service as they were received.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Call<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = text(&attributes, "service.name");
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| (service.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
        url
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().iter().map(|(_, span)| span.clone()).collect()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| attribute.value.clone());
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Telemetry for this test's thread only.
fn start(change: impl FnOnce(&mut Settings)) -> (Sink, Guard, DefaultGuard) {
    let mut settings = Settings::for_test();
    change(&mut settings);
    let sink = Sink::default();
    let writer = sink.clone();
    let (dispatch, guard) = telemetry::build(&SPEC, &settings, move || writer.clone()).unwrap();
    (sink, guard, tracing::dispatcher::set_default(&dispatch))
}

fn with_parent(path: &str, sampled: bool) -> Request<Body> {
    let parent = format!("00-{TRACE}-{PARENT}-0{}", u8::from(sampled));
    Request::get(path).header("traceparent", parent).header("user-agent", "test/1").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_request_becomes_a_span_below_its_caller() {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let (_, guard, _default) = start(|settings| {
        settings.otlp_endpoint = Some(endpoint);
        settings.sample_ratio = 0.0;
    });
    let service = service_with(|_| ());
    assert_eq!(send(&service.api, with_parent("/v1/things/7?token=x", true)).await.status, 200);
    assert_eq!(send(&service.api, with_parent("/v1/broken", true)).await.status, 500);
    send(&service.api, with_parent("/v1/things/8", false)).await;
    get(&service.api, "/v1/things/9").await;
    let metrics = get(&service.admin, "/metrics").await.body;
    let mut counts = service_common::metrics::registry(SPEC.name, SPEC.version);
    guard.register(&mut counts);
    guard.flush().await;
    let counts = service_common::metrics::encode(&counts).unwrap();
    for (name, spans) in [("ended", 2.0), ("exported", 2.0), ("failed", 0.0)] {
        let series = format!(r#"otel_spans_{name}_total{{service="thing-service"}}"#);
        assert_eq!(value(&counts, &series), Some(spans), "{series}");
    }
    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "only what the caller samples: {spans:?}");
    assert!(collector.0.lock().unwrap().iter().all(|(service, _)| service == "thing-service"));
    let span = &spans[0];
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!((span.name.as_str(), span.kind), ("GET /v1/things/{id}", 2), "kind 2 is server");
    let expected = [
        ("http.request.method", "GET"),
        ("http.route", "/v1/things/{id}"),
        ("http.response.status_code", "200"),
        ("url.path", "/v1/things/7"),
        ("user_agent.original", "test/1"),
    ];
    for (key, value) in expected {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
    assert_eq!(spans[1].status.as_ref().unwrap().code, 2, "code 2 is error");
    assert_eq!(text(&spans[1].attributes, "error.type"), "500");
    let exemplars: Vec<_> = metrics.lines().filter(|line| line.contains(" # {trace_id=")).collect();
    assert_eq!(exemplars.len(), 2, "{exemplars:?}");
    assert!(exemplars.iter().all(|line| line.contains(TRACE) && line.contains("_bucket{")));
}

#[tokio::test]
async fn a_call_to_another_service_continues_the_trace() {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let (_, guard, _default) = start(|settings| {
        settings.otlp_endpoint = Some(endpoint);
        settings.sample_ratio = 1.0;
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/things/3?key=secret", listener.local_addr().unwrap());
    let peer = service_with(|_| ()).api;
    tokio::spawn(async move { axum::serve(listener, peer).await.unwrap() });
    let client = Client::new(Duration::from_secs(2), None).unwrap();
    client.send(client.request(reqwest::Method::GET, &url)).await.unwrap();
    guard.flush().await;
    let spans = collector.spans();
    let of_kind = |kind| spans.iter().find(|span| span.kind == kind).unwrap();
    let (server, call) = (of_kind(2), of_kind(3));
    assert_eq!(server.trace_id, call.trace_id);
    assert_eq!(server.parent_span_id, call.span_id);
    assert_eq!(text(&call.attributes, "http.response.status_code"), "200");
    assert!(!text(&call.attributes, "url.full").contains("secret"));
}

#[tokio::test]
async fn a_log_line_names_its_trace_whatever_the_filter() {
    let (sink, _guard, _default) = start(|settings| settings.log_filter = "error".to_owned());
    let service = service_with(|_| ());
    let answer = send(&service.api, with_parent("/v1/broken", true)).await;
    let lines = sink.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!((&line["level"], &line["service"]), (&"ERROR".into(), &"thing-service".into()));
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    assert_eq!((&line["message"], &line["status"]), (&"request failed".into(), &500.into()));
    assert!(line["cause"].as_str().unwrap().contains("hunter2"), "the cause is for the log");
    assert!(!answer.body.contains("hunter2"), "and for nobody else");
}

#[tokio::test]
async fn good_requests_write_nothing_and_lines_outside_a_span_name_no_trace() {
    let (sink, _guard, _default) = start(|settings| settings.log_filter = "info".to_owned());
    let service = service_with(|_| ());
    for _ in 0..10 {
        assert_eq!(get(&service.api, "/v1/things/1").await.status, 200);
    }
    assert_eq!(sink.lines(), Vec::<serde_json::Value>::new());
    tracing::info!(count = 3, ratio = 0.5, ok = true, text = "a \"quoted\"\nline", "hello");
    let lines = sink.lines();
    assert_eq!(lines.len(), 1, "a line break within a value does not break the line");
    assert_eq!((&lines[0]["count"], &lines[0]["ratio"], &lines[0]["ok"]), (&3.into(), &0.5.into(), &true.into()));
    assert_eq!((&lines[0]["message"], lines[0].get("trace_id")), (&"hello".into(), None));
    assert!(chrono::DateTime::parse_from_rfc3339(lines[0]["timestamp"].as_str().unwrap()).is_ok());
}

#[tokio::test]
async fn without_a_collector_no_exemplar_claims_that_a_trace_was_kept() {
    let (_, _guard, _default) = start(|settings| settings.sample_ratio = 1.0);
    let cx = Context::for_test(&SPEC);
    let service = cx.finish(api(Verifier::new(Keys::fixed(&Issuer::generate().unwrap().jwks()), None)));
    get(&service.api, "/v1/things/1").await;
    assert!(!get(&service.admin, "/metrics").await.body.contains("trace_id"));
}

#[tokio::test]
async fn a_collector_that_is_away_does_not_disturb_the_service() {
    let (_, guard, _default) = start(|settings| {
        settings.otlp_endpoint = Some("http://127.0.0.1:9".to_owned());
        settings.sample_ratio = 1.0;
    });
    let service = service_with(|_| ());
    assert_eq!(get(&service.api, "/v1/things/1").await.status, 200);
    let mut counts = service_common::metrics::registry(SPEC.name, SPEC.version);
    guard.register(&mut counts);
    let flushed = tokio::time::timeout(Duration::from_secs(20), guard.flush()).await;
    assert!(flushed.is_ok(), "the service can stop");
    let counts = service_common::metrics::encode(&counts).unwrap();
    assert_eq!(
        value(&counts, r#"otel_spans_failed_total{service="thing-service"}"#),
        Some(1.0),
        "and says what it lost"
    );
}

#[tokio::test]
async fn wrong_telemetry_settings_name_their_key() {
    let build = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::for_test();
        change(&mut settings);
        telemetry::build(&SPEC, &settings, std::io::sink).map(|_| ()).unwrap_err().to_string()
    };
    let endpoint = build(&|settings| settings.otlp_endpoint = Some("not a url".to_owned()));
    assert!(endpoint.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{endpoint}");
    let filter = build(&|settings| settings.log_filter = "a=b=c".to_owned());
    assert!(filter.starts_with("RUST_LOG: "), "{filter}");
}

#[tokio::test]
async fn the_filter_chooses_what_is_logged() {
    for (filter, expected) in [("off", 0), ("error", 1), ("warn", 2), ("info,it=error", 1), ("debug", 4)] {
        let (sink, _guard, _default) = start(|settings| settings.log_filter = filter.to_owned());
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
        tracing::trace!("t");
        assert_eq!(sink.lines().len(), expected, "{filter}");
    }
}
