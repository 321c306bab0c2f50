//! `Idempotency-Key`: the response of a request is kept in the transaction of its effect, and given again to repeats.
//!
//! Only successes are kept. A request that was refused had no effect, so that repeating it may well succeed later.

use super::{Millis, StoreError};
use sha2::{Digest as _, Sha256};
use sqlx::SqliteConnection;

/// A request that names a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    subject: String,
    operation: String,
    key: String,
    hash: [u8; 32],
}

/// A response that can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Where the created resource is found.
    pub location: String,
    /// JSON.
    pub body: String,
}

/// A response, and whether it is an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The response.
    pub response: StoredResponse,
    /// Whether the effect took place earlier.
    pub replayed: bool,
}

impl KeyedRequest {
    /// A request of `subject` for `operation`. The body is compared in its canonical form: blanks do not matter.
    #[must_use]
    pub fn new(subject: &str, operation: &str, key: &str, canonical_body: &[u8]) -> Self {
        Self {
            subject: subject.to_owned(),
            operation: operation.to_owned(),
            key: key.to_owned(),
            hash: Sha256::digest(canonical_body).into(),
        }
    }

    /// The response of an earlier request with this key.
    pub(super) async fn find(&self, conn: &mut SqliteConnection) -> Result<Option<StoredResponse>, StoreError> {
        type Row = (Vec<u8>, u16, String, String);
        let found: Option<Row> = sqlx::query_as(
            "SELECT request, status, location, body FROM idempotency WHERE subject = ? AND operation = ? AND key = ?",
        )
        .bind(&self.subject)
        .bind(&self.operation)
        .bind(&self.key)
        .fetch_optional(conn)
        .await?;
        match found {
            None => Ok(None),
            Some((hash, ..)) if hash != self.hash => Err(StoreError::KeyReused),
            Some((_, status, location, body)) => Ok(Some(StoredResponse { status, location, body })),
        }
    }

    /// Keeps the response for repeats.
    pub(super) async fn keep(
        &self,
        conn: &mut SqliteConnection,
        response: &StoredResponse,
        now: Millis,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO idempotency (subject, operation, key, request, status, location, body, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.subject)
        .bind(&self.operation)
        .bind(&self.key)
        .bind(self.hash.as_slice())
        .bind(response.status)
        .bind(&response.location)
        .bind(&response.body)
        .bind(now)
        .execute(conn)
        .await?;
        Ok(())
    }
}
