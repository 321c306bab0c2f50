//! `sretool dashboards verify`: does every panel show something?

mod choices;

use super::Format;
use crate::exit;
use crate::io::Io;
use crate::source::{Source, SourceError};
use crate::when::parse_duration;
use choices::choices;
use dashboards::template::{Bindings, substitute};
use dashboards::{Dashboard, Target};
use promql::Value;
use std::process::ExitCode;

/// Points of a range query; enough to meet a load test of a minute within an hour.
const POINTS: i64 = 240;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the Prometheus API [default: PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// How far back data counts, such as 15m or 1d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    since: i64,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What became of one query.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct Checked {
    dashboard: String,
    panel: String,
    expr: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Outcome {
    /// Numbers.
    Data,
    /// Series, but no event that could give them a value: a ratio or a quantile without traffic.
    Idle,
    /// Nothing.
    NoData,
    /// The source refused the query.
    Refused { message: String },
}

#[derive(Debug, serde::Serialize)]
struct Summary<'a> {
    source: &'a str,
    queries: usize,
    with_data: usize,
    without_data: Vec<&'a Checked>,
}

/// The time that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// End, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Length in milliseconds.
    pub since_ms: i64,
}

impl Window {
    fn step_ms(self) -> i64 {
        (self.since_ms / POINTS).max(1_000)
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let source = match Source::resolve(args.prometheus.as_deref()) {
        Ok(source) => source,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let window = Window { now_ms: source.default_time_ms(), since_ms: args.since };
    match crate::runtime::block_on(verify(&source, &dashboards::all(), window)) {
        Ok(checked) => report(&checked, source.name(), args.format, io),
        Err(error) => {
            io.error(error);
            exit::no_judgement()
        }
    }
}

/// Asks for every query of every dashboard.
pub(super) async fn verify(source: &Source, all: &[Dashboard], window: Window) -> Result<Vec<Checked>, SourceError> {
    let mut checked = Vec::new();
    for dashboard in all {
        let choices = choices(source, dashboard, window).await?;
        for (panel, target) in dashboard.panels().flat_map(|p| p.targets.iter().map(move |t| (p, t))) {
            let outcome = check(source, target, &choices, window).await?;
            let (dashboard, panel, expr) = (dashboard.uid.clone(), panel.title.clone(), target.expr.clone());
            checked.push(Checked { dashboard, panel, expr, outcome });
        }
    }
    Ok(checked)
}

/// The best outcome over the choices of variables: a panel of one service may well be empty for another.
async fn check(source: &Source, target: &Target, choices: &[Bindings], window: Window) -> Result<Outcome, SourceError> {
    let mut best = Outcome::NoData;
    for bindings in choices {
        let expr = substitute(&target.expr, bindings);
        let (start, end) = (window.now_ms - window.since_ms, window.now_ms);
        match source.range(&expr, start, end, window.step_ms()).await {
            Ok(answer) => match outcome(&answer.value) {
                Outcome::Data => return Ok(Outcome::Data),
                Outcome::Idle => best = Outcome::Idle,
                _ => {}
            },
            Err(error) if matches!(error, SourceError::Refused { .. }) => {
                return Ok(Outcome::Refused { message: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(best)
}

fn outcome(value: &Value) -> Outcome {
    let Value::Matrix(series) = value else { return Outcome::Data };
    if series.is_empty() {
        return Outcome::NoData;
    }
    let idle = series.iter().flat_map(|s| &s.samples).all(|sample| sample.v.is_nan());
    if idle { Outcome::Idle } else { Outcome::Data }
}

fn report(checked: &[Checked], source: &str, format: Format, io: &mut Io<'_>) -> ExitCode {
    let without_data: Vec<_> =
        checked.iter().filter(|c| matches!(c.outcome, Outcome::NoData | Outcome::Refused { .. })).collect();
    let good = without_data.is_empty();
    let summary =
        Summary { source, queries: checked.len(), with_data: checked.len() - without_data.len(), without_data };
    match format {
        Format::Json => match serde_json::to_string_pretty(&summary) {
            Ok(json) => io.line(json),
            Err(error) => io.error(error),
        },
        Format::Text => print(&summary, checked, io),
    }
    if good { exit::good() } else { exit::failed() }
}

fn print(summary: &Summary<'_>, checked: &[Checked], io: &mut Io<'_>) {
    for Checked { dashboard, panel, expr, outcome } in checked {
        let what = match outcome {
            Outcome::Data => continue,
            Outcome::Idle => "idle (no events in the window)",
            Outcome::NoData => "no data",
            Outcome::Refused { message } => message,
        };
        let expr = expr.split_whitespace().collect::<Vec<_>>().join(" ");
        io.line(format_args!("{dashboard}: {panel}: {what}: {expr}"));
    }
    let Summary { source, queries, with_data, .. } = summary;
    io.line(format_args!("{with_data} of {queries} queries return data from {source}"));
}
