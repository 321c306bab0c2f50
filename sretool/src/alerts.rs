//! `sretool alerts`: rule files checked before they are deployed.

mod check;

use crate::io::Io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool alerts`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check rule files: syntax, expressions, templates, duplicates
    Check {
        /// Rule files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Exit 2 on duplicate rules too
        #[arg(long)]
        lint_fatal: bool,
    },
}

/// Runs `sretool alerts`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command {
        Command::Check { files, lint_fatal } => check::run(&files, lint_fatal, io),
    }
}
