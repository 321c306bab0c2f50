//! The scenarios against the real services: what they expect is what the services answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/platform.rs"]
mod platform;

use load::{End, Schedule, Snapshot, Totals};
use loadtests::{Credentials, Job, Message, Mix, Scenario, Services, run_job};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Goose is made for one run a process: one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// One second or more of these scenarios, thinking 20 ms.
fn run(chosen: &[&str], rate: f64, seconds: f64, admin: bool) -> Result<Snapshot, String> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (services, credentials) = platform::start();
    let chosen: Vec<_> = chosen.iter().map(|&scenario| scenario.to_owned()).collect();
    let mix = if chosen.is_empty() { Mix::default() } else { Mix::default().choose(&chosen).unwrap() };
    let job = job(services, mix, (rate, seconds), Some(credentials).filter(|_| admin));
    let (mut totals, mut failure) = (Totals::default(), None);
    run_job(job, &AtomicBool::new(false), |message| match message {
        Message::Update(update) => totals.add(*update),
        Message::Failed { reason } => failure = Some(reason),
        Message::Started | Message::SettingUp { .. } => {}
    })
    .unwrap();
    failure.map_or(Ok(totals.whole), Err)
}

fn job(services: Services, mix: Mix, (rate, seconds): (f64, f64), admin: Option<Credentials>) -> Job {
    Job {
        services,
        schedule: Schedule::constant(rate, Duration::from_secs_f64(seconds)).unwrap(),
        users: 20,
        accounts: 4,
        mix,
        think_s: 0.02,
        admin,
        seed: 3,
        tracing: None,
        timeout_s: 10.0,
        drain_s: 5.0,
    }
}

/// How many requests of a route ended with a status.
fn count(whole: &Snapshot, route: &str, status: u16) -> u64 {
    whole.routes.get(route).and_then(|stats| stats.ends.get(&End::Status(status))).map_or(0, |times| times.count)
}

/// Every request was answered as its scenario expects.
#[track_caller]
fn all_expected(whole: &Snapshot, requests: u64) {
    let counts = whole.counts();
    let statuses: Vec<_> = whole.routes.iter().map(|(route, stats)| (route, &stats.statuses)).collect();
    assert_eq!((counts.total(), counts.finished), (requests, requests), "{:?} {statuses:?}", whole.causes);
}

#[test]
fn an_order_goes_all_the_way_to_its_notification() {
    let whole = run(&["order"], 60.0, 2.0, false).unwrap();
    all_expected(&whole, 120);
    let orders = count(&whole, "POST /v1/orders", 201);
    let told = count(&whole, "GET /v1/notifications", 200);
    assert!(orders >= 10 && told >= 5, "{orders} ordered, {told} looks at notifications");
    assert!(count(&whole, "POST /v1/orders/{id}/payment", 202) >= told / 4);
    assert!(count(&whole, "GET /v1/orders/{id}", 200) >= 5, "the order is polled");
}

#[test]
fn browsing_members_and_cancellations_are_answered() {
    let whole = run(&["browse=4", "account=4", "cancel=3"], 110.0, 1.0, false).unwrap();
    all_expected(&whole, 110);
    for (route, least) in [
        ("GET /v1/products", 5),
        ("GET /v1/inventory/{sku}", 5),
        ("GET /v1/orders", 3),
        ("GET /v1/orders/{id}", 3),
        ("GET /v1/users/me", 8),
        ("GET /v1/preferences", 8),
        ("PUT /v1/preferences", 1),
        ("POST /v1/orders/{id}/cancel", 5),
    ] {
        assert!(count(&whole, route, 200) >= least, "{route}: {:?}", whole.routes.get(route).map(|s| &s.statuses));
    }
}

#[test]
fn accounts_and_sessions_of_their_own_come_and_go() {
    let whole = run(&["register", "log_in"], 40.0, 1.0, false).unwrap();
    all_expected(&whole, 40);
    assert!(count(&whole, "POST /v1/users", 201) > 0 && count(&whole, "POST /v1/users", 409) > 0);
    assert!(count(&whole, "POST /v1/sessions/refresh", 200) > 0);
    assert!(count(&whole, "DELETE /v1/sessions/current", 204) > 0);
}

#[test]
fn an_administrator_administers() {
    let whole = run(&["admin"], 40.0, 1.0, true).unwrap();
    all_expected(&whole, 40);
    assert!(count(&whole, "GET /v1/users", 200) > 0 && count(&whole, "PUT /v1/inventory/{sku}", 200) > 0);
    let error = run(&["admin"], 40.0, 1.0, false).unwrap_err();
    assert!(error.contains("ADMIN_EMAIL"), "{error}");
}

#[test]
fn everything_that_must_be_refused_is_refused_as_expected() {
    // More than one round of the table.
    let whole = run(&["negative"], 140.0, 1.0, false).unwrap();
    all_expected(&whole, 140);
    assert!(whole.routes.values().all(|stats| stats.statuses.keys().all(|status| (400..500).contains(status))));
    let kinds: u64 = whole.routes.values().map(|stats| stats.statuses.len() as u64).sum();
    assert!(kinds >= 18, "{kinds} kinds of refusals");
}

#[test]
fn the_default_mix_has_no_error_and_rarely_hashes() {
    let whole = run(&[], 200.0, 3.0, true).unwrap();
    all_expected(&whole, 600);
    let hashing = count(&whole, "POST /v1/sessions", 200) + count(&whole, "POST /v1/users", 201);
    assert!(hashing <= 6, "{hashing} of 600 requests hashed a password");
    assert!(count(&whole, "GET /v1/users", 200) >= 1, "the administrator is in the mix");
    assert!(Mix::default().has(Scenario::Negative));
}
