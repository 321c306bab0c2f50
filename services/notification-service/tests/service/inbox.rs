//! Repeated requests.

use crate::rig::{Rig, SERVICE_TOKEN};
use axum::http::StatusCode;
use futures::future::join_all;
use std::collections::BTreeSet;

async fn post(rig: &Rig, token: &str, order: &str, key: &str) -> service_testing::Answer {
    let body = Some(rig.confirmation(order));
    rig.call_as(token, "POST", "/v1/notifications", body, &[("idempotency-key", key)]).await
}

#[tokio::test]
async fn the_same_key_is_the_same_notification() {
    let rig = Rig::new().await;
    let first = post(&rig, SERVICE_TOKEN, "o-1", "k").await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    rig.until(&id, "delivered").await;
    let again = post(&rig, SERVICE_TOKEN, "o-1", "k").await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!((again.json()["id"].as_str(), again.json()["status"].as_str()), (Some(id.as_str()), Some("delivered")));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));

    post(&rig, SERVICE_TOKEN, "o-2", "k").await.problem(422, "/problems/idempotency-key-reused");
    let other_key = post(&rig, SERVICE_TOKEN, "o-1", "k-2").await.json();
    let other_caller = post(&rig, &rig.admin(), "o-1", "k").await.json();
    let ids = BTreeSet::from([id, other_key["id"].to_string(), other_caller["id"].to_string()]);
    assert_eq!(ids.len(), 3);
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"accepted\"}").await, 3.0);
}

#[tokio::test]
async fn malformed_keys_are_refused() {
    let rig = Rig::new().await;
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        post(&rig, SERVICE_TOKEN, "o-1", key).await.problem(400, "about:blank");
    }
}

#[tokio::test]
async fn requests_without_a_key_are_not_repeats() {
    let rig = Rig::new().await;
    assert_ne!(rig.notify("o-1").await, rig.notify("o-1").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_with_one_key_are_delivered_once() {
    let rig = Rig::new().await;
    let answers = join_all((0..50).map(|_| post(&rig, SERVICE_TOKEN, "o-1", "same"))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.json()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    rig.until(ids.first().unwrap(), "delivered").await;
    assert_eq!(rig.sender.deliveries(), 1);
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"accepted\"}").await, 1.0);
}
