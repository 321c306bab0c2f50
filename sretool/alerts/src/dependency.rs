//! Which rules read which.

use promql::{Expr, METRIC_NAME, Matcher, VectorSelector};
use rules::{ALERTS, ALERTS_FOR_STATE, Rule, RuleFile, RuleKind};
use std::collections::BTreeSet;

/// Where a rule stands: indices of its file, its group, and itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index of the rule file.
    pub file: usize,
    /// Index of the group in its file.
    pub group: usize,
    /// Index of the rule in its group.
    pub rule: usize,
}

/// All rules in order, with their places.
pub fn places(files: &[RuleFile]) -> impl Iterator<Item = (Place, &Rule)> {
    files.iter().enumerate().flat_map(|(file, f)| {
        f.groups.iter().enumerate().flat_map(move |(group, g)| {
            g.rules.iter().enumerate().map(move |(rule, r)| (Place { file, group, rule }, r))
        })
    })
}

/// Whether a selector may select what a rule writes, judged by the name and by the labels that the rule sets.
pub fn may_read(selector: &VectorSelector, rule: &Rule) -> bool {
    let of = |name: &str| selector.matchers.iter().filter(|m| &*m.name == name).collect::<Vec<&Matcher>>();
    let names = of(METRIC_NAME);
    let named = |name: &str| names.iter().all(|m| m.matches(name));
    match &rule.kind {
        RuleKind::Recording { record } => {
            named(record) && rule.label_sources().all(|(name, value)| of(name).iter().all(|m| m.matches(value)))
        }
        // The labels of alerts are templates: only the name is known.
        RuleKind::Alerting(alerting) => {
            (named(ALERTS) || named(ALERTS_FOR_STATE)) && of("alertname").iter().all(|m| m.matches(&alerting.alert))
        }
    }
}

/// The rules that alerts of some names and some expressions need, directly or through other rules.
pub fn needed<'a>(
    files: &'a [RuleFile],
    alerts: impl IntoIterator<Item = &'a str>,
    exprs: impl IntoIterator<Item = &'a Expr>,
) -> BTreeSet<Place> {
    let all: Vec<_> = places(files).collect();
    if all.iter().any(|(_, rule)| queries_in_template(rule)) {
        return all.into_iter().map(|(place, _)| place).collect();
    }
    let mut found = BTreeSet::new();
    let names: BTreeSet<&str> = alerts.into_iter().collect();
    let mut pending: Vec<&Expr> = exprs.into_iter().collect();
    for (place, rule) in &all {
        if rule.alerting().is_some_and(|alerting| names.contains(alerting.alert.as_str())) {
            found.insert(*place);
            pending.push(&rule.expr);
        }
    }
    while let Some(expr) = pending.pop() {
        for selector in expr.selectors() {
            for (place, rule) in &all {
                if !found.contains(place) && may_read(selector.selector, rule) {
                    found.insert(*place);
                    pending.push(&rule.expr);
                }
            }
        }
    }
    found
}

/// Whether a template of the rule may run a query of its own.
fn queries_in_template(rule: &Rule) -> bool {
    let annotations = rule.alerting().into_iter().flat_map(|a| &a.annotations);
    rule.labels.iter().chain(annotations).any(|(_, template)| {
        let source = template.source();
        source.contains("{{") && source.contains("query")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rules: &str) -> RuleFile {
        rules::parse("r", &format!("groups:\n- name: g\n  rules:\n{rules}")).unwrap()
    }

    fn needed_indices(files: &[RuleFile], alerts: &[&str], exprs: &[&str]) -> Vec<usize> {
        let exprs: Vec<_> = exprs.iter().map(|e| promql::parse(e).unwrap()).collect();
        needed(files, alerts.iter().copied(), &exprs).into_iter().map(|p| p.rule).collect()
    }

    const RULES: &str = "  - {record: a, expr: m, labels: {slo: x}}\n  - {record: a, expr: m, labels: {slo: y}}\n  \
                         - {record: b, expr: 'a{slo=\"x\"}'}\n  - {alert: A, expr: 'b > 1'}\n  - {alert: B, expr: n}\n";

    #[test]
    fn needs_go_through_recording_rules_and_their_labels() {
        let files = [file(RULES)];
        assert_eq!(needed_indices(&files, &["A"], &[]), [0, 2, 3]);
        assert_eq!(needed_indices(&files, &[], &["a"]), [0, 1]);
        assert_eq!(needed_indices(&files, &[], &["{__name__=~\"b|c\"}"]), [0, 2]);
        assert_eq!(needed_indices(&files, &[], &["ALERTS{alertname=\"B\"}"]), [4]);
        assert_eq!(needed_indices(&files, &["none"], &["m"]), []);
    }

    #[test]
    fn a_query_in_a_template_may_read_anything() {
        let files = [file(&format!(
            "{RULES}  - alert: C\n    expr: n\n    annotations: {{s: '{{{{ query \"a\" | len }}}}'}}\n"
        ))];
        assert_eq!(needed_indices(&files, &["C"], &[]).len(), 6);
    }
}
