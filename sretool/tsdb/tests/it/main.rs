//! The store against a naive model, under PromQL, and fed by real expositions.

#![expect(clippy::unwrap_used, reason = "an assumption of a test that does not hold is to fail it")]

mod engine;
mod formats;
mod model;
mod summaries;
