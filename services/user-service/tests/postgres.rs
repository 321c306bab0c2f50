//! The tests of the service again, over PostgreSQL; skipped with a reason where it is not installed.

#[path = "it/main.rs"]
mod it;

use it::support;
