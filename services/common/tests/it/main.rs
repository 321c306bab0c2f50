//! Tests of the shared parts on a small service of their own.

#![expect(clippy::unwrap_used, reason = "an assumption of a test that does not hold is to fail it")]

mod admin;
mod assembly;
mod auth;
mod config;
mod database;
mod drain;
mod faults;
mod outbound;
mod problems;
mod requests;
mod support;
mod telemetry;
