//! Sends alerts to an Alertmanager.

use crate::server::clock;
use crate::server::metrics::Metrics;
use promql::Labels;
use rules::Alert;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Batches that wait while the Alertmanager does not answer; alerts are sent again anyway.
const QUEUE: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Hands alerts to a task that posts them.
#[derive(Debug)]
pub(super) struct Notifier {
    queue: mpsc::Sender<Vec<Value>>,
    endpoint: String,
    /// Link to an expression, up to the expression itself.
    link: String,
    external_labels: Labels,
    metrics: Arc<Metrics>,
}

impl Notifier {
    /// Starts the task; it ends when the notifier is dropped.
    pub(super) fn start(url: &str, link: String, external_labels: Labels, metrics: Arc<Metrics>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let endpoint = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        tokio::spawn(post_all(endpoint.clone(), receiver, metrics.clone()));
        Self { queue, endpoint, link, external_labels, metrics }
    }

    /// Where alerts are posted.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Queues alerts of one rule.
    pub(super) fn send(&self, alerts: &[Alert], expr: &str) {
        let generator = format!("{}{}", self.link, escaped(expr));
        let batch: Vec<_> = alerts.iter().map(|alert| self.message(alert, &generator)).collect();
        let count = batch.len();
        if self.queue.try_send(batch).is_err() {
            Metrics::count(&self.metrics.notifications, "dropped", count);
        }
    }

    fn message(&self, alert: &Alert, generator: &str) -> Value {
        let own = alert.labels.iter().map(|(n, v)| (n.to_owned(), Value::from(v)));
        let missing = self.external_labels.iter().filter(|(name, _)| alert.labels.get(name).is_empty());
        let labels: Map<_, _> = own.chain(missing.map(|(n, v)| (n.to_owned(), Value::from(v)))).collect();
        let annotations: Map<_, _> = alert.annotations.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
        json!({
            "labels": labels,
            "annotations": annotations,
            "startsAt": clock::rfc3339(alert.fired_at),
            "endsAt": clock::rfc3339(alert.resolved_at.or(alert.valid_until)),
            "generatorURL": generator,
        })
    }
}

async fn post_all(endpoint: String, mut queue: mpsc::Receiver<Vec<Value>>, metrics: Arc<Metrics>) {
    let client = reqwest::Client::new();
    while let Some(batch) = queue.recv().await {
        let answer = client.post(&endpoint).timeout(TIMEOUT).json(&batch).send().await;
        let outcome = match answer.and_then(reqwest::Response::error_for_status) {
            Ok(_) => "sent",
            Err(error) => {
                tracing::warn!(%error, alerts = batch.len(), "the Alertmanager took no alerts");
                "failed"
            }
        };
        Metrics::count(&metrics.notifications, outcome, batch.len());
    }
}

fn escaped(expr: &str) -> String {
    let mut out = String::new();
    for byte in expr.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Json, Router, routing::post};
    use std::sync::Mutex;

    #[test]
    fn expressions_survive_a_link() {
        assert_eq!(escaped(r#"up{a="b c"} == 0"#), "up%7Ba%3D%22b%20c%22%7D%20%3D%3D%200");
    }

    #[tokio::test]
    async fn alerts_arrive_with_external_labels_and_are_counted() {
        let (seen, metrics) = (Arc::new(Mutex::new(Vec::<Value>::new())), Arc::new(Metrics::default()));
        let sink = seen.clone();
        let take = move |Json(body): Json<Value>| async move { sink.lock().unwrap().push(body) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, Router::new().route("/api/v2/alerts", post(take))).await });

        let file = "groups: [{name: g, rules: [{alert: A, expr: vector(1), annotations: {s: '{{ $value }}'}}]}]";
        let mut group = rules::GroupState::new(rules::parse("r", file).unwrap().groups.remove(0), false);
        let (store, labels) = (tsdb::Store::default(), Labels::new([("cluster", "eu"), ("alertname", "x")]));
        let mut sink = |_: &Labels, _: i64, _: f64| {};
        group.evaluate(
            1000,
            &mut rules::Context {
                engine: &promql::Engine::default(),
                storage: &store,
                sink: &mut sink,
                external_labels: &labels,
                external_url: "",
            },
        );
        let due = group.rules_mut()[0].take_due_alerts(1000, 60_000, 1000);
        let notifier = Notifier::start(&url, "http://me/?q=".into(), labels, metrics.clone());
        notifier.send(&due, "vector(1)");
        let sent = crate::server::metrics::Outcome { outcome: "sent" };
        for _ in 0..200 {
            if metrics.notifications.get_or_create(&sent).get() == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0][0]["labels"], json!({"alertname": "A", "cluster": "eu"}));
        assert_eq!(seen[0][0]["annotations"], json!({"s": "1"}));
        assert_eq!(seen[0][0]["startsAt"], "1970-01-01T00:00:01Z");
        assert_eq!(seen[0][0]["endsAt"], "1970-01-01T00:04:01Z");
        assert_eq!(seen[0][0]["generatorURL"], "http://me/?q=vector%281%29");
    }
}
