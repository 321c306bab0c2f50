//! Unit tests of rules, in the format and with the verdicts of `promtool test rules`.
//!
//! [`parse`] reads a file, [`run`] plays its tests against rule files: input series are loaded step by step, rules are
//! evaluated at every step from the start, alerts are compared at the step before their time, and expressions at the
//! end.

mod compare;
mod history;
mod parse;
mod raw;
mod run;
mod sequence;

pub use parse::parse;
pub(crate) use run::reads;
pub use run::{Options, run};

use promql::{Expr, Labels};
use sequence::Point;

/// A file of tests.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Name that people know it by, usually its path.
    pub name: String,
    /// Rule files as written: paths or patterns, relative to the test file.
    pub rule_files: Vec<String>,
    /// Time between evaluations, ms.
    pub evaluation_interval_ms: i64,
    /// Groups that are evaluated first, in this order; see `group_eval_order`.
    pub group_eval_order: Vec<String>,
    /// Whether values may differ in their last bit.
    pub fuzzy_compare: bool,
    /// The tests.
    pub tests: Vec<Test>,
}

/// One test: series, and what is expected of them.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name; empty if it has none.
    pub name: String,
    /// Line on which it begins.
    pub line: usize,
    /// Start, ms since the Unix epoch.
    pub start_ms: i64,
    /// Time between samples, ms.
    pub interval_ms: i64,
    /// `external_labels`, which templates see.
    pub external_labels: Labels,
    /// `external_url`, which templates see.
    pub external_url: String,
    series: Vec<InputSeries>,
    alerts: Vec<AlertCase>,
    exprs: Vec<ExprCase>,
}

#[derive(Clone, Debug)]
struct InputSeries {
    labels: Labels,
    points: Vec<Point>,
}

/// What alerts of one name are expected to fire at a time after the start.
#[derive(Clone, Debug)]
struct AlertCase {
    line: usize,
    eval_time_ms: i64,
    alertname: String,
    expected: Vec<ExpectedAlert>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ExpectedAlert {
    labels: Labels,
    annotations: Vec<(String, String)>,
}

/// What an expression is expected to yield at a time after the start.
#[derive(Clone, Debug)]
struct ExprCase {
    line: usize,
    eval_time_ms: i64,
    text: String,
    /// An expression that does not parse fails its test, not the file.
    expr: Result<Expr, String>,
    /// Samples, or why they cannot be read.
    expected: Result<Vec<(Labels, f64)>, String>,
}

/// How one test went.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name of the test; empty if it has none.
    pub test: String,
    /// Line on which it begins.
    pub line: usize,
    /// What went wrong; none for a test that passed.
    pub failures: Vec<Failure>,
    /// What the test made the rules do.
    pub exercised: Vec<Exercised>,
}

/// An expectation that was not met, or a rule that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line in the test file of the expectation; of the test, where a rule failed.
    pub line: usize,
    /// What was expected, and what was found.
    pub message: String,
}

/// What a test showed of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exercised {
    /// File of the rule: an index into the rule files of the run.
    pub file: usize,
    /// Its group.
    pub group: usize,
    /// Its place in the group.
    pub rule: usize,
    /// A met expectation has it firing.
    pub fired: bool,
    /// A met expectation has it not firing although its expression holds.
    pub pending: bool,
    /// A met expectation has it not firing because its expression does not hold.
    pub silent: bool,
    /// Series that it recorded while an expectation was met that reads them directly.
    pub read: bool,
    /// Series that it recorded, for finding out who reads them.
    pub recorded: std::collections::BTreeSet<Labels>,
}

/// What a test is about: names of alerts, and expressions.
pub(crate) fn subjects(test: &Test) -> (impl Iterator<Item = &str>, impl Iterator<Item = &Expr>) {
    let alerts = test.alerts.iter().map(|case| case.alertname.as_str());
    (alerts, test.exprs.iter().filter_map(|case| case.expr.as_ref().ok()))
}
