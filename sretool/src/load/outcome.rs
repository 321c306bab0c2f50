//! The end of a run: reports, result and exit status.

use super::session::Ended;
use super::settings::Settings;
use crate::exit;
use crate::io::Io;
use load::{Kind, Meta, Report, Verdict};
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
    let mut report = Report::new(&settings.plan, &ended.totals, ended.interrupted);
    report.meta = Meta { started_at_ms: ended.started_at_ms, ..settings.meta.clone() };
    let mut written = true;
    for (kind, path) in &settings.reports {
        if let Err(error) = std::fs::write(path, kind.render(&report)) {
            io.error(format_args!("report {}: {error}", path.display()));
            written = false;
        }
    }
    io.line(settings.format.render(&report).trim_end());
    if settings.format != Kind::Text {
        // Standard output is for the program that reads it; whoever reads the log wants the reason too.
        report.reasons.iter().for_each(|reason| io.note(reason));
    }
    if written { status(report.verdict) } else { exit::invalid() }
}

/// The exit status of a verdict.
pub(super) fn status(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Pass => exit::good(),
        Verdict::Fail => exit::failed(),
        Verdict::Invalid => exit::no_judgement(),
    }
}
