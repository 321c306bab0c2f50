//! A database for one test.

use crate::{postgres, skip};
use service_common::config::{DatabaseUrl, PostgresUrl};
use tempfile::TempDir;

/// As many as a SQLite file has, so that the metrics are the same.
const CONNECTIONS: u32 = 9;

/// Which database the tests of a crate run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A real server.
    Postgres,
}

impl Backend {
    /// PostgreSQL for a test target of this name, else SQLite: `Backend::of(env!("CARGO_CRATE_NAME"))`. The same tests
    /// are so compiled into a target of each kind.
    #[must_use]
    pub fn of(crate_name: &str) -> Self {
        if crate_name == "postgres" { Self::Postgres } else { Self::Sqlite }
    }

    /// A new database. The test is skipped when there is no PostgreSQL.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn database(self) -> TestDatabase {
        match self {
            Self::Sqlite => {
                let folder = TempDir::new().unwrap();
                TestDatabase { url: DatabaseUrl::File(folder.path().join("service.db")), _folder: Some(folder) }
            }
            Self::Postgres => {
                let url = postgres::schema().await.unwrap_or_else(|reason| skip(&reason));
                TestDatabase { url: DatabaseUrl::Postgres(PostgresUrl::new(&url, CONNECTIONS).unwrap()), _folder: None }
            }
        }
    }
}

/// A database that can be opened more than once; a file is gone with the value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where it is.
    pub url: DatabaseUrl,
    _folder: Option<TempDir>,
}
