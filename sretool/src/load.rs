//! `sretool load`.

use crate::exit;
use crate::io::Io;
use std::process::ExitCode;

/// Arguments of `sretool load`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `sretool load`.
pub fn run(_args: Args, io: &mut Io<'_>) -> ExitCode {
    io.error("being written");
    exit::invalid()
}

/// Arguments of the load generator's child process.
#[derive(Debug, clap::Args)]
pub struct WorkerArgs {}

/// Runs the load generator's child process.
pub fn run_worker(_args: WorkerArgs) -> ExitCode {
    exit::invalid()
}
