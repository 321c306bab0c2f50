//! Alerts that wait for an Alertmanager: bounded, and only the newest word on each.

use crate::server::metrics::Metrics;
use promql::Labels;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Alerts that wait at most, as in Prometheus; the oldest go first.
pub(crate) const CAPACITY: usize = 10_000;

/// An alert that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    place: u64,
    labels: Labels,
    pub message: Value,
}

/// The queue of one Alertmanager.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    places: HashMap<Labels, u64>,
}

impl Queue {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { inner: Mutex::default(), filled: Notify::new(), metrics }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what is to be said of an alert; an older message about it is replaced.
    pub(super) fn push(&self, labels: &Labels, message: Value) {
        let mut inner = self.lock();
        match inner.places.get(labels).copied() {
            Some(place) => {
                if let Some(waiting) = inner.waiting.get_mut(&place) {
                    waiting.message = message;
                }
            }
            None => {
                let place = inner.next;
                inner.next += 1;
                inner.insert(Waiting { place, labels: labels.clone(), message });
                self.metrics.notifications.waiting(1);
            }
        }
        let dropped = inner.waiting.len().saturating_sub(CAPACITY);
        inner.drop_oldest(dropped);
        drop(inner);
        if dropped > 0 {
            self.metrics.notifications.dropped(dropped);
        }
        self.filled.notify_one();
    }

    /// Takes the oldest alerts, and waits until there are some.
    pub(super) async fn take(&self, most: usize) -> Vec<Waiting> {
        loop {
            let taken = self.lock().take(most);
            if !taken.is_empty() {
                self.metrics.notifications.waiting(-(taken.len() as i64));
                return taken;
            }
            self.filled.notified().await;
        }
    }

    /// Puts back what was not delivered, where nothing newer was said since.
    pub(super) fn put_back(&self, batch: Vec<Waiting>) {
        let mut inner = self.lock();
        for waiting in batch {
            if !inner.places.contains_key(&waiting.labels) {
                inner.insert(waiting);
                self.metrics.notifications.waiting(1);
            }
        }
        let dropped = inner.waiting.len().saturating_sub(CAPACITY);
        inner.drop_oldest(dropped);
        if dropped > 0 {
            self.metrics.notifications.dropped(dropped);
        }
        drop(inner);
        self.filled.notify_one();
    }
}

impl Inner {
    fn insert(&mut self, waiting: Waiting) {
        self.places.insert(waiting.labels.clone(), waiting.place);
        self.waiting.insert(waiting.place, waiting);
    }

    fn take(&mut self, most: usize) -> Vec<Waiting> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some((_, waiting)) = self.waiting.pop_first()
        {
            self.places.remove(&waiting.labels);
            taken.push(waiting);
        }
        taken
    }

    fn drop_oldest(&mut self, count: usize) {
        self.take(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn queue() -> Queue {
        Queue::new(Arc::default())
    }

    fn alert(name: usize) -> Labels {
        Labels::new([("alertname", name.to_string())])
    }

    fn messages(batch: &[Waiting]) -> Vec<i64> {
        batch.iter().filter_map(|w| w.message.as_i64()).collect()
    }

    #[tokio::test]
    async fn the_newest_word_on_an_alert_keeps_its_place() {
        let queue = queue();
        for (name, message) in [(1, 10), (2, 20), (1, 11)] {
            queue.push(&alert(name), json!(message));
        }
        assert_eq!(messages(&queue.take(1).await), [11]);
        assert_eq!(messages(&queue.take(9).await), [20]);
    }

    #[tokio::test]
    async fn what_comes_back_yields_to_what_is_newer() {
        let queue = queue();
        for name in [1, 2, 3] {
            queue.push(&alert(name), json!(name));
        }
        let batch = queue.take(2).await;
        queue.push(&alert(2), json!(22));
        queue.put_back(batch);
        assert_eq!(messages(&queue.take(9).await), [1, 3, 22], "the oldest first");
    }

    #[tokio::test]
    async fn the_oldest_are_dropped_and_counted() {
        let queue = queue();
        for name in 0..CAPACITY + 5 {
            queue.push(&alert(name), json!(name));
        }
        assert_eq!(messages(&queue.take(1).await), [5]);
        assert_eq!(queue.lock().waiting.len(), CAPACITY - 1);
        let text = queue.metrics.expose(tsdb::Stats::default()).unwrap();
        assert!(text.contains("prometheus_notifications_dropped_total 5"), "{text}");
        assert!(text.contains(&format!("prometheus_notifications_queue_length {}", CAPACITY - 1)), "{text}");
    }
}
