//! Payment: the provider behind a trait, and the worker that asks it.

pub mod http;
pub mod provider;
pub mod simulated;
pub mod worker;

pub use http::HttpProvider;
pub use provider::{Capture, CaptureRequest, PaymentProvider, ProviderError};
pub use simulated::SimulatedProvider;
pub use worker::PaymentWorker;
