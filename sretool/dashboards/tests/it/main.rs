//! The dashboards against a platform whose numbers are known.

#![expect(clippy::unwrap_used, reason = "an assumption of a test that does not hold is to fail it")]

mod contract;
mod json;
mod platform;
mod values;
