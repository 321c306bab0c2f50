//! `sretool alerts drift`: rules as written against rules as a server runs them.

use crate::exit;
use crate::io::Io;
use crate::source::{RuleGroup, RuleStatus, Source};
use alerts::drift::{Difference, DifferenceKind, LiveGroup, LiveRule, compare};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool alerts drift`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rule files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Address of the Prometheus API [default: PROMETHEUS_URL, else http://127.0.0.1:9090]
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// 0 when both are the same, 1 when they differ, 2 for unreadable files, 3 when the server does not answer.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let mut files = Vec::new();
    for path in &args.files {
        match super::check::read(path) {
            Ok(file) => files.push(file),
            Err(problems) => {
                problems.iter().for_each(|problem| io.note(problem));
                return exit::invalid();
            }
        }
    }
    let source = match Source::resolve(args.prometheus.as_deref()) {
        Ok(source) => source,
        Err(error) => {
            io.error(error);
            return exit::invalid();
        }
    };
    let live = match crate::runtime::block_on(source.rules()) {
        Ok(groups) => groups.into_iter().map(live_group).collect::<Vec<_>>(),
        Err(error) => {
            io.error(format_args!("{error}; name the server with --prometheus"));
            return exit::no_judgement();
        }
    };
    let differences = compare(&files, &live);
    if args.format == Format::Json {
        io.line(json!(differences.iter().map(difference_json).collect::<Vec<_>>()));
    } else {
        differences.iter().for_each(|difference| io.line(difference));
        let rules: usize = files.iter().flat_map(|file| &file.groups).map(|group| group.rules.len()).sum();
        io.line(format_args!("{rules} rules compared with {}: {} differences", source.name(), differences.len()));
    }
    if differences.is_empty() { exit::good() } else { exit::failed() }
}

fn live_group(group: RuleGroup) -> LiveGroup {
    LiveGroup { name: group.name, file: group.file, rules: group.rules.into_iter().map(live_rule).collect() }
}

fn live_rule(rule: RuleStatus) -> LiveRule {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
    LiveRule {
        name: rule.name,
        alerting: rule.kind == "alerting",
        query: rule.query,
        for_ms: ms(rule.duration),
        keep_firing_for_ms: ms(rule.keep_firing_for),
        labels: rule.labels,
        annotations: rule.annotations,
        error: (rule.health == "err").then_some(rule.last_error),
    }
}

fn difference_json(difference: &Difference) -> serde_json::Value {
    let (kind, detail) = match &difference.kind {
        DifferenceKind::Added => ("added", json!(null)),
        DifferenceKind::Removed => ("removed", json!(null)),
        DifferenceKind::Unhealthy(error) => ("unhealthy", json!(error)),
        DifferenceKind::Edited(changes) => {
            let change = |(what, written, running): &(String, String, String)| json!({"what": what, "written": written, "running": running});
            ("edited", json!(changes.iter().map(change).collect::<Vec<_>>()))
        }
    };
    let (file, line) = difference.place.clone().unzip();
    json!({
        "kind": kind, "group": difference.group, "rule": difference.rule, "labels": difference.labels.to_string(),
        "file": file, "line": line, "detail": detail,
    })
}
