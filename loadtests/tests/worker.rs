//! Goose against a stand-in of the services: exact counts, honest latency, an end on time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/shop.rs"]
mod shop;

use load::{Schedule, Totals, Tracing};
use loadtests::{Credentials, Job, Message, Mix, Scenario, Services, run_job, run_worker};
use shop::Shop;
use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Goose is made for one run a process, and these runs are timed: one after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn job(services: Services, rate: f64, seconds: f64) -> Job {
    Job {
        services,
        schedule: Schedule::constant(rate, Duration::from_secs_f64(seconds)).unwrap(),
        users: 50,
        accounts: 5,
        // What must be refused is for real services to refuse.
        mix: Mix::default().without(Scenario::Negative).unwrap(),
        think_s: 0.0,
        admin: Some(Credentials { email: "admin@example.com".into(), password: "admin".into() }),
        seed: 1,
        tracing: Some(Tracing::new(1, 0.5)),
        timeout_s: 10.0,
        drain_s: 2.0,
    }
}

fn run(job: Job, on_start: impl Fn()) -> (Totals, Option<String>) {
    let (mut totals, mut failure) = (Totals::default(), None);
    run_job(job, &AtomicBool::new(false), |message| match message {
        Message::Update(update) => totals.add(*update),
        Message::Failed { reason } => failure = Some(reason),
        Message::Started => on_start(),
        Message::SettingUp { accounts } => assert_eq!(accounts, 5),
    })
    .unwrap();
    (totals, failure)
}

#[test]
fn every_ticket_is_one_request_and_every_request_is_counted() {
    let _turn = turn();
    let (shop, services) = Shop::open();
    let before = Mutex::new(0);
    let (totals, failure) = run(job(services, 500.0, 2.0), || *before.lock().unwrap() = shop.total());
    assert_eq!(failure, None);
    let counts = totals.whole.counts();
    assert_eq!((totals.whole.scheduled, counts.total()), (1000, 1000));
    assert_eq!(counts.finished, 1000, "{:?}", totals.whole.causes);
    assert_eq!(shop.total() - *before.lock().unwrap(), 1000);
    assert_eq!(totals.whole.overall().response.count(), 1000);
    // A thousand requests are one round of the mix: half of them browse, four in a row; half a percent hashes.
    let of = |route: &str| totals.whole.routes.get(route).map_or(0, |stats| stats.counts.finished);
    assert!((120..=150).contains(&of("GET /v1/products")), "{}", of("GET /v1/products"));
    let hashing = of("POST /v1/sessions") + totals.whole.routes["POST /v1/users"].statuses.get(&201).unwrap_or(&0);
    assert!((1..=8).contains(&hashing), "{hashing}");
    assert!(of("POST /v1/orders") >= 30 && of("POST /v1/orders/{id}/payment") >= 20);
    assert!(of("GET /v1/notifications") > 0 && of("PUT /v1/inventory/{sku}") > 0);
    assert_eq!(shop.traced(), 1000, "each request carries a trace");
}

#[test]
fn a_stall_shows_with_its_full_weight() {
    let _turn = turn();
    let (shop, services) = Shop::open();
    // A second out of four: the slowest quarter is spread evenly from 1 s down to 0, so 5 % exceed 0.8 s.
    let stall = || shop.stall(Duration::from_millis(1500), Duration::from_secs(1));
    let (totals, failure) = run(job(services, 200.0, 4.0), stall);
    assert_eq!(failure, None);
    let overall = totals.whole.overall();
    assert_eq!(overall.counts.finished, 800);
    for (q, expected) in [(0.95, 0.8), (0.99, 0.96)] {
        let (found, lag) = (overall.response.quantile(q).unwrap(), totals.whole.own_lag.max().unwrap());
        assert!(
            found > expected - 0.04 && found < expected + 0.12 + lag,
            "q{q}: {found}, expected {expected}, lag {lag}"
        );
    }
    // Only fifty users: what they could not send at once waited, and is counted from when it was due.
    assert!(overall.lag.max().unwrap() > 0.5, "{:?}", overall.lag.max());
}

#[test]
fn a_server_that_falls_silent_cannot_hold_up_the_end() {
    let _turn = turn();
    let (shop, services) = Shop::open();
    let job = Job { drain_s: 0.5, ..job(services, 100.0, 1.0) };
    let started = Mutex::new(Instant::now());
    let (totals, failure) = run(job, || {
        shop.stall(Duration::ZERO, Duration::from_secs(60));
        *started.lock().unwrap() = Instant::now();
    });
    assert!(started.lock().unwrap().elapsed() < Duration::from_secs(4));
    assert_eq!(failure, None);
    let counts = totals.whole.counts();
    assert_eq!((totals.whole.scheduled, counts.total()), (100, 100));
    assert!(counts.censored >= 99, "{counts:?}");
    assert!(totals.whole.routes[load::UNSENT].counts.censored >= 40, "fifty users sent, the rest could not");
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let _turn = turn();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_shop, services) = Shop::open();
    let users = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (totals, failure) = run(job(Services { users: users.clone(), ..services }, 10.0, 1.0), || {});
    let failure = failure.unwrap();
    assert!(failure.contains("cannot log users in") && failure.contains(&users), "{failure}");
    assert!(failure.contains("connection refused"), "{failure}");
    assert_eq!(totals.whole.scheduled, 0);
}

#[test]
fn faults_do_not_prevent_a_run_that_is_about_them() {
    let _turn = turn();
    let (shop, services) = Shop::open();
    shop.fail_every.store(4, Ordering::Relaxed);
    let (totals, failure) = run(job(services, 100.0, 1.0), || {});
    assert_eq!(failure, None);
    let counts = totals.whole.counts();
    assert_eq!((counts.total(), counts.failed), (100, 25), "{:?}", totals.whole.causes);
    assert_eq!(totals.whole.causes["status 500"], 25);
}

#[test]
fn a_stop_ends_the_run_and_blames_nobody() {
    let _turn = turn();
    let (shop, services) = Shop::open();
    let stop = AtomicBool::new(false);
    let (mut totals, mut begun) = (Totals::default(), Instant::now());
    run_job(job(services, 100.0, 60.0), &stop, |message| match message {
        Message::Started => {
            shop.stall(Duration::from_millis(500), Duration::from_secs(60));
            begun = Instant::now();
        }
        Message::Update(update) => {
            totals.add(*update);
            stop.store(true, Ordering::Relaxed);
        }
        _ => {}
    })
    .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
    let counts = totals.whole.counts();
    assert!(counts.finished > 0 && counts.censored > 0, "{counts:?}");
    assert_eq!(counts.total(), totals.whole.scheduled);
    assert_eq!(totals.whole.overall().response.count(), counts.finished);
}

#[test]
fn the_worker_speaks_a_line_a_message() {
    let _turn = turn();
    let (_shop, services) = Shop::open();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let line = serde_json::to_string(&job(services, 50.0, 1.0)).unwrap();
    writeln!(writer, "{line}").unwrap();
    let mut output = Vec::new();
    run_worker(BufReader::new(reader), &mut output).unwrap();
    drop(writer);
    let messages: Vec<Message> =
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages[..2], [Message::SettingUp { accounts: 5 }, Message::Started]);
    let Some(Message::Update(last)) = messages.last() else { panic!("{messages:?}") };
    assert!(last.last);
    let scheduled: u64 =
        messages.iter().filter_map(|m| if let Message::Update(u) = m { Some(u.delta.scheduled) } else { None }).sum();
    assert_eq!(scheduled, 50);
}

#[test]
fn the_end_of_the_input_stops_the_worker() {
    let _turn = turn();
    let (_shop, services) = Shop::open();
    let line = serde_json::to_string(&job(services, 50.0, 60.0)).unwrap() + "\n";
    let begun = Instant::now();
    run_worker(BufReader::new(std::io::Cursor::new(line)), &mut Vec::new()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(run_worker(BufReader::new(&b"nonsense\n"[..]), &mut Vec::new()).is_err());
}
