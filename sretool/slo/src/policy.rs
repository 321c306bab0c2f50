//! Error-budget policies: what a team does when so much of a budget is left.
//!
//! ```yaml
//! apiVersion: sretool.dev/v1
//! kind: ErrorBudgetPolicy
//! metadata: {name: default}
//! spec:
//!   noData: undecided
//!   steps:
//!     - remainingPercent: 50
//!       action: warn
//!       text: Look at the largest causes in the weekly meeting.
//!     - remainingPercent: 0
//!       action: fail
//!       text: Only fixes are released until the budget recovers.
//! ```
//!
//! A step is reached when no more than its share of the budget is left; the lowest one reached counts. The Site
//! Reliability Workbook, appendix B, has an example of such a policy in prose.

use crate::evaluate::{SloReport, Status};
use crate::fields::Fields;
use crate::finding::{Collector, Finding};
use crate::yaml::{self, Node};
use serde::Serialize;

pub(crate) const API_VERSION: &str = "sretool.dev/v1";
pub(crate) const KIND: &str = "ErrorBudgetPolicy";

/// Rounding errors do not reach a step.
const ROUNDING: f64 = 1e-9;

/// What a gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Lets the change through.
    Pass,
    /// Lets it through, with something to say.
    Warn,
    /// Cannot tell, as there are no data.
    Undecided,
    /// Holds the change back.
    Fail,
}

/// What to do when so much of a budget is left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyStep {
    /// The step is reached when no more than this share is left, in percent.
    pub remaining_percent: f64,
    /// What a gate does.
    pub action: Gate,
    /// What people do.
    pub text: String,
}

/// An error-budget policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// Steps, the least urgent first.
    pub steps: Vec<PolicyStep>,
    /// What a gate does without data.
    pub no_data: Gate,
}

impl Default for Policy {
    /// Only a budget that is overspent holds changes back.
    fn default() -> Self {
        let text = "The error budget is spent: release fixes only.".to_owned();
        let steps = vec![PolicyStep { remaining_percent: 0.0, action: Gate::Fail, text }];
        Self { name: "built-in".to_owned(), steps, no_data: Gate::Undecided }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        let mut out = Collector::new(file);
        let policy = match yaml::parse(text) {
            Err(error) => {
                out.error(error.at, "yaml", error.message, None);
                None
            }
            Ok(nodes) => match nodes.as_slice() {
                [node] => read(node, &mut out),
                _ => {
                    let at = nodes.get(1).map_or(crate::Position { line: 1, column: 1 }, |node| node.at);
                    let message = format!("the file holds {} documents", nodes.len());
                    out.error(at, "length", message, Some("write exactly one policy".into()));
                    None
                }
            },
        };
        match policy {
            Some(policy) if out.findings.is_empty() => Ok(policy),
            _ => {
                crate::finding::quote(&mut out.findings, file, text);
                Err(out.findings)
            }
        }
    }

    /// The lowest step that an objective has reached.
    pub fn step(&self, report: &SloReport) -> Option<&PolicyStep> {
        let left = report.error_budget_remaining? * 100.0;
        self.steps
            .iter()
            .filter(|step| left <= step.remaining_percent + ROUNDING)
            .min_by(|a, b| a.remaining_percent.total_cmp(&b.remaining_percent))
    }

    /// What a gate does about one objective.
    pub fn gate(&self, report: &SloReport) -> Gate {
        if report.status == Status::NoData {
            return self.no_data;
        }
        self.step(report).map_or(Gate::Pass, |step| step.action)
    }
}

pub(crate) fn read(node: &Node, out: &mut Collector) -> Option<Policy> {
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], out)?;
    for (key, value) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        if let Some(text) = fields.required_text(key, out).filter(|text| text.value != value) {
            out.error(text.at, "value", format!("{key} cannot be {:?}", text.value), Some(format!("write {value}")));
        }
    }
    let metadata = Fields::open(fields.required_node("metadata", out)?, "metadata", &["name"], out)?;
    let name = metadata.required_text("name", out);
    let spec = Fields::open(fields.required_node("spec", out)?, "spec", &["noData", "steps"], out)?;
    let no_data = match spec.one_of("noData", &["undecided", "pass", "fail"], out).map(|text| text.value) {
        Some("pass") => Gate::Pass,
        Some("fail") => Gate::Fail,
        _ => Gate::Undecided,
    };
    spec.required_node("steps", out)?;
    let items = spec.list("steps", out);
    if items.is_empty() {
        out.error(spec.place_of("steps"), "required", "a policy without steps".into(), Some("add one".into()));
    }
    let read = |(i, node): (usize, &Node)| step(node, &format!("spec.steps[{i}]"), out);
    let mut steps: Vec<_> = items.iter().enumerate().filter_map(read).collect();
    steps.sort_by(|a, b| b.remaining_percent.total_cmp(&a.remaining_percent));
    Some(Policy { name: name?.value.to_owned(), steps, no_data })
}

fn step(node: &Node, path: &str, out: &mut Collector) -> Option<PolicyStep> {
    let keys = ["remainingPercent", "action", "text"];
    let fields = Fields::open(node, path, &keys, out)?;
    for key in ["remainingPercent", "action"] {
        fields.required_node(key, out);
    }
    let (remaining_percent, at) = fields.number("remainingPercent", out)?;
    if remaining_percent > 100.0 {
        let message = format!("no budget has {remaining_percent} % left");
        out.error(at.at, "value", message, Some("write 100 or less".into()));
    }
    let action = match fields.one_of("action", &["warn", "fail"], out)?.value {
        "warn" => Gate::Warn,
        _ => Gate::Fail,
    };
    let text = fields.text("text", out).map(|text| text.value.to_owned()).unwrap_or_default();
    Some(PolicyStep { remaining_percent, action, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Unit, evaluate};

    const POLICY: &str = "apiVersion: sretool.dev/v1\nkind: ErrorBudgetPolicy\nmetadata: {name: default}\nspec:\n  \
        noData: fail\n  steps:\n  - {remainingPercent: 0, action: fail, text: stop}\n  \
        - {remainingPercent: 50, action: warn, text: look}\n  - {remainingPercent: 20, action: warn}\n";

    fn report(left: Option<f64>) -> SloReport {
        let text = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec:\n  service: shop\n  \
            timeWindow: [{duration: 30d, isRolling: true}]\n  budgetingMethod: Occurrences\n  \
            objectives: [{target: 0.99}]\n  indicator:\n    metadata: {name: ok}\n    spec:\n      ratioMetric:\n        \
            counter: true\n        bad: {metricSource: {spec: {query: p}}}\n        \
            total: {metricSource: {spec: {query: t}}}\n";
        let slo = crate::Catalog::load([("a.yaml", text)]).slos.remove(0);
        let mut report = evaluate(&slo, &crate::Answers::default(), &crate::Request::at(0)).remove(0);
        assert_eq!((report.status, report.unit), (Status::NoData, Unit::Events));
        (report.error_budget_remaining, report.status) = (left, Status::judge(left, false));
        report
    }

    #[test]
    fn the_lowest_step_that_is_reached_counts() {
        let policy = Policy::parse("p.yaml", POLICY).unwrap();
        let at = |left| policy.step(&report(Some(left))).map(|step| step.remaining_percent);
        assert_eq!(
            [at(0.6), at(0.5), at(0.21), at(0.2), at(0.0), at(-3.0)],
            [None, Some(50.0), Some(50.0), Some(20.0), Some(0.0), Some(0.0)]
        );
        let gate = |left| policy.gate(&report(left));
        assert_eq!(
            [gate(Some(0.6)), gate(Some(0.3)), gate(Some(-0.1)), gate(None)],
            [Gate::Pass, Gate::Warn, Gate::Fail, Gate::Fail]
        );
        assert_eq!(Policy::default().gate(&report(None)), Gate::Undecided);
        assert_eq!(Policy::default().gate(&report(Some(0.01))), Gate::Pass);
    }

    #[test]
    fn mistakes_are_reported_with_their_place() {
        let found = |from: &str, to: &str| {
            let findings = Policy::parse("p.yaml", &POLICY.replacen(from, to, 1)).unwrap_err();
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(found("action: fail", "action: fial").contains("p.yaml:7:35: error"));
        assert!(found("remainingPercent: 0", "remaining: 0").contains("unknown key \"spec.steps[0].remaining\""));
        assert!(found("remainingPercent: 50", "remainingPercent: 101").contains("write 100 or less"));
        assert!(found("sretool.dev/v1", "sretool.dev/v2").contains("write sretool.dev/v1"));
        assert!(found("kind: ErrorBudgetPolicy", "kind: SLO").contains("write ErrorBudgetPolicy"));
        assert!(found("metadata", "---\nmetadata").contains("2 documents"));
        assert!(Policy::parse("p.yaml", "[").is_err() && Policy::parse("p.yaml", "").is_err());
    }
}
