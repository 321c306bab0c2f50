//! Forward-only migrations, each applied once and checked for later change.

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, SqlitePool};

/// One step of a schema; steps are applied in the order of their versions.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Position, from 1 without gaps.
    pub version: i64,
    /// What it does, for the record.
    pub name: &'static str,
    /// Its statements. Once released they must not change: add a further migration instead.
    pub sql: &'static str,
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
    /// The database was written by a newer program.
    #[error("its schema has version {found}, this program knows {known}; use a newer release of the service")]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
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

/// Applies what the database lacks, each migration in a transaction of its own.
pub(super) async fn apply(writer: &SqlitePool, migrations: &[Migration]) -> Result<(), MigrationError> {
    for (migration, expected) in migrations.iter().zip(1..) {
        if migration.version != expected {
            return Err(MigrationError::Order { found: migration.version, expected });
        }
    }
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT",
    )
    .execute(writer)
    .await?;
    let applied: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, checksum FROM schema_migrations ORDER BY version").fetch_all(writer).await?;
    for (version, recorded) in &applied {
        match migrations.iter().find(|migration| migration.version == *version) {
            None => return Err(MigrationError::Newer { found: *version, known: migrations.len() as i64 }),
            Some(migration) if checksum(migration.sql) != *recorded => {
                return Err(MigrationError::Changed { version: *version });
            }
            Some(_) => {}
        }
    }
    for migration in &migrations[applied.len()..] {
        apply_one(writer, migration).await?;
    }
    Ok(())
}

async fn apply_one(writer: &SqlitePool, migration: &Migration) -> Result<(), MigrationError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(AssertSqlSafe(migration.sql))
        .execute(&mut *transaction)
        .await
        .map_err(|source| MigrationError::Statement { version: migration.version, name: migration.name, source })?;
    sqlx::query("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)")
        .bind(migration.version)
        .bind(migration.name)
        .bind(checksum(migration.sql))
        .bind(chrono::Utc::now().to_rfc3339())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
