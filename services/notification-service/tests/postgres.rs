//! The tests of the service again, over PostgreSQL; skipped with a reason where it is not installed.

#[path = "service/main.rs"]
mod service;

use service::rig;
