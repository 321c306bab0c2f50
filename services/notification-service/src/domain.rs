//! What a notification is. Pure: no clock, no database, no network.

pub mod channel;
pub mod policy;
pub mod status;
pub mod template;

pub use channel::{Channel, RecipientError, UnknownChannel};
pub use policy::{AfterFailure, DeliveryPolicy};
pub use service_common::backoff::Backoff;
pub use status::Status;
pub use template::{Rendered, Template, TemplateError};
