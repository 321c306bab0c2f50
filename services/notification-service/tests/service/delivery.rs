//! The queue and its worker.

use crate::rig::{Rig, Scripted, Silent, config, database};
use futures::future::join_all;
use notification_service::domain::{Channel, Rendered, Status, Template};
use notification_service::schema::MIGRATIONS;
use notification_service::store::{NewNotification, Outcome, Store};
use prometheus_client::registry::Registry;
use serde_json::json;
use service_common::cache::Cache;
use service_common::config::DatabaseUrl;
use service_common::{Database, Faults};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn temporary_failures_are_repeated_until_success() {
    let rig = Rig::sending_with(Scripted::failing(2)).await;
    let id = rig.notify("o-1").await;
    let delivered = rig.until(&id, "delivered").await;
    assert_eq!(delivered["attempts"], 3);
    assert_eq!(delivered.get("reason"), None);
    assert_eq!(rig.sender.deliveries(), 1);
    assert_eq!(rig.metric("notification_retries_total{channel=\"email\"}").await, 2.0);
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"delivered\"}").await, 1.0);
    assert_eq!(rig.metric("notification_delivery_seconds_count{channel=\"email\"}").await, 1.0);
}

#[tokio::test]
async fn used_up_attempts_make_a_dead_letter() {
    let rig = Rig::sending_with(Scripted::failing(9)).await;
    let id = rig.notify("o-1").await;
    let failed = rig.until(&id, "failed").await;
    assert_eq!((&failed["attempts"], &failed["reason"]), (&json!(3), &json!("busy")));
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"failed\"}").await, 1.0);
    assert_eq!(rig.metric("notification_delivery_seconds_count{channel=\"email\"}").await, 0.0);
}

#[tokio::test]
async fn a_permanent_failure_is_not_repeated() {
    let rig = Rig::sending_with(Scripted::refusing()).await;
    let id = rig.notify("o-1").await;
    let failed = rig.until(&id, "failed").await;
    assert_eq!((&failed["attempts"], &failed["reason"]), (&json!(1), &json!("no such mailbox")));
}

#[tokio::test]
async fn a_sender_that_does_not_answer_is_given_up_on() {
    let mut config = config();
    config.timeout = Duration::from_millis(5);
    let rig = Rig::with(config, Arc::new(Silent), Arc::default(), None).await;
    let id = rig.notify("o-1").await;
    let failed = rig.until(&id, "failed").await;
    assert_eq!(failed["reason"], "the sender did not answer in time");
}

#[tokio::test]
async fn what_was_not_delivered_before_a_crash_is_delivered_after_it() {
    let database = database().await;
    let mut config = config();
    config.timeout = Duration::from_secs(1);
    let before = Rig::with(config.clone(), Arc::new(Silent), Arc::default(), Some(&database.url)).await;
    let id = before.notify("o-1").await;
    before.crash().await;
    assert_eq!(before.until(&id, "accepted").await["attempts"], 0);

    let sender = Arc::new(Scripted::default());
    let after = Rig::with(config, sender.clone(), sender, Some(&database.url)).await;
    after.until(&id, "delivered").await;
    assert_eq!(after.sender.deliveries(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_delivered_once_each() {
    let rig = Rig::new().await;
    let orders: Vec<String> = (0..200).map(|order| format!("o-{order}")).collect();
    let ids = join_all(orders.iter().map(|order| rig.notify(order))).await;
    for id in &ids {
        rig.until(id, "delivered").await;
    }
    let sent: BTreeSet<String> = rig.sender.sent.lock().unwrap().iter().map(|(id, ..)| id.to_string()).collect();
    assert_eq!(sent, ids.iter().cloned().collect());
    assert_eq!(rig.sender.deliveries(), 200);
}

#[tokio::test]
async fn the_gauges_show_what_waits() {
    let rig = Rig::with(config(), Arc::new(Silent), Arc::default(), None).await;
    assert_eq!(rig.metric("notification_queue_depth").await, 0.0);
    rig.notify("o-1").await;
    rig.notify("o-2").await;
    for _ in 0..500 {
        if rig.metric("notification_queue_depth").await == 2.0
            && rig.metric("notification_queue_oldest_seconds").await > 0.0
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the gauges do not show two waiting notifications");
}

async fn store(url: &DatabaseUrl) -> Store {
    let database = Database::open(url, MIGRATIONS).await.unwrap();
    let ttl = Duration::from_secs(1);
    let cache = Cache::new(None, "test", ttl, Faults::default(), &mut Registry::default()).unwrap();
    Store::new(database, cache)
}

fn new_notification() -> NewNotification {
    NewNotification {
        caller: "service".to_owned(),
        key: None,
        canonical: Vec::new(),
        channel: Channel::Push,
        to: "token".to_owned(),
        template: Template::Generic,
        text: Rendered { subject: "s".to_owned(), body: "b".to_owned() },
        order_id: None,
        user_id: None,
        traceparent: None,
    }
}

#[tokio::test]
async fn only_old_and_settled_notifications_are_dropped() {
    let database = database().await;
    let store = store(&database.url).await;
    let now = chrono::Utc::now().timestamp_millis();
    let mut ids: Vec<Uuid> = Vec::new();
    for _ in 0..3 {
        ids.push(store.accept(&new_notification(), now).await.unwrap().id);
    }
    let delivered = (ids[0], Outcome::Delivered { at: now });
    let failed = (ids[1], Outcome::Failed { reason: "gone".to_owned() });
    store.keep(&[delivered, failed]).await.unwrap();
    assert_eq!(store.prune(now - 60_000, 10).await.unwrap(), 0, "they are new");
    assert_eq!(store.prune(now + 60_000, 10).await.unwrap(), 1, "only the delivered one");
    assert_eq!(store.notification(ids[1]).await.unwrap().status, Status::Failed);
    assert_eq!(store.notification(ids[2]).await.unwrap().status, Status::Accepted);
}

#[tokio::test]
async fn an_outcome_that_comes_too_late_changes_nothing() {
    let database = database().await;
    let store = store(&database.url).await;
    let id = store.accept(&new_notification(), 1_000).await.unwrap().id;
    assert_eq!(store.due(10, 0, 999).await.unwrap().len(), 0);
    assert_eq!(store.due(10, 0, 1_000).await.unwrap().len(), 1);
    store.keep(&[(id, Outcome::Delivered { at: 2_000 })]).await.unwrap();
    store.keep(&[(id, Outcome::Failed { reason: "late".to_owned() })]).await.unwrap();
    let kept = store.notification(id).await.unwrap();
    assert_eq!((kept.status, kept.attempts, kept.reason), (Status::Delivered, 1, None));
    assert_eq!(store.backlog().await.unwrap().depth, 0);
}
