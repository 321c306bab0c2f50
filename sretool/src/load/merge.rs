//! `sretool load merge`: the results of workers as the result of their run.

use super::outcome::status;
use super::show::{ResultError, read, write};
use crate::exit;
use crate::io::Io;
use load::{Kind, Leniency, MergeError, Report, merge, parse_duration};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often a file that is awaited is looked for.
const TICK: Duration = Duration::from_millis(500);

/// Arguments of `sretool load merge`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Histograms add exactly: the percentiles are those of all requests, and the thresholds are held \
                        against all of them. Exit status: that of the merged run: 0 passed; 1 failed; 3 no verdict; \
                        and 2 for files that do not belong together."
)]
pub struct Args {
    /// Results of workers, as `sretool load --worker INDEX/COUNT --report FILE.json` writes them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// On standard output: text, json, html, junit, markdown, csv or hgrm [default: text, or nothing with --output]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Kind>,
    /// Write the merged result to this file; its extension tells the format; repeatable
    #[arg(long, short, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Wait so long for files that are not there yet, or not complete
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub wait: Duration,
    /// Merge although workers are missing: the others are held against their part of the rate
    #[arg(long)]
    pub allow_missing: bool,
    /// Merge results of several runs of one plan, or of workers that did not start together
    #[arg(long)]
    pub allow_different_runs: bool,
}

/// Why nothing was merged.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Result(#[from] ResultError),
    #[error("{0}")]
    Output(#[from] super::settings::UsageError),
    #[error("{error} (files: {files})")]
    Merge { error: MergeError, files: String },
    #[error("{0}")]
    Write(String),
}

/// Runs `sretool load merge`.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match merged(args, io) {
        Ok(report) => status(report.verdict),
        Err(failure) => {
            io.error(failure);
            exit::invalid()
        }
    }
}

fn merged(args: &Args, io: &mut Io<'_>) -> Result<Report, Failure> {
    let kinds = args.output.iter().map(|path| super::settings::report(path)).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let reports = args.files.iter().map(|path| await_file(path, begun, args.wait)).collect::<Result<Vec<_>, _>>()?;
    let leniency = Leniency { missing: args.allow_missing, runs: args.allow_different_runs };
    let report = merge(&reports, leniency).map_err(|error| {
        let named = |(i, path): (usize, &PathBuf)| format!("{} = {}", i + 1, path.display());
        Failure::Merge { error, files: args.files.iter().enumerate().map(named).collect::<Vec<_>>().join(", ") }
    })?;
    if let Some(kind) = args.format.or(args.output.is_empty().then_some(Kind::Text)) {
        write(None, &kind.render(&report), io).map_err(Failure::Write)?;
    }
    for (kind, path) in kinds.iter().zip(&args.output) {
        write(Some(path), &kind.render(&report), io).map_err(Failure::Write)?;
    }
    Ok(report)
}

/// Reads a result, or waits until its worker has written all of it.
fn await_file(path: &Path, begun: Instant, wait: Duration) -> Result<Report, ResultError> {
    loop {
        match read(path) {
            Err(_) if begun.elapsed() < wait => std::thread::sleep(TICK.min(wait)),
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample;
    use load::Share;

    /// Writes the results of `count` workers and gives their paths.
    fn workers(directory: &std::path::Path, count: u32) -> Vec<String> {
        let share = |index| Share { index, count };
        (0..count)
            .map(|i| sample::write(directory, &format!("w{i}.json"), &sample::worker(7, 20.0, share(i))))
            .collect()
    }

    fn merge(files: &[String], line: &[&str]) -> (ExitCode, String, String) {
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        sample::command(&[&["merge"], &files[..], line].concat())
    }

    #[test]
    fn workers_are_one_run_judged_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let files = workers(directory.path(), 4);
        let (code, out, err) = merge(&files, &["--format", "json"]);
        assert_eq!(code, exit::good(), "{err}");
        let (merged, one) = (Report::read(&out).unwrap(), sample::report(7, 20.0));
        assert_eq!(merged.whole, one.whole);
        assert_eq!((merged.scheduled, merged.target_rps), (3000, Some(100.0)));
        assert_eq!(merged.thresholds, one.thresholds);
        let (json, html) = (directory.path().join("m.json"), directory.path().join("m.html"));
        let (code, out, _) = merge(&files, &["-o", json.to_str().unwrap(), "-o", html.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (exit::good(), ""));
        assert_eq!(read(&json).unwrap(), merged);
        assert!(std::fs::read_to_string(html).unwrap().starts_with("<!doctype html>"));
    }

    #[test]
    fn a_file_that_comes_late_is_awaited() {
        let directory = tempfile::tempdir().unwrap();
        let files = workers(directory.path(), 2);
        let late = std::fs::read_to_string(&files[1]).unwrap();
        // Not complete yet, as while its worker writes it.
        std::fs::write(&files[1], &late[..100]).unwrap();
        let (code, _, err) = merge(&files, &[]);
        assert!(code == exit::invalid() && err.contains("w1.json"), "{err}");
        let path = files[1].clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            std::fs::write(path, late).unwrap();
        });
        let (code, out, err) = merge(&files, &["--wait", "60s", "--format", "markdown"]);
        writer.join().unwrap();
        assert_eq!(code, exit::good(), "{err}");
        assert!(out.starts_with("### ✅ Load test: pass"), "{out}");
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = workers(directory.path(), 3);
        files.pop();
        let (code, out, err) = merge(&files, &[]);
        assert_eq!((code, out.as_str()), (exit::invalid(), ""));
        assert!(
            err.contains("1 are missing: 2; --allow-missing") && err.contains("1 = ") && err.contains("w0.json"),
            "{err}"
        );
        assert_eq!(merge(&files, &["--allow-missing"]).0, exit::good());
        let whole = sample::write(directory.path(), "whole.json", &sample::report(7, 20.0));
        assert!(merge(&[whole], &[]).2.contains("--worker INDEX/COUNT"));
        assert_eq!(sample::command(&["merge"]).0, exit::invalid());
    }
}
