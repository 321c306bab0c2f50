//! `sretool load`: an exact request rate, honest latency, and a verdict.

mod annotate;
mod args;
mod bench;
mod breakpoint;
mod child;
mod compare;
mod display;
mod gate;
mod listen;
mod merge;
mod outcome;
mod push;
#[cfg(test)]
mod sample;
mod series;
mod server_side;
mod session;
mod settings;
mod show;

pub use args::{ArrivalName, ExecutorName, HttpVersion, Rate, RunArgs};

use crate::exit;
use crate::io::Io;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments of `sretool load`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Without --url, Goose users shop at the three reference services. Exit status: 0 every threshold \
                        holds; 1 one is broken, or a budget burnt; 2 wrong usage; 3 no verdict (no samples, setup \
                        failed, or the generator was the bottleneck)."
)]
pub struct Args {
    /// What to do besides a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What is done besides a run.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Find the highest rate that a server bears
    Breakpoint(Box<breakpoint::Args>),
    /// Compare two results, with a statistical verdict
    Compare(compare::Args),
    /// Add the results of the workers of one run
    Merge(merge::Args),
    /// Show a result file in any format
    Show(show::Args),
    /// Compare this generator with oha and wrk, on a server of its own
    #[command(hide = true)]
    Bench(bench::Args),
    /// The server of `bench`
    #[command(hide = true)]
    BenchServer(bench::ServerArgs),
}

/// Runs `sretool load`.
pub fn run(mut args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command.take() {
        Some(Command::Breakpoint(args)) => return breakpoint::run(&args, io),
        Some(Command::Compare(args)) => return compare::run(&args, io),
        Some(Command::Merge(args)) => return merge::run(&args, io),
        Some(Command::Show(args)) => return show::run(&args, io),
        Some(Command::Bench(args)) => return bench::run(&args, io),
        Some(Command::BenchServer(args)) => return bench::serve(&args, io),
        None => {}
    }
    let settings = match settings::read(&args.run) {
        Ok(settings) => settings,
        Err(error) => {
            io.error(&error);
            return error.status();
        }
    };
    let stop = stop_on_signals(io);
    let live = io.terminal && std::io::stderr().is_terminal();
    let annotator = annotate::Annotator::start(&settings);
    let ended = session::run(&settings, &stop, live, io);
    outcome::conclude(&settings, &ended, annotator, io)
}

/// A flag that the first Ctrl-C sets; the second ends the process at once.
fn stop_on_signals(io: &mut Io<'_>) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Order matters: the shutdown looks at the flag before the first signal sets it.
        let registered = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()));
        if let Err(error) = registered {
            io.note(format_args!("warning: signals end the run without a report: {error}"));
        }
    }
    stop
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
