//! Payments in the background.

use crate::rig::{Recording, Rig, Silent, config};
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_paid_order_is_confirmed_and_its_stock_leaves() {
    let rig = Rig::new().await;
    let order = rig.order("espresso-cups-4", 3).await;
    let answer = rig.pay(&order, "card").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let payment = answer.json();
    assert_eq!((&payment["status"], &payment["amount"]), (&json!("queued"), &json!(7_350)));
    let confirmed = rig.until(&order, |order| order["status"] == "confirmed").await;
    assert_eq!(confirmed["payment"]["status"], "captured");
    assert_eq!(confirmed["payment"]["id"], payment["id"]);
    assert_eq!(rig.stock("espresso-cups-4").await, (999_997, 0));
    rig.until_metric("order_pipeline_total{outcome=\"success\"}", 1.0).await;
    rig.until_metric("payments_total{outcome=\"captured\"}", 1.0).await;
    rig.until_metric("orders_total{status=\"paid\"}", 1.0).await;
    rig.until_metric("order_value_minor_total", 7_350.0).await;
    rig.pay(&order, "card").await.problem(409, "/problems/illegal-transition");
}

#[tokio::test]
async fn a_declined_card_leaves_the_order_payable() {
    let rig = Rig::new().await;
    let order = rig.order("espresso-cups-4", 1).await;
    rig.pay(&order, "card_declined").await;
    let declined = rig.until(&order, |order| order["payment"]["status"] == "declined").await;
    assert_eq!(declined["status"], "reserved");
    assert!(declined["payment"]["reason"].as_str().unwrap().contains("simulated"));
    for outcome in ["success", "failure"] {
        assert_eq!(rig.metric(&format!("order_pipeline_total{{outcome=\"{outcome}\"}}")).await, 0.0);
    }
    assert_eq!(rig.pay(&order, "card").await.status, StatusCode::ACCEPTED);
    rig.until(&order, |order| order["status"] == "confirmed").await;
    assert_eq!(rig.metric("payments_total{outcome=\"declined\"}").await, 1.0);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_cancels_the_order_after_bounded_attempts() {
    let rig = Rig::new().await;
    let order = rig.order("espresso-cups-4", 1).await;
    rig.pay(&order, "card_error").await;
    let cancelled = rig.until(&order, |order| order["status"] == "cancelled").await;
    assert_eq!((&cancelled["payment"]["status"], &cancelled["payment"]["attempts"]), (&json!("failed"), &json!(3)));
    assert_eq!(rig.stock("espresso-cups-4").await, (1_000_000, 0));
    assert_eq!(rig.metric("order_pipeline_total{outcome=\"failure\"}").await, 1.0);
    assert_eq!(rig.metric("payments_total{outcome=\"error\"}").await, 1.0);
}

#[tokio::test]
async fn a_provider_that_recovers_captures_once() {
    let provider = Arc::new(Recording { failures_left: AtomicUsize::new(2), ..Recording::default() });
    let rig = Rig::with(config(), provider.clone(), None).await;
    let order = rig.order("espresso-cups-4", 1).await;
    rig.pay(&order, "card").await;
    let confirmed = rig.until(&order, |order| order["status"] == "confirmed").await;
    assert_eq!(confirmed["payment"]["attempts"], 3);
    assert_eq!(provider.captured.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn asking_again_while_under_way_is_the_same_payment() {
    let rig = Rig::with(config(), Arc::new(Silent::default()), None).await;
    let order = rig.order("espresso-cups-4", 1).await;
    let first = rig.pay(&order, "card").await;
    let again = rig.pay(&order, "card").await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(first.json()["id"], again.json()["id"]);
    rig.pay(&order, "card_declined").await.problem(409, "/problems/payment-in-progress");
    let cancel = rig.call("POST", &format!("/v1/orders/{order}/cancel"), None).await;
    cancel.problem(409, "/problems/payment-in-progress");
    rig.call("POST", &format!("/v1/orders/{order}/refund"), None).await.problem(409, "/problems/illegal-transition");
}

#[tokio::test]
async fn a_slow_provider_counts_as_failing() {
    let mut config = config();
    config.payment_timeout = Duration::from_millis(5);
    let provider = Arc::new(Silent::default());
    let rig = Rig::with(config, provider.clone(), None).await;
    let order = rig.order("espresso-cups-4", 1).await;
    rig.pay(&order, "card").await;
    let cancelled = rig.until(&order, |order| order["status"] == "cancelled").await;
    assert_eq!(cancelled["payment"]["reason"], "the payment provider did not answer in time");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn payments_have_keys_too() {
    let rig = Rig::new().await;
    let order = rig.order("espresso-cups-4", 1).await;
    let (path, token) = (format!("/v1/orders/{order}/payment"), rig.token());
    let pay = |method: &'static str| {
        rig.call_as(&token, "POST", &path, Some(json!({ "method": method })), &[("idempotency-key", "p")])
    };
    let first = pay("card").await;
    rig.until(&order, |order| order["status"] == "confirmed").await;
    let again = pay("card").await;
    assert_eq!((again.status, again.text), (StatusCode::ACCEPTED, first.text));
    pay("card_error").await.problem(422, "/problems/idempotency-key-reused");
}

#[tokio::test]
async fn an_unknown_method_names_those_that_are_offered() {
    let rig = Rig::new().await;
    let order = rig.order("espresso-cups-4", 1).await;
    let problem = rig.pay(&order, "cash").await.problem(422, "/problems/invalid-fields");
    assert_eq!(problem["errors"][0]["field"], "method");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("card_declined"));
    rig.pay("00000000-0000-7000-8000-000000000000", "card").await.problem(404, "about:blank");
}

#[tokio::test]
async fn a_refund_returns_the_money_and_restores_the_stock() {
    let provider = Arc::new(Recording::default());
    let rig = Rig::with(config(), provider.clone(), None).await;
    let order = rig.order("espresso-cups-4", 2).await;
    let path = format!("/v1/orders/{order}/refund");
    rig.call("POST", &path, None).await.problem(409, "/problems/illegal-transition");
    rig.pay(&order, "card").await;
    rig.until(&order, |order| order["status"] == "confirmed").await;
    let refunded = rig.call("POST", &path, None).await.json();
    assert_eq!((&refunded["status"], &refunded["payment"]["status"]), (&json!("refunded"), &json!("refunded")));
    assert_eq!(rig.stock("espresso-cups-4").await, (1_000_000, 0));
    rig.call("POST", &path, None).await.problem(409, "/problems/illegal-transition");
    assert_eq!(*provider.refunded.lock().unwrap(), *provider.captured.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_paid_in_batches_and_exactly_once() {
    let provider = Arc::new(Recording::default());
    let rig = Rig::with(config(), provider.clone(), None).await;
    let orders = join_all((0..100).map(|_| rig.order("coffee-beans-1kg", 1))).await;
    join_all(orders.iter().map(|order| rig.pay(order, "card"))).await;
    for order in &orders {
        rig.until(order, |order| order["status"] == "confirmed").await;
    }
    let mut captured = provider.captured.lock().unwrap().clone();
    captured.sort_unstable();
    captured.dedup();
    assert_eq!((captured.len(), provider.captured.lock().unwrap().len()), (100, 100));
    assert_eq!(rig.stock("coffee-beans-1kg").await, (999_900, 0));
    assert_eq!(rig.metric("order_pipeline_total{outcome=\"success\"}").await, 100.0);
}
