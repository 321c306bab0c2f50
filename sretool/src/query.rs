//! `sretool query`: one PromQL expression, evaluated.

use crate::exit;
use crate::io::Io;
use std::process::ExitCode;

/// Arguments of `sretool query`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `sretool query`.
pub fn run(_args: Args, io: &mut Io<'_>) -> ExitCode {
    io.error("being written");
    exit::invalid()
}
