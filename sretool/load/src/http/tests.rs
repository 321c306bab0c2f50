mod rude;
mod secure;

use super::*;
use crate::totals::Totals;
use crate::verdict::{Plan, Verdict, judge};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::SocketAddr;

/// Serves from a runtime of its own, until the test process ends.
fn serve(app: Router) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

fn config(url: &str) -> Config {
    let targets = Targets::url(url).unwrap();
    Config { connections: 2000, drain: Duration::from_secs(2), ..Config::new(targets) }
}

fn open(rate: f64, seconds: f64) -> Pace {
    Pace::Open(Schedule::constant(rate, Duration::from_secs_f64(seconds)).unwrap())
}

fn run(config: Config, pace: &Pace) -> Totals {
    let mut totals = Totals::default();
    execute(config, pace, &AtomicBool::new(false), |update| totals.add(update)).unwrap();
    totals
}

#[test]
fn every_scheduled_request_arrives_and_is_counted() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let app =
        Router::new().route("/x", get(move || async move { counter.fetch_add(1, Ordering::Relaxed).to_string() }));
    let totals = run(config(&format!("http://{}/x?q=1", serve(app))), &open(500.0, 2.0));
    assert_eq!(totals.whole.scheduled, 1000);
    assert_eq!(totals.whole.counts().finished, 1000);
    assert_eq!(seen.load(Ordering::Relaxed), 1000);
    assert_eq!(totals.whole.routes["GET /x"].statuses[&200], 1000);
    assert_eq!(totals.whole.overall().response.count(), 1000);
    assert!(totals.ended && totals.elapsed_s >= 1.99);
}

#[test]
fn a_stall_shows_with_its_full_weight() {
    // Answers are held from 1.5 s to 2.5 s of a 4 s run: a quarter of all requests is late, evenly from 1 s down
    // to 0. So the response time exceeded by 5 % of all (a fifth of the late ones) is 0.8 s, and by 1 %, 0.96 s.
    let started = Instant::now();
    let app = Router::new().route(
        "/",
        get(move || async move {
            let (from, to) = (Duration::from_millis(1500), Duration::from_millis(2500));
            if started.elapsed() >= from && started.elapsed() < to {
                tokio::time::sleep(to - started.elapsed()).await;
            }
        }),
    );
    let totals = run(config(&format!("http://{}/", serve(app))), &open(250.0, 4.0));
    let overall = totals.whole.overall();
    assert_eq!((totals.whole.scheduled, overall.counts.finished), (1000, 1000));
    for (q, expected) in [(0.95, 0.8), (0.99, 0.96), (1.0, 1.0)] {
        let found = overall.response.quantile(q).unwrap();
        // Lag of a busy machine can only add: it is known, and allowed for.
        let lag = overall.lag.max().unwrap();
        assert!(
            found > expected - 0.03 && found < expected + 0.1 + lag,
            "q{q}: {found}, expected {expected}, lag {lag}"
        );
    }
}

#[test]
fn few_connections_do_not_hide_a_stall() {
    let started = Instant::now();
    let app = Router::new().route(
        "/",
        get(move || async move {
            let (from, to) = (Duration::from_millis(500), Duration::from_millis(1500));
            if started.elapsed() >= from && started.elapsed() < to {
                tokio::time::sleep(to - started.elapsed()).await;
            }
        }),
    );
    let config = Config { connections: 10, ..config(&format!("http://{}/", serve(app))) };
    let totals = run(config, &open(200.0, 2.0));
    let overall = totals.whole.overall();
    assert_eq!(overall.counts.finished, 400);
    // Half of all requests were late by up to a second, although only ten were under way.
    assert!(overall.response.quantile(0.75).unwrap() > 0.45, "{:?}", overall.response.quantile(0.75));
    assert!(overall.lag.quantile(0.75).unwrap() > 0.4, "the wait for a connection shows as lag");
    assert!(totals.whole.own_lag.quantile(0.5).unwrap() < 0.4, "but not as the generator's own");
}

#[test]
fn a_server_that_never_answers_cannot_hold_up_the_end() {
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let config = Config { drain: Duration::from_millis(300), ..config(&format!("http://{}/", serve(app))) };
    let begun = Instant::now();
    let totals = run(config, &open(100.0, 1.0));
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(totals.whole.scheduled, 100);
    assert_eq!(totals.whole.counts().censored, 100);
    // The first request had waited for 1.3 s, the last for 0.3 s.
    assert!(totals.whole.overall().response.quantile(0.5).unwrap() > 0.7);
}

#[test]
fn a_request_is_given_up_after_its_timeout() {
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let config = Config { timeout: Duration::from_millis(100), ..config(&format!("http://{}/", serve(app))) };
    let totals = run(config, &open(50.0, 1.0));
    assert_eq!(totals.whole.counts().timed_out, 50);
    assert_eq!(totals.whole.causes["timeout"], 50);
}

#[test]
fn nothing_listening_is_an_error_of_every_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let pace = open(50.0, 1.0);
    let totals = run(config(&format!("http://{address}/")), &pace);
    assert_eq!(totals.whole.counts().failed, 50);
    assert_eq!(totals.whole.causes["connection refused"], 50);
    let Pace::Open(schedule) = pace else { unreachable!() };
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(schedule),
        duration_s: 1.0,
        capacity: 10,
        thresholds: vec!["errors<0.1%".parse().unwrap()],
    };
    assert_eq!(judge(&plan, &totals, false).verdict, Verdict::Fail);
}

#[test]
fn error_statuses_fail_and_are_counted_by_status() {
    let app = Router::new().route("/", get(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    let totals = run(config(&format!("http://{}/", serve(app))), &open(50.0, 1.0));
    assert_eq!(totals.whole.counts().failed, 50);
    assert_eq!(totals.whole.routes["GET /"].statuses[&503], 50);
    assert_eq!(totals.whole.causes["status 503"], 50);
}

#[test]
fn a_connection_closed_by_the_server_between_requests_costs_no_error() {
    let app = Router::new().route("/", get(|| async { [("connection", "close")] }));
    let totals = run(config(&format!("http://{}/", serve(app))), &open(100.0, 1.0));
    assert_eq!(totals.whole.counts().finished, 100, "{:?}", totals.whole.causes);
}

#[test]
fn targets_take_turns() {
    let app = Router::new().route("/a", get(|| async {})).route("/b", get(|| async {}));
    let address = serve(app);
    let list = format!("GET http://{address}/a weight=3\nGET http://{address}/b\n");
    let targets = Targets::read(std::path::Path::new("list"), &list).unwrap();
    let totals = run(Config { targets, ..config("http://h/") }, &open(100.0, 1.0));
    assert_eq!(totals.whole.routes["GET /a"].counts.finished, 75);
    assert_eq!(totals.whole.routes["GET /b"].counts.finished, 25);
}

#[test]
fn a_stop_ends_the_run_at_once_and_blames_nobody() {
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let config = config(&format!("http://{}/", serve(app)));
    let stop = Arc::new(AtomicBool::new(false));
    let setter = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        setter.store(true, Ordering::Relaxed);
    });
    let (begun, mut totals) = (Instant::now(), Totals::default());
    execute(config, &open(100.0, 60.0), &stop, |update| totals.add(update)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
    let counts = totals.whole.counts();
    assert!(counts.censored > 0 && counts.total() == totals.whole.scheduled);
    assert_eq!(totals.whole.overall().response.count(), 0);
}

#[test]
fn a_closed_run_sends_as_fast_as_it_is_answered() {
    let app = Router::new().route("/", get(|| async { tokio::time::sleep(Duration::from_millis(10)).await }));
    let config = Config { connections: 4, ..config(&format!("http://{}/", serve(app))) };
    let totals = run(config, &Pace::Closed(Duration::from_secs(1)));
    let counts = totals.whole.counts();
    // Four connections, at least 10 ms a request: at most 400 in a second.
    assert!(counts.finished > 20 && counts.finished <= 404, "{counts:?}");
    assert_eq!(counts.total(), totals.whole.scheduled);
}

#[test]
fn method_headers_body_and_trace_arrive_as_listed() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let take = move |method: axum::http::Method, headers: axum::http::HeaderMap, body: String| async move {
        let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        log.lock().unwrap().push((method.to_string(), text("x-key"), text("user-agent"), text("traceparent"), body));
        StatusCode::CREATED
    };
    let app = Router::new().route("/x", axum::routing::any(take));
    let list = format!("POST http://{}/x expect=201\nX-Key: 7\nbody: {{\"a\": 1}}\n", serve(app));
    let targets = Targets::read(std::path::Path::new("list"), &list).unwrap();
    let tracing = Tracing::new(5, 1.0);
    let config = Config { targets, tracing: Some(tracing), ..config("http://h/") };
    let totals = run(config, &open(20.0, 1.0));
    assert_eq!(totals.whole.counts().finished, 20, "{:?}", totals.whole.causes);
    let seen = seen.lock().unwrap();
    let expected: Vec<_> = (0..20).map(|i| tracing.context(i).to_string()).collect();
    let mut traces: Vec<_> = seen.iter().map(|(_, _, _, trace, _)| trace.clone()).collect();
    traces.sort();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(traces, sorted, "each request carries the context of its number");
    for (method, key, agent, _, body) in seen.iter() {
        assert_eq!((method.as_str(), key.as_str(), body.as_str()), ("POST", "7", "{\"a\": 1}"));
        assert!(agent.starts_with("sretool-load/"), "{agent}");
    }
    let slowest = totals.whole.slowest.iter().next().unwrap();
    assert!(expected.iter().any(|header| header.contains(&slowest.trace_id)));
}

#[test]
fn requests_at_a_poisson_process_are_counted_exactly_too() {
    let app = Router::new().route("/", get(|| async {}));
    let Pace::Open(schedule) = open(300.0, 1.0) else { unreachable!() };
    let pace = Pace::Open(schedule.arriving(crate::Arrival::Poisson { seed: 4 }));
    let totals = run(config(&format!("http://{}/", serve(app))), &pace);
    assert_eq!((totals.whole.scheduled, totals.whole.counts().finished), (300, 300));
}
