use super::verify::{Window, verify};
use crate::io::Io;
use crate::source::{Local, Source};
use crate::{exit, run};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn sretool(args: &[&str]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io { out: &mut out, err: &mut err, terminal: false };
    let args = ["sretool", "dashboards"].iter().chain(args).map(OsString::from);
    let code = run(args, &mut io);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn build_then_check_then_drift() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("boards");
    assert_eq!(sretool(&["build", "--out", text(&out)]).0, exit::good());
    assert_eq!(sretool(&["build", "--check", "--out", text(&out)]), (exit::good(), String::new(), String::new()));

    let changed = out.join("service-red.json");
    std::fs::write(&changed, "{}").unwrap();
    std::fs::write(out.join("mine.json"), "{}").unwrap();
    std::fs::remove_file(out.join("load-test.json")).unwrap();
    let (code, stdout, stderr) = sretool(&["build", "--check", "--out", text(&out)]);
    assert_eq!(code, exit::failed());
    assert!(stdout.contains("service-red.json: differs from its definition"), "{stdout}");
    assert!(
        stdout.contains("load-test.json: is missing") && stdout.contains("mine.json: has no definition"),
        "{stdout}"
    );
    assert!(stderr.contains("3 file(s) drift"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&changed).unwrap(), "{}");
}

#[test]
fn check_of_a_missing_folder_is_wrong_usage() {
    let (code, _, stderr) = sretool(&["build", "--check", "--out", "/nowhere/at/all"]);
    assert_eq!(code, exit::invalid());
    assert!(stderr.starts_with("error: /nowhere/at/all: cannot be read"), "{stderr}");
}

#[test]
fn lint_judges_files() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.json");
    std::fs::write(&good, dashboards::all()[0].to_json()).unwrap();
    let (code, stdout, _) = sretool(&["lint", text(&good)]);
    assert_eq!(code, exit::good());
    assert!(stdout.starts_with("1 dashboard(s), "), "{stdout}");

    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, r#"{"panels": [{"id": 1, "type": "stat", "title": "t", "targets": [{"expr": "sum("}]}]}"#)
        .unwrap();
    let (code, stdout, _) = sretool(&["lint", "--format", "json", text(&good), text(&bad)]);
    assert_eq!(code, exit::failed());
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["exprs"].as_u64().unwrap() - report["parsed"].as_u64().unwrap(), 1);
    let rules: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"target-promql") && rules.contains(&"panel-unit"), "{rules:?}");
    assert!(report["findings"].as_array().unwrap().iter().all(|f| f["file"] == text(&bad)));
}

#[test]
fn lint_of_something_else_is_invalid_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    std::fs::write(&path, "{\n  oops").unwrap();
    let (code, _, stderr) = sretool(&["lint", text(&path)]);
    assert_eq!(code, exit::invalid());
    assert!(stderr.contains("x.json:2:3: not a Grafana dashboard"), "{stderr}");
}

#[test]
fn verify_without_a_source_judges_nothing() {
    // Port 9 (discard) is closed wherever tests run.
    let (code, stdout, stderr) = sretool(&["verify", "--prometheus", "http://127.0.0.1:9"]);
    assert_eq!((code, stdout.as_str()), (exit::no_judgement(), ""));
    assert!(stderr.contains("127.0.0.1:9"), "{stderr}");
    assert_eq!(sretool(&["verify", "--prometheus", "ftp://x"]).0, exit::invalid());
}

/// Of two services only the second has traffic, and nothing is known of load tests.
#[test]
fn verify_tries_every_choice_of_variables() {
    let store = tsdb::Store::default();
    let append = |text: &str, t: i64, v: f64| {
        let (name, rest) = text.split_once('{').unwrap();
        let pairs = rest.trim_end_matches('}').split(',').map(|p| p.split_once('=').unwrap());
        store.append(&promql::Labels::new(pairs.chain([("__name__", name)])), t, v).unwrap();
    };
    for t in 0..61_i64 {
        append("service_info{service=a,version=1}", t * 10_000, 1.0);
        append("service_info{service=b,version=1}", t * 10_000, 1.0);
        append("http_requests_total{service=b,route=/,method=GET,status=200}", t * 10_000, t as f64);
        append("http_request_duration_seconds_bucket{service=b,route=/,method=GET,le=+Inf}", t * 10_000, 0.0);
        append("http_request_duration_seconds_bucket{service=b,route=/,method=GET,le=0.2}", t * 10_000, 0.0);
    }
    let source = Source::Local(Local::new("test", Arc::new(store), Some(600_000)));
    let window = Window { now_ms: 600_000, since_ms: 600_000 };
    let checked = crate::runtime::block_on(verify(&source, &dashboards::all(), window)).unwrap();
    let status = |dashboard: &str, panel: &str| {
        let json = serde_json::to_value(&checked).unwrap();
        let found =
            json.as_array().unwrap().iter().find(|c| c["dashboard"] == dashboard && c["panel"] == panel).cloned();
        found.unwrap()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("service-red", "Traffic"), "data");
    assert_eq!(status("service-red", "p99"), "idle");
    assert_eq!(status("service-red", "In flight"), "no_data");
    assert_eq!(status("load-test", "Target"), "no_data");
    assert_eq!(status("platform-overview", "Targets down"), "data");
    assert_eq!(checked.len(), dashboards::all().iter().map(|d| dashboards::expressions(d).len()).sum::<usize>());
}

#[test]
fn the_committed_dashboards_are_current() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards");
    let (code, stdout, _) = sretool(&["build", "--check", "--out", folder]);
    assert_eq!((code, stdout.as_str()), (exit::good(), ""));
}

/// A Prometheus that answers every range query alike, on a port of its own; it ends with the returned runtime.
fn prometheus(status: u16, body: &'static str) -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    let answer = move || async move { (status, [("content-type", "application/json")], body) };
    let router = axum::Router::new().route("/api/v1/query_range", axum::routing::any(answer));
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, url)
}

const DATA: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"service":"a","sloth_service":"a",
    "sloth_slo":"b","run":"c"},"values":[[1700000000,"1"]]}]}}"#;
const NOTHING: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
const IDLE: &str =
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1700000000,"NaN"]]}]}}"#;
const REFUSED: &str = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;

fn verify_json(url: &str) -> (ExitCode, serde_json::Value) {
    let (code, stdout, stderr) = sretool(&["verify", "--format", "json", "--prometheus", url]);
    (code, serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}{stderr}")))
}

#[test]
fn verify_is_content_when_every_panel_has_data() {
    let (_runtime, url) = prometheus(200, DATA);
    let (code, report) = verify_json(&url);
    assert_eq!((code, &report["without_data"]), (exit::good(), &serde_json::json!([])));
    assert_eq!(report["queries"], report["with_data"]);
    assert!(report["source"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let (code, stdout, _) = sretool(&["verify", "--prometheus", &url]);
    assert_eq!((code, stdout.lines().count()), (exit::good(), 1), "{stdout}");
}

#[test]
fn verify_names_the_panels_without_data() {
    let (_runtime, url) = prometheus(200, NOTHING);
    let (code, report) = verify_json(&url);
    assert_eq!((code, &report["with_data"]), (exit::failed(), &serde_json::json!(0)));
    let first = &report["without_data"][0];
    assert_eq!((&first["panel"], &first["status"]), (&"Targets down".into(), &"no_data".into()));
    let (code, stdout, _) = sretool(&["verify", "--prometheus", &url, "--since", "15m"]);
    assert_eq!(code, exit::failed());
    assert!(stdout.contains("platform-overview: Traffic: no data: sum(rate(http_requests_total"), "{stdout}");
}

#[test]
fn verify_forgives_panels_without_events() {
    let (_runtime, url) = prometheus(200, IDLE);
    let (code, stdout, _) = sretool(&["verify", "--prometheus", &url]);
    assert!(stdout.contains("platform-overview: Error ratio: idle (no events in the window)"), "{stdout}");
    // Variables have no values either, so that the panels that need one are without data.
    assert_eq!(code, exit::failed());
    assert!(stdout.contains("service-red: Traffic: no data"), "{stdout}");
}

#[test]
fn verify_shows_what_the_source_refuses() {
    let (_runtime, url) = prometheus(422, REFUSED);
    let (code, stdout, stderr) = sretool(&["verify", "--prometheus", &url]);
    assert_eq!(code, exit::failed(), "{stderr}");
    assert!(stdout.contains("platform-overview: Traffic: execution: too many samples"), "{stdout}");
}

#[test]
fn a_wrong_duration_is_wrong_usage() {
    assert_eq!(sretool(&["verify", "--since", "soon"]).0, exit::invalid());
    assert_eq!(sretool(&["build", "--format", "json"]).0, exit::invalid());
}

#[test]
fn build_into_a_file_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (code, stdout, stderr) = sretool(&["build", "--out", text(file.path())]);
    assert_eq!((code, stdout.as_str()), (exit::invalid(), ""));
    assert!(stderr.contains("cannot be created"), "{stderr}");
}
