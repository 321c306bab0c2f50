//! The database of accounts, sessions and the signing key.

mod sessions;
mod users;

use chrono::Utc;
use service_common::auth::Issuer;
use service_common::{Database, Migration, StartError, migration};
use sqlx::Error;
use uuid::Uuid;

pub(crate) use sessions::{RefreshToken, Rotation};
pub(crate) use users::{Account, Change, NewUser, User};

/// The schema.
pub(crate) const MIGRATIONS: [Migration; 1] = [migration!(1, "users", "0001_users.sql")];

/// All access to the database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// The signing key kept in the database, made at the first start.
    pub(crate) async fn signing_key(&self) -> Result<Issuer, StartError> {
        let unusable = |error: service_common::auth::IssuerError| {
            StartError::Other(format!("the signing key in the database cannot be used: {error}"))
        };
        let fresh = Issuer::generate().map_err(unusable)?;
        // Whoever inserts first wins; everybody reads what is there afterwards.
        sqlx::query("INSERT INTO signing_keys (id, private, created_at) VALUES (1, $1, $2) ON CONFLICT DO NOTHING")
            .bind(fresh.to_text())
            .bind(now_ms())
            .execute(self.database.writer())
            .await?;
        let (kept,): (String,) =
            sqlx::query_as("SELECT private FROM signing_keys WHERE id = 1").fetch_one(self.database.writer()).await?;
        Issuer::from_text(&kept).map_err(unusable)
    }
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// Reads an identifier that this service wrote.
fn parse_id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|error| Error::Decode(Box::new(error)))
}
