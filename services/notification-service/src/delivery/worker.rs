//! The worker that delivers: read what is due, send, keep what became of it, in batches.

use super::sender::{Message, SendError, Senders};
use crate::domain::{AfterFailure, DeliveryPolicy, Status};
use crate::metrics::NotificationMetrics;
use crate::store::{Millis, Outcome, Store, StoreError, Waiting, millis};
use futures::future::join_all;
use service_common::faults::QUEUE_STALL;
use service_common::{Faults, Stop, clock, failpoint, trace};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::Instrument as _;
use uuid::Uuid;

/// Notifications read at once, and sent at once.
const BATCH: u32 = 32;
/// How much longer a batch is one worker's alone than its senders may take.
const LEASE_MARGIN: Duration = Duration::from_secs(3);
/// Time between looks at the database when nobody wakes the worker: retries become due in silence.
const POLL: Duration = Duration::from_millis(250);
/// Time in which further notifications join a batch.
const LINGER: Duration = Duration::from_millis(20);
/// Pause before the outcomes of a batch are kept again, when the database refuses them.
const KEEP_PAUSE: Duration = Duration::from_millis(250);
const KEEP_ATTEMPTS: u32 = 40;

/// Delivers notifications.
#[derive(Debug, Clone)]
pub struct DeliveryWorker {
    /// The database.
    pub store: Store,
    /// The sender of every channel.
    pub senders: Senders,
    /// Metrics.
    pub metrics: NotificationMetrics,
    /// How often delivery is tried.
    pub policy: DeliveryPolicy,
    /// Longest wait for a sender.
    pub timeout: Duration,
    /// Faults that make notifications stay where they are.
    pub faults: Faults,
    /// Wakes the worker when a notification was accepted.
    pub wake: Arc<Notify>,
}

impl DeliveryWorker {
    /// Delivers until the service stops; the batch at hand is finished first.
    pub async fn run(self, stop: Stop) {
        while !stop.is_stopping() {
            match self.work().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, "notifications have to wait"),
            }
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.wake.notified() => { stop.sleep(LINGER).await; }
            }
        }
    }

    /// Does one batch. Returns how many notifications were due.
    async fn work(&self) -> Result<usize, StoreError> {
        if self.faults.strikes(QUEUE_STALL, "delivery").is_some() {
            return Ok(0);
        }
        let due = self.store.due(BATCH, millis(self.timeout + LEASE_MARGIN), clock::now()).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let outcomes: Vec<(Waiting, Outcome)> = join_all(due.into_iter().map(|waiting| self.attempt(waiting))).await;
        let kept: Vec<(Uuid, Outcome)> =
            outcomes.iter().map(|(waiting, outcome)| (waiting.id, outcome.clone())).collect();
        failpoint::pass("delivery.sent");
        self.keep(&kept).await?;
        failpoint::pass("delivery.kept");
        for (waiting, outcome) in &outcomes {
            self.count(waiting, outcome);
        }
        Ok(outcomes.len())
    }

    /// Sends once, as part of the trace that caused the notification.
    async fn attempt(&self, waiting: Waiting) -> (Waiting, Outcome) {
        let span = tracing::info_span!(
            "deliver notification",
            otel.kind = "consumer",
            otel.status_code = tracing::field::Empty,
            notification.id = %waiting.id,
            notification.channel = waiting.channel.as_str(),
            notification.attempt = waiting.attempts + 1,
        );
        trace::resume(&span, waiting.traceparent.as_deref());
        let message = Message {
            id: waiting.id,
            channel: waiting.channel,
            to: &waiting.to,
            template: waiting.template,
            subject: &waiting.subject,
            body: &waiting.body,
        };
        let sending = self.senders.of(waiting.channel).send(&message);
        let answer = tokio::time::timeout(self.timeout, sending).instrument(span.clone()).await;
        let answer =
            answer.unwrap_or_else(|_| Err(SendError::Temporary("the sender did not answer in time".to_owned())));
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let outcome = outcome(answer, waiting.attempts + 1, &self.policy, clock::now(), rand::random());
        (waiting, outcome)
    }

    /// Keeps the outcomes. What was sent must not be sent again for a busy database, so this is tried for long.
    async fn keep(&self, outcomes: &[(Uuid, Outcome)]) -> Result<(), StoreError> {
        let mut attempt = 1;
        loop {
            match self.store.keep(outcomes).await {
                Ok(()) => return Ok(()),
                Err(error) if attempt == KEEP_ATTEMPTS => return Err(error),
                Err(error) => tracing::warn!(%error, attempt, "cannot keep the outcome of deliveries yet"),
            }
            attempt += 1;
            tokio::time::sleep(KEEP_PAUSE).await;
        }
    }

    fn count(&self, waiting: &Waiting, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered { at } => self.metrics.delivered(waiting.channel, waiting.created_at, *at),
            Outcome::Retry { .. } => self.metrics.retried(waiting.channel),
            Outcome::Failed { reason } => {
                tracing::error!(notification.id = %waiting.id, reason, "notification is a dead letter");
                self.metrics.reached(waiting.channel, Status::Failed);
            }
        }
    }
}

/// What an answer means for a notification after `attempts` attempts.
fn outcome(answer: Result<(), SendError>, attempts: u32, policy: &DeliveryPolicy, now: Millis, jitter: f64) -> Outcome {
    let Err(error) = answer else { return Outcome::Delivered { at: now } };
    let permanent = matches!(error, SendError::Permanent(_));
    let reason = error.to_string();
    match policy.after_failure(attempts, permanent, jitter) {
        AfterFailure::Retry(pause) => Outcome::Retry { at: now + millis(pause), reason },
        AfterFailure::GiveUp => Outcome::Failed { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Backoff;

    const POLICY: DeliveryPolicy = DeliveryPolicy {
        max_attempts: 2,
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(60) },
    };

    #[test]
    fn failures_are_repeated_until_attempts_are_used_up() {
        let temporary = || Err(SendError::Temporary("busy".to_owned()));
        let reason = || "busy".to_owned();
        assert_eq!(outcome(Ok(()), 2, &POLICY, 7, 0.0), Outcome::Delivered { at: 7 });
        assert_eq!(outcome(temporary(), 1, &POLICY, 7, 0.0), Outcome::Retry { at: 507, reason: reason() });
        assert_eq!(outcome(temporary(), 2, &POLICY, 7, 0.0), Outcome::Failed { reason: reason() });
        let permanent = Err(SendError::Permanent("gone".to_owned()));
        assert_eq!(outcome(permanent, 1, &POLICY, 7, 0.0), Outcome::Failed { reason: "gone".to_owned() });
    }
}
