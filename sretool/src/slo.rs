//! `sretool slo`.

use crate::exit;
use crate::io::Io;
use std::process::ExitCode;

/// Arguments of `sretool slo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `sretool slo`.
pub fn run(_args: Args, io: &mut Io<'_>) -> ExitCode {
    io.error("being written");
    exit::invalid()
}
