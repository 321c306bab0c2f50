//! Refusals of the database and the domain as problems.

use crate::domain::BasketError;
use crate::store::StoreError;
use service_common::Problem;

/// Content type of problems, for the description of the API.
pub const PROBLEM: &str = "application/problem+json";

/// 404 for an order that does not exist or that the caller may not know of.
#[must_use]
pub fn no_order() -> Problem {
    Problem::not_found("there is no such order")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::NoOrder => no_order(),
            StoreError::NoProduct(_) => Self::not_found(error.to_string()),
            StoreError::Illegal(_) => {
                Self::conflict(error.to_string()).kind("illegal-transition", "The order's status forbids this")
            }
            StoreError::OutOfStock { .. } => {
                Self::conflict(error.to_string()).kind("out-of-stock", "Too few units are left")
            }
            StoreError::BelowReserved { .. } => {
                Self::conflict(error.to_string()).kind("below-reserved", "More units are reserved")
            }
            StoreError::PaymentInTheWay { .. } => {
                Self::conflict(error.to_string()).kind("payment-in-progress", "A payment is under way")
            }
            StoreError::KeyReused => Self::invalid_field("Idempotency-Key", error.to_string())
                .kind("idempotency-key-reused", "The key belongs to another request"),
        }
    }
}

impl From<BasketError> for Problem {
    fn from(error: BasketError) -> Self {
        Self::invalid_field(&error.field(), error.to_string())
    }
}
