//! Tests of user-service: every route, good and bad, without a socket; and the program itself.

#![expect(clippy::unwrap_used, reason = "an assumption of a test that does not hold is to fail it")]

mod accounts;
mod listing;
mod process;
mod rights;
mod sessions;
pub(crate) mod support;
