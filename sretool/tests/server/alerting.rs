//! From a target that fails to an Alertmanager that hears of it, and of its end.

use crate::exporter::Exporter;
use crate::{Rig, eventually};
use axum::{Json, Router, extract::State, routing::post};
use serde_json::Value;
use std::sync::{Arc, Mutex};

const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: job:up\n    expr: min by (job) (up)\n\
                     \x20 - alert: Down\n    expr: job:up == 0\n    for: 300ms\n    labels: {severity: page}\n\
                     \x20   annotations: {summary: '{{ $labels.job }} is down'}\n";

type Inbox = Arc<Mutex<Vec<Value>>>;

/// Something that takes alerts as an Alertmanager does.
async fn alertmanager() -> (String, Inbox) {
    async fn take(State(inbox): State<Inbox>, Json(alerts): Json<Vec<Value>>) {
        inbox.lock().unwrap().extend(alerts);
    }
    let inbox = Inbox::default();
    let router = Router::new().route("/api/v2/alerts", post(take)).with_state(inbox.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, inbox)
}

fn time(alert: &Value, key: &str) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(alert[key].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_sent_once_and_resolved() {
    let exporter = Exporter::start("# TYPE a gauge\na 1\n").await;
    let (url, inbox) = alertmanager().await;
    let rig = Rig::start_with(&exporter.address, &[("rules.yml", RULES)], vec![url]).await;
    rig.until("job:up == 1", 1).await;
    assert!(inbox.lock().unwrap().is_empty());

    exporter.fail();
    rig.until(r#"ALERTS{alertstate="pending"}"#, 1).await;
    rig.until(r#"ALERTS{alertstate="firing"}"#, 1).await;
    eventually("the alert arrives", || async { inbox.lock().unwrap().len() == 1 }).await;
    let fired = inbox.lock().unwrap()[0].clone();
    assert_eq!(fired["labels"], serde_json::json!({"alertname": "Down", "job": "exporter", "severity": "page"}));
    assert_eq!(fired["annotations"]["summary"], "exporter is down");
    assert!(time(&fired, "endsAt") > chrono::Utc::now(), "a firing alert ends in the future");

    exporter.answer("# TYPE a gauge\na 1\n");
    rig.until("ALERTS", 0).await;
    eventually("the end arrives", || async { inbox.lock().unwrap().len() == 2 }).await;
    let resolved = inbox.lock().unwrap()[1].clone();
    assert_eq!((&resolved["labels"], &resolved["startsAt"]), (&fired["labels"], &fired["startsAt"]));
    assert!(time(&resolved, "endsAt") <= chrono::Utc::now(), "a resolved alert has ended");
    assert!(time(&resolved, "startsAt") < time(&resolved, "endsAt"));
    rig.stop().await;
}
