//! A queue on RabbitMQ: quorum queues, publisher confirms, dead letters.
//!
//! The library recovers connections only; here a publisher opens a new connection after any error, and a consumer is
//! started again by its supervisor. A message is taken off the queue when its effect is committed: it may come twice,
//! and its identifier tells the receiver so.

use crate::backoff::Backoff;
use crate::tasks::Stop;
use futures::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use prometheus_client::metrics::gauge::Gauge;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Longest wait for a connection, and for the confirmation of a message.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(3);
/// Messages that a consumer handles at once.
const PREFETCH: u16 = 16;
/// How often a message may come back before it is a dead letter: only a crash of the consumer sends it back.
const DELIVERY_LIMIT: i64 = 20;
/// Pauses of a consumer's supervisor.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(2) };
const TRACEPARENT: &str = "traceparent";

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
pub enum AmqpError {
    /// The broker cannot be reached, or broke off.
    #[error("the broker: {0}")]
    Broker(#[from] lapin::Error),
    /// The broker did not answer in time.
    #[error("the broker did not answer in time")]
    Timeout,
    /// The broker refused the message, such as for a full queue.
    #[error("the broker refused the message")]
    Refused,
}

/// A queue, and the one beside it for messages that nobody could handle (`NAME.dead`).
#[derive(Debug, Clone)]
pub struct Broker {
    url: SecretString,
    queue: &'static str,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which a receiver recognises repeats.
    pub id: String,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
    /// JSON.
    pub body: Vec<u8>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its effect is committed.
    Done,
    /// It can never be handled: a dead letter.
    Refused,
    /// The service stops: the broker gives it to the next consumer.
    Open,
}

impl Broker {
    /// A queue at a broker.
    #[must_use]
    pub fn new(url: SecretString, queue: &'static str) -> Self {
        Self { url, queue }
    }

    fn dead(&self) -> String {
        format!("{}.dead", self.queue)
    }

    async fn open(&self) -> Result<(Connection, Channel), AmqpError> {
        let opening = async {
            let connection = Connection::connect(self.url.expose_secret(), ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(self.dead().as_str().into(), durable, quorum()).await?;
            channel.queue_declare(self.queue.into(), durable, self.arguments()).await?;
            Ok((connection, channel))
        };
        tokio::time::timeout(CONNECT_TIMEOUT, opening).await.map_err(|_| AmqpError::Timeout)?
    }

    /// Messages that were refused go to the other queue, and are not dropped before that one has confirmed them.
    fn arguments(&self) -> FieldTable {
        let mut arguments = quorum();
        for (name, value) in [
            ("x-dead-letter-exchange", String::new()),
            ("x-dead-letter-routing-key", self.dead()),
            ("x-dead-letter-strategy", "at-least-once".to_owned()),
            ("x-overflow", "reject-publish".to_owned()),
        ] {
            arguments.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments
    }

    /// Puts up to `limit` dead letters back into the queue. Returns how many there were.
    ///
    /// # Errors
    /// When the broker fails; what was put back stays so, and nothing is lost.
    pub async fn replay(&self, limit: u32) -> Result<u32, AmqpError> {
        let (connection, channel) = self.open().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut replayed = 0;
        while replayed < limit {
            let Some(found) = channel.basic_get(self.dead().as_str().into(), BasicGetOptions::default()).await? else {
                break;
            };
            publish(&channel, self.queue, &message(&found.delivery)).await?;
            found.delivery.ack(BasicAckOptions::default()).await?;
            replayed += 1;
        }
        connection.close(200, "done".into()).await?;
        Ok(replayed)
    }

    /// Hands messages to `handle`, several at once, until the service stops; a lost connection is opened again. The
    /// gauge says whether there is one.
    pub async fn consume<H, F>(&self, stop: Stop, connected: Gauge, handle: H)
    where
        H: Fn(Message) -> F,
        F: Future<Output = Verdict>,
    {
        let mut failed = 0;
        while !stop.is_stopping() {
            match self.session(&stop, &connected, &handle).await {
                Ok(()) => failed = 0,
                Err(error) => tracing::warn!(queue = self.queue, %error, "the consumer has lost its broker"),
            }
            if connected.set(0) == 1 {
                failed = 0;
            }
            failed += 1;
            stop.sleep(BACKOFF.pause(failed, rand::random())).await;
        }
    }

    async fn session<H, F>(&self, stop: &Stop, connected: &Gauge, handle: &H) -> Result<(), AmqpError>
    where
        H: Fn(Message) -> F,
        F: Future<Output = Verdict>,
    {
        let (connection, channel) = self.open().await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consumer = channel
            .basic_consume(self.queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default())
            .await?;
        connected.set(1);
        let answers = consumer.take_until(stop.wait()).map(|delivery| async {
            let delivery = delivery?;
            match handle(message(&delivery)).await {
                Verdict::Done => delivery.ack(BasicAckOptions::default()).await,
                Verdict::Refused => delivery.reject(BasicRejectOptions { requeue: false }).await,
                Verdict::Open => Ok(true),
            }
        });
        let mut handled = std::pin::pin!(answers.buffer_unordered(usize::from(PREFETCH)));
        while let Some(outcome) = handled.next().await {
            outcome?;
        }
        connection.close(200, "stopping".into()).await?;
        Ok(())
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

fn message(delivery: &Delivery) -> Message {
    let headers = delivery.properties.headers().as_ref();
    let traceparent = headers.and_then(|headers| headers.inner().get(TRACEPARENT)).and_then(|value| match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        _ => None,
    });
    let id = delivery.properties.message_id().as_ref().map_or_else(String::new, ToString::to_string);
    Message { id, traceparent, body: delivery.data.clone() }
}

/// Publishes, and waits until a majority of the queue's replicas has the message.
async fn publish(channel: &Channel, queue: &str, message: &Message) -> Result<(), AmqpError> {
    let mut properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(message.id.as_str().into());
    if let Some(traceparent) = &message.traceparent {
        let mut headers = FieldTable::default();
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.as_str().into()));
        properties = properties.with_headers(headers);
    }
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sending =
        async { channel.basic_publish("".into(), queue.into(), options, &message.body, properties).await?.await };
    match tokio::time::timeout(CONFIRM_TIMEOUT, sending).await {
        Ok(Ok(Confirmation::Ack(None))) => Ok(()),
        Ok(Ok(_)) => Err(AmqpError::Refused),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(AmqpError::Timeout),
    }
}

/// Publishes messages to a queue over one connection, which is opened again after an error.
#[derive(Debug, Clone)]
pub struct Publisher {
    broker: Broker,
    open: Arc<Mutex<Option<Arc<Open>>>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    channel: Channel,
}

impl Publisher {
    /// A publisher to a queue; it connects when it has something to publish.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        Self { broker, open: Arc::default() }
    }

    /// Publishes a message; success means that the broker has confirmed it.
    ///
    /// # Errors
    /// When it has not. It may nevertheless have arrived.
    pub async fn publish(&self, message: &Message) -> Result<(), AmqpError> {
        let open = self.open().await?;
        let outcome = publish(&open.channel, self.broker.queue, message).await;
        if outcome.is_err() {
            self.open.lock().await.take_if(|current| Arc::ptr_eq(current, &open));
        }
        outcome
    }

    async fn open(&self) -> Result<Arc<Open>, AmqpError> {
        let mut current = self.open.lock().await;
        if let Some(open) = current.as_ref().filter(|open| open.connection.status().connected()) {
            return Ok(Arc::clone(open));
        }
        let (connection, channel) = self.broker.open().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let open = Arc::new(Open { connection, channel });
        *current = Some(Arc::clone(&open));
        Ok(open)
    }
}
