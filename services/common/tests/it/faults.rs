//! Faults on demand.

use crate::support::{get, send_json, service, value};
use service_common::Faults;
use service_common::faults::{Effect, Fault};
use std::time::{Duration, Instant};

fn fault(kind: &str, route: &str, ratio: f64) -> Fault {
    let latency_ms = (kind == "latency").then_some(300);
    Fault { kind: kind.to_owned(), route: route.to_owned(), ratio, latency_ms, ttl_s: 60 }
}

#[tokio::test]
async fn an_error_fault_fails_its_route_until_it_is_cleared() {
    let service = service();
    let body = r#"{"faults":[{"kind":"error","route":"/v1/things/{id}","ratio":1,"ttl_s":60}]}"#;
    let put = send_json(&service.admin, "PUT", "/faults", body).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.json()["faults"][0]["kind"], "error");
    let failed = get(&service.api, "/v1/things/1").await;
    assert_eq!((failed.status, failed.json()["type"].clone()), (500, "/problems/injected-fault".into()));
    assert_eq!(get(&service.api, "/v1/greeting").await.status, 200, "other routes are not concerned");
    let metrics = get(&service.admin, "/metrics").await.body;
    let gauge = |kind: &str, route: &str| {
        value(&metrics, &format!(r#"fault_active{{service="thing-service",kind="{kind}",route="{route}"}}"#))
    };
    assert_eq!(gauge("error", "/v1/things/{id}"), Some(1.0));
    assert_eq!((gauge("error", "*"), gauge("latency", "*")), (Some(0.0), Some(0.0)));
    let counter = r#"http_requests_total{service="thing-service",method="GET",route="/v1/things/{id}",status="500"}"#;
    assert_eq!(value(&metrics, counter), Some(1.0), "a fault counts as a request");
    assert_eq!(send_json(&service.admin, "DELETE", "/faults", "").await.status, 204);
    assert_eq!(get(&service.api, "/v1/things/1").await.status, 200);
    assert_eq!(get(&service.admin, "/faults").await.json(), serde_json::json!({"faults": []}));
}

#[tokio::test]
async fn a_latency_fault_delays_every_route() {
    let service = service();
    let body = r#"{"faults":[{"kind":"latency","route":"*","latency_ms":120}]}"#;
    assert_eq!(send_json(&service.admin, "PUT", "/faults", body).await.status, 200);
    let start = Instant::now();
    assert_eq!(get(&service.api, "/v1/things/1").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn wrong_faults_change_nothing_and_say_why() {
    let service = service();
    let good = r#"{"faults":[{"kind":"error","route":"*","ratio":0.5}]}"#;
    assert_eq!(send_json(&service.admin, "PUT", "/faults", good).await.status, 200);
    let body = r#"{"faults":[{"kind":"meteor","route":"/nowhere","ratio":2,"ttl_s":0},{"kind":"latency"}]}"#;
    let bad = send_json(&service.admin, "PUT", "/faults", body).await;
    assert_eq!(bad.status, 400);
    let errors = bad.json()["errors"].as_array().unwrap().clone();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    let expected = ["faults[0].kind", "faults[0].route", "faults[0].ratio", "faults[0].ttl_s", "faults[1].latency_ms"];
    assert_eq!(fields, expected);
    let known = "error, latency, memory_leak, cpu_burn, pool_exhaustion, slow_dependency, cache_down, queue_stall, \
                 clock_skew";
    assert_eq!(errors[0]["message"], format!("`meteor` is unknown; this service knows {known}"));
    assert!(errors[1]["message"].as_str().unwrap().contains("/v1/things/{id}"));
    for body in [r#"{"faults":[{"kind":"error","colour":"red"}]}"#, r#"{"fault":[]}"#] {
        assert_eq!(send_json(&service.admin, "PUT", "/faults", body).await.status, 422, "{body}");
    }
    assert_eq!(send_json(&service.admin, "PUT", "/faults", "{").await.status, 400);
    assert_eq!(get(&service.admin, "/faults").await.json()["faults"][0]["ratio"], 0.5, "the earlier fault stays");
}

#[test]
fn a_ratio_is_a_share_of_the_draws() {
    let (faults, now) = (Faults::default(), Instant::now());
    faults.replace(vec![fault("error", "*", 0.25), fault("latency", "/a", 0.5)], &[], now).unwrap();
    let effects: Vec<Effect> = (0..100).map(|draw| faults.effect("/a", now, || f64::from(draw) / 100.0)).collect();
    assert_eq!(effects.iter().filter(|effect| effect.fail).count(), 25);
    assert_eq!(effects.iter().filter(|effect| effect.delay == Duration::from_millis(300)).count(), 50);
    assert_eq!(faults.effect("/b", now, || 0.3), Effect::default());
}

#[test]
fn a_fault_ends_by_itself() {
    let (faults, now) = (Faults::default(), Instant::now());
    faults.replace(vec![fault("error", "*", 1.0)], &[], now).unwrap();
    let at = |seconds| now + Duration::from_secs_f64(seconds);
    assert_eq!(faults.list(at(20.5)).faults[0].ttl_s, 40);
    assert!(faults.effect("/a", at(59.9), || 0.0).fail);
    assert!(!faults.effect("/a", at(60.0), || 0.0).fail);
    assert!(faults.list(at(60.0)).faults.is_empty());
}

#[test]
fn a_service_may_have_kinds_of_its_own() {
    let (faults, now) = (Faults::with_kinds(&["payment_error"]), Instant::now());
    faults.replace(vec![fault("payment_error", "*", 1.0)], &[], now).unwrap();
    assert_eq!(faults.effect("/a", now, || 0.0), Effect::default(), "its meaning is the service's own");
    assert_eq!(faults.strikes("payment_error", "/a").unwrap().kind, "payment_error");
    assert_eq!(faults.strikes("other", "/a"), None);
    assert!(Faults::default().replace(vec![fault("payment_error", "*", 1.0)], &[], now).is_err());
}

#[test]
fn faults_of_one_route_add_up_and_a_new_list_replaces_the_old_one() {
    let (faults, now) = (Faults::default(), Instant::now());
    let both = vec![fault("latency", "*", 1.0), fault("latency", "/a", 1.0), fault("error", "/a", 1.0)];
    faults.replace(both, &[], now).unwrap();
    let sum = Effect { delay: Duration::from_millis(600), fail: true };
    assert_eq!(faults.effect("/a", now, || 0.0), sum);
    assert_eq!(faults.effect("/b", now, || 0.0), Effect { delay: Duration::from_millis(300), fail: false });
    faults.replace(vec![fault("error", "/b", 1.0)], &[], now).unwrap();
    assert_eq!(faults.effect("/a", now, || 0.0), Effect::default());
    faults.clear();
    assert_eq!(faults.effect("/b", now, || 0.0), Effect::default());
}
