//! Alerts posted to something that takes them.

use super::*;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post as route};
use std::sync::Mutex;

type Inbox = Arc<Mutex<Vec<Value>>>;

/// Refuses as many requests as it is told to, with their statuses, then takes everything.
async fn receiver(refusals: Vec<u16>) -> (String, Inbox) {
    let (inbox, refusals) = (Inbox::default(), Arc::new(Mutex::new(refusals)));
    let sink = inbox.clone();
    let take = move |Json(body): Json<Value>| async move {
        if let Some(status) = refusals.lock().unwrap().pop() {
            return StatusCode::from_u16(status).unwrap();
        }
        sink.lock().unwrap().push(body);
        StatusCode::OK
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().route("/api/v2/alerts", route(take))).await });
    (url, inbox)
}

fn firing() -> Vec<Alert> {
    let file = "groups: [{name: g, rules: [{alert: A, expr: vector(1), annotations: {s: '{{ $value }}'}}]}]";
    let mut group = rules::GroupState::new(rules::parse("r", file).unwrap().groups.remove(0), false);
    let store = tsdb::Store::default();
    let mut sink = |_: &Labels, _: i64, _: f64| {};
    let mut context = rules::Context {
        engine: &promql::Engine::default(),
        storage: &store,
        sink: &mut sink,
        external_labels: &Labels::default(),
        external_url: "",
    };
    group.evaluate(1000, &mut context);
    group.rules_mut()[0].take_due_alerts(1000, 60_000, 1000)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed().as_secs() < 30, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn expressions_survive_a_link() {
    assert_eq!(escaped(r#"up{a="b c"} == 0"#), "up%7Ba%3D%22b%20c%22%7D%20%3D%3D%200");
}

#[tokio::test]
async fn every_receiver_gets_alerts_with_external_labels() {
    let (receivers, metrics) = ([receiver(vec![]).await, receiver(vec![]).await], Arc::new(Metrics::default()));
    let labels = Labels::new([("cluster", "eu"), ("alertname", "x")]);
    let urls = receivers.each_ref().map(|(url, _)| url.clone());
    let notifier = Notifier::start(&urls, "http://me/?q=".into(), labels, metrics.clone());
    notifier.send(&firing(), "vector(1)");
    for (url, inbox) in &receivers {
        until("the alert arrives", || inbox.lock().unwrap().len() == 1).await;
        let alert = inbox.lock().unwrap()[0][0].clone();
        assert_eq!(alert["labels"], json!({"alertname": "A", "cluster": "eu"}));
        assert_eq!(alert["annotations"], json!({"s": "1"}));
        assert_eq!(
            (&alert["startsAt"], &alert["endsAt"]),
            (&json!("1970-01-01T00:00:01Z"), &json!("1970-01-01T00:04:01Z"))
        );
        assert_eq!(alert["generatorURL"], "http://me/?q=vector%281%29");
        let sent = format!("prometheus_notifications_sent_total{{alertmanager=\"{url}api/v2/alerts\"}} 1");
        until("it is counted", || metrics.expose(tsdb::Stats::default()).unwrap().contains(&sent)).await;
    }
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_and_what_is_refused_is_not() {
    let (url, inbox) = receiver(vec![400, 503]).await;
    let metrics = Arc::new(Metrics::default());
    let notifier = Notifier::start(&[url], String::new(), Labels::default(), metrics.clone());
    notifier.send(&firing(), "x");
    until("the repetition is refused", || {
        let text = metrics.expose(tsdb::Stats::default()).unwrap();
        text.lines().any(|line| line.starts_with("prometheus_notifications_errors_total{") && line.ends_with(" 2"))
    })
    .await;
    assert!(inbox.lock().unwrap().is_empty());
    notifier.send(&firing(), "x");
    until("the next is taken", || inbox.lock().unwrap().len() == 1).await;
}
