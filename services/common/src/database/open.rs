//! Opening the pools.

use super::{ACQUIRE_TIMEOUT, Database, DatabaseError, Dialect};
use crate::config::PostgresUrl;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Connections to a SQLite file for reading.
const READERS: u32 = 8;
/// How long a start waits for a server that does not answer yet, and the pause between attempts.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(250);
/// A connection that was unused for longer is tried before it is given out: the server may have been restarted.
const FRESH: Duration = Duration::from_secs(1);
/// Bounds what a statement, a lock and a forgotten transaction can cost others.
const SESSION: &str = "SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
    SET idle_in_transaction_session_timeout = '15s'";

/// A database in a temporary file.
pub(super) async fn temporary() -> Result<Database, DatabaseError> {
    let folder = TempDir::new().map_err(|error| refused(&std::env::temp_dir(), error))?;
    let path = folder.path().join("service.db");
    file(&path, false, Some(Arc::new(folder))).await
}

/// A SQLite file; `durable` says whether it has to survive the loss of power.
pub(super) async fn file(path: &Path, durable: bool, folder: Option<Arc<TempDir>>) -> Result<Database, DatabaseError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|error| refused(path, error))?;
    }
    install_default_drivers();
    let options: AnyConnectOptions = sqlite_url(path).parse().map_err(|error: sqlx::Error| refused(path, error))?;
    let pragmas = format!(
        "PRAGMA busy_timeout = 200; PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA foreign_keys = ON",
        if durable { "NORMAL" } else { "OFF" }
    );
    let pool = |connections: u32| {
        let pragmas = pragmas.clone();
        AnyPoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            // A connection to a local file does not go stale; testing it would cost a round trip a request.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let pragmas = pragmas.clone();
                Box::pin(async move { execute(connection, pragmas).await })
            })
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(|error| refused(path, error))?;
    let reader = pool(READERS).connect_with(options).await.map_err(|error| refused(path, error))?;
    Ok(Database { dialect: Dialect::Sqlite, writer, reader, _folder: folder })
}

/// A PostgreSQL server. A start waits a while for it: both may have been started at the same time.
pub(super) async fn server(url: &PostgresUrl) -> Result<Database, DatabaseError> {
    install_default_drivers();
    let refused = |source| DatabaseError::Connect { server: url.to_string(), source };
    let options: AnyConnectOptions = url.expose().parse().map_err(refused)?;
    let mut waited = Duration::ZERO;
    let pool = loop {
        let pool = AnyPoolOptions::new()
            .max_connections(url.connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    // An error closes this connection and another one is tried.
                    if meta.idle_for > FRESH { connection.ping().await.map(|()| true) } else { Ok(true) }
                })
            })
            .after_connect(|connection, _| Box::pin(async move { execute(connection, SESSION.to_owned()).await }));
        match pool.connect_with(options.clone()).await {
            Ok(pool) => break pool,
            Err(error) if waited >= PATIENCE || !may_pass(&error) => return Err(refused(error)),
            Err(error) => tracing::warn!(server = %url, %error, "waiting for the database"),
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    };
    Ok(Database { dialect: Dialect::Postgres, reader: pool.clone(), writer: pool, _folder: None })
}

/// Whether waiting can help: the server is not there yet, is starting or has no connection left.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

async fn execute(connection: &mut AnyConnection, statements: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.map(|_| ())
}

/// A URL of a file: whatever has a meaning in URLs is escaped.
fn sqlite_url(path: &Path) -> String {
    let mut url = "sqlite:".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url + "?mode=rwc"
}

fn refused(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DatabaseError {
    DatabaseError::Open { path: path.display().to_string(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_escaped_where_a_url_needs_it() {
        assert_eq!(sqlite_url(Path::new("data/users.db")), "sqlite:data/users.db?mode=rwc");
        assert_eq!(sqlite_url(Path::new("/tmp/a b?#%.db")), "sqlite:/tmp/a%20b%3F%23%25.db?mode=rwc");
    }

    #[tokio::test]
    async fn a_file_with_an_unusual_name_is_the_one_that_was_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a b?#%.db");
        let database = file(&path, true, None).await.unwrap();
        database.ping().await.unwrap();
        assert!(path.exists());
    }
}
