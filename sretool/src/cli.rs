//! The command line: one subcommand a module.

use crate::io::Io;
use crate::{alerts, dashboards, doctor, exit, load, query, serve, slo, tui, up};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "sretool", version, about, max_term_width = 120)]
#[command(
    after_help = "Exit status: 0 good; 1 an objective, threshold, test or lint failed; 2 wrong usage or invalid \
                        input; 3 could not judge (no data, source unreachable)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the reference platform here: three services, metrics, rules and the terminal dashboard
    Up(up::Args),
    /// Run the embedded Prometheus: scrape, store, evaluate rules, answer the HTTP API
    Serve(serve::Args),
    /// Watch services, SLOs, alerts and load tests in the terminal
    Tui(tui::Args),
    /// Evaluate a PromQL expression
    Query(query::Args),
    /// Put an exact request rate on a service and judge the result
    Load(Box<load::Args>),
    /// Validate SLOs, report on them, generate their rules
    Slo(slo::Args),
    /// Check alert rules
    Alerts(alerts::Args),
    /// Build and verify the Grafana dashboards
    Dashboards(dashboards::Args),
    /// Find what keeps a deployment from working: manifests, or a live cluster through kubectl
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The load generator's child process
    #[command(hide = true)]
    LoadWorker(load::WorkerArgs),
    /// One of the reference services, as a child process of `up`
    #[command(hide = true)]
    Service(up::ServiceArgs),
}

pub(crate) fn run(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // clap prints help to standard output with status 0, and usage errors to standard error with status 2.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { exit::invalid() } else { exit::good() };
        }
    };
    match cli.command {
        Command::Up(args) => up::run(args, io),
        Command::Serve(args) => serve::run(args, io),
        Command::Tui(args) => tui::run(args, io),
        Command::Query(args) => query::run(args, io),
        Command::Load(args) => load::run(*args, io),
        Command::Slo(args) => slo::run(args, io),
        Command::Alerts(args) => alerts::run(args, io),
        Command::Dashboards(args) => dashboards::run(args, io),
        Command::Doctor(args) => doctor::run(args, io),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sretool", &mut script);
            // A closed pipe means that the reader has seen enough.
            let _ = io.out.write_all(&script);
            exit::good()
        }
        Command::LoadWorker(args) => load::run_worker(args),
        Command::Service(args) => up::run_service(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_exits_2_and_help_0() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, terminal: false };
        assert_eq!(run(["sretool".into(), "frobnicate".into()], &mut io), exit::invalid());
        assert_eq!(run(["sretool".into(), "--help".into()], &mut io), exit::good());
    }
}
