//! `sretool load show`: a result file in any format.

use super::outcome::status;
use crate::exit;
use crate::io::Io;
use load::{Kind, Latency, Report, hgrm};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `sretool load show`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit status: that of the run: 0 passed; 1 failed; 3 no verdict; and 2 for a file that is no \
                        result.")]
pub struct Args {
    /// A result, as `sretool load --report FILE.json` writes it
    pub file: PathBuf,
    /// text, json, html, junit, markdown, csv (a row a second) or hgrm (percentile distribution)
    #[arg(long, default_value_t = Kind::Text, value_name = "FORMAT")]
    pub format: Kind,
    /// With hgrm: only this route, such as 'POST /v1/orders'
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    /// With hgrm: which time
    #[arg(long, value_enum, default_value_t = Time::Response)]
    pub time: Time,
    /// Write to this file instead of standard output; its extension tells the format
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which of the three times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Time {
    /// Intended start to last byte.
    Response,
    /// Actual start to last byte.
    Service,
    /// Intended start to actual start.
    Lag,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error("{0}")]
    Result(#[from] ResultError),
    #[error("{0}")]
    Output(#[from] super::settings::UsageError),
    #[error("--route and --time are for --format hgrm")]
    Selection,
    #[error("no route {route:?} in {file}; there are: {known}")]
    Route { route: String, file: String, known: String },
}

/// A result file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResultError {
    #[error("{file}: {cause}")]
    Unreadable { file: String, cause: std::io::Error },
    #[error("{file}: {cause}")]
    Malformed { file: String, cause: load::ReadError },
}

/// Reads a result file.
pub(super) fn read(path: &Path) -> Result<Report, ResultError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|cause| ResultError::Unreadable { file: file.clone(), cause })?;
    Report::read(&text).map_err(|cause| ResultError::Malformed { file, cause })
}

/// Runs `sretool load show`.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match show(args) {
        Ok((report, text)) => match write(args.output.as_deref(), &text, io) {
            Ok(()) => status(report.verdict),
            Err(error) => {
                io.error(error);
                exit::invalid()
            }
        },
        Err(error) => {
            io.error(error);
            exit::invalid()
        }
    }
}

/// Writes a text to a file, or to standard output without one.
pub(super) fn write(path: Option<&Path>, text: &str, io: &mut Io<'_>) -> Result<(), String> {
    match path {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display())),
        None => {
            io.line(text.trim_end());
            Ok(())
        }
    }
}

fn show(args: &Args) -> Result<(Report, String), ShowError> {
    let kind = args.output.as_deref().map(super::settings::report).transpose()?.unwrap_or(args.format);
    let selected = args.route.is_some() || args.time != Time::Response;
    if selected && kind != Kind::Hgrm {
        return Err(ShowError::Selection);
    }
    let report = read(&args.file)?;
    let text = if selected { hgrm(&selection(args, &report)?) } else { kind.render(&report) };
    Ok((report, text))
}

fn selection(args: &Args, report: &Report) -> Result<Latency, ShowError> {
    let stats = match &args.route {
        None => report.whole.overall(),
        Some(route) => report.whole.routes.get(route).cloned().ok_or_else(|| ShowError::Route {
            route: route.clone(),
            file: args.file.display().to_string(),
            known: report.whole.routes.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })?,
    };
    Ok(match args.time {
        Time::Response => stats.response,
        Time::Service => stats.service,
        Time::Lag => stats.lag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sample;

    fn show(line: &[&str]) -> (ExitCode, String, String) {
        crate::load::sample::command(&[&["show"], line].concat())
    }

    #[test]
    fn a_result_is_shown_in_every_format_with_the_status_of_its_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = sample::write(directory.path(), "a.json", &sample::report(1, 20.0));
        for kind in Kind::ALL {
            let (code, out, err) = show(&[&file, "--format", kind.name()]);
            assert_eq!(code, exit::good(), "{kind}: {err}");
            let report = sample::report(1, 20.0);
            // The bytes of an encoded histogram depend on how it grew, its counts do not.
            match kind {
                Kind::Json => assert_eq!(Report::read(&out).unwrap(), report),
                _ => assert_eq!(out, kind.render(&report), "{kind}"),
            }
        }
        let slow = sample::write(directory.path(), "b.json", &sample::report(1, 500.0));
        assert_eq!(show(&[&slow]).0, exit::failed());
        let page = directory.path().join("b.html");
        let (code, out, _) = show(&[&slow, "-o", page.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (exit::failed(), ""));
        assert!(std::fs::read_to_string(page).unwrap().starts_with("<!doctype html>"));
    }

    #[test]
    fn hgrm_is_of_one_route_and_one_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = sample::write(directory.path(), "a.json", &sample::report(1, 20.0));
        let (_, out, _) = show(&[&file, "--format", "hgrm", "--route", "GET /a", "--time", "lag"]);
        let report = sample::report(1, 20.0);
        assert!(out.contains(&format!("Total count    = {:12}", report.whole.routes["GET /a"].lag.count())), "{out}");
        let (code, _, err) = show(&[&file, "--format", "hgrm", "--route", "GET /z"]);
        assert_eq!(code, exit::invalid());
        assert!(err.contains("GET /z") && err.contains("GET /a"), "{err}");
        assert_eq!(show(&[&file, "--time", "lag"]).0, exit::invalid());
    }

    #[test]
    fn what_is_no_result_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.json");
        std::fs::write(&path, "{}").unwrap();
        let (code, out, err) = show(&[path.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (exit::invalid(), ""));
        assert!(err.contains("x.json") && err.contains("--report FILE.json"), "{err}");
        assert_eq!(show(&["/no/such/file.json"]).0, exit::invalid());
    }
}
