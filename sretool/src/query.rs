//! `sretool query`: one PromQL expression, evaluated.

mod render;

use crate::io::Io;
use crate::source::{Source, SourceError};
use crate::{exit, runtime, when};
use std::path::PathBuf;
use std::process::ExitCode;

/// Points that a range query yields where no step is given.
const DEFAULT_POINTS: i64 = 60;

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Aligned columns; a sparkline for ranges
    Table,
    /// The `data` object of the Prometheus API
    Json,
    /// One line a sample
    Csv,
}

/// Arguments of `sretool query`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// PromQL expression
    expr: String,
    /// Server [default: PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Evaluate over a file in OpenMetrics or Prometheus text format, without any server
    #[arg(long, value_name = "FILE", conflicts_with = "prometheus")]
    openmetrics: Option<PathBuf>,
    /// Evaluate at this time, RFC 3339 or Unix seconds [default: now, or the file's newest sample]
    #[arg(long, value_name = "TIME", value_parser = when::parse_time)]
    time: Option<i64>,
    /// Evaluate over the time since this long ago, up to --time
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration)]
    range: Option<i64>,
    /// Distance between the points of a range [default: a sixtieth of it]
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration, requires = "range")]
    step: Option<i64>,
    /// How the result is written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Runs `sretool query`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let source = match &args.openmetrics {
        Some(path) => Source::from_openmetrics(path),
        None => Source::resolve(args.prometheus.as_deref()),
    };
    let source = match source {
        Ok(source) => source,
        Err(error) => return fail(&args.expr, &error, io),
    };
    let at = args.time.unwrap_or_else(|| source.default_time_ms());
    let answer = runtime::block_on(async {
        match args.range {
            None => source.instant(&args.expr, at).await,
            Some(range) => {
                let step = args.step.unwrap_or((range / DEFAULT_POINTS).max(1));
                source.range(&args.expr, at - range, at, step).await
            }
        }
    });
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return fail(&args.expr, &error, io),
    };
    for warning in &answer.warnings {
        io.note(format_args!("warning: {warning}"));
    }
    let text = match args.format {
        Format::Table => render::table(&answer.value),
        Format::Json => render::json(&answer.value),
        Format::Csv => render::csv(&answer.value),
    };
    if text.is_empty() {
        io.note("no data");
        return exit::no_judgement();
    }
    io.line(text.trim_end());
    exit::good()
}

/// A wrong expression is shown with a caret, where this program's own parser can find the place.
fn fail(expr: &str, error: &SourceError, io: &mut Io<'_>) -> ExitCode {
    if !error.is_query_error() {
        io.error(error);
        return if matches!(error, SourceError::Invalid(_)) { exit::invalid() } else { exit::no_judgement() };
    }
    match promql::parse(expr) {
        Err(parse_error) => io.error(parse_error.render(expr)),
        Ok(_) => io.error(error),
    }
    exit::invalid()
}
