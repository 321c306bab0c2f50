//! SQLite: one writer, several readers, forward-only migrations.
//!
//! SQLite admits one writer at a time. A pool of one connection turns that into a queue in which a waiting request is
//! told "busy" after [`ACQUIRE_TIMEOUT`], instead of failing somewhere inside a transaction; readers are never blocked
//! by it (write-ahead log).

mod migrate;

use crate::config::DatabaseUrl;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub use migrate::{Migration, MigrationError};

/// Longest wait for a connection; then the request is shed with 503.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(250);
/// Connections for reading.
const READERS: u32 = 8;
/// Longest wait for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

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
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database {path}: {source}")]
    Migrate {
        /// The file.
        path: String,
        /// The cause.
        source: MigrationError,
    },
}

/// A service's database.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
    /// Keeps the folder of a temporary database for as long as the database is used.
    _folder: Option<Arc<TempDir>>,
}

impl Database {
    /// Opens a database, creating it when it is missing, and applies the migrations it lacks.
    ///
    /// # Errors
    /// When the file cannot be opened or a migration fails; the database is then unchanged by that migration.
    pub async fn open(url: &DatabaseUrl, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        let database = match url {
            DatabaseUrl::File(path) => Self::open_file(path, SqliteSynchronous::Normal, None).await?,
            DatabaseUrl::Memory => {
                let folder =
                    TempDir::new().map_err(|error| open_error(&std::env::temp_dir().display().to_string(), error))?;
                let path = folder.path().join("service.db");
                Self::open_file(&path, SqliteSynchronous::Off, Some(Arc::new(folder))).await?
            }
        };
        let path = match url {
            DatabaseUrl::File(path) => path.display().to_string(),
            DatabaseUrl::Memory => "in memory".to_owned(),
        };
        migrate::apply(&database.writer, migrations).await.map_err(|source| DatabaseError::Migrate { path, source })?;
        Ok(database)
    }

    /// A database for one test.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn for_test(migrations: &[Migration]) -> Result<Self, DatabaseError> {
        Self::open(&DatabaseUrl::Memory, migrations).await
    }

    async fn open_file(
        path: &Path,
        synchronous: SqliteSynchronous,
        folder: Option<Arc<TempDir>>,
    ) -> Result<Self, DatabaseError> {
        let shown = path.display().to_string();
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|error| open_error(&shown, error))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                // A connection to a local file does not go stale; testing it would cost a round trip a request.
                .test_before_acquire(false)
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(|error| open_error(&shown, error))?;
        let reader = pool(READERS).connect_with(options).await.map_err(|error| open_error(&shown, error))?;
        Ok(Self { writer, reader, _folder: folder })
    }

    /// The connections for reading.
    #[must_use]
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// The one connection for writing: for single statements; [`Database::begin`] for more.
    #[must_use]
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Starts a transaction that holds the write lock from its beginning, so that it cannot fail half way for want of
    /// it.
    ///
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when the queue of writers is too long.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
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

    /// Closes all connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

fn open_error(path: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DatabaseError {
    DatabaseError::Open { path: path.to_owned(), source: source.into() }
}

/// Reads the pools when they are scraped.
#[derive(Debug)]
struct PoolCollector(Database);

impl Collector for PoolCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let pools = [&self.0.writer, &self.0.reader];
        let size: u32 = pools.iter().map(|pool| pool.size()).sum();
        let idle: usize = pools.iter().map(|pool| pool.num_idle()).sum();
        let idle = i64::try_from(idle).unwrap_or(i64::MAX);
        let mut family =
            encoder.encode_descriptor("db_pool_connections", "Open database connections", None, MetricType::Gauge)?;
        for (state, count) in [("idle", idle), ("used", (i64::from(size) - idle).max(0))] {
            ConstGauge::new(count).encode(family.encode_family(&[("state", state)])?)?;
        }
        let help = "Most database connections that may be open";
        let metric = encoder.encode_descriptor("db_pool_max_connections", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(READERS + 1)).encode(metric)
    }
}
