//! Many clients at once.

use crate::rig::Rig;
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_buyers_of_10_units_exactly_10_win() {
    let rig = Rig::new().await;
    assert_eq!(rig.set_stock("mug-travel", 10).await.status, StatusCode::OK);
    let buy = || async {
        let body = json!({ "items": [{ "sku": "mug-travel", "quantity": 1 }] });
        rig.call("POST", "/v1/orders", Some(body)).await
    };
    let answers = join_all((0..64).map(|_| buy())).await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(won, 10);
    for refused in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        refused.problem(409, "/problems/out-of-stock");
    }
    assert_eq!(rig.stock("mug-travel").await, (10, 10));
    assert_eq!(rig.metric("orders_total{status=\"rejected\"}").await, 54.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_with_one_key_are_one_order() {
    let rig = Rig::new().await;
    let token = rig.token();
    let order = || async {
        let body = json!({ "items": [{ "sku": "milk-frother", "quantity": 2 }] });
        rig.call_as(&token, "POST", "/v1/orders", Some(body), &[("idempotency-key", "same")]).await
    };
    let answers = join_all((0..50).map(|_| order())).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED));
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    let first = answers.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(first, 1);
    assert_eq!(rig.stock("milk-frother").await, (1_000_000, 2));
    assert_eq!(rig.call("GET", "/v1/orders", None).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_cancellations_one_succeeds() {
    let rig = Rig::new().await;
    let order = rig.order("grinder-hand", 5).await;
    let path = format!("/v1/orders/{order}/cancel");
    let answers = join_all((0..16).map(|_| rig.call("POST", &path, None))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count(), 15);
    assert_eq!(rig.stock("grinder-hand").await, (1_000_000, 0));
}
