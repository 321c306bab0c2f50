//! What a notification is. Pure: no clock, no database, no network.

pub mod backoff;
pub mod channel;
pub mod policy;
pub mod status;
pub mod template;

pub use backoff::Backoff;
pub use channel::{Channel, RecipientError, UnknownChannel};
pub use policy::{AfterFailure, DeliveryPolicy};
pub use status::Status;
pub use template::{Rendered, Template, TemplateError};
