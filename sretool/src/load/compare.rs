//! `sretool load compare`: was the second run better or worse?

use super::show::{read, write};
use crate::exit;
use crate::io::Io;
use load::{Change, CompareSettings, RunComparison, compare, parse_duration};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `sretool load compare`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "The seconds of both runs are drawn again and again in blocks (bootstrap); a measure is worse \
                        or better when the interval of its difference excludes 0 and the difference is at least the \
                        minimum. Exit status: 0 B is not worse; 1 B is worse; 2 a file is no result; 3 the runs \
                        cannot be compared: too short, or one without a verdict.")]
pub struct Args {
    /// The result of the run before, as `sretool load --report FILE.json` writes it
    pub a: PathBuf,
    /// The result of the run after
    pub b: PathBuf,
    /// The comparison on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Relative changes of latency and throughput below this are of no interest
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub min_change: f64,
    /// Changes of a latency below this are of no interest, whatever their share
    #[arg(long, value_name = "TIME", default_value = "0.2ms", value_parser = parse_duration)]
    pub min_latency: Duration,
    /// Changes of the error ratio below this, in percentage points, are of no interest
    #[arg(long, value_name = "PERCENT", default_value = "0.1%", value_parser = percent)]
    pub min_errors: f64,
    /// Probability that all intervals together hold the true differences
    #[arg(long, value_name = "PERCENT", default_value = "95%", value_parser = confidence)]
    pub confidence: f64,
    /// Leave out the start of both runs
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub warm_up: Duration,
    /// Draws of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub draws: u32,
    /// The same seed gives the same answer
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// A comment on a change.
    Markdown,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok().filter(|n| (0.0..=100.0).contains(n));
    number.map(|n| n / 100.0).ok_or_else(|| "write a percentage from 0% to 100%, such as 5%".to_owned())
}

fn confidence(text: &str) -> Result<f64, String> {
    percent(text).ok().filter(|ratio| (0.5..=0.999).contains(ratio)).ok_or("write 50% to 99.9%".to_owned())
}

/// Runs `sretool load compare`.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let (a, b) = match read(&args.a).and_then(|a| Ok((a, read(&args.b)?))) {
        Ok(both) => both,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let settings = CompareSettings {
        min_change: args.min_change,
        min_latency_s: args.min_latency.as_secs_f64(),
        min_errors: args.min_errors,
        confidence: args.confidence,
        draws: args.draws as usize,
        warm_up_s: args.warm_up.as_secs_f64(),
        seed: args.seed,
    };
    let comparison = match compare(&a, &b, &settings) {
        Ok(comparison) => comparison,
        Err(error) => {
            io.error(error);
            return exit::no_judgement();
        }
    };
    if let Err(error) = write(args.output.as_deref(), &render(&comparison, args.format), io) {
        io.error(error);
        return exit::invalid();
    }
    if comparison.verdict == Change::Worse { exit::failed() } else { exit::good() }
}

fn render(comparison: &RunComparison, format: Format) -> String {
    match format {
        Format::Text => comparison.text(),
        Format::Markdown => comparison.markdown(),
        // Plain numbers and names always serialise.
        Format::Json => serde_json::to_string_pretty(comparison).unwrap_or_default() + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample;
    use load::{Report, Verdict};

    fn compare(a: &Report, b: &Report, line: &[&str]) -> (ExitCode, String, String) {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (sample::write(directory.path(), "a.json", a), sample::write(directory.path(), "b.json", b));
        sample::command(&[&["compare", &a, &b, "--draws", "200"], line].concat())
    }

    #[test]
    fn a_slower_run_exits_1_and_the_way_back_exits_0() {
        let (fast, slow) = (sample::report(1, 20.0), sample::report(2, 30.0));
        let (code, out, err) = compare(&fast, &slow, &[]);
        assert_eq!(code, exit::failed(), "{out}{err}");
        assert!(out.starts_with("B is worse than A: p50, p95"), "{out}");
        let (code, out, _) = compare(&slow, &fast, &["--format", "markdown"]);
        assert_eq!(code, exit::good());
        assert!(out.starts_with("### ✅ Load tests compared: B is better than A"), "{out}");
        let (code, out, _) = compare(&fast, &slow, &["--min-change", "100%", "--min-latency", "1s"]);
        assert_eq!(code, exit::good(), "nothing below the minimum counts: {out}");
    }

    #[test]
    fn json_has_every_measure_with_its_interval() {
        let (code, out, _) = compare(&sample::report(1, 20.0), &sample::report(2, 20.0), &["--format", "json"]);
        assert_eq!(code, exit::good());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let names: Vec<_> =
            json["measures"].as_array().unwrap().iter().map(|m| m["measure"].as_str().unwrap()).collect();
        assert_eq!(names, ["p50", "p95", "p99", "errors", "throughput"]);
        assert!(json["measures"].as_array().unwrap().iter().all(|m| m["low"].as_f64() <= m["high"].as_f64()));
    }

    #[test]
    fn what_cannot_be_compared_exits_3_with_the_reason() {
        let good = sample::report(1, 20.0);
        let short = Report { seconds: good.seconds[..5].to_vec(), ..good.clone() };
        let (code, out, err) = compare(&good, &short, &[]);
        assert_eq!((code, out.as_str()), (exit::no_judgement(), ""));
        assert!(err.contains("run B has 5 usable seconds"), "{err}");
        let invalid = Report { verdict: Verdict::Invalid, reasons: vec!["no samples".into()], ..good.clone() };
        assert_eq!(compare(&invalid, &good, &[]).0, exit::no_judgement());
        assert_eq!(sample::command(&["compare", "/no/a.json", "/no/b.json"]).0, exit::invalid());
        assert_eq!(compare(&good, &good, &["--confidence", "100%"]).0, exit::invalid());
    }
}
