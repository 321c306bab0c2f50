//! `sretool alerts`: rule files checked before they are deployed.

mod check;
mod drift;
mod mutate;
mod route;
mod suite;
mod test;

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
    /// Run unit tests of rules, in promtool's format and with its verdicts and exit status
    Test(test::Args),
    /// Change each rule a little and list the changes that no test notices
    Mutate(mutate::Args),
    /// Compare rule files with the rules that a server runs
    Drift(drift::Args),
    /// Say who would hear of an alert, at a time and beside others
    Route(route::Args),
}

/// Runs `sretool alerts`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command {
        Command::Check { files, lint_fatal } => check::run(&files, lint_fatal, io),
        Command::Test(args) => test::run(&args, io),
        Command::Mutate(args) => mutate::run(&args, io),
        Command::Drift(args) => drift::run(&args, io),
        Command::Route(args) => route::run(&args, io),
    }
}

/// Whose semantics a `--compat` names.
fn compat(version: &str) -> promql::Compat {
    if version == "2.42" { promql::Compat::V2_42 } else { promql::Compat::V3 }
}
