//! `sretool slo`: validate objectives, report on them, generate their rules.

mod backtest;
mod convert;
pub(crate) mod files;
mod judge;
mod lint;
mod render;
mod report;
mod rules;
mod validate;

use crate::io::Io;
use std::process::ExitCode;

pub use judge::{Contents, JudgeError, judge, judge_with};

const QUERIES: &str = "\
Queries: a metricSource of type prometheus holds PromQL under spec.query, in one of two forms.
  A bare selector, such as http_requests_total{status=~\"5..\"}: with counter: true the events of a window are
  sum(increase(SELECTOR[WINDOW])), with counter: false sum(sum_over_time(SELECTOR[WINDOW])).
  An expression with {{.window}} or $window where the window goes, such as sum(increase(jobs_total[$window])):
  it yields the number of events in the window, or the ratio under raw.
  Beside the name of a histogram, histogram: classic or native, and le: 0.2 for the events up to 0.2.
Annotations of an SLO (metadata.annotations):
  sretool.dev/group-by: cluster, tenant     one objective for each cluster and tenant
  sretool.dev/no-data: good|bad|exclude     how time without data counts
  sretool.dev/exclude: Sun 02:00-04:00 UTC  times that do not count; also 2026-03-01T22:00:00Z/2h";

/// Arguments of `sretool slo`.
#[derive(Debug, clap::Args)]
#[command(after_help = QUERIES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check documents of OpenSLO, sloth and Pyrra
    Validate(validate::Args),
    /// Generate recording and alerting rules
    Rules(rules::Args),
    /// Print Alertmanager's inhibition rules: a page silences the ticket of the same objective
    Inhibition(rules::InhibitionArgs),
    /// Find objectives that are valid and will nevertheless mislead
    Lint(lint::Args),
    /// Write documents in another format, and tell what it cannot express
    Convert(convert::Args),
    /// Say how objectives stand: SLI, error budget, burn rates
    Report(report::Args),
    /// Say what the alerts would have done with past data
    Backtest(backtest::Args),
}

/// Runs `sretool slo`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command {
        Command::Validate(args) => validate::run(&args, io),
        Command::Rules(args) => rules::run(&args, io),
        Command::Inhibition(args) => rules::inhibition(&args, io),
        Command::Convert(args) => convert::run(&args, io),
        Command::Lint(args) => lint::run(&args, io),
        Command::Report(args) => report::run(&args, io),
        Command::Backtest(args) => backtest::run(&args, io),
    }
}

#[cfg(test)]
mod tests;
