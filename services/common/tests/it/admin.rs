//! Health on the admin port.

use crate::support::{SPEC, api, get, service};
use service_common::auth::{Issuer, Keys};
use service_common::{Context, Service, Verifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn with_dependency(works: &Arc<AtomicBool>) -> Service {
    let cx = Context::for_test(&SPEC);
    let works = Arc::clone(works);
    cx.health.check("queue", move || {
        let works = works.load(Ordering::Relaxed);
        async move { if works { Ok(()) } else { Err("connection refused".to_owned()) } }
    });
    let keys = Keys::fixed(&Issuer::from_seed([7; 32]).unwrap().jwks());
    cx.finish(api(Verifier::new(keys, None)))
}

#[tokio::test]
async fn a_service_is_ready_after_start_and_until_it_drains() {
    let service = service();
    let phases = [("starting", 503, 503), ("running", 200, 200), ("draining", 503, 200)];
    for (phase, ready, started) in phases {
        match phase {
            "running" => service.health.set_ready(),
            "draining" => service.health.set_draining(),
            _ => {}
        }
        let answer = get(&service.admin, "/readyz").await;
        assert_eq!(answer.status, ready, "{phase}");
        assert_eq!(answer.json()["phase"], phase);
        assert_eq!(get(&service.admin, "/startupz").await.status, started, "{phase}");
        assert_eq!(get(&service.admin, "/livez").await.status, 200, "{phase}");
    }
}

#[tokio::test]
async fn readiness_follows_dependencies_and_liveness_does_not() {
    let works = Arc::new(AtomicBool::new(true));
    let service = with_dependency(&works);
    service.health.set_ready();
    let good = get(&service.admin, "/readyz").await;
    assert_eq!((good.status, good.json()["checks"]["queue"].clone()), (200, "ok".into()));
    works.store(false, Ordering::Relaxed);
    let bad = get(&service.admin, "/readyz").await;
    assert_eq!(bad.status, 503);
    assert_eq!(
        bad.json(),
        serde_json::json!({
            "ready": false, "phase": "running", "checks": {"queue": "connection refused"}
        })
    );
    assert_eq!(get(&service.admin, "/livez").await.status, 200);
}

#[tokio::test]
async fn a_check_that_hangs_is_a_failure() {
    let service = service();
    service.health.set_ready();
    service.health.check("void", std::future::pending);
    let answer = get(&service.admin, "/readyz").await;
    assert_eq!((answer.status, answer.json()["checks"]["void"].clone()), (503, "no answer within 1 s".into()));
}

#[tokio::test]
async fn unknown_admin_paths_say_what_there_is() {
    let answer = get(&service().admin, "/health").await;
    assert_eq!(answer.status, 404);
    assert!(answer.json()["detail"].as_str().unwrap().contains("/readyz"));
}

#[tokio::test]
async fn checks_run_at_once_and_all_are_reported() {
    let service = service();
    service.health.set_ready();
    // No check ends before all three have started: one after the other, each would run into its time limit.
    let barrier = Arc::new(tokio::sync::Barrier::new(3));
    for (name, works) in [("cache", true), ("queue", false), ("mail", false)] {
        let barrier = Arc::clone(&barrier);
        service.health.check(name, move || {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                if works { Ok(()) } else { Err(format!("{name} is away")) }
            }
        });
    }
    let answer = get(&service.admin, "/readyz").await;
    let expected = serde_json::json!({"cache": "ok", "mail": "mail is away", "queue": "queue is away"});
    assert_eq!((answer.status, answer.json()["checks"].clone()), (503, expected));
}
