//! The relay that delivers events of the outbox to notification-service, at least once and in order for each order:
//! through its API, or through a queue that it reads.

use crate::domain::Backoff;
use crate::metrics::{OrderMetrics, RelayOutcome};
use crate::store::{Delivery, Millis, PendingEvent, Store, StoreError, millis};
use futures::StreamExt as _;
use futures::stream;
use reqwest::{Method, StatusCode, header};
use service_common::amqp::{Message, Publisher};
use service_common::clock;
use service_common::faults::QUEUE_STALL;
use service_common::{Client, Faults, Stop, failpoint, trace};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::Instrument as _;
use uuid::Uuid;

/// Events read at once.
const BATCH: u32 = 64;
/// How long a batch is one relay's alone. Should delivering it take longer, the receiver drops the repeats.
const LEASE: Duration = Duration::from_secs(5);
/// Events delivered at once.
const CONCURRENCY: usize = 16;
/// Time between looks at the database when nobody wakes the relay.
const POLL: Duration = Duration::from_millis(500);
/// Time in which further events join a batch.
const LINGER: Duration = Duration::from_millis(20);
/// Pauses of one event between its attempts.
const EVENT_BACKOFF: Backoff = Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(30) };
/// Pauses of the whole relay while nothing gets through: a receiver that is down is not asked for every event.
const RELAY_BACKOFF: Backoff = Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(5) };

/// Delivers events.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The database.
    pub store: Store,
    /// How events are delivered.
    pub carrier: Carrier,
    /// Faults that make events stay where they are.
    pub faults: Faults,
    /// Business metrics.
    pub metrics: OrderMetrics,
    /// Wakes the relay when an event was written.
    pub wake: Arc<Notify>,
}

/// The queue by which notification-service is told.
pub const QUEUE: &str = "notifications";

/// How events reach notification-service.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// By its API.
    Http {
        /// Carries the services' shared token.
        client: Client,
        /// Base URL of notification-service.
        base_url: String,
    },
    /// By a queue; the broker confirms each event.
    Queue(Publisher),
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// Nothing was due.
    Empty,
    /// Something got through.
    Progress,
    /// Nothing got through.
    Stuck,
}

impl Relay {
    /// Delivers until the service stops; the batch at hand is finished first.
    pub async fn run(self, stop: Stop) {
        let mut stuck = 0_u32;
        while !stop.is_stopping() {
            match self.work().await {
                Ok(Batch::Progress) => {
                    stuck = 0;
                    continue;
                }
                Ok(Batch::Empty) => {}
                Ok(Batch::Stuck) => {
                    stuck = stuck.saturating_add(1);
                    stop.sleep(RELAY_BACKOFF.pause(stuck, rand::random())).await;
                }
                Err(error) => tracing::warn!(%error, "events have to wait"),
            }
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.wake.notified() => { stop.sleep(LINGER).await; }
            }
        }
    }

    async fn work(&self) -> Result<Batch, StoreError> {
        if self.faults.strikes(QUEUE_STALL, "relay").is_some() {
            return Ok(Batch::Empty);
        }
        let events = self.store.due_events(BATCH, millis(LEASE), clock::now()).await?;
        if events.is_empty() {
            return Ok(Batch::Empty);
        }
        let deliveries: Vec<(Uuid, Delivery)> =
            stream::iter(events).map(|event| self.deliver(event)).buffer_unordered(CONCURRENCY).collect().await;
        failpoint::pass("relay.sent");
        self.store.keep_deliveries(&deliveries, clock::now()).await?;
        let mut batch = Batch::Stuck;
        for (id, delivery) in &deliveries {
            match delivery {
                Delivery::Sent => self.metrics.relayed(RelayOutcome::Sent),
                Delivery::Retry { reason, .. } => {
                    tracing::warn!(event = %id, reason, "event not delivered yet");
                    self.metrics.relayed(RelayOutcome::Retried);
                    continue;
                }
                Delivery::Dead { reason } => {
                    tracing::error!(event = %id, reason, "event refused for good");
                    self.metrics.relayed(RelayOutcome::Dead);
                }
            }
            batch = Batch::Progress;
        }
        Ok(batch)
    }

    /// Tries to deliver one event, as part of the trace that caused it.
    async fn deliver(&self, event: PendingEvent) -> (Uuid, Delivery) {
        let span = tracing::info_span!("relay event", otel.kind = "producer", event.id = %event.id);
        trace::resume(&span, event.traceparent.as_deref());
        let (id, attempts) = (event.id, event.attempts + 1);
        let answer = self.carrier.carry(event).instrument(span).await;
        (id, outcome(answer, attempts, clock::now(), rand::random()))
    }
}

impl Carrier {
    /// Delivers an event. The status is that of an answer; a broker's confirmation is one too.
    async fn carry(&self, event: PendingEvent) -> Result<StatusCode, String> {
        match self {
            Self::Http { client, base_url } => {
                let request = client
                    .request(Method::POST, &format!("{base_url}/v1/notifications"))
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("idempotency-key", event.id.to_string())
                    .body(event.payload);
                client.send(request).await.map(|response| response.status()).map_err(|error| error.to_string())
            }
            Self::Queue(publisher) => {
                let (id, traceparent) = (event.id.to_string(), trace::current());
                let message = Message { id, traceparent, body: event.payload.into_bytes() };
                publisher.publish(&message).await.map(|()| StatusCode::ACCEPTED).map_err(|error| error.to_string())
            }
        }
    }
}

/// What an answer means for an event after `attempts` attempts.
fn outcome(answer: Result<StatusCode, String>, attempts: u32, now: Millis, jitter: f64) -> Delivery {
    let reason = match answer {
        Ok(status) if status.is_success() => return Delivery::Sent,
        Ok(status) if is_refusal(status) => return Delivery::Dead { reason: format!("status {status}") },
        Ok(status) => format!("status {status}"),
        Err(reason) => reason,
    };
    Delivery::Retry { at: now + millis(EVENT_BACKOFF.pause(attempts, jitter)), reason }
}

/// Whether the receiver refuses this very event. Refusing the caller (401, 403, 404, 429) is a fault of configuration
/// or load: the event must not be lost to it.
fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, expected: &Delivery) {
        assert_eq!(&outcome(Ok(StatusCode::from_u16(status).unwrap()), 1, 1_000, 0.0), expected);
    }

    #[test]
    fn only_a_refusal_of_the_event_itself_is_final() {
        check(202, &Delivery::Sent);
        check(200, &Delivery::Sent);
        check(422, &Delivery::Dead { reason: "status 422 Unprocessable Entity".into() });
        for status in [401, 403, 404, 408, 429, 500, 503] {
            let reason = format!("status {}", StatusCode::from_u16(status).unwrap());
            check(status, &Delivery::Retry { at: 1_250, reason });
        }
    }
}
