//! Sessions and their refresh tokens.

use super::{Store, now_ms, parse_id};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_common::database::Dialect;
use sha2::{Digest as _, Sha256};
use sqlx::{Any, AnyConnection, Error, FromRow, Transaction};
use std::time::Duration;
use uuid::Uuid;

/// A refresh token: 256 random bits. Only its digest is stored.
pub(crate) struct RefreshToken(String);

impl RefreshToken {
    /// A new token.
    pub(crate) fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// A token that a client sent.
    pub(crate) fn from_client(text: String) -> Self {
        Self(text)
    }

    /// The token as it is given to the client.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn digest(&self) -> Vec<u8> {
        Sha256::digest(&self.0).to_vec()
    }
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It was good; its successor now is.
    Done {
        /// The user.
        user: Uuid,
        /// The session.
        session: Uuid,
    },
    /// It was used before: somebody has a copy, so that the session was ended.
    Reused {
        /// The session.
        session: Uuid,
    },
    /// It is unknown, has ended, or belongs to a session that has.
    Refused,
}

#[derive(FromRow)]
struct TokenRow {
    session_id: String,
    user_id: String,
    expires_at: i64,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// Of two simultaneous uses of a token the second must see that the first took place.
async fn lock_token(connection: &mut AnyConnection, digest: &[u8]) -> Result<(), Error> {
    if Dialect::of(connection) == Dialect::Postgres {
        sqlx::query("SELECT hash FROM refresh_tokens WHERE hash = $1 FOR UPDATE")
            .bind(digest)
            .execute(connection)
            .await?;
    }
    Ok(())
}

impl Store {
    /// Starts a session with its first refresh token.
    pub(crate) async fn start_session(&self, user: Uuid, token: &RefreshToken, ttl: Duration) -> Result<Uuid, Error> {
        let session = Uuid::now_v7();
        let mut transaction = self.database.begin().await?;
        sqlx::query("INSERT INTO sessions (id, user_id, created_at) VALUES ($1, $2, $3)")
            .bind(session.to_string())
            .bind(user.to_string())
            .bind(now_ms())
            .execute(&mut *transaction)
            .await?;
        Self::insert_token(&mut transaction, session, token, ttl).await?;
        transaction.commit().await?;
        Ok(session)
    }

    /// Exchanges a refresh token for its successor. In one transaction, so that of two simultaneous uses one is a
    /// reuse.
    pub(crate) async fn rotate(
        &self,
        token: &RefreshToken,
        next: &RefreshToken,
        ttl: Duration,
    ) -> Result<Rotation, Error> {
        let mut transaction = self.database.begin().await?;
        let digest = token.digest();
        lock_token(&mut transaction, &digest).await?;
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT t.session_id, s.user_id, t.expires_at, t.used_at, s.revoked_at FROM refresh_tokens t \
             JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1",
        )
        .bind(&digest)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else { return Ok(Rotation::Refused) };
        let session = parse_id(&row.session_id)?;
        if row.revoked_at.is_some() || row.expires_at <= now_ms() {
            return Ok(Rotation::Refused);
        }
        let outcome = if row.used_at.is_some() {
            Self::revoke(&mut transaction, session).await?;
            Rotation::Reused { session }
        } else {
            sqlx::query("UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2")
                .bind(now_ms())
                .bind(&digest)
                .execute(&mut *transaction)
                .await?;
            Self::insert_token(&mut transaction, session, next, ttl).await?;
            Rotation::Done { user: parse_id(&row.user_id)?, session }
        };
        transaction.commit().await?;
        Ok(outcome)
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, session: Uuid) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        Self::revoke(&mut transaction, session).await?;
        transaction.commit().await
    }

    /// Removes tokens and sessions that can no longer be used; returns how many tokens.
    pub(crate) async fn purge_sessions(&self) -> Result<u64, Error> {
        let mut transaction = self.database.begin().await?;
        let removed = sqlx::query(
            "DELETE FROM refresh_tokens WHERE expires_at <= $1 \
             OR session_id IN (SELECT id FROM sessions WHERE revoked_at IS NOT NULL)",
        )
        .bind(now_ms())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM sessions WHERE NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)",
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(removed.rows_affected())
    }

    pub(super) async fn revoke_all(transaction: &mut Transaction<'static, Any>, user: Uuid) -> Result<(), Error> {
        sqlx::query("UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL")
            .bind(now_ms())
            .bind(user.to_string())
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    async fn revoke(transaction: &mut Transaction<'static, Any>, session: Uuid) -> Result<(), Error> {
        sqlx::query("UPDATE sessions SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now_ms())
            .bind(session.to_string())
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    async fn insert_token(
        transaction: &mut Transaction<'static, Any>,
        session: Uuid,
        token: &RefreshToken,
        ttl: Duration,
    ) -> Result<(), Error> {
        let now = now_ms();
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        sqlx::query("INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(token.digest())
            .bind(session.to_string())
            .bind(now)
            .bind(now.saturating_add(ttl_ms))
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}
