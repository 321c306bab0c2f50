//! The service's database: an embedded SQLite file, or PostgreSQL, with the same statements for both.
//!
//! Statements go through sqlx's `Any` driver and use what both databases understand: numbered parameters (`$1`),
//! `ON CONFLICT`, `RETURNING`, 64-bit integers, text and bytes. The few that differ ask [`Database::dialect`].
//!
//! SQLite admits one writer at a time. A pool of one connection turns that into a queue in which a waiting request is
//! told "busy" after [`ACQUIRE_TIMEOUT`], instead of failing somewhere inside a transaction; readers are never blocked
//! by it (write-ahead log). PostgreSQL has one pool for both, and locks rows instead ([`lock_row`]).
//!
//! A trap of the `Any` driver: on PostgreSQL its `fetch_one` and `fetch_optional` return with the first row, before the
//! statement is committed. A statement with `RETURNING` outside a transaction must use `fetch_all`.

mod migrate;
mod open;
pub mod rows;

use crate::config::DatabaseUrl;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub use migrate::{Migration, MigrationError};

/// Longest wait for a connection; then the request is shed with 503.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(250);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file or its folder cannot be used.
    #[error("cannot open the database {path}: {source}; check that its folder exists and may be written to")]
    Open {
        /// The file.
        path: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server cannot be reached or refuses the connection.
    #[error("cannot connect to the database {server}: {source}; check DATABASE_URL and that the server runs")]
    Connect {
        /// Host, port and name of the database.
        server: String,
        /// The cause.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database {path}: {source}")]
    Migrate {
        /// The file or server.
        path: String,
        /// The cause.
        source: MigrationError,
    },
}

/// Which SQL a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// An embedded file that this process alone uses.
    Sqlite,
    /// A server that other replicas of the service may use at the same time.
    Postgres,
}

impl Dialect {
    /// The dialect of a connection.
    #[must_use]
    pub fn of(connection: &AnyConnection) -> Self {
        if connection.backend_name() == "PostgreSQL" { Self::Postgres } else { Self::Sqlite }
    }

    /// The statement for this dialect, of those that differ.
    #[must_use]
    pub fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }
}

/// Locks the rows that a `SELECT … FOR UPDATE` with the parameter `$1` finds, until the transaction ends. Values that
/// a decision depends on are to be read afterwards, by another statement: only that one sees what was committed while
/// the lock was waited for. On SQLite a transaction holds the lock of the whole database from its beginning.
///
/// # Errors
/// When the database fails, or others hold the rows for too long.
pub async fn lock_row(connection: &mut AnyConnection, sql: &'static str, key: &str) -> Result<(), sqlx::Error> {
    match Dialect::of(connection) {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => sqlx::query(sql).bind(key).execute(connection).await.map(|_| ()),
    }
}

/// A service's database.
#[derive(Debug, Clone)]
pub struct Database {
    dialect: Dialect,
    writer: AnyPool,
    /// On PostgreSQL the same pool as the writer.
    reader: AnyPool,
    /// Keeps the folder of a temporary database for as long as the database is used.
    _folder: Option<Arc<TempDir>>,
}

impl Database {
    /// Opens a database, creating a file that is missing, and applies the migrations it lacks.
    ///
    /// # Errors
    /// When it cannot be opened or a migration fails; the database is then unchanged by that migration.
    pub async fn open(url: &DatabaseUrl, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        let database = match url {
            DatabaseUrl::File(path) => open::file(path, true, None).await?,
            DatabaseUrl::Memory => open::temporary().await?,
            DatabaseUrl::Postgres(server) => open::server(server).await?,
        };
        migrate::apply(&database.writer, database.dialect, migrations)
            .await
            .map_err(|source| DatabaseError::Migrate { path: url.to_string(), source })?;
        Ok(database)
    }

    /// A SQLite database for one test.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn for_test(migrations: &[Migration]) -> Result<Self, DatabaseError> {
        Self::open(&DatabaseUrl::Memory, migrations).await
    }

    /// Which SQL it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The connections for reading.
    #[must_use]
    pub fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// The connections for writing: for single statements; [`Database::begin`] for more.
    #[must_use]
    pub fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// Starts a transaction. On SQLite it holds the write lock from its beginning, so that it cannot fail half way for
    /// want of it; on PostgreSQL it must lock what it reads and then changes ([`lock_row`]).
    ///
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when the queue of writers is too long.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.writer.begin().await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.reader).await.map(|_| ())
    }

    /// Adds `db_pool_connections{state}` and `db_pool_max_connections` (readers and the writer together).
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(PoolCollector(self.clone())));
    }

    pub(crate) fn pools(&self) -> Vec<&AnyPool> {
        match self.dialect {
            Dialect::Sqlite => vec![&self.writer, &self.reader],
            Dialect::Postgres => vec![&self.writer],
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

/// Reads the pools when they are scraped.
#[derive(Debug)]
struct PoolCollector(Database);

impl Collector for PoolCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let pools = self.0.pools();
        let size: u32 = pools.iter().map(|pool| pool.size()).sum();
        let idle: usize = pools.iter().map(|pool| pool.num_idle()).sum();
        let most: u32 = pools.iter().map(|pool| pool.options().get_max_connections()).sum();
        let idle = i64::try_from(idle).unwrap_or(i64::MAX);
        let mut family =
            encoder.encode_descriptor("db_pool_connections", "Open database connections", None, MetricType::Gauge)?;
        for (state, count) in [("idle", idle), ("used", (i64::from(size) - idle).max(0))] {
            ConstGauge::new(count).encode(family.encode_family(&[("state", state)])?)?;
        }
        let help = "Most database connections that may be open";
        let metric = encoder.encode_descriptor("db_pool_max_connections", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(most)).encode(metric)
    }
}
