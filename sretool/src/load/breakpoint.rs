//! `sretool load breakpoint`: the highest rate that a server bears.

use super::args::{Rate, RunArgs};
use super::session::{self, Ended};
use super::settings::{self, Push, Settings};
use crate::exit;
use crate::io::Io;
use load::{KneeProbe, Plan, Report, Search, Verdict, growing, parse_duration};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a server must hold where nothing else is asked for.
const DEFAULT_THRESHOLDS: [&str; 2] = ["p95<200ms", "errors<1%"];

/// Enough that connections are not what is measured.
const CONNECTIONS: u32 = 5000;

/// After a rate that was too much the server has this long to recover.
const RECOVERY: Duration = Duration::from_secs(1);

/// Arguments of `sretool load breakpoint`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "The rate rises by half until a threshold breaks or the queue of requests grows, twice; then the \
                        search narrows down between the highest rate that holds and the lowest that does not. Exit \
                        status: 0 found; 1 below --at-least, or nothing holds; 2 wrong usage; 3 no verdict (the \
                        generator was the bottleneck)."
)]
pub struct Args {
    /// The first rate
    #[arg(long, value_name = "RPS", default_value_t = 50.0, value_parser = rate)]
    from: f64,
    /// The highest rate to try
    #[arg(long, value_name = "RPS", default_value_t = 100_000.0, value_parser = rate)]
    max: f64,
    /// Length of the run at each rate
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    probe: Duration,
    /// How close the two ends must come, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = rate)]
    precision: f64,
    /// Fail where the server bears less
    #[arg(long, value_name = "RPS", value_parser = rate)]
    at_least: Option<f64>,
    /// The runs.
    #[command(flatten)]
    run: RunArgs,
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.replace('_', "").parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1e6);
    number.ok_or_else(|| "write a number above 0 and up to 1,000,000".to_owned())
}

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Found {
    verdict: Verdict,
    knee_rps: Option<f64>,
    broken_rps: Option<f64>,
    /// Requests a second answered at rates that were too much: what the server manages at most.
    saturated_rps: Option<f64>,
    thresholds: Vec<String>,
    reasons: Vec<String>,
    probes: Vec<KneeProbe>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let stop = super::stop_on_signals(io);
    let mut search = Search::new(args.from, args.max, args.precision / 100.0);
    let mut found = Found {
        verdict: Verdict::Pass,
        knee_rps: None,
        broken_rps: None,
        saturated_rps: None,
        thresholds: Vec::new(),
        reasons: Vec::new(),
        probes: Vec::new(),
    };
    while let Some(rps) = search.next_rate() {
        let settings = match settings(args, rps) {
            Ok(settings) => settings,
            Err(error) => {
                io.error(&error);
                return error.status();
            }
        };
        found.thresholds = settings.plan.thresholds.iter().map(ToString::to_string).collect();
        match probe(&settings, &stop, io) {
            Ok(probe) => {
                io.note(line(&probe));
                search.record(rps, probe.bears);
                if !probe.bears && search.next_rate().is_some() {
                    std::thread::sleep(RECOVERY);
                }
                found.probes.push(probe);
            }
            Err(reason) => {
                found.verdict = Verdict::Invalid;
                found.reasons.push(format!("at {rps:.1} requests/s: {reason}"));
                break;
            }
        }
    }
    conclude(args, &search, found, io)
}

/// The run's settings at one rate: nothing is written anywhere, since a search is many runs.
fn settings(args: &Args, rps: f64) -> Result<Settings, settings::UsageError> {
    let mut run = args.run.clone();
    run.rps = Some(Rate::PerSecond(rps));
    run.duration = Some(args.probe);
    run.connections = run.connections.or(Some(CONNECTIONS));
    if run.judge.threshold.is_empty() && run.profile.is_none() {
        // They are known to be readable.
        run.judge.threshold = DEFAULT_THRESHOLDS.iter().filter_map(|text| text.parse().ok()).collect();
    }
    let settings = settings::read(&run)?;
    Ok(Settings { push: Push::Nowhere, reports: Vec::new(), gate: Vec::new(), ..settings })
}

fn probe(settings: &Settings, stop: &Arc<AtomicBool>, io: &mut Io<'_>) -> Result<KneeProbe, String> {
    // An abort of one run must not end the search.
    let own = Arc::new(AtomicBool::new(false));
    let (mut out, mut err) = (std::io::sink(), std::io::sink());
    let ended = {
        let mut quiet = Io { out: &mut out, err: &mut err, terminal: false };
        let done = Arc::new(AtomicBool::new(false));
        let (from, to, over) = (stop.clone(), own.clone(), done.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    to.fetch_or(from.load(Ordering::Relaxed), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            let ended = session::run(settings, &own, false, &mut quiet);
            done.store(true, Ordering::Relaxed);
            ended
        })
    };
    if stop.load(Ordering::Relaxed) {
        return Err("stopped".to_owned());
    }
    if let Some(failure) = &ended.failure {
        io.error(failure);
        return Err(failure.clone());
    }
    judged(&settings.plan, &ended)
}

/// Whether the server bore it; an error where that cannot be told.
fn judged(plan: &Plan, ended: &Ended) -> Result<KneeProbe, String> {
    let report = Report::new(plan, &ended.totals, ended.interrupted).aborted(ended.aborted.clone());
    let growing = growing(plan, &ended.totals);
    let (bears, reasons) = match (report.verdict, growing) {
        (Verdict::Pass, None) => (true, Vec::new()),
        (Verdict::Fail, _) => (false, report.reasons.clone()),
        (Verdict::Pass, Some(growing)) => (false, vec![growing]),
        (Verdict::Invalid, _) => return Err(report.reasons.join("; ")),
    };
    let p95_ms = report.response_ms.p95;
    Ok(KneeProbe { rps: report.target_rps.unwrap_or(0.0), answered_rps: in_time(&report), p95_ms, bears, reasons })
}

/// Answers within the duration, for each of its seconds.
fn in_time(report: &Report) -> f64 {
    let seconds: Vec<_> = report.seconds.iter().filter(|second| second.t <= report.duration_s + 0.1).collect();
    let length = seconds.last().map_or(0.0, |second| second.t);
    if length > 0.0 { seconds.iter().map(|second| second.answered).sum::<u64>() as f64 / length } else { 0.0 }
}

fn line(probe: &KneeProbe) -> String {
    let p95 = probe.p95_ms.map_or_else(|| "no data".to_owned(), |ms| format!("{ms:.1} ms"));
    let verdict = if probe.bears { "holds".to_owned() } else { format!("too much: {}", probe.reasons.join("; ")) };
    format!("{:>10.1}/s asked  {:>10.1}/s answered  p95 {p95:>10}  {verdict}", probe.rps, probe.answered_rps)
}

fn conclude(args: &Args, search: &Search, mut found: Found, io: &mut Io<'_>) -> ExitCode {
    found.knee_rps = search.knee();
    found.broken_rps = search.broken();
    let saturated = found.probes.iter().filter(|probe| !probe.bears).map(|probe| probe.answered_rps);
    found.saturated_rps = saturated.reduce(f64::max);
    if found.verdict == Verdict::Pass {
        let enough = search.knee().is_some_and(|knee| args.at_least.is_none_or(|least| knee >= least));
        if !enough {
            found.verdict = Verdict::Fail;
            found.reasons.push(match (search.knee(), args.at_least) {
                (Some(knee), Some(least)) => format!("the server bears {knee:.1} requests/s, less than {least:.1}"),
                _ => format!("the server does not even bear {:.1} requests/s", args.from),
            });
        }
    }
    if args.run.output.format == load::Kind::Json {
        // Only maps with keys that are no strings fail to serialise, and there are none.
        io.line(serde_json::to_string_pretty(&found).unwrap_or_default());
    } else {
        io.line(text(&found));
    }
    match found.verdict {
        Verdict::Pass => exit::good(),
        Verdict::Fail => exit::failed(),
        Verdict::Invalid => exit::no_judgement(),
    }
}

fn text(found: &Found) -> String {
    let mut lines = vec![match (found.knee_rps, found.broken_rps) {
        (Some(knee), Some(broken)) => {
            format!("knee {knee:.1} requests/s (too much: {broken:.1}/s), held against {}", found.thresholds.join(", "))
        }
        (Some(knee), None) if found.verdict == Verdict::Invalid => format!("at least {knee:.1} requests/s"),
        (Some(knee), None) => {
            format!("no knee up to {knee:.1} requests/s, held against {}", found.thresholds.join(", "))
        }
        (None, _) => "no knee".to_owned(),
    }];
    if let Some(rps) = found.saturated_rps {
        lines.push(format!("beyond it the server answers up to {rps:.1} requests/s"));
    }
    lines.extend(found.reasons.iter().map(|reason| format!("  {reason}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
