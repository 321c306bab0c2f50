//! `sretool dashboards`: build, lint and verify the Grafana dashboards.

mod build;
mod lint;
mod verify;

use crate::exit;
use crate::io::Io;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the built dashboards are kept.
const FOLDER: &str = "dashboards";

/// Arguments of `sretool dashboards`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write the dashboards as Grafana JSON
    Build(build::Args),
    /// Check Grafana dashboards, these or any others
    Lint(lint::Args),
    /// Ask a Prometheus for the data of every panel and name the panels without any
    Verify(verify::Args),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// Runs `sretool dashboards`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match args.command {
        Command::Build(args) => build::run(&args, io),
        Command::Lint(args) => lint::run(&args, io),
        Command::Verify(args) => verify::run(&args, io),
    }
}

/// The JSON files of a folder, in order of name.
fn json_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// Reports a file that cannot be used.
fn unusable(io: &mut Io<'_>, path: &Path, cause: impl Display) -> ExitCode {
    io.error(format_args!("{}: {cause}", path.display()));
    exit::invalid()
}

#[cfg(test)]
mod tests;
