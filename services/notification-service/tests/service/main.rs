//! notification-service through its API, with real databases and no sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod delivery;
mod drill;
mod inbox;
mod preferences;
pub(crate) mod rig;
mod routes;
