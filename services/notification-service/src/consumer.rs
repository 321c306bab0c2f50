//! Events from the broker's queue: each becomes a notification, exactly once, by the identifier of its message.

use crate::api::App;
use crate::api::notifications::{SERVICE, new_notification};
use crate::api::request::NotificationRequest;
use crate::store::StoreError;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use service_common::amqp::{Broker, Message, Verdict};
use service_common::{Stop, trace};
use std::time::Duration;
use tracing::Instrument as _;

/// The queue that order-service writes to.
pub const QUEUE: &str = "notifications";
/// Pause before a message is tried again while the database fails.
const PAUSE: Duration = Duration::from_millis(250);

/// Takes events off the queue.
#[derive(Debug, Clone)]
pub struct Consumer {
    app: App,
    broker: Broker,
    connected: Gauge,
}

impl Consumer {
    /// A consumer, with the gauge `amqp_consumer_connected`.
    #[must_use]
    pub fn new(app: App, broker: Broker, registry: &mut Registry) -> Self {
        let connected = Gauge::default();
        registry.register("amqp_consumer_connected", "1 while events come from the broker", connected.clone());
        Self { app, broker, connected }
    }

    /// Works until the service stops.
    pub async fn run(self, stop: Stop) {
        let handle = |message| self.take(message, &stop);
        self.broker.consume(stop.clone(), self.connected.clone(), handle).await;
    }

    async fn take(&self, message: Message, stop: &Stop) -> Verdict {
        let span = tracing::info_span!("receive event", otel.kind = "consumer", messaging.message.id = message.id);
        trace::resume(&span, message.traceparent.as_deref());
        self.accept(message, stop).instrument(span).await
    }

    async fn accept(&self, message: Message, stop: &Stop) -> Verdict {
        let refuse = |reason: String| {
            tracing::error!(reason, "an event is a dead letter");
            Verdict::Refused
        };
        let request: NotificationRequest = match serde_json::from_slice(&message.body) {
            Ok(request) => request,
            Err(error) => return refuse(error.to_string()),
        };
        let checked = match request.check() {
            Ok(checked) => checked,
            Err(errors) => return refuse(format!("{errors:?}")),
        };
        if message.id.is_empty() {
            return refuse("it has no identifier".to_owned());
        }
        let user_id = checked.user_id;
        let new = match new_notification(request, checked, SERVICE.to_owned(), Some(message.id), user_id) {
            Ok(new) => new,
            Err(error) => return refuse(error.to_string()),
        };
        loop {
            match self.app.accept(&new).await {
                Ok(_) => return Verdict::Done,
                Err(StoreError::Database(error)) => tracing::warn!(%error, "an event has to wait"),
                Err(error) => return refuse(error.to_string()),
            }
            // A message that is handed back counts as delivered; while the database is away it is kept here instead.
            if !stop.sleep(PAUSE).await {
                return Verdict::Open;
            }
        }
    }
}
