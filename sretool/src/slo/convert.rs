//! `sretool slo convert`.

use super::files;
use crate::exit;
use crate::io::Io;
use slo::{Format as Target, LoadOptions, Window};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool slo convert`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO, sloth or Pyrra documents, or - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Format to write
    #[arg(long, value_enum)]
    to: Format,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit 0 even if the format cannot express everything
    #[arg(long)]
    allow_loss: bool,
    /// Accept unknown keys
    #[arg(long)]
    lenient: bool,
    /// Period of objectives whose format names none, such as sloth's
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = super::rules::period)]
    period: Window,
}

/// Formats.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// OpenSLO v1
    Openslo,
    /// Sloth's prometheus/v1
    Sloth,
    /// Sloth's Kubernetes resource
    SlothK8s,
    /// Pyrra's Kubernetes resource
    Pyrra,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let options = LoadOptions { lenient: args.lenient, period: args.period };
    let catalog = match files::load_usable_with(&args.files, options, io) {
        Ok(catalog) => catalog,
        Err(code) => return code,
    };
    let target = match args.to {
        Format::Openslo => Target::OpenSlo,
        Format::Sloth => Target::Sloth,
        Format::SlothK8s => Target::SlothKubernetes,
        Format::Pyrra => Target::Pyrra,
    };
    let conversion = slo::convert(&catalog, target);
    match &args.output {
        None => {
            // A closed pipe means that the reader has seen enough.
            let _ = io.out.write_all(conversion.text.as_bytes());
        }
        Some(path) => {
            if let Err(error) = std::fs::write(path, &conversion.text) {
                io.error(format_args!("{}: {error}", path.display()));
                return exit::invalid();
            }
        }
    }
    for loss in &conversion.losses {
        io.note(loss);
    }
    if conversion.losses.is_empty() || args.allow_loss { exit::good() } else { exit::failed() }
}
