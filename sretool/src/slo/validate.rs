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
    /// Files or folders with OpenSLO, sloth or Pyrra documents, or - for standard input [default: slo]
    files: Vec<PathBuf>,
    /// Accept unknown keys
    #[arg(long)]
    lenient: bool,
    /// Period of objectives whose format names none, such as sloth's
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = super::rules::period)]
    period: slo::Window,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let options = slo::LoadOptions { lenient: args.lenient, period: args.period };
    let catalog = match files::load(&args.files, options) {
        Ok(catalog) => catalog,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let mut errors = 0;
    for finding in &catalog.findings {
        io.line(finding.render());
        errors += usize::from(finding.severity == Severity::Error);
    }
    io.note(format_args!(
        "{} valid documents, {} objectives to evaluate, {errors} errors",
        catalog.documents.len(),
        catalog.slos.len()
    ));
    if errors == 0 { exit::good() } else { exit::invalid() }
}
