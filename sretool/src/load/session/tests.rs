//! The command in process, over the HTTP executor.

use crate::exit;
use crate::io::Io;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::Value;
use std::process::ExitCode;

fn serve(app: Router) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        crate::runtime::block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    url
}

fn load(line: &[&str]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io { out: &mut out, err: &mut err, terminal: false };
    let line = ["sretool", "load", "--no-push", "--duration", "1s"].iter().chain(line);
    let code = crate::run(line.map(Into::into), &mut io);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_good_server_passes_and_the_result_is_json_and_nothing_else() {
    let url = serve(Router::new().route("/", get(|| async { "ok" })));
    let loose =
        ["--threshold", "p95<5s", "--threshold", "errors<0.1%", "--threshold", "rate>=90%", "--threshold", "lag<60s"];
    let (code, out, err) = load(&[&["--url", &url, "--rps", "100", "--format", "json"][..], &loose].concat());
    assert_eq!(code, exit::good(), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["verdict"], &report["executor"]), (&"pass".into(), &"http".into()));
    assert_eq!((&report["scheduled"], &report["finished"]), (&100.into(), &100.into()));
    assert_eq!(report["thresholds"].as_array().unwrap().len(), 4);
    assert!(err.lines().any(|line| line.contains("/s  p50")), "progress goes to standard error: {err}");
}

#[test]
fn a_broken_threshold_exits_1_and_is_named_with_limit_and_observation() {
    let url = serve(Router::new().route("/", get(|| async { StatusCode::INTERNAL_SERVER_ERROR })));
    let (code, out, _) = load(&["--url", &url, "--rps", "50", "--threshold", "errors<0.1%"]);
    assert_eq!(code, exit::failed());
    assert!(out.starts_with("FAIL"), "{out}");
    assert!(out.contains("errors<0.1% broken: observed 100%, limit 0.1%"), "{out}");
    assert!(out.contains("status 500"), "{out}");
}

#[test]
fn nothing_listening_is_a_failure_of_every_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (code, out, err) = load(&["--url", &url, "--rps", "50", "--format", "json"]);
    assert_eq!(code, exit::failed());
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["failed"], &report["causes"]["connection refused"]), (&50.into(), &50.into()));
    assert!(report["response_ms"]["p95"].is_null());
    assert!(err.contains("availability>=99.9% broken: observed 0%, limit 99.9%"), "{err}");
}

#[test]
fn wrong_usage_exits_2_before_any_request() {
    for line in [
        &["--threshold", "p95<200", "--url", "http://127.0.0.1:1/"][..],
        &["--url", "ftp://127.0.0.1/"],
        &["--executor", "http"],
        &["--profile", "no/such/profile.toml"],
        &["--report", "run.pdf"],
    ] {
        let (code, out, _) = load(line);
        assert_eq!((code, out.as_str()), (exit::invalid(), ""), "{line:?}");
    }
}

#[test]
fn reports_are_written_by_extension() {
    let url = serve(Router::new().route("/", get(|| async { "ok" })));
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["r.html", "r.json", "r.xml"].map(|name| directory.path().join(name)).into();
    let mut line = vec!["--url", url.as_str(), "--rps", "20", "--threshold", "errors<=0%", "--threshold", "lag<60s"];
    paths.iter().for_each(|path| line.extend(["--report", path.to_str().unwrap()]));
    let (code, out, err) = load(&line);
    assert_eq!(code, exit::good(), "{out}{err}");
    let read = |i: usize| std::fs::read_to_string(&paths[i]).unwrap();
    assert!(read(0).starts_with("<!doctype html>") && read(0).contains("<svg"));
    assert_eq!(serde_json::from_str::<Value>(&read(1)).unwrap()["scheduled"], 20);
    assert!(read(2).contains("<testcase classname=\"load\" name=\"errors&lt;=0%\">"));
}

#[test]
fn a_closed_run_has_no_target() {
    let url = serve(Router::new().route("/", get(|| async { "ok" })));
    let line = ["--url", &url, "--rps", "max", "--connections", "2", "--threshold", "errors<=0%", "--format", "json"];
    let (code, out, err) = load(&line);
    assert_eq!(code, exit::good(), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(report["target_rps"].is_null());
    assert!(report["achieved_rps"].as_f64().unwrap() > 10.0, "{out}");
}

/// A Prometheus that has scraped the end of every run, and counted `bad` of 100 events of each SLO.
fn prometheus(bad: u32) -> String {
    let answer = move |axum::Form(form): axum::Form<std::collections::HashMap<String, String>>| async move {
        let (query, now) = (form["query"].clone(), form["time"].clone());
        let value = match query.as_str() {
            query if query.contains("timestamp(") => (now.parse::<f64>().unwrap() + 1.0).to_string(),
            query if query.contains("5..") => bad.to_string(),
            _ => "100".to_owned(),
        };
        let result = serde_json::json!([{"metric": {}, "value": [now.parse::<f64>().unwrap(), value]}]);
        axum::Json(serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
    };
    serve(Router::new().route("/api/v1/query", axum::routing::post(answer)))
}

const AVAILABILITY: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: shop
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: prometheus, spec: {query: 'http_requests_total{status=~"5.."}'}}}
        total: {metricSource: {type: prometheus, spec: {query: http_requests_total}}}
"#;

#[test]
fn the_gate_fails_a_run_whose_server_burnt_the_budget_although_the_client_saw_nothing() {
    let url = serve(Router::new().route("/", get(|| async { "ok" })));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("slo.yaml"), AVAILABILITY).unwrap();
    let slo = directory.path().to_str().unwrap();
    for (bad, code) in [(0, exit::good()), (5, exit::failed())] {
        let prometheus = prometheus(bad);
        let line = ["--url", &url, "--rps", "100", "--gate", slo, "--prometheus", &prometheus, "--format", "json"];
        let loose = ["--threshold", "errors<=0%", "--threshold", "lag<60s"];
        let (found, out, err) = load(&[&line[..], &loose].concat());
        assert_eq!(found, code, "{out}{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&report["gate"][0]["slo"], &report["gate"][0]["server"]["total"]),
            (&"shop-availability".into(), &100.0.into())
        );
        assert_eq!(report["gate"][0]["client"]["bad"], 0.0);
        if bad > 0 {
            assert!(err.contains("5.00 of 100 events bad") && err.contains("retries hide errors"), "{err}");
        }
    }
}

#[test]
fn a_gate_without_prometheus_is_no_pass() {
    let url = serve(Router::new().route("/", get(|| async { "ok" })));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("slo.yaml");
    std::fs::write(&file, AVAILABILITY).unwrap();
    let slo = file.to_str().unwrap();
    let line = ["--url", &url, "--rps", "20", "--gate", slo, "--prometheus", "http://127.0.0.1:9"];
    let (code, out, err) = load(&[&line[..], &["--threshold", "errors<=0%", "--threshold", "lag<60s"]].concat());
    assert_eq!(code, exit::no_judgement(), "{out}{err}");
    assert!(out.contains("the gate was not judged"), "{out}");
    std::fs::write(&file, "nonsense").unwrap();
    assert_eq!(load(&line).0, exit::invalid());
}
