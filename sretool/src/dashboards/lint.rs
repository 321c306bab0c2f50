//! `sretool dashboards lint`

use super::{FOLDER, Format, json_files, unusable};
use crate::exit;
use crate::io::Io;
use dashboards::{Finding, Report};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Dashboards in Grafana's JSON; those in `dashboards/` when none is named
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The report on all files, as `--format json` prints it.
#[derive(Debug, Default, serde::Serialize)]
struct Summary {
    exprs: usize,
    parsed: usize,
    findings: Vec<InFile>,
}

#[derive(Debug, serde::Serialize)]
struct InFile {
    file: String,
    #[serde(flatten)]
    finding: Finding,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let files = match files(&args.files) {
        Ok(files) => files,
        Err(error) => {
            return unusable(io, Path::new(FOLDER), format_args!("cannot be read: {error}; name files to lint"));
        }
    };
    let mut summary = Summary::default();
    let mut good = true;
    for path in &files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return unusable(io, path, format_args!("cannot be read: {error}")),
        };
        match dashboards::lint(&text) {
            Ok(report) => {
                good &= report.is_good();
                summary.add(path, report);
            }
            Err(error) => {
                io.error(format_args!("{}:{error}", path.display()));
                return exit::invalid();
            }
        }
    }
    print(&summary, files.len(), args.format, io);
    if good { exit::good() } else { exit::failed() }
}

fn files(named: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
    if named.is_empty() { json_files(Path::new(FOLDER)) } else { Ok(named.to_vec()) }
}

impl Summary {
    fn add(&mut self, path: &Path, report: Report) {
        self.exprs += report.exprs;
        self.parsed += report.parsed;
        let file = path.display().to_string();
        self.findings.extend(report.findings.into_iter().map(|finding| InFile { file: file.clone(), finding }));
    }
}

fn print(summary: &Summary, files: usize, format: Format, io: &mut Io<'_>) {
    if format == Format::Json {
        match serde_json::to_string_pretty(summary) {
            Ok(json) => io.line(json),
            Err(error) => io.error(error),
        }
        return;
    }
    for InFile { file, finding } in &summary.findings {
        let panel = finding.panel.as_ref().map(|panel| format!("panel `{panel}`: ")).unwrap_or_default();
        io.line(format_args!("{file}: {}: {panel}{} ({})", finding.severity, finding.message, finding.rule));
    }
    let (exprs, parsed, findings) = (summary.exprs, summary.parsed, summary.findings.len());
    io.line(format_args!("{files} dashboard(s), {parsed} of {exprs} expressions parse, {findings} finding(s)"));
}
