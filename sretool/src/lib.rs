//! `sretool`: SLOs, load tests, alerts and dashboards for the people who keep services running.
//!
//! The library is the whole program: [`run`] takes arguments and streams, and returns the exit status of
//! [`exit`]. Each command is a module with an `Args` type and a `run` function.

pub mod alerts;
mod cli;
pub mod dashboards;
pub mod doctor;
pub mod exit;
pub mod io;
mod kept;
pub mod load;
pub mod query;
pub mod remote_write;
pub mod runtime;
pub mod serve;
pub mod server;
pub mod slo;
pub mod source;
mod stop_signal;
pub mod tui;
pub mod up;
pub mod when;
mod xml;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line and returns its exit status.
pub fn run(args: impl IntoIterator<Item = OsString>, io: &mut io::Io<'_>) -> ExitCode {
    cli::run(args, io)
}
