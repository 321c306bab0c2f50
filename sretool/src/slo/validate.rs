//! `sretool slo validate`.

use super::files;
use crate::exit;
use crate::io::Io;
use slo::Severity;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool slo validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO documents [default: slo]
    files: Vec<PathBuf>,
    /// Accept unknown keys
    #[arg(long)]
    lenient: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let catalog = match files::load(&args.files) {
        Ok(catalog) => catalog,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let mut errors = 0;
    for finding in &catalog.findings {
        if args.lenient && finding.code == "unknown-key" {
            continue;
        }
        io.line(finding);
        errors += usize::from(finding.severity == Severity::Error);
    }
    io.note(format_args!(
        "{} valid documents, {} objectives to evaluate, {errors} errors",
        catalog.documents.len(),
        catalog.slos.len()
    ));
    if errors == 0 { exit::good() } else { exit::invalid() }
}
