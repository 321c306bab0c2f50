//! Tables. Times are milliseconds since 1970; money is in minor units.
//!
//! An order's lines never change and are always read with it: they are one JSON column, so that an order is one insert.

use service_common::{Migration, migration};

/// All steps of the schema.
pub const MIGRATIONS: &[Migration] = &[migration!(1, "orders", "0001_orders.sql")];
