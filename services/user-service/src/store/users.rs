//! Accounts.

use super::{Store, now_ms, parse_id};
use chrono::{DateTime, Utc};
use service_common::Role;
use sqlx::{Error, FromRow};
use uuid::Uuid;

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) is_admin: bool,
    /// Counts changes; the entity tag of the account.
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl User {
    /// What the user may do.
    pub(crate) fn roles(&self) -> &'static [Role] {
        if self.is_admin { &[Role::User, Role::Admin] } else { &[Role::User] }
    }
}

/// A user with the password's hash.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) password_hash: String,
}

/// What a new account consists of.
#[derive(Debug)]
pub(crate) struct NewUser<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password_hash: &'a str,
    pub(crate) is_admin: bool,
}

/// What to change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) password_hash: Option<String>,
    pub(crate) is_admin: Option<bool>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    email: String,
    name: String,
    password_hash: String,
    is_admin: i64,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Account {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let time = |ms| DateTime::from_timestamp_millis(ms).ok_or_else(|| Error::Decode("time out of range".into()));
        let user = User {
            id: parse_id(&row.id)?,
            email: row.email,
            name: row.name,
            is_admin: row.is_admin != 0,
            version: row.version,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
        };
        Ok(Self { user, password_hash: row.password_hash })
    }
}

impl Store {
    /// Adds an account; a unique violation means that the address is taken.
    pub(crate) async fn insert(&self, new: &NewUser<'_>) -> Result<User, Error> {
        let mut rows: Vec<Row> = sqlx::query_as(
            "INSERT INTO users (id, email, email_key, name, password_hash, is_admin, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING *",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(new.email)
        .bind(email_key(new.email))
        .bind(new.name)
        .bind(new.password_hash)
        .bind(i64::from(new.is_admin))
        .bind(now_ms())
        .fetch_all(self.database.writer())
        .await?;
        Ok(Account::try_from(rows.pop().ok_or(Error::RowNotFound)?)?.user)
    }

    /// The account of an address, in whatever case it is written.
    pub(crate) async fn find_by_email(&self, email: &str) -> Result<Option<Account>, Error> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM users WHERE email_key = $1 AND deleted_at IS NULL")
            .bind(email_key(email))
            .fetch_optional(self.database.reader())
            .await?;
        row.map(Account::try_from).transpose()
    }

    /// An account that is not deleted.
    pub(crate) async fn find(&self, id: Uuid) -> Result<Option<Account>, Error> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM users WHERE id = $1 AND deleted_at IS NULL")
            .bind(id.to_string())
            .fetch_optional(self.database.reader())
            .await?;
        row.map(Account::try_from).transpose()
    }

    /// Accounts after an identifier, in the order of identifiers, which is the order of registration.
    pub(crate) async fn list(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<User>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT * FROM users WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2")
                .bind(after.map(|id| id.to_string()).unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(self.database.reader())
                .await?;
        rows.into_iter().map(|row| Account::try_from(row).map(|account| account.user)).collect()
    }

    /// Changes an account if it still has this version; `None` when somebody else was faster. A new password ends all
    /// sessions.
    pub(crate) async fn change(&self, id: Uuid, version: i64, change: &Change) -> Result<Option<User>, Error> {
        let mut transaction = self.database.begin().await?;
        let row: Option<Row> = sqlx::query_as(
            "UPDATE users SET email = coalesce($3, email), email_key = coalesce($4, email_key), \
             name = coalesce($5, name), password_hash = coalesce($6, password_hash), \
             is_admin = coalesce($7, is_admin), updated_at = $8, version = version + 1 \
             WHERE id = $1 AND version = $2 AND deleted_at IS NULL RETURNING *",
        )
        .bind(id.to_string())
        .bind(version)
        .bind(&change.email)
        .bind(change.email.as_deref().map(email_key))
        .bind(&change.name)
        .bind(&change.password_hash)
        .bind(change.is_admin.map(i64::from))
        .bind(now_ms())
        .fetch_optional(&mut *transaction)
        .await?;
        if row.is_some() && change.password_hash.is_some() {
            Self::revoke_all(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        row.map(|row| Account::try_from(row).map(|account| account.user)).transpose()
    }

    /// Gives an account the administrator's role.
    pub(crate) async fn make_admin(&self, id: Uuid) -> Result<(), Error> {
        sqlx::query("UPDATE users SET is_admin = 1, version = version + 1, updated_at = $1 WHERE id = $2")
            .bind(now_ms())
            .bind(id.to_string())
            .execute(self.database.writer())
            .await?;
        Ok(())
    }

    /// Deletes an account if it still has this version, and ends its sessions. The row stays, so that what refers to it
    /// can be explained; its name and password do not.
    pub(crate) async fn delete(&self, id: Uuid, version: i64) -> Result<bool, Error> {
        let mut transaction = self.database.begin().await?;
        let changed = sqlx::query(
            "UPDATE users SET deleted_at = $3, updated_at = $3, name = '', password_hash = '', version = version + 1 \
             WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(id.to_string())
        .bind(version)
        .bind(now_ms())
        .execute(&mut *transaction)
        .await?;
        Self::revoke_all(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(changed.rows_affected() == 1)
    }
}

/// By what an address is unique. Strictly its local part could differ by case; no provider makes use of that.
fn email_key(email: &str) -> String {
    email.to_lowercase()
}
