//! A report over several objectives.

use crate::evaluate::{SloReport, Status, rfc3339};
use crate::policy::{Gate, Policy, PolicyStep};
use serde::Serialize;

/// The judgement over all objectives: the worst of theirs, where no data is worse than a danger but better than a
/// breach.
pub type Verdict = Status;

/// How objectives stood at a time, as a source saw them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Time of evaluation, RFC 3339.
    pub at: String,
    /// URL or file that answered.
    pub source: String,
    /// The objectives.
    pub slos: Vec<SloReport>,
    /// What the error-budget policy says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyReport>,
    /// The judgement over all.
    pub verdict: Verdict,
}

/// What an error-budget policy says about a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyReport {
    /// The policy's name.
    pub name: String,
    /// What a gate does.
    pub gate: Gate,
    /// The steps that objectives have reached: identifier, group and step.
    pub reached: Vec<Reached>,
}

/// A step that an objective has reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Identifier of the objective.
    pub id: String,
    /// Values of the labels that it is grouped by, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The step.
    #[serde(flatten)]
    pub step: PolicyStep,
}

impl Reached {
    /// The objective as people read it: identifier and group.
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.id.clone() } else { format!("{} {{{}}}", self.id, self.group) }
    }
}

impl Report {
    /// Gathers reports made at a time (milliseconds since the Unix epoch).
    pub fn new(at_ms: i64, source: &str, slos: Vec<SloReport>) -> Self {
        let verdict = slos.iter().map(|slo| slo.status).max().unwrap_or(Status::NoData);
        Self { at: rfc3339(at_ms), source: source.to_owned(), slos, policy: None, verdict }
    }

    /// The same with what a policy says.
    #[must_use]
    pub fn with_policy(mut self, policy: &Policy) -> Self {
        let gate = self.slos.iter().map(|slo| policy.gate(slo)).max().unwrap_or(policy.no_data);
        let reached = self.slos.iter().filter_map(|slo| {
            let step = policy.step(slo)?.clone();
            Some(Reached { id: slo.id.clone(), group: slo.group_text(), step })
        });
        self.policy = Some(PolicyReport { name: policy.name.clone(), gate, reached: reached.collect() });
        self
    }
}

impl SloReport {
    /// Its group as people read it: `tenant=a, cluster=b`; empty without groups.
    pub fn group_text(&self) -> String {
        let pairs: Vec<_> = self.group.iter().map(|(label, value)| format!("{label}={value}")).collect();
        pairs.join(", ")
    }
}
