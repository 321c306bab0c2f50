//! `sretool load` as a process: the Goose child, signals, exit statuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "shared with tests that look at more of it")]
#[path = "../../loadtests/tests/common/shop.rs"]
mod shop;

use serde_json::Value;
use shop::Shop;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn load(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sretool"));
    command.args(["load", "--no-push", "--format", "json"]).args(line).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Flags that name the services, and scenarios that the stand-in answers as the services would.
fn at(services: &loadtests::Services) -> Vec<String> {
    let flags = ["--user-service", "--order-service", "--notification-service"];
    let urls = [&services.users, &services.orders, &services.notifications];
    let addresses = flags.into_iter().zip(urls).flat_map(|(flag, url)| [flag.to_owned(), url.clone()]);
    addresses.chain(["--scenario", "browse=7", "--scenario", "order=3"].map(str::to_owned)).collect()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn goose_sends_the_exact_number_of_requests_from_a_child_process() {
    let (shop, services) = Shop::open();
    let line =
        ["--rps", "200", "--duration", "2s", "--users", "40", "--threshold", "errors<=0%", "--threshold", "lag<60s"];
    let output = load(&line).args(at(&services)).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&output);
    assert_eq!((&report["executor"], &report["verdict"]), (&"goose".into(), &"pass".into()));
    assert_eq!((&report["scheduled"], &report["finished"]), (&400.into(), &400.into()));
    assert_eq!(report["achieved_rps"], 200.0);
    // Setup reads the products, then registers, logs in and orders once for each of forty accounts.
    assert_eq!(shop.total(), 1 + 3 * 40 + 400);
    let names: Vec<_> = report["routes"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"POST /v1/orders") && names.contains(&"GET /v1/orders/{id}"), "{names:?}");
}

#[test]
fn services_that_are_not_there_are_named_and_nothing_is_judged() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let services = loadtests::Services { users: url.clone(), orders: url.clone(), notifications: url.clone() };
    let output = load(&["--duration", "1s"]).args(at(&services)).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(&url) && errors.contains("connection refused"), "{errors}");
    assert!(errors.contains("sretool up"), "a remedy: {errors}");
}

#[test]
fn ctrl_c_gives_a_partial_report_at_once_even_while_the_server_is_silent() {
    for executor in ["goose", "http"] {
        let (shop, services) = Shop::open();
        let mut command =
            load(&["--rps", "50", "--duration", "60s", "--threshold", "errors<0.1%", "--threshold", "lag<60s"]);
        if executor == "goose" {
            command.args(at(&services));
        } else {
            command.args(["--url", &format!("{}/v1/products", services.orders)]);
        }
        let mut child = command.spawn().unwrap();
        // The first second's line tells that the run is under way.
        let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(progress.by_ref().map_while(Result::ok).any(|line| line.contains("/s  p50")), "{executor}");
        shop.stall(Duration::ZERO, Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let drain = std::thread::spawn(move || progress.map_while(Result::ok).count());
        let output = child.wait_with_output().unwrap();
        let took = begun.elapsed();
        drain.join().unwrap();
        assert!(took < Duration::from_secs(3), "{executor}: {took:?}");
        let report = json(&output);
        assert_eq!(report["partial"], true, "{executor}");
        assert!(report["finished"].as_u64().unwrap() >= 40 && report["censored"].as_u64().unwrap() > 0, "{executor}");
        assert_eq!((&report["verdict"], output.status.code()), (&"pass".into(), Some(0)), "{executor}: {report}");
    }
}

/// A quick server of one URL, on a thread of its own.
fn quick(app: axum::Router) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    url
}

/// Busy loops that end with the test.
struct Hogs(Vec<std::process::Child>);

impl Hogs {
    fn on(cpu: &str, count: usize) -> Self {
        let hog = || Command::new("taskset").args(["-c", cpu, "sh", "-c", "while :; do :; done"]).spawn().unwrap();
        Self((0..count).map(|_| hog()).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

#[test]
fn a_generator_starved_of_cpu_makes_no_verdict_and_says_why() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let cpu = allowed.split([',', '-']).next_back().unwrap().to_owned();
    let url = quick(axum::Router::new().route("/", axum::routing::get(|| async { "ok" })));
    let _hogs = Hogs::on(&cpu, 4);
    let mut command = Command::new("taskset");
    command.args(["-c", &cpu, env!("CARGO_BIN_EXE_sretool"), "load", "--no-push", "--format", "json"]);
    command.args(["--url", &url, "--rps", "4000", "--duration", "2s", "--drain", "1s"]);
    let output = command.args(["--threshold", "p95<200ms", "--threshold", "rate>=99%"]).output().unwrap();
    let report = json(&output);
    assert_eq!((&report["verdict"], output.status.code()), (&"invalid".into(), Some(3)), "{report}");
    let reasons = report["reasons"].to_string();
    assert!(reasons.contains("the generator"), "{reasons}");
    assert!(report["whole"]["usage"]["cpu_us"].as_u64().unwrap() > 0);
}

#[test]
fn a_condition_of_the_users_ends_the_run_and_fails_it() {
    for executor in ["http", "goose"] {
        let (shop, services) = Shop::open();
        let line = ["--rps", "50", "--duration", "120s", "--abort-on", "errors>30%", "--threshold", "p95<60s"];
        let mut command = load(&line);
        if executor == "goose" {
            command.args(at(&services));
        } else {
            command.args(["--url", &format!("{}/v1/products", services.orders)]);
        }
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        // The first second's line tells that the run is under way: accounts are set up, and failures are its own.
        let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(progress.by_ref().map_while(Result::ok).any(|line| line.contains("/s  p50")), "{executor}");
        shop.fail_every.store(2, std::sync::atomic::Ordering::Relaxed);
        let drain = std::thread::spawn(move || progress.map_while(Result::ok).count());
        let output = child.wait_with_output().unwrap();
        drain.join().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(60), "{executor}");
        let report = json(&output);
        assert_eq!((&report["verdict"], output.status.code()), (&"fail".into(), Some(1)), "{executor}: {report}");
        let aborted = report["aborted"].as_str().unwrap();
        assert!(aborted.contains("errors>30%: observed"), "{executor}: {aborted}");
        assert_eq!(report["partial"], true);
    }
}

#[test]
fn the_second_ctrl_c_ends_the_process_at_once() {
    // It waits for its start, where nothing but a signal ends it.
    let far = chrono::Utc::now().timestamp() + 3600;
    let url = quick(axum::Router::new());
    let mut child = load(&["--url", &url, "--start-at", &far.to_string()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("for the start")));
    let interrupt = || Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt().success());
    // The process may be gone by now: the first one is enough to stop waiting.
    let _ = interrupt();
    let begun = Instant::now();
    let status = child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(matches!(status.code(), Some(3 | 130)), "{status}");
}

#[test]
fn workers_send_exactly_the_whole_between_them() {
    let (shop, services) = Shop::open();
    let url = format!("{}/v1/products", services.orders);
    let mut scheduled = 0;
    for worker in ["0/3", "1/3", "2/3"] {
        let line = ["--url", &url, "--rps", "100", "--duration", "1s", "--worker", worker, "--threshold", "lag<60s"];
        let report = json(&load(&line).output().unwrap());
        scheduled += report["scheduled"].as_u64().unwrap();
    }
    assert_eq!((scheduled, shop.total()), (100, 100));
}
