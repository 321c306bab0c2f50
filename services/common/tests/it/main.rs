//! Tests of the shared parts on a small service of their own.

mod admin;
mod auth;
mod config;
mod database;
mod drain;
mod faults;
mod outbound;
mod requests;
mod support;
mod telemetry;
