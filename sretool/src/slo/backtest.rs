//! `sretool slo backtest`: what the generated alerts would have done with past data.
//!
//! The rules that `slo rules` writes are evaluated step by step over the history, recording rules included, by the
//! state machine that the server runs: pending, firing, `for` and `keep_firing_for`.

mod history;
mod replay;
mod text;

use super::judge::judge;
use super::report::{choose, failure, invalid, parse_time, read};
use super::{files, rules};
use crate::io::Io;
use crate::source::Source;
use crate::{exit, runtime};
use replay::{Firing, Replay};
use serde::Serialize;
use slo::{AlertWindows, BurnWindows, Catalog, Episode, Labelled, Options, Score, Slo, Style, Window, WindowFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `sretool slo backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Incidents: a YAML file, incidents: [{name: db-failover, slo: shop-availability, start: 2026-01-31T12:00:00Z, end: …}];
an incident without slo is everybody's. An alert belongs to an incident that it follows within --patience of its end.
Exit status: 0 done; 1 precision or recall is below what was asked for; 2 wrong input; 3 no data.")]
pub(super) struct Args {
    /// Files or folders with SLO documents [default: slo]
    files: Vec<PathBuf>,
    /// Prometheus-compatible API that has the history [default: $PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", conflicts_with = "openmetrics")]
    prometheus: Option<String>,
    /// Read this OpenMetrics file instead of a server
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Begin: RFC 3339, or seconds since 1970 [default: the first sample]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<i64>,
    /// End [default: now, or the file's newest sample]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<i64>,
    /// Time between evaluations of the rules
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = rules::period)]
    interval: Window,
    /// Burn-rate conditions, this tool's or sloth's AlertWindows; twice to compare two sets [default: the workbook's]
    #[arg(long, value_name = "FILE")]
    windows: Vec<PathBuf>,
    /// Incidents that people know of, to hold the alerts against
    #[arg(long, value_name = "FILE")]
    incidents: Option<PathBuf>,
    /// How long after an incident's end an alert may still come
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = rules::period)]
    patience: Window,
    /// Exit with 1 where a smaller share of the alerts belongs to an incident
    #[arg(long, value_name = "RATIO", requires = "incidents")]
    min_precision: Option<f64>,
    /// Exit with 1 where alerts told of a smaller share of the incidents
    #[arg(long, value_name = "RATIO", requires = "incidents")]
    min_recall: Option<f64>,
    /// Only objectives of this name or identifier
    #[arg(long, value_name = "NAME")]
    slo: Option<String>,
    /// Which Prometheus' semantics of ranges to follow
    #[arg(long, value_name = "VERSION", default_value = "3", value_parser = ["3", "2.42"])]
    compat: String,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Tables for people
    Text,
    /// For programs
    Json,
}

/// What alerts would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Backtest {
    /// Begin, RFC 3339.
    from: String,
    /// End, RFC 3339.
    to: String,
    /// Seconds between evaluations.
    interval_s: f64,
    /// Where the history came from.
    source: String,
    /// One for each set of conditions.
    sets: Vec<SetResult>,
}

/// What one set of conditions would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct SetResult {
    /// The file, or `workbook`.
    windows: String,
    /// Alerts by severity.
    counts: BTreeMap<String, usize>,
    /// How well they told of incidents, where any are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    /// The alerts in order of time.
    episodes: Vec<Episode>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match backtest(args, io) {
        Ok(result) => {
            match args.format {
                Format::Text => text::lines(&result).into_iter().for_each(|line| io.line(line)),
                Format::Json => match serde_json::to_string_pretty(&result) {
                    Ok(json) => io.line(json),
                    Err(error) => return invalid(io, error),
                },
            }
            verdict(args, &result, io)
        }
        Err(code) => code,
    }
}

/// Shares that were asked for hold for every set.
fn verdict(args: &Args, result: &Backtest, io: &mut Io<'_>) -> ExitCode {
    let mut code = exit::good();
    for set in &result.sets {
        let Some(score) = &set.score else { continue };
        let asked = [("precision", args.min_precision, score.precision), ("recall", args.min_recall, score.recall)];
        for (what, least, share) in asked {
            if let (Some(least), Some(share)) = (least, share)
                && share < least
            {
                io.error(format_args!("{}: a {what} of {share:.2} is below {least}", set.windows));
                code = exit::failed();
            }
        }
    }
    code
}

fn backtest(args: &Args, io: &mut Io<'_>) -> Result<Backtest, ExitCode> {
    let sets = window_sets(&args.windows, io)?;
    let mut incidents = args.incidents.as_deref().map(|path| incidents(path, io)).transpose()?;
    let mut catalog = files::load_usable(&args.files, io)?;
    choose(&mut catalog, args.slo.as_deref(), io)?;
    let source = match &args.openmetrics {
        Some(path) => Source::from_openmetrics(path),
        None => Source::resolve(args.prometheus.as_deref()),
    };
    let source = source.map_err(|error| invalid(io, error))?;
    let to = args.to.unwrap_or_else(|| source.default_time_ms());
    let longest = sets.iter().filter_map(WindowSet::longest).max().unwrap_or(Window::days(3));
    let loaded = runtime::block_on(history::load(&source, &catalog.slos, args.from, to, longest));
    let history = loaded.map_err(|error| {
        io.error(&error);
        failure(&error)
    })?;
    let Some(first) = history.first_ms else {
        io.error(format_args!("{}: no data of these objectives before {}", source.name(), rfc3339(to)));
        return Err(exit::no_judgement());
    };
    let from = args.from.unwrap_or(first);
    if from >= to {
        return Err(invalid(io, format_args!("the end, {}, is not after the begin, {}", rfc3339(to), rfc3339(from))));
    }
    // What lies outside the replay no alert could have told of.
    incidents.iter_mut().for_each(|known| known.retain(|one| one.end_ms >= from && one.start_ms <= to));
    let span = Span { from, to, incidents: incidents.as_deref() };
    let sets = sets.into_iter().map(|set| one_set(args, set, &catalog, (&source, &history), &span, io));
    let sets = sets.collect::<Result<_, _>>()?;
    Ok(Backtest {
        from: rfc3339(from),
        to: rfc3339(to),
        interval_s: args.interval.as_secs_f64(),
        source: source.name().to_owned(),
        sets,
    })
}

/// When, and what is known to have happened then.
struct Span<'a> {
    from: i64,
    to: i64,
    incidents: Option<&'a [Labelled]>,
}

fn one_set(
    args: &Args,
    set: WindowSet,
    catalog: &Catalog,
    (source, history): (&Source, &history::History),
    span: &Span<'_>,
    io: &mut Io<'_>,
) -> Result<SetResult, ExitCode> {
    let WindowSet { name, burn, by_period } = set;
    let options = Options { burn, by_period, style: Style::Exact, ..Options::new(env!("CARGO_PKG_VERSION")) };
    let text = slo::generate(&catalog.slos, &options).map_err(|error| invalid(io, error))?.to_string();
    let interval_ms = i64::try_from(args.interval.as_millis()).unwrap_or(60_000);
    let (base, from, to) = (&*history.storage, span.from, span.to);
    let replay = Replay { rules: &text, base, from, to, interval_ms, compat: &args.compat };
    let firings = replay.run().map_err(|error| invalid(io, error))?;
    let mut episodes = episodes(source, catalog, firings, to, io)?;
    let score = span.incidents.map(|incidents| slo::score(&mut episodes, incidents, args.patience));
    let mut counts = BTreeMap::new();
    for episode in &episodes {
        *counts.entry(episode.severity.clone()).or_default() += 1;
    }
    Ok(SetResult { windows: name, counts, score, episodes })
}

/// A set of conditions, with those that replace them for objectives of a period.
struct WindowSet {
    name: String,
    burn: BurnWindows,
    by_period: Vec<AlertWindows>,
}

impl WindowSet {
    fn longest(&self) -> Option<Window> {
        let by_period = self.by_period.iter().flat_map(AlertWindows::all);
        self.burn.all().into_iter().chain(by_period).max()
    }
}

fn window_sets(paths: &[PathBuf], io: &mut Io<'_>) -> Result<Vec<WindowSet>, ExitCode> {
    let workbook =
        |name: &str| WindowSet { name: name.to_owned(), burn: BurnWindows::workbook(), by_period: Vec::new() };
    if paths.is_empty() {
        return Ok(vec![workbook("workbook")]);
    }
    let mut sets = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = read(path, io)?;
        match WindowFile::parse(&name, &text) {
            Ok(WindowFile::Burn(burn)) => sets.push(WindowSet { burn, ..workbook(&name) }),
            Ok(WindowFile::Shares(by_period)) => sets.push(WindowSet { by_period, ..workbook(&name) }),
            Err(findings) => {
                findings.iter().for_each(|finding| io.note(finding));
                return Err(exit::invalid());
            }
        }
    }
    Ok(sets)
}

fn incidents(path: &Path, io: &mut Io<'_>) -> Result<Vec<Labelled>, ExitCode> {
    let text = read(path, io)?;
    Labelled::parse(&path.display().to_string(), &text).map_err(|findings| {
        findings.iter().for_each(|finding| io.note(finding));
        exit::invalid()
    })
}

/// Adds to each firing what was left of the budget then.
fn episodes(
    source: &Source,
    catalog: &Catalog,
    firings: Vec<Firing>,
    to: i64,
    io: &mut Io<'_>,
) -> Result<Vec<Episode>, ExitCode> {
    let mut episodes = Vec::new();
    for firing in firings {
        let id = firing.labels.get("sloth_id").cloned().unwrap_or_default();
        let Some(slo) = catalog.slos.iter().find(|slo| slo.id == id) else { continue };
        let group: BTreeMap<_, _> =
            slo.group_by.iter().filter_map(|label| Some((label.clone(), firing.labels.get(label)?.clone()))).collect();
        let remaining = remaining(source, slo, &group, firing.fired_ms).map_err(|error| {
            io.error(&error);
            failure(&error)
        })?;
        let end_ms = firing.ended_ms.unwrap_or(to);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any replay are far below 2^53")]
        let duration_s = (end_ms - firing.fired_ms) as f64 / 1000.0;
        episodes.push(Episode {
            alert: firing.alert,
            severity: firing.labels.get("severity").cloned().unwrap_or_default(),
            slo: id,
            group,
            pending: rfc3339(firing.active_ms),
            start: rfc3339(firing.fired_ms),
            end: firing.ended_ms.map(rfc3339),
            duration_s,
            error_budget_remaining: remaining,
            incidents: Vec::new(),
            start_ms: firing.fired_ms,
            end_ms,
        });
    }
    Ok(episodes)
}

fn remaining(
    source: &Source,
    slo: &Slo,
    group: &BTreeMap<String, String>,
    at_ms: i64,
) -> Result<Option<f64>, super::JudgeError> {
    let report = runtime::block_on(judge(source, std::slice::from_ref(slo), at_ms))?;
    let own = report.slos.into_iter().find(|report| report.group == *group);
    Ok(own.and_then(|report| report.error_budget_remaining))
}

fn rfc3339(at_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests;
