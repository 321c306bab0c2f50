//! The end of a run: reports, result and exit status.

use super::Format;
use super::session::Ended;
use super::settings::{ReportKind, Settings};
use crate::exit;
use crate::io::Io;
use load::{Report, Verdict, html, junit, text};
use std::process::ExitCode;

/// Writes reports and result.
pub(super) fn conclude(settings: &Settings, ended: &Ended, io: &mut Io<'_>) -> ExitCode {
    if let Some(failure) = &ended.failure {
        io.error(failure);
        if failure.contains("connection refused") {
            io.note(
                "remedy: start the services (`sretool up` runs all three), or name another with --user-service, \
                     --order-service and --notification-service, or any URL with --url",
            );
        }
        return exit::no_judgement();
    }
    let report = Report::new(&settings.plan, &ended.totals, ended.interrupted);
    let mut written = true;
    for (kind, path) in &settings.reports {
        let content = match kind {
            ReportKind::Html => html(&report),
            ReportKind::Json => report.to_json() + "\n",
            ReportKind::Junit => junit(&report),
        };
        if let Err(error) = std::fs::write(path, content) {
            io.error(format_args!("report {}: {error}", path.display()));
            written = false;
        }
    }
    match settings.format {
        Format::Text => io.line(text(&report).trim_end()),
        Format::Json => {
            io.line(report.to_json());
            // Standard output is for the program that reads it; whoever reads the log wants the reason too.
            report.reasons.iter().for_each(|reason| io.note(reason));
        }
    }
    match report.verdict {
        _ if !written => exit::invalid(),
        Verdict::Pass => exit::good(),
        Verdict::Fail => exit::failed(),
        Verdict::Invalid => exit::no_judgement(),
    }
}
