//! `sretool slo`: validate objectives, report on them, generate their rules.

mod files;
mod render;
mod report;
mod rules;
mod validate;

use crate::io::Io;
use std::process::ExitCode;

pub use report::{JudgeError, judge};

/// Arguments of `sretool slo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check OpenSLO documents; one finding a line
    Validate(validate::Args),
    /// Generate recording and alerting rules
    Rules(rules::Args),
    /// Say how objectives stand: SLI, error budget, burn rates
    Report(report::Args),
}

/// Runs `sretool slo`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command {
        Command::Validate(args) => validate::run(&args, io),
        Command::Rules(args) => rules::run(&args, io),
        Command::Report(args) => report::run(&args, io),
    }
}

#[cfg(test)]
mod tests;
