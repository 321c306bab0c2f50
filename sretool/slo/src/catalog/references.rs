//! Names of objects that no file defines.
//!
//! A document that refers to another is valid without it, as the reference SDK says; only an indicator is needed to
//! evaluate an objective. So a name is looked up where objects of its kind have been given at all, and only warned of.

use crate::finding::{Collector, Finding, Position, closest};
use crate::model::{AlertPolicy, Body, Document, IndicatorSource, Kind, Metric, MetricSource, SloSpec, Use};

/// A warning for every name that is none of the documents'.
pub(super) fn check(documents: &[Document]) -> Vec<Finding> {
    let known = Known(documents);
    let mut findings = Vec::new();
    for document in documents {
        let mut out = Collector::new(&document.file);
        match &document.body {
            Body::Slo(spec) => known.slo(document, spec, &mut out),
            Body::Sli(indicator) => known.metric(&indicator.metric, &mut out),
            Body::AlertPolicy(policy) => known.policy(policy, &mut out),
            _ => {}
        }
        findings.append(&mut out.findings);
    }
    findings
}

struct Known<'d>(&'d [Document]);

impl Known<'_> {
    fn look_up(&self, kind: Kind, name: &str, at: Position, out: &mut Collector) {
        let same = self.0.iter().filter(|document| document.body.kind() == kind);
        let names: Vec<_> = same.map(|document| document.metadata.name.as_str()).collect();
        if names.is_empty() || names.contains(&name) {
            return;
        }
        let remedy = match closest(name, &names) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("give the file that holds this {kind} as well"),
        };
        out.warning(at, "reference", format!("no {kind} is named {name:?}"), Some(remedy));
    }

    fn slo(&self, document: &Document, spec: &SloSpec, out: &mut Collector) {
        if spec.origin == crate::model::Origin::OpenSlo {
            self.look_up(Kind::Service, &spec.service, document.at, out);
        }
        for policy in &spec.alert_policies {
            match policy {
                Use::Inline(policy) => self.policy(policy, out),
                Use::Reference(name, at) => self.look_up(Kind::AlertPolicy, name, *at, out),
            }
        }
        let own = spec.objectives.iter().filter_map(|objective| objective.indicator.as_ref());
        for source in own.chain([&spec.indicator]) {
            if let IndicatorSource::Inline(indicator) = source {
                self.metric(&indicator.metric, out);
            }
        }
    }

    fn policy(&self, policy: &AlertPolicy, out: &mut Collector) {
        for condition in &policy.conditions {
            if let Use::Reference(name, at) = condition {
                self.look_up(Kind::AlertCondition, name, *at, out);
            }
        }
        for target in &policy.targets {
            if let Use::Reference(name, at) = target {
                self.look_up(Kind::AlertNotificationTarget, name, *at, out);
            }
        }
    }

    fn metric(&self, metric: &Metric, out: &mut Collector) {
        let sources: Vec<&MetricSource> = match metric {
            Metric::GoodTotal { good, total, .. } => vec![good, total],
            Metric::BadTotal { bad, total, .. } => vec![bad, total],
            Metric::Raw { raw, .. } => vec![raw],
            Metric::Threshold(source) | Metric::BoolGauge(source) => vec![source],
            Metric::NativeLatency { histogram, .. } => vec![histogram],
        };
        for source in sources {
            if let Some(name) = &source.reference {
                self.look_up(Kind::DataSource, name, source.at, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalog;

    const POLICY: &str = "apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: page}\nspec:\n  \
        alertWhenBreaching: true\n  conditions:\n    - conditionRef: fast-burn\n  notificationTargets:\n    \
        - targetRef: on-call\n";
    const CONDITION: &str = "apiVersion: openslo/v1\nkind: AlertCondition\nmetadata: {name: fast-burn}\nspec:\n  \
        severity: page\n  condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h}\n";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        Catalog::load(files.iter().copied()).findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_looked_up_across_files() {
        assert_eq!(found(&[("policy.yaml", POLICY)]), Vec::<String>::new(), "nothing to look it up in");
        assert_eq!(found(&[("policy.yaml", POLICY), ("condition.yaml", CONDITION)]), Vec::<String>::new());
        let other = CONDITION.replace("fast-burn", "fast-burns");
        assert_eq!(
            found(&[("policy.yaml", POLICY), ("condition.yaml", &other)]),
            [
                "policy.yaml:7:21: warning: no AlertCondition is named \"fast-burn\"; did you mean \"fast-burns\"? (reference)"
            ]
        );
    }
}
