//! Delivery: senders behind a trait, and the worker that uses them.

pub mod faulty;
pub mod log_sink;
pub mod push;
pub mod sender;
pub mod sms;
pub mod smtp;
pub mod worker;

pub use faulty::Faulty;
pub use log_sink::LogSink;
pub use push::{PushSender, Vapid};
pub use sender::{Message, SendError, Sender, Senders};
pub use sms::SmsSender;
pub use smtp::SmtpSender;
pub use worker::DeliveryWorker;
