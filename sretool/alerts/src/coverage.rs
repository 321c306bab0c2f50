//! Which rules the tests exercise.
//!
//! An alerting rule is covered when a test expects it to fire and another expectation has it not firing, be it pending
//! or silent: one side alone would be met by a rule that always or never fires. A recording rule is covered when a met
//! expectation reads what it recorded, directly or through rules that are read or expected to fire.

use crate::dependency::{Place, places};
use crate::unit_test::{Exercised, Report, reads};
use rules::{Rule, RuleFile};
use std::collections::BTreeSet;

/// What tests show of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCoverage {
    /// File of the rule.
    pub file: String,
    /// Line on which it begins.
    pub line: usize,
    /// Its group.
    pub group: String,
    /// Name of the alert or of the recorded series.
    pub name: String,
    /// Whether it is an alerting rule.
    pub alerting: bool,
    /// Whether it waits before it fires (`for`).
    pub waits: bool,
    /// An expectation that is met has it firing.
    pub fired: bool,
    /// An expectation that is met has it waiting.
    pub pending: bool,
    /// An expectation that is met has it silent.
    pub silent: bool,
    /// What it records is read.
    pub read: bool,
}

impl RuleCoverage {
    /// Whether the tests exercise the rule; see the module.
    pub fn covered(&self) -> bool {
        if self.alerting { self.fired && (self.pending || self.silent) } else { self.read }
    }

    /// What no test expects, in words; none for a covered rule.
    pub fn missing(&self) -> Option<&'static str> {
        match (self.alerting, self.fired, self.pending || self.silent) {
            _ if self.covered() => None,
            (false, ..) => Some("no expectation reads what it records"),
            (true, false, true) => Some("no test expects it to fire"),
            (true, true, false) => Some("no test expects it to stay quiet"),
            (true, ..) => Some("no test mentions it"),
        }
    }
}

/// Coverage of rules, gathered over test files.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    rules: Vec<RuleCoverage>,
}

impl Coverage {
    /// Counts the rules of files, exercised or not. A file that is known by the same name already counts once.
    pub fn add_rules(&mut self, files: &[RuleFile]) {
        for file in files {
            if self.rules.iter().any(|known| known.file == file.name) {
                continue;
            }
            for group in &file.groups {
                self.rules.extend(group.rules.iter().map(|rule| unexercised(&file.name, &group.name, rule)));
            }
        }
    }

    /// Adds what a run over these rule files showed.
    pub fn add_reports(&mut self, files: &[RuleFile], reports: &[Report]) {
        self.add_rules(files);
        let all: Vec<(Place, &Rule)> = places(files).collect();
        for report in reports {
            let read = transitively_read(&all, &report.exercised);
            for exercised in &report.exercised {
                let place = place(exercised);
                let Some((_, rule)) = all.iter().find(|(p, _)| *p == place) else { continue };
                let file = &files[place.file].name;
                let known = self.rules.iter_mut().find(|k| k.file == *file && k.line == rule.line);
                let Some(known) = known else { continue };
                known.fired |= exercised.fired;
                known.pending |= exercised.pending;
                known.silent |= exercised.silent;
                known.read |= read.contains(&place);
            }
        }
    }

    /// All rules, in the order in which they were added.
    pub fn rules(&self) -> &[RuleCoverage] {
        &self.rules
    }

    /// Share of covered rules in percent; none without rules.
    pub fn percent(&self) -> Option<f64> {
        let covered = self.rules.iter().filter(|rule| rule.covered()).count();
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53 rules")]
        let percent = covered as f64 / self.rules.len() as f64 * 100.0;
        (!self.rules.is_empty()).then_some(percent)
    }
}

fn unexercised(file: &str, group: &str, rule: &Rule) -> RuleCoverage {
    RuleCoverage {
        file: file.to_owned(),
        line: rule.line,
        group: group.to_owned(),
        name: rule.name().to_owned(),
        alerting: rule.alerting().is_some(),
        waits: rule.alerting().is_some_and(|a| a.for_ms > 0),
        fired: false,
        pending: false,
        silent: false,
        read: false,
    }
}

fn place(exercised: &Exercised) -> Place {
    Place { file: exercised.file, group: exercised.group, rule: exercised.rule }
}

/// Rules whose series an expectation reads: directly, or through others that are read or expected to fire.
fn transitively_read(all: &[(Place, &Rule)], exercised: &[Exercised]) -> BTreeSet<Place> {
    let starts = exercised.iter().filter(|e| e.read || e.fired).map(place);
    let mut found: BTreeSet<Place> = starts.collect();
    let mut pending: Vec<Place> = found.iter().copied().collect();
    while let Some(reader) = pending.pop() {
        let Some((_, rule)) = all.iter().find(|(p, _)| *p == reader) else { continue };
        for selector in rule.expr.selectors() {
            for source in exercised.iter().filter(|e| reads(selector.selector, &e.recorded)) {
                if found.insert(place(source)) {
                    pending.push(place(source));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit_test::{Options, parse, run};

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: job:bad\n    expr: bad\n  - record: job:unread\n    \
                         expr: bad\n  - alert: A\n    expr: job:bad > 1\n    for: 2m\n  - alert: Quiet\n    expr: bad > 99\n  \
                         - alert: Loud\n    expr: bad > 0\n  - alert: Unmentioned\n    expr: bad > 0\n";

    fn coverage(tests: &str) -> Coverage {
        let files = [rules::parse("r.yml", RULES).unwrap()];
        let text = format!("tests:\n- input_series: [{{series: bad, values: '0 5x9'}}]\n{tests}");
        let reports = run(&parse("t.yml", &text).unwrap(), &files, &Options::default());
        assert!(reports.iter().all(|r| r.failures.is_empty()), "{reports:?}");
        let mut coverage = Coverage::default();
        coverage.add_reports(&files, &reports);
        coverage
    }

    fn missing(coverage: &Coverage) -> Vec<(&str, Option<&str>)> {
        coverage.rules().iter().map(|r| (r.name.as_str(), r.missing())).collect()
    }

    #[test]
    fn both_sides_of_an_alert_count_and_reads_go_through_alerts() {
        let found = coverage(
            "  alert_rule_test:\n  - {eval_time: 2m, alertname: A, exp_alerts: []}\n  \
             - {eval_time: 3m, alertname: A, exp_alerts: [{}]}\n  - {eval_time: 3m, alertname: Quiet}\n  \
             - {eval_time: 3m, alertname: Loud, exp_alerts: [{}]}\n",
        );
        assert_eq!(
            missing(&found),
            [
                ("job:bad", None),
                ("job:unread", Some("no expectation reads what it records")),
                ("A", None),
                ("Quiet", Some("no test expects it to fire")),
                ("Loud", Some("no test expects it to stay quiet")),
                ("Unmentioned", Some("no test mentions it")),
            ]
        );
        assert!(found.rules()[2].pending && !found.rules()[2].silent);
        assert!((found.percent().unwrap() - 100.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn an_expression_reads_what_it_selects() {
        let found = coverage(
            "  promql_expr_test:\n  - {expr: 'job:unread', eval_time: 1m, exp_samples: [{labels: 'job:unread', value: 5}]}\n",
        );
        assert_eq!(found.rules().iter().map(|r| r.read).collect::<Vec<_>>(), [false, true, false, false, false, false]);
    }

    #[test]
    fn no_rules_have_no_coverage() {
        assert_eq!(Coverage::default().percent(), None);
    }
}
