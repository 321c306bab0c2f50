//! `sretool slo rules`.

use super::files;
use crate::exit;
use crate::io::Io;
use slo::{BurnWindows, Options};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool slo rules`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO documents [default: slo]
    files: Vec<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave the alerting rules out
    #[arg(long)]
    no_alerts: bool,
    /// Leave the recording rules out
    #[arg(long)]
    no_recordings: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let catalog = match files::load_usable(&args.files, io) {
        Ok(catalog) => catalog,
        Err(code) => return code,
    };
    let options = Options {
        recordings: !args.no_recordings,
        alerts: !args.no_alerts,
        burn: BurnWindows::workbook(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = slo::generate(&catalog.slos, &options).to_string();
    let Some(path) = &args.output else {
        // A closed pipe means that the reader has seen enough.
        let _ = io.out.write_all(text.as_bytes());
        return exit::good();
    };
    if let Err(error) = std::fs::write(path, text) {
        io.error(format_args!("{}: {error}", path.display()));
        return exit::invalid();
    }
    io.note(format_args!("{}: rules of {} objectives", path.display(), catalog.slos.len()));
    exit::good()
}
