//! Tables. Times are milliseconds since 1970.

use service_common::{Migration, migration};

/// All steps of the schema.
pub const MIGRATIONS: &[Migration] = &[migration!(1, "notifications", "0001_notifications.sql")];
