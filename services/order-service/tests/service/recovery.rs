//! A new process over the database of one that died.

use crate::rig::{Recording, Rig, Silent, config, database, simulated};
use order_service::domain::{Basket, Catalogue, Method, RequestedLine};
use order_service::schema::MIGRATIONS;
use order_service::store::{NewOrder, Store, Verdict};
use serde_json::{Value, json};
use service_common::Database;
use service_common::auth::Role;
use service_common::config::DatabaseUrl;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

async fn order_of(rig: &Rig, id: &str) -> Value {
    rig.call_as(&rig.admin(), "GET", &format!("/v1/orders/{id}"), None, &[]).await.json()
}

async fn until_confirmed(rig: &Rig, id: &str) -> Value {
    for _ in 0..1_000 {
        let order = order_of(rig, id).await;
        if order["status"] == "confirmed" {
            return order;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("order {id} was not confirmed");
}

async fn open(url: &DatabaseUrl) -> Store {
    let database = Database::open(url, MIGRATIONS).await.unwrap();
    Store::new(database, Duration::from_secs(900))
}

async fn reserved_order(store: &Store, now: i64) -> Uuid {
    let catalogue = store.seed(&Catalogue::seed(), 100).await.unwrap();
    let basket = Basket::new(&[RequestedLine { sku: "mug-travel".into(), quantity: 2 }], &catalogue).unwrap();
    let new = NewOrder { user_id: Uuid::now_v7(), email: Some("ada@example.com".into()), basket };
    let reply = store.create_order(&new, None, now).await.unwrap();
    serde_json::from_str::<Value>(&reply.response.body).unwrap()["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_payment_that_was_half_done_is_taken_up_with_the_same_key() {
    let database = database().await;
    let silent = Arc::new(Silent::default());
    let before = Rig::with(config(), silent.clone(), Some(&database.url)).await;
    let order = before.order("mug-travel", 1).await;
    let payment = before.pay(&order, "card").await.json();
    before.until(&order, |order| order["payment"]["status"] == "processing").await;
    before.crash().await;
    assert_eq!(silent.asked.load(Ordering::SeqCst), 1);

    let recording = Arc::new(Recording::default());
    let after = Rig::with(config(), recording.clone(), Some(&database.url)).await;
    let confirmed = until_confirmed(&after, &order).await;
    assert_eq!((&confirmed["payment"]["id"], &confirmed["payment"]["attempts"]), (&payment["id"], &json!(2)));
    let captured: Vec<String> = recording.captured.lock().unwrap().iter().map(Uuid::to_string).collect();
    assert_eq!(captured, [payment["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn an_order_that_died_between_payment_and_confirmation_is_confirmed() {
    let database = database().await;
    let now = chrono::Utc::now().timestamp_millis();
    let store = open(&database.url).await;
    let id = reserved_order(&store, now).await;
    store.request_payment(id, Method::Card, None, None, now).await.unwrap();
    let tasks = store.claim_payments(10, 60_000, now).await.unwrap();
    let settled: Vec<_> = tasks.into_iter().map(|task| (task, Verdict::Captured { reference: "r".into() })).collect();
    assert_eq!(store.settle_payments(&settled, now).await.unwrap().len(), 1);
    store.database().close().await;

    let rig = Rig::with(config(), simulated(), Some(&database.url)).await;
    until_confirmed(&rig, &id.to_string()).await;
    assert_eq!(rig.stock("mug-travel").await, (98, 0));
    assert_eq!(rig.metric("order_pipeline_total{outcome=\"success\"}").await, 1.0);
}

#[tokio::test]
async fn a_verdict_counts_once_even_when_it_arrives_twice() {
    let database = database().await;
    let store = open(&database.url).await;
    let id = reserved_order(&store, 1_000).await;
    store.request_payment(id, Method::Card, None, None, 1_000).await.unwrap();
    assert!(store.payment_work_is_due(1_000).await.unwrap());
    let tasks = store.claim_payments(10, 5_000, 1_000).await.unwrap();
    assert!(store.claim_payments(10, 5_000, 5_999).await.unwrap().is_empty(), "the lease holds");
    let again = store.claim_payments(10, 5_000, 6_000).await.unwrap();
    assert_eq!(again[0].attempts, 2, "the lease has ended");
    let captured = |tasks: Vec<_>| -> Vec<_> {
        tasks.into_iter().map(|task| (task, Verdict::Captured { reference: "r".into() })).collect()
    };
    assert_eq!(store.settle_payments(&captured(again), 6_100).await.unwrap().len(), 1);
    assert_eq!(store.settle_payments(&captured(tasks), 6_200).await.unwrap().len(), 0);
    assert_eq!(store.confirm_paid(10, 6_300).await.unwrap().len(), 1);
    assert_eq!(store.confirm_paid(10, 6_400).await.unwrap().len(), 0);
    let stock = store.inventory("mug-travel").await.unwrap();
    assert_eq!((stock.on_hand, stock.reserved), (98, 0));
}

#[tokio::test]
async fn reservations_run_out_unless_a_payment_is_under_way() {
    let database = database().await;
    let store = open(&database.url).await;
    let (abandoned, paying) = (reserved_order(&store, 0).await, reserved_order(&store, 0).await);
    store.request_payment(paying, Method::Card, None, None, 0).await.unwrap();
    assert!(store.expire_reservations(10, 899_999).await.unwrap().is_empty());
    let expired = store.expire_reservations(10, 900_000).await.unwrap();
    assert_eq!(expired.iter().map(|order| order.id).collect::<Vec<_>>(), [abandoned]);
    assert_eq!(store.inventory("mug-travel").await.unwrap().reserved, 2);
    assert_eq!(store.backlog().await.unwrap().pending, 1, "the customer is told");
}

#[tokio::test]
async fn records_of_the_past_are_dropped_and_waiting_events_are_kept() {
    let database = database().await;
    let store = open(&database.url).await;
    let id = reserved_order(&store, 0).await;
    store.cancel(id, None, 10).await.unwrap();
    assert_eq!(store.prune(1_000, 10).await.unwrap(), 0);
    let event = store.due_events(10, 0, 10).await.unwrap().remove(0);
    store.keep_deliveries(&[(event.id, order_service::store::Delivery::Sent)], 20).await.unwrap();
    assert_eq!(store.prune(20, 10).await.unwrap(), 0);
    assert_eq!(store.prune(21, 10).await.unwrap(), 1);
}

#[tokio::test]
async fn a_refund_that_the_provider_fails_at_changes_nothing() {
    let database = database().await;
    let before = Rig::with(config(), simulated(), Some(&database.url)).await;
    let order = before.order("mug-travel", 1).await;
    before.pay(&order, "card").await;
    before.until(&order, |order| order["status"] == "confirmed").await;
    before.crash().await;

    let after = Rig::with(config(), Arc::new(Silent::default()), Some(&database.url)).await;
    let admin = after.token_of(Uuid::now_v7(), &[Role::Admin]);
    let refund = after.call_as(&admin, "POST", &format!("/v1/orders/{order}/refund"), None, &[]).await;
    let problem = refund.problem(502, "about:blank");
    assert_eq!(problem["detail"], "the payment provider failed; try again");
    assert_eq!(order_of(&after, &order).await["status"], "confirmed");
}
