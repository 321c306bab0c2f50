//! The routes, called without a socket.

use super::*;
use crate::remote_write;
use crate::server::rule_manager::RuleSettings;
use crate::server::scrape::Scraper;
use crate::server::{Loaded, Target};
use axum::body::Body;
use axum::http::{StatusCode, header};
use http_body::collect;
use promql::{Labels, Sample};
use serde_json::{Value, json};
use tower::ServiceExt;
use tsdb::{Exemplar, Metadata, MetricType};

mod http_body {
    use super::*;

    pub(super) async fn collect(body: Body) -> String {
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

const RULES: &str = "groups: [{name: g, rules: [{record: r, expr: up}, {alert: A, expr: up == 0}]}]";

fn app() -> Arc<App> {
    app_with(Duration::from_secs(10))
}

/// An application with `up{job="a"}` 1, 2, 3 at 0, 10 and 20 seconds, and a counter with an exemplar.
fn app_with(timeout: Duration) -> Arc<App> {
    let store = Arc::new(Store::default());
    let up = Labels::new([("__name__", "up"), ("job", "a")]);
    let counter = Labels::new([("__name__", "x_total"), ("job", "b")]);
    for (t, v) in [(0, 1.0), (10_000, 2.0), (20_000, 3.0)] {
        store.append(&up, t, v).unwrap();
        store.append(&counter, t, v * 10.0).unwrap();
    }
    let exemplar = Exemplar { labels: Labels::new([("trace_id", "t1")]), value: 0.5, t: 10_500 };
    assert!(store.add_exemplar(&counter, exemplar));
    store.set_metadata("x", Metadata { kind: MetricType::Counter, help: "X.".into(), unit: String::new() });
    let metrics = Arc::new(Metrics::default());
    let settings = RuleSettings {
        external_labels: Labels::default(),
        external_url: "http://me".into(),
        alertmanagers: Vec::new(),
        resend_delay: Duration::from_secs(60),
        restore: rules::RestoreLimits::default(),
    };
    let board = Arc::new(TargetBoard::default());
    let rules = Arc::new(RuleManager::new(settings, store.clone(), Engine::default(), metrics.clone()));
    let scraper = Scraper::new(store.clone(), board.clone(), metrics.clone()).unwrap();
    let reloader = Arc::new(Reloader::new(None, scraper, rules.clone()));
    let hour = Duration::from_secs(3600);
    reloader
        .apply(Loaded {
            targets: vec![Target::new("a", "h:1", "/metrics")],
            dropped_targets: Vec::new(),
            scrape_interval: hour,
            eval_interval: hour,
            rule_files: vec![("r.yaml".into(), RULES.into())],
            config: "global: {}\n".into(),
        })
        .unwrap();
    Arc::new(App {
        rules,
        reloader,
        store,
        engine: Engine::default(),
        board,
        metrics,
        external_labels: Labels::new([("cluster", "eu")]),
        limits: QueryLimits { timeout, ..QueryLimits::default() },
        query_slots: Arc::new(Semaphore::new(2)),
        started_ms: 0,
        flags: BTreeMap::from([("listen".into(), "127.0.0.1:9090".into())]),
    })
}

async fn send(app: &Arc<App>, request: Request) -> (StatusCode, String) {
    let response = router(app.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    (status, collect(response.into_body()).await)
}

async fn get(app: &Arc<App>, path: &str) -> (StatusCode, String) {
    send(app, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post_form(app: &Arc<App>, path: &str, form: &'static str) -> (StatusCode, String) {
    let form_type = "application/x-www-form-urlencoded";
    send(app, Request::post(path).header(header::CONTENT_TYPE, form_type).body(Body::from(form)).unwrap()).await
}

/// The `data` of a good answer.
async fn data(path: &str) -> Value {
    let (status, body) = get(&app(), path).await;
    assert_eq!(status, 200, "{path}: {body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["status"], "success", "{path}: {body}");
    answer["data"].clone()
}

async fn check_error(path: &str, status: u16, kind: &str, part: &str) {
    let (actual, body) = get(&app(), path).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((actual.as_u16(), answer["status"].as_str()), (status, Some("error")), "{path}: {body}");
    assert_eq!(answer["errorType"], kind, "{path}: {body}");
    assert!(answer["error"].as_str().unwrap().contains(part), "{path}: {body}");
}

#[tokio::test]
async fn an_instant_query_answers_byte_for_byte() {
    let expected = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":\
                    [{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[20.500,\"3\"]}]}}";
    assert_eq!(get(&app(), "/api/v1/query?query=up&time=20.5").await, (StatusCode::OK, expected.to_owned()));
    let form = post_form(&app(), "/api/v1/query", "query=up&time=1970-01-01T00%3A00%3A20.5Z").await;
    assert_eq!(form, (StatusCode::OK, expected.to_owned()));
    let mixed = post_form(&app(), "/api/v1/query?time=20.5", "query=up").await;
    assert_eq!(mixed.1, expected);
}

#[tokio::test]
async fn every_type_of_result() {
    assert_eq!(data("/api/v1/query?query=1%2B1&time=5").await, json!({"resultType": "scalar", "result": [5, "2"]}));
    assert_eq!(data("/api/v1/query?query=%22a%22&time=5").await, json!({"resultType": "string", "result": [5, "a"]}));
    let range = data("/api/v1/query?query=up%5B15s%5D&time=20").await;
    assert_eq!(range["resultType"], "matrix");
    assert_eq!(range["result"][0]["values"], json!([[10, "2"], [20, "3"]]));
    assert_eq!(data("/api/v1/query?query=nothing&time=5").await, json!({"resultType": "vector", "result": []}));
}

#[tokio::test]
async fn a_range_query_steps() {
    let values = json!([[0, "1"], [10, "2"], [20, "3"]]);
    for step in ["10", "10s", "10.0"] {
        let answer = data(&format!("/api/v1/query_range?query=up&start=0&end=20&step={step}")).await;
        assert_eq!((&answer["resultType"], &answer["result"][0]["values"]), (&json!("matrix"), &values));
    }
}

#[tokio::test]
async fn wrong_questions_are_bad_data() {
    check_error("/api/v1/query", 400, "bad_data", "invalid parameter \"query\"").await;
    check_error("/api/v1/query?query=up%7B", 400, "bad_data", "parse error").await;
    check_error("/api/v1/query?query=up&time=now", 400, "bad_data", "invalid parameter \"time\"").await;
    check_error("/api/v1/query?query=up&timeout=x", 400, "bad_data", "invalid parameter \"timeout\"").await;
    check_error("/api/v1/query_range?query=up&end=1&step=1", 400, "bad_data", "invalid parameter \"start\"").await;
    check_error("/api/v1/query_range?query=up&start=2&end=1&step=1", 400, "bad_data", "not be before start").await;
    check_error("/api/v1/query_range?query=up&start=1&end=2&step=0", 400, "bad_data", "zero or negative").await;
    check_error("/api/v1/query_range?query=up&start=1&end=2", 400, "bad_data", "invalid parameter \"step\"").await;
    check_error("/api/v1/query_range?query=up&start=0&end=11001&step=1", 400, "bad_data", "11,000 points").await;
    check_error("/api/v1/query_range?query=up%5B1m%5D&start=0&end=1&step=1", 400, "bad_data", "range query").await;
    check_error("/api/v1/series", 400, "bad_data", "no match[]").await;
    check_error("/api/v1/series?match[]=sum(up)", 400, "bad_data", "no series selector").await;
    check_error("/api/v1/rules?type=x", 400, "bad_data", "type").await;
    check_error("/api/v1/nothing", 404, "not_found", "no such endpoint").await;
}

#[tokio::test]
async fn failed_evaluations_and_timeouts_have_their_own_status() {
    let duplicate = "/api/v1/query?query=up%20%2B%20on()%20(up%20or%20x_total)&time=20";
    check_error(duplicate, 422, "execution", "").await;
    let (status, body) = get(&app_with(Duration::ZERO), "/api/v1/query?query=up").await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"errorType\":\"timeout\""), "{body}");
}

#[tokio::test]
async fn exactly_the_largest_resolution_is_allowed() {
    let answer = data("/api/v1/query_range?query=up&start=0&end=11000&step=1").await;
    assert_eq!(
        answer["result"][0]["values"].as_array().map(Vec::len),
        Some(320),
        "twenty seconds and the lookback, whose far end is open"
    );
}

#[tokio::test]
async fn series_labels_and_values() {
    let all = data("/api/v1/series?match[]=up&match[]=x_total&match[]=%7Bjob%3D%22a%22%7D").await;
    assert_eq!(all, json!([{"__name__": "up", "job": "a"}, {"__name__": "x_total", "job": "b"}]));
    assert_eq!(data("/api/v1/series?match[]=up&start=30&end=40").await, json!([]));
    assert_eq!(data("/api/v1/labels").await, json!(["__name__", "job"]));
    assert_eq!(data("/api/v1/label/job/values").await, json!(["a", "b"]));
    assert_eq!(data("/api/v1/label/job/values?match[]=up").await, json!(["a"]));
    assert_eq!(data("/api/v1/label/none/values").await, json!([]));
    let (_, limited) = get(&app(), "/api/v1/label/job/values?limit=1").await;
    assert!(limited.contains(r#""data":["a"],"warnings":["results truncated due to limit"]"#), "{limited}");
}

#[tokio::test]
async fn metadata_and_exemplars() {
    let x = json!({"x": [{"type": "counter", "help": "X.", "unit": ""}]});
    assert_eq!(data("/api/v1/metadata").await, x);
    assert_eq!(data("/api/v1/metadata?metric=y").await, json!({}));
    let expected = json!([{
        "seriesLabels": {"__name__": "x_total", "job": "b"},
        "exemplars": [{"labels": {"trace_id": "t1"}, "value": "0.5", "timestamp": 10.5}],
    }]);
    assert_eq!(data("/api/v1/query_exemplars?query=rate(x_total%5B5m%5D)&start=0&end=20").await, expected);
    assert_eq!(data("/api/v1/query_exemplars?query=up&start=0&end=20").await, json!([]));
}

#[tokio::test]
async fn targets_rules_and_the_server_itself() {
    assert_eq!(data("/api/v1/targets").await["activeTargets"][0]["scrapeUrl"], "http://h:1/metrics");
    let rules = data("/api/v1/rules").await;
    assert_eq!(rules["groups"][0]["rules"][1]["name"], "A");
    assert_eq!(data("/api/v1/rules?type=record").await["groups"][0]["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(data("/api/v1/alerts").await, json!({"alerts": []}));
    assert_eq!(data("/api/v1/alertmanagers").await["activeAlertmanagers"], json!([]));
    let build = data("/api/v1/status/buildinfo").await;
    assert_eq!((&build["application"], &build["version"]), (&json!("sretool"), &json!("3.0.0")));
    assert_eq!(data("/api/v1/status/runtimeinfo").await["timeSeriesCount"], 2);
    assert_eq!(data("/api/v1/status/flags").await, json!({"listen": "127.0.0.1:9090"}));
    assert_eq!(data("/api/v1/status/config").await, json!({"yaml": "global: {}\n"}));
    assert_eq!(data("/api/v1/scrape_pools").await, json!({"scrapePools": ["a"]}));
    for path in ["/-/healthy", "/-/ready", "/", "/graph"] {
        let (status, body) = get(&app(), path).await;
        assert!(status == 200 && body.contains("sretool"), "{path}: {body}");
    }
}

#[tokio::test]
async fn the_store_shows_what_it_holds_most_of() {
    let tsdb = data("/api/v1/status/tsdb?limit=1").await;
    let head = json!({"numSeries": 2, "numLabelPairs": 4, "numSamples": 6, "minTime": 0, "maxTime": 20_000});
    assert_eq!(tsdb["headStats"], head);
    assert_eq!(tsdb["seriesCountByMetricName"], json!([{"name": "up", "value": 1}]));
    assert_eq!(tsdb["labelValueCountByLabelName"], json!([{"name": "__name__", "value": 2}]));
    assert_eq!(tsdb["seriesCountByLabelValuePair"], json!([{"name": "__name__=up", "value": 1}]));
    check_error("/api/v1/status/tsdb?limit=0", 400, "bad_data", "positive").await;
}

#[tokio::test]
async fn expressions_are_formatted() {
    assert_eq!(data("/api/v1/format_query?query=sum(up)by(job)").await, "sum by (job) (up)");
    check_error("/api/v1/format_query?query=sum(", 400, "bad_data", "invalid parameter \"query\"").await;
}

#[tokio::test]
async fn the_lookback_of_a_query_can_be_chosen() {
    let results = |answer: Value| answer["result"].as_array().map(Vec::len);
    assert_eq!(results(data("/api/v1/query?query=up&time=29").await), Some(1));
    assert_eq!(results(data("/api/v1/query?query=up&time=29&lookback_delta=5s").await), Some(0));
    check_error("/api/v1/query?query=up&lookback_delta=0s", 400, "bad_data", "lookback_delta").await;
}

#[tokio::test]
async fn other_servers_can_federate() {
    let (app, now) = (app(), crate::server::clock::now_ms());
    app.store.append(&Labels::new([("__name__", "fresh"), ("instance", "i")]), now, 1.5).unwrap();
    let (status, body) = get(&app, "/federate?match[]=fresh&match[]=up").await;
    assert_eq!(status, 200);
    assert_eq!(body, format!("# TYPE fresh untyped\nfresh{{cluster=\"eu\",instance=\"i\"}} 1.5 {now}\n"));
    assert_eq!(get(&app, "/federate").await, (StatusCode::OK, String::new()));
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_ask() {
    let app = app();
    for i in 0..100 {
        app.store.append(&Labels::new([("__name__", format!("a_long_metric_name_{i}"))]), 20_000, 1.0).unwrap();
    }
    let ask = |path: &str| {
        let request = Request::get(path).header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        router(app.clone()).oneshot(request)
    };
    let large = ask("/api/v1/label/__name__/values").await.unwrap();
    assert_eq!(large.headers()["content-encoding"], "gzip");
    let small = ask("/api/v1/status/buildinfo").await.unwrap();
    assert!(!small.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn queries_beyond_the_slots_wait_in_vain() {
    let app = app_with(Duration::from_millis(50));
    let _held = app.query_slots.clone().acquire_many_owned(2).await.unwrap();
    let (status, body) = get(&app, "/api/v1/query?query=up").await;
    assert!(status == 503 && body.contains("query timed out in query queue"), "{status} {body}");
}

#[tokio::test]
async fn writes_do_not_wait_for_queries() {
    let app = app();
    let _held = app.query_slots.clone().acquire_many_owned(2).await.unwrap();
    let series = (Labels::new([("__name__", "pushed")]), vec![Sample { t: 20_000, v: 7.0 }]);
    let request = Request::post("/api/v1/write").body(Body::from(remote_write::encode(&[series]))).unwrap();
    assert_eq!(send(&app, request).await.0, 204);
    assert_eq!(app.store.stats().series, 3);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_slot() {
    let app = app();
    let (started, entered) = tokio::sync::oneshot::channel();
    let work = app.compute(Duration::from_secs(60), |_, patience| {
        started.send(()).unwrap();
        while !patience.is_over() {
            std::thread::yield_now();
        }
        Ok(())
    });
    let mut work = Box::pin(work);
    tokio::select! {
        _ = &mut work => panic!("it ends only when nobody waits"),
        entered = entered => entered.unwrap(),
    }
    drop(work);
    let both = tokio::time::timeout(Duration::from_secs(30), app.query_slots.acquire_many(2)).await;
    assert!(both.is_ok(), "the work has ended");
}

#[tokio::test]
async fn without_files_nothing_can_be_reloaded() {
    let reload = send(&app(), Request::post("/-/reload").body(Body::empty()).unwrap()).await;
    assert!(reload.0 == 500 && reload.1.contains("failed to reload config"), "{reload:?}");
    assert_eq!(get(&app(), "/-/reload").await.0, 405);
}

#[tokio::test]
async fn the_server_measures_itself_by_route() {
    let app = app();
    get(&app, "/api/v1/label/job/values").await;
    get(&app, "/api/v1/nothing/at/all").await;
    let (_, body) = get(&app, "/metrics").await;
    let values = r#"sretool_http_requests_total{handler="/api/v1/label/{name}/values",code="200"} 1"#;
    assert!(body.contains(values), "{body}");
    assert!(!body.contains("nothing"), "an unknown path must not become a label: {body}");
    assert!(body.contains("sretool_store_series 2"), "{body}");
}

#[tokio::test]
async fn remote_write_stores_and_refuses() {
    let app = app();
    let write = |body: Vec<u8>| send(&app, Request::post("/api/v1/write").body(Body::from(body)).unwrap());
    let series = (Labels::new([("__name__", "pushed")]), vec![Sample { t: 20_000, v: 7.0 }]);
    assert_eq!(
        write(remote_write::encode(std::slice::from_ref(&series))).await,
        (StatusCode::NO_CONTENT, String::new())
    );
    let (_, answer) = get(&app, "/api/v1/query?query=pushed&time=20").await;
    assert!(answer.contains(r#""value":[20,"7"]"#), "{answer}");
    let contradiction = (series.0, vec![Sample { t: 20_000, v: 8.0 }]);
    let (status, body) = write(remote_write::encode(&[contradiction])).await;
    assert!(status == 400 && body.contains("bad_data"), "{body}");
    let (status, body) = write(b"garbage".to_vec()).await;
    assert!(status == 400 && body.contains("bad_data"), "{body}");
}

#[tokio::test]
async fn remote_write_2_stores_and_tells_what() {
    use crate::remote_write::{WireSample, v2};
    let app = app();
    let write = |kind: &'static str, body: Vec<u8>| {
        let request = Request::post("/api/v1/write").header(header::CONTENT_TYPE, kind);
        let request = request.header(header::CONTENT_ENCODING, "snappy").body(Body::from(body)).unwrap();
        router(app.clone()).oneshot(request)
    };
    const SECOND: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    let series = |histograms| v2::TimeSeries {
        labels_refs: vec![1, 2],
        samples: vec![WireSample { value: 7.0, timestamp: 20_000 }],
        histograms,
        exemplars: vec![v2::Exemplar { labels_refs: vec![3, 4], value: 0.5, timestamp: 20_000 }],
        metadata: Some(v2::Metadata { kind: 2, help_ref: 4, unit_ref: 0 }),
    };
    let symbols = ["", "__name__", "pushed", "trace_id", "t2"].map(str::to_owned).to_vec();
    let request = |histograms| v2::Request { symbols: symbols.clone(), timeseries: vec![series(histograms)] };
    let answer = write(SECOND, remote_write::compress(&request(vec![]))).await.unwrap();
    let written = |answer: &Response, what: &str| {
        answer.headers()[&format!("x-prometheus-remote-write-{what}-written")].to_str().unwrap().to_owned()
    };
    assert_eq!(answer.status(), 204);
    assert_eq!(
        [written(&answer, "samples"), written(&answer, "exemplars"), written(&answer, "histograms")],
        ["1", "1", "0"]
    );
    assert!(get(&app, "/api/v1/query?query=pushed&time=20").await.1.contains(r#""value":[20,"7"]"#));
    assert!(get(&app, "/api/v1/metadata?metric=pushed").await.1.contains("gauge"));

    let refused = write(SECOND, remote_write::compress(&request(vec![vec![]]))).await.unwrap();
    assert_eq!((refused.status().as_u16(), written(&refused, "samples")), (400, "1".to_owned()));
    assert!(collect(refused.into_body()).await.contains("native histograms"));
    let dangling = v2::Request { symbols: vec![], ..request(vec![]) };
    assert_eq!(write(SECOND, remote_write::compress(&dangling)).await.unwrap().status(), 400);
    assert_eq!(write("application/json", vec![]).await.unwrap().status(), 415);
}

#[tokio::test]
async fn samples_out_of_order_are_taken() {
    let app = app();
    let write = |t| {
        let series = (Labels::new([("__name__", "late")]), vec![Sample { t, v: 1.0 }]);
        let body = remote_write::encode(&[series]);
        send(&app, Request::post("/api/v1/write").body(Body::from(body)).unwrap())
    };
    for t in [400_000, 390_000, 395_000, 101_000] {
        assert_eq!(write(t).await.0, 204, "{t}");
    }
    let (status, body) = write(99_000).await;
    assert!(status == 400 && body.contains("older than the newest"), "{body}");
    let answer = get(&app, "/api/v1/query?query=late%5B10m%5D&time=500").await.1;
    assert!(answer.contains(r#"[[101,"1"],[390,"1"],[395,"1"],[400,"1"]]"#), "{answer}");
}

#[tokio::test]
async fn forms_that_are_too_large_are_refused() {
    let form_type = "application/x-www-form-urlencoded";
    let body = Body::from(format!("query={}", "a".repeat(FORM_LIMIT)));
    let request = Request::post("/api/v1/query").header(header::CONTENT_TYPE, form_type).body(body).unwrap();
    let (status, body) = send(&app(), request).await;
    assert!(status == 400 && body.contains("the form cannot be read"), "{status} {body}");
}
