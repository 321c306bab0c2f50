//! `Idempotency-Key`: the response of a request is kept in the transaction of its effect, and given again to repeats.
//!
//! Only successes are kept. A request that was refused had no effect, so that repeating it may well succeed later.

use super::{Millis, StoreError};
use service_common::database::rows::undecodable;
use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;

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

    /// Takes the key for this request, or gives the response of an earlier one. A request with the same key that runs at
    /// the same time waits here until this one is committed.
    pub(super) async fn claim(
        &self,
        conn: &mut AnyConnection,
        now: Millis,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let claimed = sqlx::query(
            "INSERT INTO idempotency (subject, operation, key, request, status, location, body, created_at) \
             VALUES ($1, $2, $3, $4, 0, '', '', $5) ON CONFLICT DO NOTHING",
        )
        .bind(&self.subject)
        .bind(&self.operation)
        .bind(&self.key)
        .bind(self.hash.as_slice())
        .bind(now)
        .execute(&mut *conn)
        .await?
        .rows_affected();
        if claimed == 1 { Ok(None) } else { self.find(conn).await }
    }

    async fn find(&self, conn: &mut AnyConnection) -> Result<Option<StoredResponse>, StoreError> {
        type Row = (Vec<u8>, i64, String, String);
        let found: Option<Row> = sqlx::query_as(
            "SELECT request, status, location, body FROM idempotency WHERE subject = $1 AND operation = $2 AND key = $3",
        )
        .bind(&self.subject)
        .bind(&self.operation)
        .bind(&self.key)
        .fetch_optional(conn)
        .await?;
        match found {
            None => Ok(None),
            Some((hash, ..)) if hash != self.hash => Err(StoreError::KeyReused),
            Some((_, status, location, body)) => {
                let status = status.try_into().map_err(|error| undecodable("status", error))?;
                Ok(Some(StoredResponse { status, location, body }))
            }
        }
    }

    /// Keeps the response for repeats of the request that took the key.
    pub(super) async fn keep(&self, conn: &mut AnyConnection, response: &StoredResponse) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE idempotency SET status = $1, location = $2, body = $3 \
             WHERE subject = $4 AND operation = $5 AND key = $6",
        )
        .bind(i64::from(response.status))
        .bind(&response.location)
        .bind(&response.body)
        .bind(&self.subject)
        .bind(&self.operation)
        .bind(&self.key)
        .execute(conn)
        .await?;
        Ok(())
    }
}
