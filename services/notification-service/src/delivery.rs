//! Delivery: senders behind a trait, and the worker that uses them.

pub mod log_sink;
pub mod sender;
pub mod worker;

pub use log_sink::LogSink;
pub use sender::{Message, SendError, Sender, Senders};
pub use worker::DeliveryWorker;
