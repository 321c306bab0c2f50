//! The outbox as the relay sees it.

use crate::rig::database;
use order_service::domain::{Basket, Catalogue, RequestedLine};
use order_service::schema::MIGRATIONS;
use order_service::store::outbox::Backlog;
use order_service::store::{Delivery, NewOrder, Store};
use serde_json::Value;
use service_common::Database;
use service_testing::TestDatabase;
use std::time::Duration;
use uuid::Uuid;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A store, and what it lies in.
async fn store() -> (Store, TestDatabase) {
    let database = database().await;
    let opened = Database::open(&database.url, MIGRATIONS).await.unwrap();
    (Store::new(opened, Duration::from_secs(900)), database)
}

/// Creates an order and cancels it at once, which writes an event.
async fn cancelled(store: &Store, email: Option<&str>, now: i64) -> Uuid {
    let catalogue = store.seed(&Catalogue::seed(), 100).await.unwrap();
    let basket = Basket::new(&[RequestedLine { sku: "mug-travel".into(), quantity: 1 }], &catalogue).unwrap();
    let new = NewOrder { user_id: Uuid::nil(), email: email.map(ToOwned::to_owned), basket };
    let body = store.create_order(&new, None, now).await.unwrap().response.body;
    let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().parse().unwrap();
    store.cancel(id, Some(TRACEPARENT), now).await.unwrap();
    id
}

#[tokio::test]
async fn an_event_keeps_the_trace_and_the_data_of_its_cause() {
    let (store, _database) = store().await;
    let order = cancelled(&store, Some("ada@example.com"), 50).await;
    let events = store.due_events(10, 0, 50).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].traceparent.as_deref(), events[0].attempts), (Some(TRACEPARENT), 0));
    let payload: Value = serde_json::from_str(&events[0].payload).unwrap();
    assert_eq!((&payload["template"], &payload["to"]), (&"order_cancelled".into(), &"ada@example.com".into()));
    assert_eq!(payload["data"]["order_id"], order.to_string());
    assert_eq!(store.backlog().await.unwrap(), Backlog { pending: 1, oldest: Some(50) });
}

#[tokio::test]
async fn a_customer_without_an_address_is_not_told() {
    let (store, _database) = store().await;
    cancelled(&store, None, 50).await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
}

#[tokio::test]
async fn events_that_failed_wait_and_those_that_are_done_are_gone() {
    let (store, _database) = store().await;
    for now in [10, 20, 30] {
        cancelled(&store, Some("ada@example.com"), now).await;
    }
    let ids: Vec<Uuid> = store.due_events(10, 0, 30).await.unwrap().iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(store.due_events(2, 0, 30).await.unwrap().len(), 2, "the limit holds");
    let deliveries = [
        (ids[0], Delivery::Sent),
        (ids[1], Delivery::Retry { at: 500, reason: "busy".into() }),
        (ids[2], Delivery::Dead { reason: "no".into() }),
    ];
    store.keep_deliveries(&deliveries, 40).await.unwrap();
    assert_eq!(store.backlog().await.unwrap(), Backlog { pending: 1, oldest: Some(20) });
    assert_eq!(store.due_events(10, 0, 499).await.unwrap(), []);
    let due = store.due_events(10, 0, 500).await.unwrap();
    assert_eq!((due[0].id, due[0].attempts), (ids[1], 1));
}

#[tokio::test]
async fn a_failed_transaction_leaves_neither_change_nor_event() {
    let (store, _database) = store().await;
    let order = cancelled(&store, Some("ada@example.com"), 10).await;
    assert!(store.cancel(order, None, 20).await.is_err());
    assert!(store.refund(order, None, 20).await.is_err());
    assert_eq!(store.backlog().await.unwrap().pending, 1);
    assert_eq!(store.inventory("mug-travel").await.unwrap().reserved, 0);
}
