//! Refusals of the database as problems.

use crate::store::StoreError;
use service_common::Problem;

/// Content type of problems, for the description of the API.
pub const PROBLEM: &str = "application/problem+json";

/// 404 for a notification that does not exist or that the caller may not know of.
#[must_use]
pub fn no_notification() -> Problem {
    Problem::not_found("there is no such notification")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::NoNotification => no_notification(),
            StoreError::NotFailed(_) => {
                Self::conflict(error.to_string()).kind("not-failed", "The notification is no dead letter")
            }
            StoreError::KeyReused => Self::invalid_field("Idempotency-Key", error.to_string())
                .kind("idempotency-key-reused", "The key belongs to another request"),
        }
    }
}
