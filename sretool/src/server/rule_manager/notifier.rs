//! Sends alerts to Alertmanagers.

mod queue;

pub(crate) use queue::CAPACITY as QUEUE_CAPACITY;

use crate::server::clock;
use crate::server::metrics::Metrics;
use promql::Labels;
use queue::Queue;
use rules::Alert;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Alerts in one request.
const BATCH: usize = 64;
/// Waits after a failed request: from the first, doubled up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Hands alerts to one task for each Alertmanager. An alert that cannot be delivered is kept and tried again, so that
/// an Alertmanager that restarts misses neither its begin nor its end.
#[derive(Debug)]
pub(super) struct Notifier {
    receivers: Vec<Receiver>,
    /// Link to an expression, up to the expression itself.
    link: String,
    external_labels: Labels,
}

#[derive(Debug)]
struct Receiver {
    endpoint: String,
    queue: Arc<Queue>,
    task: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Notifier {
    /// Starts the tasks; they end when the notifier is dropped.
    pub(super) fn start(urls: &[String], link: String, external_labels: Labels, metrics: Arc<Metrics>) -> Self {
        let receiver = |url: &String| {
            let endpoint = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
            metrics.notifications.discover(&endpoint);
            let queue = Arc::new(Queue::new(metrics.clone()));
            let task = tokio::spawn(deliver(endpoint.clone(), queue.clone(), metrics.clone())).abort_handle();
            Receiver { endpoint, queue, task }
        };
        Self { receivers: urls.iter().map(receiver).collect(), link, external_labels }
    }

    /// Where alerts are posted.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.receivers.iter().map(|receiver| receiver.endpoint.as_str())
    }

    /// Whether nobody receives anything.
    pub(super) fn is_idle(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Where people see an expression.
    pub(super) fn link(&self, expr: &str) -> String {
        format!("{}{}", self.link, escaped(expr))
    }

    /// Queues alerts of one rule.
    pub(super) fn send(&self, alerts: &[Alert], expr: &str) {
        let generator = self.link(expr);
        for alert in alerts {
            let message = self.message(alert, &generator);
            for receiver in &self.receivers {
                receiver.queue.push(&alert.labels, message.clone());
            }
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

/// Whether it makes sense to send the same again.
enum Failure {
    Later(String),
    Never(String),
}

async fn post(client: &reqwest::Client, endpoint: &str, batch: &[Value]) -> Result<(), Failure> {
    let answer = client.post(endpoint).timeout(TIMEOUT).json(&batch).send().await;
    let answer = answer.map_err(|error| Failure::Later(error.to_string()))?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => Ok(()),
        400..=428 | 430..=499 => {
            let body = answer.text().await.unwrap_or_default();
            Err(Failure::Never(format!("{status}: {}", body.trim())))
        }
        _ => Err(Failure::Later(status.to_string())),
    }
}

async fn deliver(endpoint: String, queue: Arc<Queue>, metrics: Arc<Metrics>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
    let mut pause = PAUSES.0;
    loop {
        let batch = queue.take(BATCH).await;
        let messages: Vec<_> = batch.iter().map(|waiting| waiting.message.clone()).collect();
        match post(&client, &endpoint, &messages).await {
            Ok(()) => {
                metrics.notifications.sent(&endpoint, messages.len());
                pause = PAUSES.0;
            }
            Err(Failure::Never(cause)) => {
                metrics.notifications.failed(&endpoint, messages.len());
                tracing::warn!(endpoint, cause, alerts = messages.len(), "the Alertmanager refuses alerts");
            }
            Err(Failure::Later(cause)) => {
                metrics.notifications.failed(&endpoint, messages.len());
                tracing::warn!(endpoint, cause, alerts = messages.len(), "the Alertmanager took no alerts yet");
                queue.put_back(batch);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
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
mod tests;
