//! The platform end to end: real processes, real ports, a real Prometheus beside the embedded one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "platform/harness.rs"]
mod harness;

use harness::{Platform, SRETOOL, eventually, number, query, set_faults};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

fn report(platform: &Platform, prometheus: &str) -> (Option<i32>, Value) {
    let output = platform.sretool(&["slo", "report", "--prometheus", prometheus, "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let json = serde_json::from_str(&text).unwrap_or_else(|e| {
        panic!("no JSON ({e}): {text}{}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code(), json)
}

fn slo<'a>(report: &'a Value, service: &str, name: &str) -> &'a Value {
    let slos = report["slos"].as_array().unwrap();
    slos.iter().find(|slo| slo["service"] == service && slo["name"] == name).unwrap_or_else(|| {
        panic!("no SLO {service}/{name} in {report}");
    })
}

#[track_caller]
fn assert_same_slis(ours: &Value, theirs: &Value) {
    for ours in ours["slos"].as_array().unwrap() {
        let (service, name) = (ours["service"].as_str().unwrap(), ours["name"].as_str().unwrap());
        let theirs = slo(theirs, service, name);
        assert_eq!(ours["status"], theirs["status"], "{service}/{name}");
        match (ours["sli"].as_f64(), theirs["sli"].as_f64()) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{service}/{name}: {a} and {b}"),
            (a, b) => assert_eq!(a, b, "{service}/{name}"),
        }
    }
}

/// Waits until a Prometheus has counted the ten failed requests.
#[track_caller]
fn wait_for_ten_failures(prometheus: &str) {
    let failed = r#"sum(http_requests_total{service="order-service",status=~"5.."})"#;
    eventually("ten failed requests are counted", Duration::from_secs(10), || number(prometheus, failed) == Some(10.0));
}

#[test]
fn comes_up_answers_and_agrees_with_a_real_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(&folder.path().join("data"));
    assert_eq!(platform.ready.len(), 4);
    assert!(platform.administrator.starts_with("administrator "), "{}", platform.administrator);
    eventually("three targets are up", Duration::from_secs(10), || {
        number(&platform.prometheus, "sum(up)") == Some(3.0)
    });

    // No traffic is no data: never 100 %, never 0 %.
    let (status, before) = report(&platform, &platform.prometheus);
    assert_eq!(status, Some(3), "{before}");
    assert_eq!(slo(&before, "order-service", "availability")["sli"], Value::Null);
    assert_eq!(slo(&before, "order-service", "availability")["status"], "no_data");

    let real = harness::real_prometheus(folder.path(), platform.admin);
    if let Some((_, url)) = &real {
        let limit = Duration::from_secs(20);
        eventually("Prometheus scrapes", limit, || number(url, "sum(up)") == Some(3.0));
        eventually("both saw every series twice", limit, || {
            number(url, "min(count_over_time(http_requests_total[1m]))").is_some_and(|n| n >= 2.0)
        });
    }

    // Forty good requests, then ten that fail.
    assert_eq!(platform.request("/v1/products", 40)[2], 40);
    let fault = json!({"faults": [{"kind": "error", "route": "/v1/products", "ratio": 1.0, "ttl_s": 60}]});
    set_faults(platform.admin[1], &fault);
    assert_eq!(platform.request("/v1/products", 10)[5], 10);
    wait_for_ten_failures(&platform.prometheus);
    let (status, embedded) = report(&platform, &platform.prometheus);
    assert_eq!(status, Some(1), "a fifth of all requests failed: {embedded}");
    let sli = slo(&embedded, "order-service", "availability")["sli"].as_f64().unwrap();
    assert!((sli - 0.8).abs() < 1e-9, "{sli}");
    assert_eq!(slo(&embedded, "user-service", "availability")["status"], "no_data");

    let Some((_, url)) = real else {
        println!("skipped the comparison: prometheus is not installed");
        return;
    };
    wait_for_ten_failures(&url);
    let (_, theirs) = report(&platform, &url);
    assert_same_slis(&embedded, &theirs);
}

/// Kills a service and waits until another process is ready in its place.
#[track_caller]
fn kill_and_await(platform: &Platform, name: &str) {
    let running = || {
        let children = harness::children(platform.pid());
        children.into_iter().find(|pid| harness::command_line(*pid).contains(&format!(" service {name}")))
    };
    let first = running().unwrap_or_else(|| panic!("{name} does not run"));
    harness::kill9(first);
    eventually("another process", Duration::from_secs(20), || running().is_some_and(|pid| pid != first));
    let index = ["user", "order", "notification"].iter().position(|other| *other == name).unwrap();
    let ready = format!("http://127.0.0.1:{}/readyz", platform.admin[index]);
    eventually("ready again", Duration::from_secs(20), || harness::http_status(&ready) == 200);
}

#[test]
fn killed_services_return_and_none_outlives_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(&folder.path().join("data"));
    eventually("targets are up", Duration::from_secs(10), || number(&platform.prometheus, "sum(up)") == Some(3.0));
    for name in ["user", "order", "notification"] {
        kill_and_await(&platform, name);
        // The new process is known as such, so that nothing takes its counters for a continuation.
        let changes = format!(r#"changes(process_start_time_seconds{{job="{name}-service"}}[1m])"#);
        eventually("the restart is in the data", Duration::from_secs(10), || {
            number(&platform.prometheus, &changes).is_some_and(|n| n >= 1.0)
        });
    }
    // Each death in a row doubles the wait; from the fourth on it is longer than the time between two scrapes.
    (0..4).for_each(|_| kill_and_await(&platform, "order"));
    let lowest = r#"min_over_time(up{job="order-service"}[1m])"#;
    assert_eq!(number(&platform.prometheus, lowest), Some(0.0), "the outage left no gap");
    eventually("scraped again", Duration::from_secs(10), || number(&platform.prometheus, "sum(up)") == Some(3.0));
    let children = harness::children(platform.pid());
    assert!(children.len() >= 3, "{children:?}");
    harness::kill9(platform.pid());
    eventually("no child is left", Duration::from_secs(15), || children.iter().all(|pid| !harness::is_running(*pid)));
}

#[test]
fn ctrl_c_stops_everything_and_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    let mut platform = Platform::start(&folder.path().join("data"));
    let children = harness::children(platform.pid());
    let pid = platform.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(platform.process.0.wait().unwrap().code(), Some(0));
    assert!(children.iter().all(|pid| !harness::is_running(*pid)), "a child outlived its parent");
}

#[test]
fn a_port_in_use_names_itself_and_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let [api] = harness::free_ports();
    let cases = [("--listen", format!("127.0.0.1:{port}")), ("--order-ports", format!("{api},{port}"))];
    for (flag, value) in cases {
        let output = Command::new(SRETOOL).args(["up", "--no-tui", flag, &value]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&port.to_string()) && error.contains(flag), "{error}");
    }
}

#[test]
fn promtool_works_against_the_embedded_server() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(&folder.path().join("data"));
    eventually("requests are counted", Duration::from_secs(10), || {
        platform.request("/v1/products", 1);
        number(&platform.prometheus, "sum(rate(http_requests_total[1m]))").is_some_and(|rate| rate > 0.0)
    });
    assert_eq!(query(&platform.prometheus, "up")["resultType"], "vector");
    let expr = "sum(rate(http_requests_total[1m]))";
    let output = match Command::new("promtool").args(["query", "instant", &platform.prometheus, expr]).output() {
        Ok(output) => output,
        Err(cause) => {
            println!("skipped: promtool cannot be run: {cause}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("=>"), "{output:?}");
}
