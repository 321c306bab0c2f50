//! A linter for Grafana dashboards, from this crate or from anywhere.

mod parsed;
mod rules;
#[cfg(test)]
mod tests;

pub use rules::{RULES, Rule};

use parsed::Parsed;
use std::fmt;

/// How bad a finding is. Only [`Severity::Information`] leaves a dashboard good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Could be better.
    Information,
    /// Will confuse a reader.
    Warning,
    /// Does not work.
    Bug,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Bug => "bug",
        })
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Title of the panel, or its number where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// The result of linting one dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// PromQL expressions seen.
    pub exprs: usize,
    /// Expressions that parse.
    pub parsed: usize,
    /// Findings in order of rules.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing worse than information was found.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|f| f.severity == Severity::Information)
    }
}

/// The text is no dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotADashboard {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Why.
    pub cause: String,
}

impl fmt::Display for NotADashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: not a Grafana dashboard: {}", self.line, self.column, self.cause)
    }
}

impl std::error::Error for NotADashboard {}

/// Lints a dashboard, bare or wrapped as `{"dashboard": …}` like the API wraps it.
///
/// # Errors
/// [`NotADashboard`] where the text is no JSON, or is JSON without panels.
pub fn lint(json: &str) -> Result<Report, NotADashboard> {
    let dashboard = Parsed::from_json(json)?;
    let mut report = Report::default();
    for (expr, _) in dashboard.promql() {
        report.exprs += 1;
        report.parsed += usize::from(promql::parse(&dashboard.substituted(expr)).is_ok());
    }
    for rule in RULES {
        (rule.check)(&dashboard, &mut |severity, panel, message| {
            report.findings.push(Finding { rule: rule.name, severity, panel, message });
        });
    }
    Ok(report)
}
