//! The database: the queue of notifications is also their record. Time is an argument.

pub mod inbox;
pub mod preferences;
pub mod queue;
pub mod rows;

use service_common::Database;
use service_common::cache::Cache;
use std::time::Duration;

pub use inbox::{Acceptance, NewNotification};
pub use preferences::Preferences;
pub use queue::{Backlog, Outcome, Waiting};
pub use rows::{Filter, Notification};

/// Milliseconds since 1970.
pub type Millis = i64;

/// Access to the database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Database,
    cache: Cache,
}

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// There is no such notification, or the caller may not know of it.
    #[error("there is no such notification")]
    NoNotification,
    /// The key was used for another request.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// Only dead letters can be tried again by hand.
    #[error("only a failed notification can be tried again; this one is {0}")]
    NotFailed(crate::domain::Status),
}

impl Store {
    /// Access to an open database; the cache is for preferences.
    #[must_use]
    pub fn new(db: Database, cache: Cache) -> Self {
        Self { db, cache }
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.db
    }
}

/// A duration in the unit of the database.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
