//! Counts and latencies of the HTTP executor, exact against what the server itself saw.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use load::http::{Config, Pace, Targets, execute};
use load::{Plan, Report, Schedule, Totals, Tracing};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that is as quick as a test's can be, and that freezes where it is told to.
#[derive(Debug, Default)]
struct Server {
    answered: AtomicU64,
    /// Answers are held back from the first to the second.
    freeze: Mutex<Option<(Instant, Instant)>>,
    /// When each request was answered, by its `traceparent`.
    log: Mutex<HashMap<String, Instant>>,
}

impl Server {
    fn open() -> (Arc<Self>, SocketAddr) {
        let server = Arc::new(Self::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = server.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(shared.clone().serve(stream));
                }
            });
        });
        (server, address)
    }

    async fn serve(self: Arc<Self>, mut stream: tokio::net::TcpStream) {
        let mut seen = Vec::new();
        loop {
            let mut buffer = [0; 2048];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(n) => seen.extend_from_slice(&buffer[..n]),
            }
            if !seen.ends_with(b"\r\n\r\n") {
                continue;
            }
            let until = self.freeze.lock().unwrap().filter(|(from, to)| (*from..*to).contains(&Instant::now()));
            if let Some((_, to)) = until {
                tokio::time::sleep_until(to.into()).await;
            }
            let head = String::from_utf8(std::mem::take(&mut seen)).unwrap();
            let trace = head.lines().find_map(|line| line.strip_prefix("traceparent: ")).map(str::to_owned);
            self.answered.fetch_add(1, Ordering::Relaxed);
            if let Some(trace) = trace {
                self.log.lock().unwrap().insert(trace, Instant::now());
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
    }
}

fn config(address: SocketAddr, tracing: Option<Tracing>) -> Config {
    let targets = Targets::url(&format!("http://{address}/")).unwrap();
    let patience = Duration::from_secs(30);
    Config { connections: 4000, drain: patience, timeout: patience, tracing, ..Config::new(targets) }
}

fn run(config: Config, schedule: &Schedule) -> Totals {
    let mut totals = Totals::default();
    execute(config, &Pace::Open(schedule.clone()), &AtomicBool::new(false), |update| totals.add(update)).unwrap();
    totals
}

/// Every scheduled request is sent, answered and counted, and the rate is the one asked for.
fn exact(rate: f64, seconds: u64) {
    let (server, address) = Server::open();
    let schedule = Schedule::constant(rate, Duration::from_secs(seconds)).unwrap();
    let totals = run(config(address, None), &schedule);
    let asked = rate as u64 * seconds;
    let counts = totals.whole.counts();
    assert_eq!((totals.whole.scheduled, counts.finished), (asked, asked), "{counts:?} {:?}", totals.whole.causes);
    assert_eq!(server.answered.load(Ordering::Relaxed), asked);
    assert_eq!(totals.whole.overall().response.count(), asked);
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(schedule),
        duration_s: seconds as f64,
        capacity: 4000,
        thresholds: Vec::new(),
    };
    let report = Report::new(&plan, &totals, false);
    assert_eq!(report.scheduled, report.finished + report.failed + report.timed_out + report.censored);
    // Never more than was asked for; how much less depends on the machine, and the bench shows it on a quiet one.
    assert!(report.achieved_rps <= rate * 1.001, "{}", report.achieved_rps);
}

#[test]
fn every_request_of_a_thousand_a_second_is_sent_and_counted() {
    exact(1000.0, 3);
}

#[test]
fn every_request_of_five_thousand_a_second_is_sent_and_counted() {
    exact(5000.0, 2);
}

/// Nearest rank.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1]
}

#[test]
fn a_stall_of_2_s_in_10_s_shows_as_1500_ms_at_p95_and_1900_ms_at_p99() {
    let (server, address) = Server::open();
    let schedule = Schedule::constant(1000.0, Duration::from_secs(10)).unwrap();
    let tracing = Tracing::new(11, 1.0);
    let begun = Instant::now();
    // Requests that are due from 4 s to 6 s wait until 6 s: of all, 5 % wait longer than 1.5 s, and 1 % than 1.9 s.
    let freeze = (begun + Duration::from_secs(4), begun + Duration::from_secs(6));
    *server.freeze.lock().unwrap() = Some(freeze);
    let totals = run(config(address, Some(tracing)), &schedule);
    let overall = totals.whole.overall();
    assert_eq!((totals.whole.scheduled, overall.counts.finished), (10_000, 10_000), "{:?}", totals.whole.causes);

    // The truth, as the server's own log has it: from when each request was due to when it was answered.
    let log = server.log.lock().unwrap();
    assert_eq!(log.len(), 10_000, "each request has a trace of its own");
    let late = |(number, due): (u64, Duration)| {
        let answered = log[&tracing.context(number).to_string()];
        answered.saturating_duration_since(begun + due).as_secs_f64()
    };
    let mut truth: Vec<f64> = schedule.tickets().map(late).collect();
    for (q, ideal) in [(0.95, 1.5), (0.99, 1.9)] {
        let (found, logged) = (overall.response.quantile(q).unwrap(), quantile(&mut truth, q));
        // No pace of the machine can make a frozen server look quick: waiting only ever grows.
        assert!(found >= ideal * 0.99, "q{q}: {found}, at least {ideal}");
        // What the log does not have: the start of the run after `begun`, and the way of an answer to a client that
        // may be waiting for a core.
        let allowance = 0.01 * logged + totals.whole.own_lag.max().unwrap() + 0.3;
        assert!((found - logged).abs() <= allowance, "q{q}: {found}, the server says {logged}");
    }
}
