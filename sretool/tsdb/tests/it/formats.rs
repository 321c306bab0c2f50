//! Expositions as programs write them.

use tsdb::exposition::{Cause, Entry, Exposition, Format, parse};
use tsdb::{MetricType, load};

/// What a Go program exposes, shortened, with the example of the format's documentation.
const TEXT: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="0.1"} 33444
http_request_duration_seconds_bucket{le="0.2"} 100392
http_request_duration_seconds_bucket{le="0.5"} 129389
http_request_duration_seconds_bucket{le="1"} 133988
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
# HELP rpc_duration_seconds A summary of the RPC duration in seconds.
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="1"} 76656
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
"#;

/// What prometheus-client exposes, and the odd corners of OpenMetrics 1.0.
const OPEN_METRICS: &str = r#"# HELP http_request_duration_seconds Time to answer.
# TYPE http_request_duration_seconds histogram
# UNIT http_request_duration_seconds seconds
http_request_duration_seconds_sum{service="user-service",route="/v1/users/{id}"} 0.25
http_request_duration_seconds_count{service="user-service",route="/v1/users/{id}"} 2
http_request_duration_seconds_bucket{le="0.2",service="user-service",route="/v1/users/{id}"} 1 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.05 1520879607.789
http_request_duration_seconds_bucket{le="+Inf",service="user-service",route="/v1/users/{id}"} 2 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.2
# TYPE requests counter
# HELP requests Requests with \"quotes\" and a back\\slash.
requests_total{status="200"} 17.0 1520879607.789
requests_created{status="200"} 1520430000.123
# TYPE build info
build_info{version="1.2.3"} 1
# TYPE state stateset
state{state="open"} 1
state{state="closed"} 0
# TYPE q gaugehistogram
q_bucket{le="1"} 4
q_gcount 4
q_gsum 2
# TYPE x unknown
x 1e-3
# EOF
"#;

fn find<'a>(parsed: &'a Exposition, series: &str) -> &'a Entry {
    let found: Vec<_> = parsed.samples.iter().filter(|e| e.labels.to_string() == series).collect();
    assert_eq!(found.len(), 1, "{series}");
    found[0]
}

#[test]
fn the_text_format_of_its_documentation() {
    let parsed = parse(TEXT, Format::Text, 0).unwrap();
    assert_eq!(parsed.samples.len(), 17);
    let post = find(&parsed, r#"http_requests_total{code="400", method="post"}"#);
    assert_eq!((post.value, post.timestamp, post.line), (3.0, Some(1_395_066_363_000), 4));
    let file = &parsed.samples[2];
    assert_eq!(file.labels.get("path"), r"C:\DIR\FILE.TXT");
    assert_eq!(file.labels.get("error"), "Cannot find file:\n\"FILE.TXT\"");
    let weird = find(&parsed, r#"something_weird{problem="division by zero"}"#);
    assert_eq!((weird.value, weird.timestamp), (f64::INFINITY, Some(-3_982_045)));
    assert_eq!(find(&parsed, r#"http_request_duration_seconds_bucket{le="1.0"}"#).value, 133_988.0);
    assert_eq!(find(&parsed, r#"rpc_duration_seconds{quantile="1.0"}"#).value, 76_656.0);
    assert_eq!(parsed.metadata["rpc_duration_seconds"].kind, MetricType::Summary);
    assert_eq!(parsed.metadata["http_requests_total"].help, "The total number of HTTP requests.");
    assert_eq!(parsed.metadata.len(), 3);
}

#[test]
fn open_metrics_with_exemplars_and_every_type() {
    let parsed = parse(OPEN_METRICS, Format::OpenMetrics, 7_000).unwrap();
    assert_eq!(parsed.samples.len(), 13);
    let bucket = find(
        &parsed,
        r#"http_request_duration_seconds_bucket{le="0.2", route="/v1/users/{id}", service="user-service"}"#,
    );
    let exemplar = bucket.exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.t), (0.05, 1_520_879_607_789));
    assert_eq!(exemplar.labels.get("trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    let without_time = parsed.samples[3].exemplar.as_ref().unwrap();
    assert_eq!(without_time.t, 7_000);
    assert_eq!(find(&parsed, r#"requests_total{status="200"}"#).timestamp, Some(1_520_879_607_789));
    assert_eq!(find(&parsed, "x").value, 0.001);
    let kinds: Vec<_> = parsed.metadata.iter().map(|(name, m)| (name.as_str(), m.kind)).collect();
    let expected = [
        ("build", MetricType::Info),
        ("http_request_duration_seconds", MetricType::Histogram),
        ("q", MetricType::GaugeHistogram),
        ("requests", MetricType::Counter),
        ("state", MetricType::StateSet),
        ("x", MetricType::Unknown),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(parsed.metadata["http_request_duration_seconds"].unit, "seconds");
    assert_eq!(parsed.metadata["requests"].help, "Requests with \"quotes\" and a back\\slash.");
}

/// Each line by itself must read as it does among the others: no state but the type may leak between lines.
#[test]
fn lines_do_not_depend_on_each_other() {
    let whole = parse(TEXT, Format::Text, 0).unwrap();
    let mut alone = Vec::new();
    let mut kind = "";
    for (index, line) in TEXT.lines().enumerate() {
        if line.starts_with("# TYPE") {
            kind = line;
        }
        let parsed = parse(&format!("{kind}\n{line}\n"), Format::Text, 0).unwrap();
        alone.extend(parsed.samples.into_iter().map(|entry| Entry { line: index + 1, ..entry }));
    }
    assert_eq!(whole.samples, alone);
}

#[test]
fn truncated_at_any_place_is_an_error_in_open_metrics() {
    let end = OPEN_METRICS.len() - "# EOF\n".len();
    for cut in (0..end).filter(|cut| OPEN_METRICS.is_char_boundary(*cut)) {
        assert!(parse(&OPEN_METRICS[..cut], Format::OpenMetrics, 0).is_err(), "cut at {cut}");
    }
    let error = parse(&OPEN_METRICS[..end], Format::OpenMetrics, 0).unwrap_err();
    assert_eq!((error.line, error.cause), (23, Cause::MissingEof));
}

#[test]
fn line_ends_of_windows_are_line_ends() {
    let windows = TEXT.replace('\n', "\r\n");
    assert_eq!(parse(&windows, Format::Text, 0).unwrap(), parse(TEXT, Format::Text, 0).unwrap());
}

#[test]
fn a_file_becomes_a_store_with_its_metadata() {
    let store = load(TEXT, Format::Text, 1_395_066_364_000).unwrap();
    let stats = store.stats();
    assert_eq!((stats.series, stats.samples), (17, 17));
    assert_eq!((stats.min_time, stats.max_time), (Some(-3_982_045), Some(1_395_066_364_000)));
    assert_eq!(store.metadata().len(), 3);
    let names = store.label_values("__name__", &[], i64::MIN, i64::MAX);
    assert!(names.is_sorted() && names.len() == 10, "{names:?}");
}

#[test]
fn the_first_fault_of_a_file_is_named() {
    let body = TEXT.replace("metric_without_timestamp_and_labels 12.47", "metric_without_timestamp_and_labels 12,47");
    let error = load(&body, Format::Text, 0).unwrap_err();
    assert_eq!(error.line(), 10);
    assert!(error.to_string().starts_with("line 10, column 37: `12,47` is no value"), "{error}");
}
