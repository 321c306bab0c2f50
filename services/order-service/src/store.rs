//! The database: every function is one short transaction or one read. Time is an argument.

pub mod idempotency;
pub mod inventory;
pub mod orders;
pub mod outbox;
pub mod payments;
pub mod rows;
pub mod seed;
pub mod upkeep;

use crate::domain::{IllegalTransition, PaymentStatus};
use service_common::Database;
use std::time::Duration;

pub use idempotency::{KeyedRequest, Reply, StoredResponse};
pub use inventory::Inventory;
pub use orders::NewOrder;
pub use outbox::{Delivery, PendingEvent};
pub use payments::{PaymentTask, Settled, Verdict};
pub use rows::{Order, Payment};

/// Milliseconds since 1970.
pub type Millis = i64;

/// Access to the database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Database,
    reservation_ttl: Duration,
}

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// There is no such order, or the caller may not know of it.
    #[error("there is no such order")]
    NoOrder,
    /// There is no such product.
    #[error("there is no product `{0}`")]
    NoProduct(String),
    /// The state of the order forbids it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// Too few units are left.
    #[error("too few units of `{sku}` are left for {asked}")]
    OutOfStock {
        /// The product.
        sku: String,
        /// Units asked for.
        asked: i64,
    },
    /// More units are promised than the new stock has.
    #[error("{reserved} units of `{sku}` are reserved; on_hand cannot be lower")]
    BelowReserved {
        /// The product.
        sku: String,
        /// Units that are promised.
        reserved: i64,
    },
    /// A payment stands in the way.
    #[error("payment {id} of this order is {}", status.as_str())]
    PaymentInTheWay {
        /// The payment.
        id: String,
        /// Its state.
        status: PaymentStatus,
    },
    /// The key was used for another request.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
}

impl Store {
    /// Access to an open database; reservations of stock hold for `reservation_ttl`.
    #[must_use]
    pub fn new(db: Database, reservation_ttl: Duration) -> Self {
        Self { db, reservation_ttl }
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.db
    }

    fn reserved_until(&self, now: Millis) -> Millis {
        now.saturating_add(millis(self.reservation_ttl))
    }
}

/// A duration in the unit of the database.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
