//! `sretool load`: an exact request rate, honest latency, and a verdict.

mod child;
mod display;
mod outcome;
mod push;
#[cfg(test)]
mod sample;
mod series;
mod session;
mod settings;
mod show;

use crate::exit;
use crate::io::Io;
use load::{Kind, Threshold, parse_duration};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Arguments of `sretool load`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Without --url, Goose users shop at the three reference services. Exit status: 0 every threshold \
                        holds; 1 one is broken; 2 wrong usage; 3 no verdict (no samples, setup failed, or the \
                        generator was the bottleneck)."
)]
pub struct Args {
    /// What to do with the results of earlier runs; without, a run is made.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Requests a second, or `max` for as many as the server answers [default: 1000, or the profile's]
    #[arg(long, value_name = "N|max")]
    pub rps: Option<Rate>,
    /// Length of the run, such as 60s or 1m30s [default: 60s, or the profile's]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub duration: Option<Duration>,
    /// Time for the last answers after the last request was due [default: 3s]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub drain: Option<Duration>,
    /// A request is given up after this [default: 10s]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub timeout: Option<Duration>,
    /// A profile: smoke, steady, spike, soak, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Request this URL with the HTTP executor; repeat it to take turns
    #[arg(long, value_name = "URL")]
    pub url: Vec<String>,
    /// What sends the requests [default: goose, or http with --url]
    #[arg(long, value_enum)]
    pub executor: Option<ExecutorName>,
    /// Closed model: each connection sends when its last answer has arrived; the same as --rps max
    #[arg(long, conflicts_with = "rps")]
    pub closed: bool,
    /// Most requests in flight: connections, or Goose users [default: 512 connections (50 closed), 100 users]
    #[arg(long, visible_alias = "users", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: Option<u32>,
    /// What must hold, such as 'p95<200ms' or 'p99{route="POST /v1/orders"}<1s'; repeatable
    /// [default: p95<200ms, errors<0.1%, availability>=99.9%, rate>=99%]
    #[arg(long, value_name = "CONDITION")]
    pub threshold: Vec<Threshold>,
    /// Write a report; its extension tells the format: .json (all of it: others are made from it later with `load
    /// show`), .html, .xml for JUnit, .md, .csv, .hgrm or .txt; repeatable
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// The result on standard output
    #[arg(long, default_value_t = Kind::Text, value_name = "FORMAT")]
    pub format: Kind,
    /// Write the run's metrics to this remote-write endpoint each second [default: --prometheus, if it answers]
    #[arg(long, value_name = "URL")]
    pub push: Option<String>,
    /// Write no metrics anywhere
    #[arg(long, conflicts_with = "push")]
    pub no_push: bool,
    /// The Prometheus that gets the run's metrics
    #[arg(long, env = "PROMETHEUS_URL", default_value = crate::source::DEFAULT_PROMETHEUS, value_name = "URL")]
    pub prometheus: String,
    /// Base URL of user-service
    #[arg(long, env = "USER_SERVICE_URL", default_value = "http://127.0.0.1:3001", value_name = "URL")]
    pub user_service: String,
    /// Base URL of order-service
    #[arg(long, env = "ORDER_SERVICE_URL", default_value = "http://127.0.0.1:3002", value_name = "URL")]
    pub order_service: String,
    /// Base URL of notification-service
    #[arg(long, env = "NOTIFICATION_SERVICE_URL", default_value = "http://127.0.0.1:3003", value_name = "URL")]
    pub notification_service: String,
}

/// What sends the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExecutorName {
    /// Plain GET requests of one or more URLs.
    Http,
    /// Goose users at the reference services.
    Goose,
}

/// What is done with results.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Show a result file in any format
    Show(show::Args),
}

/// A rate as given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As many requests as are answered.
    Max,
    /// So many a second.
    PerSecond(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            _ => match text.replace('_', "").parse::<f64>() {
                Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(Self::PerSecond(rate)),
                _ => Err("write a number above 0 and up to 1,000,000, or max".to_owned()),
            },
        }
    }
}

/// Runs `sretool load`.
pub fn run(mut args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command.take() {
        Some(Command::Show(args)) => return show::run(&args, io),
        None => {}
    }
    let settings = match settings::read(&args) {
        Ok(settings) => settings,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The first signal asks for a partial report, the second ends the process at once. Order matters: the
        // shutdown looks at the flag before the first signal sets it.
        let registered = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()));
        if let Err(error) = registered {
            io.note(format_args!("warning: signals end the run without a report: {error}"));
        }
    }
    let live = io.terminal && std::io::stderr().is_terminal();
    let ended = session::run(&settings, &stop, live, io);
    outcome::conclude(&settings, &ended, io)
}

/// Arguments of the load generator's child process.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerArgs {}

/// Runs the load generator's child process.
pub fn run_worker(_args: WorkerArgs) -> ExitCode {
    let input = std::io::BufReader::new(std::io::stdin());
    // Not locked: Goose's logger writes to standard output too, and would wait for the lock for ever.
    match loadtests::run_worker(input, std::io::stdout()) {
        Ok(()) => exit::good(),
        Err(_) => exit::invalid(),
    }
}
