//! The store against a naive model, under PromQL, and fed by real expositions.

mod engine;
mod formats;
mod model;
