//! Forward-only migrations, each applied once and checked for later change.
//!
//! During a rolling update two releases share one database. Each step must therefore leave the release before it able
//! to work (add first, remove a release later), and a schema that is newer than the program is accepted.

use super::Dialect;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection as _};

/// One step of a schema; steps are applied in the order of their versions.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Position, from 1 without gaps.
    pub version: i64,
    /// What it does, for the record.
    pub name: &'static str,
    /// Its statements for SQLite. Once released they must not change: add a further migration instead.
    pub sqlite: &'static str,
    /// The same for PostgreSQL.
    pub postgres: &'static str,
}

/// A migration of the folders `migrations/sqlite` and `migrations/postgres` of the crate.
#[macro_export]
macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        $crate::Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $file)),
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $file)),
        }
    };
}

/// Why a schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The list of the program has gaps or is not sorted.
    #[error("migration {found} stands where {expected} is due; number them from 1 without gaps")]
    Order {
        /// The version found.
        found: i64,
        /// The version that should stand there.
        expected: i64,
    },
    /// An applied migration is not the one in this program.
    #[error("migration {version} was changed after it had been applied; restore it and add a new one")]
    Changed {
        /// The version concerned.
        version: i64,
    },
    /// A statement failed.
    #[error("migration {version} ({name}): {source}")]
    Statement {
        /// The version concerned.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The cause.
        source: sqlx::Error,
    },
    /// The record of migrations cannot be read or written.
    #[error(transparent)]
    Record(#[from] sqlx::Error),
}

/// Replicas that start together take turns: any number will do, as long as all use the same.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7365725695)";

impl Migration {
    fn sql(&self, dialect: Dialect) -> &'static str {
        dialect.pick(self.sqlite, self.postgres)
    }
}

/// Applies what the database lacks, each migration in a transaction of its own.
pub(super) async fn apply(writer: &AnyPool, dialect: Dialect, migrations: &[Migration]) -> Result<(), MigrationError> {
    for (migration, expected) in migrations.iter().zip(1..) {
        if migration.version != expected {
            return Err(MigrationError::Order { found: migration.version, expected });
        }
    }
    let mut connection = writer.acquire().await?;
    while apply_next(&mut connection, dialect, migrations).await? {}
    Ok(())
}

/// Checks what was applied, and applies the next migration. Returns whether there may be more.
async fn apply_next(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[Migration],
) -> Result<bool, MigrationError> {
    let mut transaction = match dialect {
        Dialect::Sqlite => connection.begin_with("BEGIN IMMEDIATE").await?,
        Dialect::Postgres => {
            let mut transaction = connection.begin().await?;
            // A migration may take its time, and so may waiting for another replica's.
            sqlx::raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
                .execute(&mut *transaction)
                .await?;
            sqlx::raw_sql(LOCK).execute(&mut *transaction).await?;
            transaction
        }
    };
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)",
    )
    .execute(&mut *transaction)
    .await?;
    let applied = check_applied(&mut transaction, dialect, migrations).await?;
    let Some(next) = migrations.get(applied) else {
        transaction.commit().await?;
        return Ok(false);
    };
    sqlx::raw_sql(AssertSqlSafe(next.sql(dialect)))
        .execute(&mut *transaction)
        .await
        .map_err(|source| MigrationError::Statement { version: next.version, name: next.name, source })?;
    sqlx::query("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
        .bind(next.version)
        .bind(next.name)
        .bind(checksum(next.sql(dialect)))
        .bind(chrono::Utc::now().to_rfc3339())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Compares what was applied with this program. Returns how many migrations there were.
async fn check_applied(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[Migration],
) -> Result<usize, MigrationError> {
    let applied: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, checksum FROM schema_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    for (version, recorded) in &applied {
        match migrations.iter().find(|migration| migration.version == *version) {
            None => tracing::warn!(version, "the schema is newer than this program: a later release runs beside it"),
            Some(migration) if checksum(migration.sql(dialect)) != *recorded => {
                return Err(MigrationError::Changed { version: *version });
            }
            Some(_) => {}
        }
    }
    Ok(applied.len())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
