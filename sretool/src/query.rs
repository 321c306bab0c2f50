//! `sretool query`: one PromQL expression, evaluated.

mod hints;
mod render;

use crate::io::Io;
use crate::source::{Source, SourceError, Span};
use crate::{exit, runtime, when};
use promql::Value;
use std::path::PathBuf;
use std::process::ExitCode;

/// Points that a range query yields where no step is given.
const DEFAULT_POINTS: i64 = 60;
const HOUR: i64 = 3_600_000;

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
    /// PromQL expression, or - to read it from standard input; with --series, --labels or --values a series selector
    #[arg(value_name = "EXPR", required_unless_present_any = ["labels", "values"])]
    expr: Option<String>,
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
    /// List the series that EXPR matches, of the last hour or of --range
    #[arg(long, group = "listing")]
    series: bool,
    /// List the names of labels
    #[arg(long, group = "listing")]
    labels: bool,
    /// List the values of a label; of __name__ they are the metrics
    #[arg(long, value_name = "LABEL", group = "listing")]
    values: Option<String>,
    /// How the result is written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Why there is no result.
#[derive(Debug)]
enum Failure {
    /// No result that could be judged.
    NoData,
    /// The expression is wrong; the text shows where.
    Expression(String),
    /// The source failed.
    Source(SourceError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Runs `sretool query`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let outcome = expression(&args, &mut std::io::stdin().lock()).and_then(|expr| {
        let source = match &args.openmetrics {
            Some(path) => Source::from_openmetrics(path),
            None => Source::resolve(args.prometheus.as_deref()),
        };
        runtime::block_on(answer(&args, &expr, &source?, io))
    });
    match outcome {
        Ok(text) => {
            io.line(text.trim_end());
            exit::good()
        }
        Err(Failure::NoData) => exit::no_judgement(),
        Err(Failure::Expression(text)) => {
            io.error(text);
            exit::invalid()
        }
        Err(Failure::Source(error)) => {
            io.error(&error);
            let invalid = error.is_query_error() || matches!(error, SourceError::Invalid(_));
            if invalid { exit::invalid() } else { exit::no_judgement() }
        }
    }
}

/// The expression as given, or all of standard input.
fn expression(args: &Args, input: &mut impl std::io::Read) -> Result<String, Failure> {
    let given = args.expr.clone().unwrap_or_default();
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    let unreadable = |error| Failure::Expression(format!("standard input cannot be read: {error}"));
    input.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text.trim_end().to_owned())
}

/// The result as text; what is to be said beside it goes to standard error.
async fn answer(args: &Args, expr: &str, source: &Source, io: &mut Io<'_>) -> Result<String, Failure> {
    let at = args.time.unwrap_or_else(|| source.default_time_ms());
    if args.series || args.labels || args.values.is_some() {
        return list(args, expr, source, at, io).await;
    }
    // A server may know more than this parser does; where it does not, the caret is ours.
    let parsed = promql::parse(expr).map_err(|error| error.render(expr));
    let answered = match args.range {
        None => source.instant(expr, at).await,
        Some(range) => {
            let step = args.step.unwrap_or((range / DEFAULT_POINTS).max(1));
            source.range(expr, at - range, at, step).await
        }
    };
    let answer = match (answered, &parsed) {
        (Ok(answer), _) => answer,
        (Err(_), Err(caret)) => return Err(Failure::Expression(caret.clone())),
        (Err(error), Ok(_)) => return Err(error.into()),
    };
    for warning in &answer.warnings {
        io.note(format_args!("warning: {warning}"));
    }
    let text = match args.format {
        Format::Table => render::table(&answer.value),
        Format::Json => render::json(&answer.value),
        Format::Csv => render::csv(&answer.value),
    };
    if !is_empty(&answer.value) {
        return Ok(text);
    }
    io.note("no data");
    if let Ok(parsed) = &parsed {
        let span = Span { start_ms: at - args.range.unwrap_or(0) - HOUR, end_ms: at };
        for hint in hints::why_empty(source, parsed, span).await {
            io.note(format_args!("hint: {hint}"));
        }
    }
    if args.format == Format::Json {
        io.line(text);
    }
    Err(Failure::NoData)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Vector(vector) => vector.is_empty(),
        Value::Matrix(matrix) => matrix.is_empty(),
        Value::Scalar(_) | Value::String(..) => false,
    }
}

/// Series, names or values, one a line or as a list.
async fn list(args: &Args, expr: &str, source: &Source, at: i64, io: &mut Io<'_>) -> Result<String, Failure> {
    let selector = Some(expr).filter(|expr| !expr.is_empty());
    let caret = |selector| promql::parse(selector).map_err(|error| Failure::Expression(error.render(selector)));
    selector.map(caret).transpose()?;
    let span = Span { start_ms: at - args.range.unwrap_or(HOUR), end_ms: at };
    let (lines, json) = if args.series {
        let series = source.series(expr, span).await?;
        (series.iter().map(ToString::to_string).collect(), crate::server::label_sets_json(&series))
    } else {
        let strings = match &args.values {
            Some(label) => source.label_values(label, selector, span).await?,
            None => source.label_names(selector, span).await?,
        };
        let json = serde_json::json!(strings).to_string();
        (strings, json)
    };
    if lines.is_empty() {
        io.note("no data");
        return Err(Failure::NoData);
    }
    Ok(match args.format {
        Format::Json => json,
        Format::Table => lines.join("\n"),
        Format::Csv => lines.iter().map(|line| render::quoted(line)).collect::<Vec<_>>().join("\n"),
    })
}

#[cfg(test)]
mod tests;
