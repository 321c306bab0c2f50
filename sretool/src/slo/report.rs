//! `sretool slo report`.

use super::judge::{Contents, JudgeError, judge_with};
use super::{files, render};
use crate::io::Io;
use crate::source::Source;
use crate::{exit, runtime};
use slo::{Catalog, Exclusion, Gate, Policy, Report, Status};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const GATE: &str = "\
Exit status: 0 every objective is met; 1 one is breached; 3 one has no data, or the source does not answer.
With --gate the error-budget policy decides: 1 where an objective has reached a step with action fail, 3 where there
are no data and the policy's noData is undecided, else 0. Without --policy only a spent budget fails.";

/// Arguments of `sretool slo report`.
#[derive(Debug, clap::Args)]
#[command(after_help = GATE)]
pub(super) struct Args {
    /// Files or folders with SLO documents [default: slo]
    files: Vec<PathBuf>,
    /// Prometheus-compatible API [default: $PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", conflicts_with = "openmetrics")]
    prometheus: Option<String>,
    /// Read this OpenMetrics file instead of a server
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Time of evaluation: RFC 3339, or seconds since 1970 [default: now, or the file's newest sample]
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    at: Option<i64>,
    /// Report only objectives of this name or identifier
    #[arg(long, value_name = "NAME")]
    slo: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also earlier periods: the calendar's, else calendar months in UTC
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=120))]
    history: u32,
    /// Also the incidents that spent the budget; always in html and markdown
    #[arg(long)]
    incidents: bool,
    /// Times that do not count, for every objective: 2026-03-01T22:00:00Z/2h, or Sun 02:00-04:00 Europe/Berlin
    #[arg(long, value_name = "TIMES")]
    exclude: Vec<String>,
    /// Read the metrics even where generated rules have recorded their events
    #[arg(long)]
    raw: bool,
    /// Error-budget policy: what happens when so much of a budget is left
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Let the error-budget policy decide the exit status
    #[arg(long)]
    gate: bool,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people
    Text,
    /// For programs
    Json,
    /// A comment on a pull request
    Markdown,
    /// For a CI system
    Junit,
    /// A page with plots, in one file
    Html,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match report(args, io) {
        Ok(report) => match print(args, &report, io) {
            Ok(()) if args.gate => gate(&report, io),
            Ok(()) => status(report.verdict),
            Err(code) => code,
        },
        Err(code) => code,
    }
}

fn report(args: &Args, io: &mut Io<'_>) -> Result<Report, ExitCode> {
    let policy = policy(args, io)?;
    let mut catalog = files::load_usable(&args.files, io)?;
    choose(&mut catalog, args.slo.as_deref(), io)?;
    exclude(&mut catalog, &args.exclude, io)?;
    let source = match &args.openmetrics {
        Some(path) => Source::from_openmetrics(path),
        None => Source::resolve(args.prometheus.as_deref()),
    };
    let source = source.map_err(|error| invalid(io, error))?;
    let at_ms = args.at.unwrap_or_else(|| source.default_time_ms());
    let timeline = args.incidents || matches!(args.format, Format::Html | Format::Markdown);
    let contents = Contents { timeline, past: args.history, raw: args.raw, ..Contents::default() };
    let judged = runtime::block_on(judge_with(&source, &catalog.slos, &catalog.composites, at_ms, &contents));
    match judged {
        Ok(report) => Ok(match &policy {
            Some(policy) => report.with_policy(policy),
            None => report,
        }),
        Err(error) => {
            io.error(&error);
            Err(failure(&error))
        }
    }
}

fn print(args: &Args, report: &Report, io: &mut Io<'_>) -> Result<(), ExitCode> {
    let text = render::report(report, args.format).map_err(|error| invalid(io, error))?;
    let Some(path) = &args.output else {
        // A closed pipe means that the reader has seen enough.
        let _ = io.out.write_all(text.as_bytes());
        return Ok(());
    };
    std::fs::write(path, text).map_err(|error| invalid(io, format_args!("{}: {error}", path.display())))?;
    io.note(format_args!("{}: {} at {}", path.display(), report.verdict, report.at));
    Ok(())
}

pub(super) fn invalid(io: &mut Io<'_>, error: impl std::fmt::Display) -> ExitCode {
    io.error(error);
    exit::invalid()
}

fn policy(args: &Args, io: &mut Io<'_>) -> Result<Option<Policy>, ExitCode> {
    let Some(path) = &args.policy else { return Ok(args.gate.then(Policy::default)) };
    let text = read(path, io)?;
    match Policy::parse(&path.display().to_string(), &text) {
        Ok(policy) => Ok(Some(policy)),
        Err(findings) => {
            findings.iter().for_each(|finding| io.note(finding));
            Err(exit::invalid())
        }
    }
}

pub(super) fn read(path: &Path, io: &mut Io<'_>) -> Result<String, ExitCode> {
    std::fs::read_to_string(path).map_err(|error| invalid(io, format_args!("{}: {error}", path.display())))
}

/// Keeps the objectives of a name or identifier; a composite's parts stay with it.
pub(super) fn choose(catalog: &mut Catalog, name: Option<&str>, io: &mut Io<'_>) -> Result<(), ExitCode> {
    let Some(name) = name else { return Ok(()) };
    let slos = catalog.slos.iter().map(|slo| slo.id.clone());
    let known: Vec<_> = slos.chain(catalog.composites.iter().map(|whole| whole.id.clone())).collect();
    catalog.composites.retain(|whole| whole.name == name || whole.id == name);
    let parts: Vec<_> = catalog.composites.iter().flat_map(|whole| &whole.parts).map(|(_, id)| id.clone()).collect();
    catalog.slos.retain(|slo| slo.name == name || slo.id == name || parts.contains(&slo.id));
    if catalog.slos.is_empty() {
        return Err(invalid(io, format_args!("no SLO is named {name:?}; there are {}", known.join(", "))));
    }
    Ok(())
}

fn exclude(catalog: &mut Catalog, times: &[String], io: &mut Io<'_>) -> Result<(), ExitCode> {
    for text in times {
        let list = Exclusion::parse_list(text)
            .map_err(|error| invalid(io, format_args!("--exclude {text:?}: {error}; {}", error.remedy())))?;
        catalog.slos.iter_mut().for_each(|slo| slo.exclusions.extend(list.iter().copied()));
    }
    Ok(())
}

/// What the policy says, a line for each objective that has reached a step.
fn gate(report: &Report, io: &mut Io<'_>) -> ExitCode {
    let Some(policy) = &report.policy else { return status(report.verdict) };
    for reached in &policy.reached {
        let action = if reached.step.action == Gate::Fail { "fail" } else { "warn" };
        let percent = reached.step.remaining_percent;
        let (who, text) = (reached.name(), &reached.step.text);
        io.note(format_args!("{action}: {who} has {percent} % of its budget left or less: {text}"));
    }
    match policy.gate {
        Gate::Pass | Gate::Warn => exit::good(),
        Gate::Fail => exit::failed(),
        Gate::Undecided => exit::no_judgement(),
    }
}

fn status(verdict: Status) -> ExitCode {
    match verdict {
        Status::Ok | Status::AtRisk => exit::good(),
        Status::Breached => exit::failed(),
        Status::NoData => exit::no_judgement(),
    }
}

/// A query at fault is invalid input; anything else at fault means that no judgement was possible.
pub(super) fn failure(error: &JudgeError) -> ExitCode {
    match error {
        JudgeError::Source { source, .. } if !source.is_query_error() => exit::no_judgement(),
        JudgeError::Source { .. } | JudgeError::Answer { .. } => exit::invalid(),
    }
}

/// Reads RFC 3339, or seconds since 1970, into milliseconds.
pub(super) fn parse_time(text: &str) -> Result<i64, String> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    match text.parse::<f64>() {
        // Beyond this bound no date is left.
        Ok(seconds) if seconds.abs() < 8e12 => Ok((seconds * 1000.0).round() as i64),
        _ => Err("write a time such as 2026-01-31T12:00:00Z, or seconds since 1970".into()),
    }
}
