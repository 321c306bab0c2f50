//! A search on a server with a capacity that is known.

use super::*;
use axum::Router;
use axum::routing::get;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Instant;

/// Answers `capacity` requests a second, one after the other, as a token bucket of depth 1 lets them pass.
fn bucket(capacity: f64) -> String {
    let next = Arc::new(Mutex::new(Instant::now()));
    let answer = move || {
        let at = {
            let mut next = next.lock().unwrap();
            *next = (*next).max(Instant::now()) + Duration::from_secs_f64(1.0 / capacity);
            *next
        };
        async move { tokio::time::sleep_until(at.into()).await }
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        crate::runtime::block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().route("/", get(answer))).await.unwrap();
        });
    });
    url
}

fn breakpoint(line: &[&str]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io { out: &mut out, err: &mut err, terminal: false };
    let line = ["sretool", "load", "breakpoint"].iter().chain(line);
    let code = crate::run(line.map(Into::into), &mut io);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn the_knee_of_a_server_is_near_its_capacity() {
    let url = bucket(400.0);
    // The lag of a busy machine must not end the search.
    let loose = ["--threshold", "p95<500ms", "--threshold", "errors<5%", "--threshold", "lag<60s"];
    let line = ["--url", &url, "--from", "200", "--probe", "3s", "--precision", "10", "--format", "json"];
    let (code, out, err) = breakpoint(&[&line[..], &loose].concat());
    assert_eq!(code, exit::good(), "{out}{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let knee = found["knee_rps"].as_f64().unwrap();
    // Other tests run beside this one: the exact search is tested on a simulated server.
    assert!((280.0..480.0).contains(&knee), "{out}{err}");
    assert!(found["probes"].as_array().unwrap().len() >= 4, "{out}");
    assert!(err.contains("/s asked") && err.contains("holds"), "{err}");
}

#[test]
fn a_server_that_bears_less_than_it_must_fails() {
    let url = bucket(10_000.0);
    let line = ["--url", &url, "--from", "20", "--max", "20", "--probe", "1s", "--at-least", "100"];
    let (code, out, err) = breakpoint(&[&line[..], &["--threshold", "errors<50%", "--threshold", "lag<60s"]].concat());
    assert_eq!(code, exit::failed(), "{out}{err}");
    assert!(out.contains("no knee up to 20.0 requests/s") && out.contains("less than 100.0"), "{out}");
}

#[test]
fn wrong_usage_is_told() {
    let (code, _, err) = breakpoint(&["--executor", "http"]);
    assert_eq!(code, exit::invalid());
    assert!(err.contains("needs a --url"), "{err}");
    assert_eq!(breakpoint(&["--from", "0"]).0, exit::invalid());
}
