//! `LogSink`: a sender that delivers into this service's log. NOTHING LEAVES THE MACHINE.

use super::sender::{Message, SendError, Sender};
use async_trait::async_trait;

/// Writes each message as one line into the log, the recipient masked.
#[derive(Debug, Clone, Copy)]
pub struct LogSink;

#[async_trait]
impl Sender for LogSink {
    async fn send(&self, message: &Message<'_>) -> Result<(), SendError> {
        tracing::info!(
            sender = "LogSink",
            notification.id = %message.id,
            channel = message.channel.as_str(),
            to = message.channel.masked(message.to),
            template = message.template.as_str(),
            subject = message.subject,
            "delivered"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Faulty;
    use crate::delivery::faulty::{DELIVERY_ERROR, DELIVERY_LATENCY};
    use crate::domain::{Channel, Template};
    use service_common::faults::Fault;
    use service_common::{Faults, Settings, telemetry};
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;
    use uuid::Uuid;

    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const MESSAGE: Message<'static> = Message {
        id: Uuid::nil(),
        channel: Channel::Email,
        to: "ada@example.com",
        template: Template::Welcome,
        subject: "Welcome, Ada",
        body: "Hello",
    };

    #[tokio::test]
    async fn a_delivery_is_one_line_of_json_without_the_address() {
        let lines = Lines::default();
        let written = lines.clone();
        let settings = Settings { log_filter: "info".to_owned(), ..Settings::for_test() };
        let (dispatch, _guard) = telemetry::build(&crate::SPEC, &settings, move || lines.clone()).unwrap();
        let default = tracing::dispatcher::set_default(&dispatch);
        LogSink.send(&MESSAGE).await.unwrap();
        drop(default);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["sender"], &line["to"]), (&"LogSink".into(), &"a***@example.com".into()));
        assert_eq!((&line["channel"], &line["subject"]), (&"email".into(), &"Welcome, Ada".into()));
        assert!(!text.contains("ada@"), "{text}");
    }

    #[tokio::test]
    async fn an_injected_fault_is_a_temporary_failure() {
        let faults = Faults::with_kinds(&[DELIVERY_ERROR, DELIVERY_LATENCY]);
        let fault = Fault { kind: DELIVERY_ERROR.into(), route: "*".into(), ratio: 1.0, latency_ms: None, ttl_s: 60 };
        faults.replace(vec![fault], &[], Instant::now()).unwrap();
        let sink = Faulty::new(LogSink, faults.clone());
        assert!(matches!(sink.send(&MESSAGE).await, Err(SendError::Temporary(_))));
        faults.clear();
        assert_eq!(sink.send(&MESSAGE).await, Ok(()));
    }
}
