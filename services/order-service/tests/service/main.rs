//! order-service through its API, with real databases and no sockets but those of fake peers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod concurrency;
mod drill;
mod model;
mod outbox;
mod payments;
mod recovery;
mod relay;
pub(crate) mod rig;
mod routes;
