//! `sretool slo lint`.

use super::files;
use crate::io::Io;
use crate::source::Source;
use crate::{exit, runtime};
use promql::Value;
use slo::{Catalog, LintOptions, LoadOptions, Options, Window};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool slo lint`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO, sloth or Pyrra documents, or - for standard input [default: slo]
    files: Vec<PathBuf>,
    /// Distance of the samples
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = super::rules::period)]
    scrape_interval: Window,
    /// Folder of burn-rate conditions: this tool's or sloth's AlertWindows
    #[arg(long, value_name = "DIR")]
    windows: Option<PathBuf>,
    /// Also ask a server about the metrics
    #[arg(long)]
    live: bool,
    /// Prometheus-compatible API [default: $PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", conflicts_with = "openmetrics")]
    prometheus: Option<String>,
    /// Ask this OpenMetrics file instead of a server
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
}

/// Exit status: 0 nothing to tell, 1 something, 2 an invalid document, 3 no answer.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match lint(args, io) {
        Ok(0) => exit::good(),
        Ok(_) => exit::failed(),
        Err(code) => code,
    }
}

fn lint(args: &Args, io: &mut Io<'_>) -> Result<usize, ExitCode> {
    let invalid = |io: &mut Io<'_>, error: String| {
        io.error(error);
        exit::invalid()
    };
    let files = files::read(&args.files).map_err(|error| invalid(io, error))?;
    let named = || files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let catalog = Catalog::load_with(named(), LoadOptions::default());
    let mut rules = Options::new(env!("CARGO_PKG_VERSION"));
    super::rules::read_windows(args.windows.as_deref(), &mut rules).map_err(|error| invalid(io, error))?;
    let options = LintOptions { scrape_interval: args.scrape_interval, rules };
    let mut findings = catalog.findings.clone();
    findings.extend(slo::lint(&catalog, &files, &options));
    if args.live || args.openmetrics.is_some() || args.prometheus.is_some() {
        findings.extend(live(args, &catalog, io)?);
    }
    for finding in &findings {
        io.line(finding.render());
    }
    io.note(format_args!("{} objectives, {} findings", catalog.slos.len(), findings.len()));
    if catalog.is_valid() { Ok(findings.len()) } else { Err(exit::invalid()) }
}

fn live(args: &Args, catalog: &Catalog, io: &mut Io<'_>) -> Result<Vec<slo::Finding>, ExitCode> {
    let source = match &args.openmetrics {
        Some(path) => Source::from_openmetrics(path),
        None => Source::resolve(args.prometheus.as_deref()),
    };
    let source = source.map_err(|error| {
        io.error(error);
        exit::invalid()
    })?;
    let at_ms = source.default_time_ms();
    let mut findings = Vec::new();
    for check in slo::live_checks(catalog) {
        let answer = runtime::block_on(source.instant(&check.expr, at_ms)).map_err(|error| {
            io.error(error);
            exit::no_judgement()
        })?;
        let number = match &answer.value {
            Value::Vector(samples) => samples.first().map(|sample| sample.v),
            Value::Scalar(sample) => Some(sample.v),
            _ => None,
        };
        findings.extend(check.judge(number));
    }
    Ok(findings)
}
