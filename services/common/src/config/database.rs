//! `DATABASE_URL`.

use super::Reader;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::path::PathBuf;

const REMEDY: &str = "give sqlite:PATH, such as sqlite:data/users.db, or postgres://USER:PASSWORD@HOST/NAME";

/// Which database to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file, created when it is missing.
    File(PathBuf),
    /// A database that lives as long as the process: a temporary file, so that readers and the writer do not block
    /// each other as they would in SQLite's shared memory.
    Memory,
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str("in memory"),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

/// Where a PostgreSQL server is found. The URL may hold a password: what is shown of it is host, port and name.
#[derive(Debug, Clone)]
pub struct PostgresUrl {
    url: SecretString,
    shown: String,
    /// Most connections to it.
    pub connections: u32,
}

impl PostgresUrl {
    /// A server by its URL.
    ///
    /// # Errors
    /// What is wrong with the URL, in words that do not repeat it.
    pub fn new(url: &str, connections: u32) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("is not a URL: {error}"))?;
        let name = parsed.path().trim_start_matches('/').to_owned();
        let Some(host) = parsed.host_str().filter(|host| !host.is_empty()) else {
            return Err("names no host".to_owned());
        };
        if name.is_empty() {
            return Err("names no database".to_owned());
        }
        let shown = format!("{host}:{}/{name}", parsed.port().unwrap_or(5432));
        Ok(Self { url: SecretString::from(url.to_owned()), shown, connections })
    }

    pub(crate) fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose() && self.connections == other.connections
    }
}

impl Eq for PostgresUrl {}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Reads `DATABASE_URL` and `DATABASE_CONNECTIONS`. The value is never repeated, as it may hold a password.
pub(super) fn read(reader: &mut Reader<'_>) -> DatabaseUrl {
    let connections = reader.number("DATABASE_CONNECTIONS", 10, 1..=1_000);
    let Some(value) = reader.text("DATABASE_URL") else { return DatabaseUrl::Memory };
    let parsed = match value.split_once(':') {
        None => Err("has no scheme".to_owned()),
        Some(("sqlite", rest)) => file(rest),
        Some(("postgres" | "postgresql", _)) => PostgresUrl::new(&value, connections).map(DatabaseUrl::Postgres),
        Some((other, _)) => Err(format!("the scheme `{other}` is not supported")),
    };
    parsed.unwrap_or_else(|problem| {
        reader.reject("DATABASE_URL", problem, REMEDY);
        DatabaseUrl::Memory
    })
}

fn file(rest: &str) -> Result<DatabaseUrl, String> {
    match rest.strip_prefix("//").unwrap_or(rest).split('?').next().unwrap_or_default() {
        ":memory:" => Ok(DatabaseUrl::Memory),
        "" => Err("names no file".to_owned()),
        path => Ok(DatabaseUrl::File(PathBuf::from(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_without_its_password() {
        let server = PostgresUrl::new("postgres://ada:hunter2@db.example/orders?sslmode=require", 4).unwrap();
        assert_eq!(server.to_string(), "db.example:5432/orders");
        assert!(!format!("{server:?}").contains("hunter2"));
        assert_eq!(PostgresUrl::new("postgres://db.example", 4).unwrap_err(), "names no database");
    }
}
