//! `sretool alerts test`: promtool's unit tests of rules, with coverage.

use super::suite::Suites;
use crate::exit;
use crate::io::Io;
use alerts::coverage::{Coverage, RuleCoverage};
use alerts::unit_test::{self, Options, Report};
use regex::Regex;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sretool alerts test`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Test files in the format of `promtool test rules`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only tests whose name matches
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Say which rules the tests exercise
    #[arg(long)]
    coverage: bool,
    /// Exit 1 below this coverage
    #[arg(long, value_name = "PERCENT", requires = "coverage")]
    min: Option<f64>,
    /// Count the rules of these files too, tested or not
    #[arg(long, value_name = "FILE", requires = "coverage")]
    rules: Vec<PathBuf>,
    /// Evaluate as this Prometheus does; 2.42 counts samples on both ends of a range
    #[arg(long, value_name = "VERSION", value_parser = ["3", "2.42"], default_value = "3")]
    compat: String,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    Junit,
}

/// What came of one test file.
struct FileResult {
    name: String,
    /// Why it could not be played.
    problems: Vec<String>,
    reports: Vec<Report>,
}

impl FileResult {
    fn failed(&self) -> bool {
        !self.problems.is_empty() || self.reports.iter().any(|report| !report.failures.is_empty())
    }
}

/// Plays the tests: 0 when all pass, 1 otherwise, unreadable files included, as promtool does.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    let mut suites = Suites::default();
    let mut coverage = Coverage::default();
    let mut results = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        if let Err(problems) = suites.add(path) {
            results.push(FileResult { name, problems, reports: Vec::new() });
            continue;
        }
        let Some(suite) = suites.suites.last() else { continue };
        let files = suites.files_of(suite);
        let options = Options { only: args.run.clone(), compat: super::compat(&args.compat), ..Options::default() };
        let reports = unit_test::run(&suite.tests, &files, &options);
        coverage.add_reports(&files, &reports);
        results.push(FileResult { name, problems: Vec::new(), reports });
    }
    for path in &args.rules {
        match super::check::read(path) {
            Ok(file) => coverage.add_rules(&[file]),
            Err(problems) => {
                problems.iter().for_each(|problem| io.note(problem));
                return exit::invalid();
            }
        }
    }
    match args.format {
        Format::Text => text(&results, args.coverage.then_some(&coverage), io),
        Format::Json => io.line(json(&results, args.coverage.then_some(&coverage))),
        Format::Junit => io.line(junit(&results)),
    }
    let failed = results.iter().any(FileResult::failed);
    if failed || !enough(args.min, &coverage, io) { exit::failed() } else { exit::good() }
}

fn enough(min: Option<f64>, coverage: &Coverage, io: &mut Io<'_>) -> bool {
    let Some(min) = min else { return true };
    let percent = coverage.percent();
    let enough = percent.is_some_and(|percent| percent >= min);
    if !enough {
        let found = percent.map_or("no rules".to_owned(), |percent| format!("{percent:.1} %"));
        io.error(format_args!("coverage is {found}, at least {min} % were asked for; add tests for the rules above"));
    }
    enough
}

fn text(results: &[FileResult], coverage: Option<&Coverage>, io: &mut Io<'_>) {
    for result in results {
        let failed = result.reports.iter().filter(|report| !report.failures.is_empty()).count();
        let verdict = if result.failed() { "FAILED" } else { "ok" };
        io.line(format_args!(
            "{}: {verdict}: {} of {} tests passed",
            result.name,
            result.reports.len() - failed,
            result.reports.len()
        ));
        for problem in &result.problems {
            io.line(format_args!("  {problem}"));
        }
        for report in result.reports.iter().filter(|report| !report.failures.is_empty()) {
            let name = if report.test.is_empty() { "a test without name" } else { &report.test };
            io.line(format_args!("  {}:{}: {name}", result.name, report.line));
            for failure in &report.failures {
                io.line(format_args!("  {}:{}: {}", result.name, failure.line, failure.message));
            }
        }
    }
    let Some(coverage) = coverage else { return };
    for rule in coverage.rules() {
        if let Some(missing) = rule.missing() {
            io.line(format_args!("{}:{}: {} ({}): {missing}", rule.file, rule.line, rule.name, rule.group));
        }
    }
    let covered = coverage.rules().iter().filter(|rule| rule.covered()).count();
    let percent = coverage.percent().map_or("no rules".to_owned(), |percent| format!("{percent:.1} %"));
    io.line(format_args!("coverage: {covered} of {} rules: {percent}", coverage.rules().len()));
}

fn json(results: &[FileResult], coverage: Option<&Coverage>) -> serde_json::Value {
    let file = |result: &FileResult| {
        let tests: Vec<_> = result.reports.iter().map(test_json).collect();
        json!({"file": result.name, "ok": !result.failed(), "problems": result.problems, "tests": tests})
    };
    let files: Vec<_> = results.iter().map(file).collect();
    let mut out = json!({"ok": !results.iter().any(FileResult::failed), "files": files});
    if let Some(coverage) = coverage {
        let rules: Vec<_> = coverage.rules().iter().map(rule_json).collect();
        out["coverage"] = json!({"percent": coverage.percent(), "rules": rules});
    }
    out
}

fn test_json(report: &Report) -> serde_json::Value {
    let failures: Vec<_> = report.failures.iter().map(|f| json!({"line": f.line, "message": f.message})).collect();
    json!({"name": report.test, "line": report.line, "ok": failures.is_empty(), "failures": failures})
}

fn rule_json(rule: &RuleCoverage) -> serde_json::Value {
    json!({
        "file": rule.file, "line": rule.line, "group": rule.group, "name": rule.name, "alerting": rule.alerting,
        "covered": rule.covered(), "fired": rule.fired, "pending": rule.pending, "silent": rule.silent,
        "read": rule.read,
    })
}

fn junit(results: &[FileResult]) -> String {
    use std::fmt::Write as _;
    let escape = crate::xml::escape;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for result in results {
        let failures = result.reports.iter().filter(|report| !report.failures.is_empty()).count();
        let errors = usize::from(!result.problems.is_empty());
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">",
            escape(&result.name),
            result.reports.len() + errors
        );
        if errors > 0 {
            let _ = writeln!(
                xml,
                "    <testcase name=\"file\"><error message=\"{}\"/></testcase>",
                escape(&result.problems.join("; "))
            );
        }
        for report in &result.reports {
            let name = if report.test.is_empty() { format!("line {}", report.line) } else { report.test.clone() };
            let _ = write!(xml, "    <testcase name=\"{}\">", escape(&name));
            for failure in &report.failures {
                let message = format!("{}:{}: {}", result.name, failure.line, failure.message);
                let _ = write!(xml, "<failure message=\"{}\"/>", escape(&message));
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>");
    xml
}
