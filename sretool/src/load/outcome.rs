//! The end of a run: reports, result and exit status.

use super::annotate::Annotator;
use super::session::Ended;
use super::settings::Settings;
use super::{gate, server_side};
use crate::exit;
use crate::io::Io;
use load::{Kind, Meta, Report, Verdict};
use std::process::ExitCode;

/// Writes reports and result.
pub(super) fn conclude(settings: &Settings, ended: &Ended, annotator: Option<Annotator>, io: &mut Io<'_>) -> ExitCode {
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
    let mut report = judged(settings, ended, io);
    report.meta = Meta { started_at_ms: ended.started_at_ms, ..settings.meta.clone() };
    report.server = server_side::panels(settings, ended);
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
    if let Some(warning) = annotator.and_then(|annotator| annotator.finish(&report)) {
        io.note(format_args!("warning: no annotation: {warning}"));
    }
    if written { status(report.verdict) } else { exit::invalid() }
}

fn judged(settings: &Settings, ended: &Ended, io: &mut Io<'_>) -> Report {
    let report = Report::new(&settings.plan, &ended.totals, ended.interrupted).aborted(ended.aborted.clone());
    if settings.gate.is_empty() {
        return report;
    }
    match gate::judge(settings, ended, io) {
        Ok(gate) => {
            for slo in gate.iter().filter(|slo| slo.disagreement.is_some()) {
                io.note(format_args!("{}: {}", slo.slo, slo.disagreement.as_deref().unwrap_or_default()));
            }
            report.gated(gate)
        }
        Err(reason) => report.ungated(reason),
    }
}

/// The exit status of a verdict.
pub(super) fn status(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Pass => exit::good(),
        Verdict::Fail => exit::failed(),
        Verdict::Invalid => exit::no_judgement(),
    }
}
