//! Mutation testing of rules: each rule is changed a little, and a test that passed should fail.
//!
//! A mutant that no test notices survives: it shows a line of a rule that could be wrong unseen. Changed are thresholds
//! (a factor of 1.5 both ways), operators, `for` and `keep_firing_for`, labels and annotations, ranges, offsets,
//! matchers and groupings. The boundary of a comparison (`>` for `>=`) is changed only beside a whole number: where a
//! quantity is continuous, no test could tell.

mod expression;

use crate::dependency::{Place, needed, places};
use crate::unit_test::{Options, TestFile, run};
use promql::Compat;
use rules::{AlertingRule, Rule, RuleFile, RuleKind, format_duration};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A changed rule.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Where the rule stands.
    pub place: Place,
    /// What was changed, in words.
    pub change: String,
    /// The rule after the change.
    pub rule: Rule,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A test noticed.
    Killed,
    /// Tests exercise the rule, and none noticed.
    Survived,
    /// No test exercises the rule.
    NotReached,
}

/// Tests with the rule files that they name, as indices into all rule files.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The tests.
    pub tests: TestFile,
    /// Their rule files.
    pub rule_files: Vec<usize>,
}

/// All mutants of all rules, in order.
pub fn mutants(files: &[RuleFile]) -> Vec<Mutant> {
    let mut found: Vec<Mutant> = Vec::new();
    for (place, rule) in places(files) {
        let mut seen = BTreeSet::from([rule.expr.to_string()]);
        for (change, expr) in expression::changes(&rule.expr) {
            // Two changes may come to the same, and one to nothing.
            if seen.insert(expr.to_string()) {
                found.push(Mutant { place, change, rule: Rule { expr, ..rule.clone() } });
            }
        }
        found.extend(label_changes(rule).map(|(change, rule)| Mutant { place, change, rule }));
        let alerting = rule.alerting().into_iter().flat_map(alerting_changes);
        found.extend(alerting.map(|(change, alerting)| {
            let rule = Rule { kind: RuleKind::Alerting(alerting), ..rule.clone() };
            Mutant { place, change, rule }
        }));
    }
    found
}

fn label_changes(rule: &Rule) -> impl Iterator<Item = (String, Rule)> {
    (0..rule.labels.len()).map(|i| {
        let mut changed = rule.clone();
        let (name, _) = changed.labels.remove(i);
        (format!("label `{name}` removed"), changed)
    })
}

fn alerting_changes(rule: &AlertingRule) -> Vec<(String, AlertingRule)> {
    let mut found = Vec::new();
    let mut hold = |for_ms: i64| {
        let change = format!("`for` {} became {}", format_duration(rule.for_ms), format_duration(for_ms));
        found.push((change, AlertingRule { for_ms, ..rule.clone() }));
    };
    if rule.for_ms > 0 {
        hold(rule.for_ms / 2);
        hold(rule.for_ms * 2);
    }
    if rule.keep_firing_for_ms > 0 {
        let change = format!("`keep_firing_for` {} removed", format_duration(rule.keep_firing_for_ms));
        found.push((change, AlertingRule { keep_firing_for_ms: 0, ..rule.clone() }));
    }
    for i in 0..rule.annotations.len() {
        let mut changed = rule.clone();
        let (name, _) = changed.annotations.remove(i);
        found.push((format!("annotation `{name}` removed"), changed));
    }
    found
}

/// Finds out what becomes of each mutant, on as many threads as given. All suites must pass unchanged.
pub fn fates(files: &[RuleFile], suites: &[Suite], mutants: &[Mutant], compat: Compat, threads: usize) -> Vec<Fate> {
    let reach: Vec<Vec<BTreeSet<Place>>> = suites.iter().map(|suite| suite.reach(files)).collect();
    let fates = Mutex::new(vec![Fate::NotReached; mutants.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some((i, mutant)) = take(&next, mutants) {
                    let fate = fate(files, suites, &reach, mutant, compat);
                    fates.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[i] = fate;
                }
            });
        }
    });
    fates.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn take<'a>(next: &AtomicUsize, mutants: &'a [Mutant]) -> Option<(usize, &'a Mutant)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    mutants.get(i).map(|mutant| (i, mutant))
}

fn fate(files: &[RuleFile], suites: &[Suite], reach: &[Vec<BTreeSet<Place>>], mutant: &Mutant, compat: Compat) -> Fate {
    let mut fate = Fate::NotReached;
    for (suite, reach) in suites.iter().zip(reach) {
        let reaching = suite.tests.tests.iter().zip(reach).filter(|(_, reach)| reach.contains(&mutant.place));
        let tests: Vec<_> = reaching.map(|(test, _)| test.clone()).collect();
        if tests.is_empty() {
            continue;
        }
        fate = Fate::Survived;
        let changed: Vec<RuleFile> = suite.rule_files.iter().map(|f| mutant.applied(*f, &files[*f])).collect();
        let tests = TestFile { tests, ..suite.tests.clone() };
        let options = Options { only: None, needed_only: true, fail_fast: true, compat };
        if run(&tests, &changed, &options).iter().any(|report| !report.failures.is_empty()) {
            return Fate::Killed;
        }
    }
    fate
}

impl Mutant {
    fn applied(&self, index: usize, file: &RuleFile) -> RuleFile {
        let mut file = file.clone();
        if index == self.place.file {
            file.groups[self.place.group].rules[self.place.rule] = self.rule.clone();
        }
        file
    }
}

impl Suite {
    /// For each test, the places that it reads, with indices into all rule files.
    fn reach(&self, files: &[RuleFile]) -> Vec<BTreeSet<Place>> {
        let own: Vec<RuleFile> = self.rule_files.iter().map(|f| files[*f].clone()).collect();
        let reach = |test| {
            let (alerts, exprs) = crate::unit_test::subjects(test);
            let found = needed(&own, alerts, exprs);
            found.into_iter().map(|p| Place { file: self.rule_files[p.file], ..p }).collect()
        };
        self.tests.tests.iter().map(reach).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit_test::parse;

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: errors > 4\n    for: 4m\n    \
                         labels: {severity: page}\n";

    fn survivors(tests: &str) -> Vec<String> {
        let files = [rules::parse("r.yml", RULES).unwrap()];
        let suite = Suite { tests: parse("t.yml", tests).unwrap(), rule_files: vec![0] };
        let mutants = mutants(&files);
        let fates = fates(&files, &[suite], &mutants, Compat::V3, 2);
        let alive = mutants.iter().zip(fates).filter(|(_, fate)| *fate != Fate::Killed);
        alive.map(|(mutant, fate)| format!("{} {fate:?}", mutant.change)).collect()
    }

    #[test]
    fn a_sharp_test_kills_all() {
        let tests = "tests:\n- input_series: [{series: errors, values: '5x9'}]\n  alert_rule_test:\n  \
                     - {eval_time: 3m, alertname: A, exp_alerts: []}\n  \
                     - {eval_time: 4m, alertname: A, exp_alerts: [{exp_labels: {severity: page}}]}\n\
                     - input_series: [{series: errors, values: '4x9'}]\n  alert_rule_test:\n  \
                     - {eval_time: 9m, alertname: A, exp_alerts: []}\n";
        assert_eq!(survivors(tests), [""; 0]);
    }

    #[test]
    fn a_blunt_test_lets_some_live() {
        let tests = "tests:\n- input_series: [{series: errors, values: '50x9'}]\n  alert_rule_test:\n  \
                     - {eval_time: 9m, alertname: A, exp_alerts: [{exp_labels: {severity: page}}]}\n";
        let alive = survivors(tests);
        assert_eq!(alive.len(), 5, "{alive:?}");
        assert!(alive.contains(&"`for` 4m became 8m Survived".to_owned()), "{alive:?}");
    }

    #[test]
    fn what_no_test_reads_is_not_reached() {
        assert!(survivors("tests: []\n").iter().all(|s| s.ends_with("NotReached")));
    }
}
