//! The worker that carries payments out: claim, ask the provider, settle, confirm.
//!
//! Work is done in batches, so that a busy hour costs a few transactions a second instead of several for every order.

use super::provider::{Capture, CaptureRequest, PaymentProvider, ProviderError};
use crate::domain::OrderStatus;
use crate::domain::payment::{AfterFailure, RetryPolicy};
use crate::metrics::{OrderMetrics, PaymentOutcome};
use crate::store::{Millis, PaymentTask, Settled, Store, StoreError, Verdict, millis};
use futures::future::join_all;
use service_common::Stop;
use service_common::clock;
use service_common::failpoint;
use service_common::trace;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::Instrument as _;

/// Payments claimed at once, and asked for at once.
const BATCH: u32 = 32;
/// Paid orders confirmed in one transaction.
const CONFIRM_BATCH: u32 = 64;
/// Time between looks at the database when nobody wakes the worker: retries become due in silence.
const POLL: Duration = Duration::from_millis(250);
/// Time in which further requests join a batch.
const LINGER: Duration = Duration::from_millis(20);
/// How much longer a claim holds than the provider may take. Should settling take longer, the provider recognises the
/// repeated capture by its key.
const LEASE_MARGIN: Duration = Duration::from_secs(3);
/// Attempts to write down what the provider said, and the pause between them.
const SETTLE_ATTEMPTS: u32 = 40;
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// Carries payments out.
#[derive(Debug, Clone)]
pub struct PaymentWorker {
    /// The database.
    pub store: Store,
    /// The provider.
    pub provider: Arc<dyn PaymentProvider>,
    /// Business metrics.
    pub metrics: OrderMetrics,
    /// How often a failing provider is asked.
    pub policy: RetryPolicy,
    /// Longest wait for the provider.
    pub timeout: Duration,
    /// Wakes the worker when a payment was asked for.
    pub wake: Arc<Notify>,
    /// Wakes the relay when an event was written.
    pub wake_relay: Arc<Notify>,
}

impl PaymentWorker {
    /// Works until the service stops; the batch at hand is finished first.
    pub async fn run(self, stop: Stop) {
        self.recover(&stop).await;
        while !stop.is_stopping() {
            match self.work(&stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "payments have to wait"),
            }
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.wake.notified() => { stop.sleep(LINGER).await; }
            }
        }
    }

    /// Takes up payments that an earlier process left half done.
    async fn recover(&self, stop: &Stop) {
        while !stop.is_stopping() {
            match self.store.recover_payments(clock::now()).await {
                Ok(0) => return,
                Ok(recovered) => return tracing::info!(recovered, "taking up payments of an earlier process"),
                Err(error) => tracing::warn!(%error, "cannot take up payments of an earlier process yet"),
            }
            stop.sleep(POLL).await;
        }
    }

    /// Does one batch. Returns whether there may be more to do at once.
    async fn work(&self, stop: &Stop) -> Result<bool, StoreError> {
        let now = clock::now();
        if !self.store.payment_work_is_due(now).await? {
            return Ok(false);
        }
        let lease = millis(self.timeout + LEASE_MARGIN);
        let tasks = self.store.claim_payments(BATCH, lease, now).await?;
        if !tasks.is_empty() {
            failpoint::pass("payment.claimed");
            let settled: Vec<Settled> = join_all(tasks.into_iter().map(|task| self.attempt(task))).await;
            failpoint::pass("payment.captured");
            self.settle(&settled, stop).await?;
            failpoint::pass("payment.settled");
        }
        let confirmed = self.store.confirm_paid(CONFIRM_BATCH, clock::now()).await?;
        for order in &confirmed {
            failpoint::pass("order.confirmed");
            self.metrics.confirmed(order);
        }
        self.wake_relay.notify_one();
        Ok(true)
    }

    /// Asks the provider once, as part of the trace of the request.
    async fn attempt(&self, task: PaymentTask) -> Settled {
        let span = tracing::info_span!(
            "capture payment",
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            order.id = %task.order_id,
            payment.id = %task.id,
            payment.attempt = task.attempts,
        );
        trace::resume(&span, task.traceparent.as_deref());
        let request =
            CaptureRequest { payment_id: task.id, order_id: task.order_id, method: task.method, amount: task.amount };
        let answer = tokio::time::timeout(self.timeout, self.provider.capture(&request)).instrument(span.clone()).await;
        let answer = answer.unwrap_or(Err(ProviderError::Timeout));
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let verdict = verdict(answer, task.attempts, &self.policy, clock::now(), rand::random());
        (task, verdict)
    }

    /// Writes the verdicts down. The provider's word must not be lost to a busy database, so this is tried for long.
    async fn settle(&self, settled: &[Settled], stop: &Stop) -> Result<(), StoreError> {
        let mut attempt = 1;
        let changed = loop {
            match self.store.settle_payments(settled, clock::now()).await {
                Ok(changed) => break changed,
                Err(error) if attempt == SETTLE_ATTEMPTS || stop.is_stopping() && attempt > 4 => return Err(error),
                Err(error) => tracing::warn!(%error, attempt, "cannot settle payments yet"),
            }
            attempt += 1;
            tokio::time::sleep(SETTLE_PAUSE).await;
        };
        for (_, verdict) in settled {
            match verdict {
                Verdict::Captured { .. } => self.metrics.payment(PaymentOutcome::Captured),
                Verdict::Declined { .. } => self.metrics.payment(PaymentOutcome::Declined),
                Verdict::Failed { .. } => self.metrics.payment(PaymentOutcome::Error),
                Verdict::Retry { .. } => {}
            }
        }
        for order in &changed {
            self.metrics.reached(order.status);
            if order.status == OrderStatus::Cancelled {
                self.metrics.pipeline_failed();
            }
        }
        Ok(())
    }
}

/// What an answer means for a payment after `attempts` attempts.
fn verdict(
    answer: Result<Capture, ProviderError>,
    attempts: u32,
    policy: &RetryPolicy,
    now: Millis,
    jitter: f64,
) -> Verdict {
    match answer {
        Ok(Capture::Captured { reference }) => Verdict::Captured { reference },
        Ok(Capture::Declined { reason }) => Verdict::Declined { reason },
        Err(error) => match policy.after_failure(attempts, jitter) {
            AfterFailure::Retry(pause) => Verdict::Retry { at: now + millis(pause), reason: error.to_string() },
            AfterFailure::GiveUp => Verdict::Failed { reason: error.to_string() },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Backoff;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 2,
        backoff: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) },
    };

    #[test]
    fn answers_are_final_and_failures_are_bounded() {
        let captured = Ok(Capture::Captured { reference: "r".into() });
        assert_eq!(verdict(captured, 9, &POLICY, 0, 0.0), Verdict::Captured { reference: "r".into() });
        let declined = Ok(Capture::Declined { reason: "no".into() });
        assert_eq!(verdict(declined, 1, &POLICY, 0, 0.0), Verdict::Declined { reason: "no".into() });
        let reason = ProviderError::Timeout.to_string();
        let first = verdict(Err(ProviderError::Timeout), 1, &POLICY, 1_000, 0.0);
        assert_eq!(first, Verdict::Retry { at: 1_100, reason: reason.clone() });
        assert_eq!(verdict(Err(ProviderError::Timeout), 2, &POLICY, 1_000, 0.0), Verdict::Failed { reason });
    }
}
