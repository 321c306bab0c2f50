//! Values that neither database has a type for: identifiers and names are text, times and counts are 64-bit integers.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::str::FromStr;

/// A text column that holds an identifier or the name of a value.
///
/// # Errors
/// When there is no such text.
pub fn parsed<T>(row: &AnyRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    decode(column, row.try_get::<&str, _>(column)?)
}

/// The same for a column that may be empty.
///
/// # Errors
/// When there is another text.
pub fn parsed_option<T>(row: &AnyRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<Option<&str>, _>(column)?.map(|text| decode(column, text)).transpose()
}

/// A text that was read from a column.
///
/// # Errors
/// When it is not what it should be.
pub fn decode<T>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| undecodable(column, error))
}

/// The error of a column with an impossible value.
pub fn undecodable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}

/// A column that counts something.
///
/// # Errors
/// When it is negative or beyond 32 bits.
pub fn count(row: &AnyRow, column: &str) -> Result<u32, sqlx::Error> {
    row.try_get::<i64, _>(column)?.try_into().map_err(|error| undecodable(column, error))
}

/// A column of milliseconds since 1970.
///
/// # Errors
/// When it is no number.
pub fn time(row: &AnyRow, column: &str) -> Result<DateTime<Utc>, sqlx::Error> {
    row.try_get(column).map(instant)
}

/// Milliseconds since 1970 as clients see them.
#[must_use]
pub fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
