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
    let loose = ["--threshold", "p95<5s", "--threshold", "errors<0.1%", "--threshold", "rate>=99%"];
    let (code, out, err) = load(&[&["--url", &url, "--rps", "100", "--format", "json"][..], &loose].concat());
    assert_eq!(code, exit::good(), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["verdict"], &report["executor"]), (&"pass".into(), &"http".into()));
    assert_eq!((&report["scheduled"], &report["finished"]), (&100.into(), &100.into()));
    assert_eq!(report["thresholds"].as_array().unwrap().len(), 3);
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
    let mut line = vec!["--url", url.as_str(), "--rps", "20", "--threshold", "errors<=0%"];
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
