//! What would keep a platform from working, read from its manifests and, where there are any, from its pods' states.

mod live;
mod references;
mod scaling;
mod traffic;

use crate::cluster::Cluster;
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but not as well as it should.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is wrong: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Kind and name of what it is about.
    pub subject: String,
    /// Cause.
    pub cause: String,
    /// Remedy.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, subject, cause, remedy } = self;
        write!(f, "{}: {subject}: {cause}; {remedy}", severity.as_str())
    }
}

/// Collects findings.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        subject: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Finding { severity, subject: subject.into(), cause: cause.into(), remedy: remedy.into() });
    }

    fn error(&mut self, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, subject, cause, remedy);
    }

    fn warning(&mut self, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, subject, cause, remedy);
    }
}

/// All findings, errors first.
pub fn diagnose(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Findings::default();
    let workloads = cluster.workloads();
    references::check(cluster, &workloads, &mut findings);
    traffic::check(cluster, &workloads, &mut findings);
    scaling::check(cluster, &workloads, &mut findings);
    live::check(cluster, &mut findings);
    let mut findings = findings.0;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

#[cfg(test)]
mod tests;
