//! `sretool slo`: validate objectives, report on them, generate their rules.

mod files;
mod render;
mod report;
mod rules;
mod validate;

use crate::io::Io;
use std::process::ExitCode;

pub use report::{JudgeError, judge};

const QUERIES: &str = "\
Queries: a metricSource of type prometheus holds PromQL under spec.query, in one of two forms.
  A bare selector, such as http_requests_total{status=~\"5..\"}: with counter: true the events of a window are
  sum(increase(SELECTOR[WINDOW])), with counter: false sum(sum_over_time(SELECTOR[WINDOW])).
  An expression with {{.window}} or $window where the window goes, such as sum(increase(jobs_total[$window])):
  it yields the number of events in the window, or the ratio under raw.";

/// Arguments of `sretool slo`.
#[derive(Debug, clap::Args)]
#[command(after_help = QUERIES)]
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
