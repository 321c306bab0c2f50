//! Assembling a service: what the context adds by itself.

use crate::support::{SPEC, api, get, value};
use service_common::auth::{Issuer, Keys};
use service_common::config::DatabaseUrl;
use service_common::metrics::{HttpMetrics, Operation};
use service_common::{Context, Migration, Role, Settings, Verifier};
use std::time::Duration;

const CREATE: &str = "CREATE TABLE notes (text TEXT NOT NULL)";
const NOTES: Migration = Migration { version: 1, name: "notes", sqlite: CREATE, postgres: CREATE };

fn verifier() -> Verifier {
    Verifier::new(Keys::fixed(&Issuer::from_seed([7; 32]).unwrap().jwks()), None)
}

/// Whether as many connections are in use within a second: the pool takes them back in the background.
async fn reaches_used(admin: &axum::Router, expected: f64) -> bool {
    for _ in 0..100 {
        let metrics = get(admin, "/metrics").await.body;
        if value(&metrics, r#"db_pool_connections{service="thing-service",state="used"}"#) == Some(expected) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_database_brings_its_metrics_and_its_readiness() {
    let mut cx = Context::for_test(&SPEC);
    let database = cx.database(&[NOTES]).await.unwrap();
    let service = cx.finish(api(verifier()));
    service.health.set_ready();
    let ready = get(&service.admin, "/readyz").await;
    assert_eq!((ready.status, ready.json()["checks"]["database"].clone()), (200, "ok".into()));
    let metrics = get(&service.admin, "/metrics").await.body;
    assert_eq!(value(&metrics, r#"db_pool_max_connections{service="thing-service"}"#), Some(9.0));
    assert!(reaches_used(&service.admin, 0.0).await, "connections come back");
    let transaction = database.begin().await.unwrap();
    assert!(reaches_used(&service.admin, 1.0).await, "the writer is in use");
    drop(transaction);
    database.close().await;
    let closed = get(&service.admin, "/readyz").await;
    assert_eq!(closed.status, 503);
    assert!(closed.json()["checks"]["database"].as_str().unwrap().contains("closed"), "{}", closed.body);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_an_error_with_a_remedy() {
    let mut settings = Settings::for_test();
    settings.database = DatabaseUrl::File("/dev/null/x.db".into());
    let error = Context::new(&SPEC, settings).database(&[NOTES]).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot open the database /dev/null/x.db: "), "{error}");
}

#[tokio::test]
async fn clients_carry_the_token_and_verifiers_accept_it() {
    let cx = Context::for_test(&SPEC);
    let client = cx.client(Duration::from_secs(1)).unwrap();
    let request = client.request(reqwest::Method::GET, "http://127.0.0.1:9/").build().unwrap();
    let header = request.headers()["authorization"].to_str().unwrap().to_owned();
    let caller = cx.verifier().unwrap().verify(header.strip_prefix("Bearer ").unwrap()).await.unwrap();
    assert!(caller.has(Role::Service) && !caller.has(Role::Admin));
    assert_eq!((caller.subject(), caller.email(), caller.session()), (None, None, None));
    assert_eq!(caller.require_user().unwrap_err().status(), 403);
    assert!(caller.may_read(uuid::Uuid::nil()));
}

#[tokio::test]
async fn a_service_adds_its_own_metrics_under_its_name() {
    let mut cx = Context::for_test(&SPEC);
    let depth = prometheus_client::metrics::gauge::Gauge::<i64>::default();
    cx.registry.register("queue_depth", "Waiting things", depth.clone());
    let service = cx.finish(api(verifier()));
    depth.set(4);
    let metrics = get(&service.admin, "/metrics").await.body;
    assert_eq!(value(&metrics, r#"queue_depth{service="thing-service"}"#), Some(4.0));
}

#[test]
fn series_are_created_for_documented_statuses_only_once() {
    let mut registry = service_common::metrics::registry("thing-service", "1");
    let metrics = HttpMetrics::register(&mut registry);
    let operation = Operation { method: "POST", route: "/v1/orders".to_owned(), statuses: vec![201, 409, 200] };
    metrics.create_series(&[operation.clone(), operation]);
    let text = service_common::metrics::encode(&registry).unwrap();
    let mut statuses: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("http_requests_total{") && line.contains("/v1/orders"))
        .map(|line| line.split("status=\"").nth(1).unwrap()[..3].to_owned())
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["200", "201", "409", "500", "503", "504"]);
    assert_eq!(text.matches("http_request_duration_seconds_count{").count(), 1);
}

#[test]
fn the_buckets_hold_the_limits_of_the_objectives() {
    let buckets = service_common::metrics::DURATION_BUCKETS_S;
    assert!(buckets.is_sorted(), "{buckets:?}");
    for limit in [0.2, 0.3, 0.5] {
        assert!(buckets.contains(&limit), "an objective of {limit} s needs a bucket of its own");
    }
}
