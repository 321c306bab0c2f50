//! `sretool up`: the reference platform on this machine.

use crate::exit;
use crate::io::Io;
use std::process::ExitCode;

/// Arguments of `sretool up`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Arguments of a service's child process.
#[derive(Debug, clap::Args)]
pub struct ServiceArgs {}

/// Runs `sretool up`.
pub fn run(_args: Args, io: &mut Io<'_>) -> ExitCode {
    io.error("being written");
    exit::invalid()
}

/// Runs one service in this process.
pub fn run_service(_args: ServiceArgs) -> ExitCode {
    exit::invalid()
}
