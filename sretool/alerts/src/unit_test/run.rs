//! Plays tests.

use super::history::History;
use super::sequence::Point;
use super::{AlertCase, Exercised, ExpectedAlert, Failure, Report, Test, TestFile, compare};
use crate::dependency::{self, Place};
use promql::{Compat, Engine, EngineOptions, Labels, METRIC_NAME, Queryable, Sample};
use regex::Regex;
use rules::{AlertState, Context, GroupState, RuleFile};
use std::collections::{BTreeMap, BTreeSet};

/// How tests are played.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only tests whose name matches.
    pub only: Option<Regex>,
    /// Evaluate only the rules that the expectations read, directly or through others: verdicts on expectations are
    /// the same, but a failing rule that none of them reads goes unseen.
    pub needed_only: bool,
    /// End at the first failure.
    pub fail_fast: bool,
    /// Whose semantics expressions have.
    pub compat: Compat,
}

/// Plays the tests of a file against the rule files that it names.
pub fn run(file: &TestFile, rule_files: &[RuleFile], options: &Options) -> Vec<Report> {
    let mut reports = Vec::new();
    for test in &file.tests {
        if options.only.as_ref().is_some_and(|only| !only.is_match(&test.name)) {
            continue;
        }
        let (failures, exercised) = Play::new(file, test, rule_files, options).play();
        let failed = !failures.is_empty();
        reports.push(Report { test: test.name.clone(), line: test.line, failures, exercised });
        if failed && options.fail_fast {
            break;
        }
    }
    reports
}

/// A group and where it stands.
struct PlacedGroup {
    file: usize,
    group: usize,
    state: GroupState,
}

struct Play<'a> {
    file: &'a TestFile,
    test: &'a Test,
    fail_fast: bool,
    engine: Engine,
    history: History,
    /// How many points of each input series are loaded.
    loaded: usize,
    groups: Vec<PlacedGroup>,
    needed: Option<BTreeSet<Place>>,
    failures: Vec<Failure>,
    exercised: BTreeMap<Place, Exercised>,
}

impl<'a> Play<'a> {
    fn new(file: &'a TestFile, test: &'a Test, rule_files: &[RuleFile], options: &Options) -> Self {
        let needed = options.needed_only.then(|| {
            let (alerts, exprs) = super::subjects(test);
            dependency::needed(rule_files, alerts, exprs)
        });
        let unneeded =
            |f, g| needed.as_ref().is_some_and(|n| !n.iter().any(|place| (place.file, place.group) == (f, g)));
        let mut groups = Vec::new();
        for (f, rule_file) in rule_files.iter().enumerate() {
            for (g, group) in rule_file.groups.iter().enumerate() {
                if unneeded(f, g) {
                    continue;
                }
                groups.push(PlacedGroup { file: f, group: g, state: GroupState::new(group.clone(), false) });
            }
        }
        let place = |name: &str| file.group_eval_order.iter().position(|n| n == name).unwrap_or(0);
        groups.sort_by_key(|g| place(&g.state.group().name));
        let default_step_ms = file.evaluation_interval_ms;
        Self {
            file,
            test,
            fail_fast: options.fail_fast,
            engine: Engine::new(EngineOptions { default_step_ms, compat: options.compat, ..EngineOptions::default() }),
            history: History::default(),
            loaded: 0,
            groups,
            needed,
            failures: Vec::new(),
            exercised: BTreeMap::new(),
        }
    }

    fn play(mut self) -> (Vec<Failure>, Vec<Exercised>) {
        let alert_times = self.test.alerts.iter().map(|case| case.eval_time_ms);
        let last = alert_times.chain(self.test.exprs.iter().map(|case| case.eval_time_ms)).max().unwrap_or(0);
        let step = self.file.evaluation_interval_ms;
        let mut cases: Vec<&'a AlertCase> = self.test.alerts.iter().collect();
        cases.sort_by_key(|case| case.eval_time_ms);
        let mut cases = cases.into_iter().peekable();
        let mut elapsed = 0;
        while elapsed <= last {
            self.load_until(elapsed);
            self.evaluate(elapsed);
            if !self.failures.is_empty() {
                // A rule failed: what follows would only repeat it.
                return self.finish();
            }
            while let Some(case) = cases.next_if(|case| case.eval_time_ms < elapsed + step) {
                self.check_alert(case);
            }
            if self.fail_fast && !self.failures.is_empty() {
                return self.finish();
            }
            elapsed += step;
        }
        self.check_expressions();
        self.finish()
    }

    fn finish(self) -> (Vec<Failure>, Vec<Exercised>) {
        (self.failures, self.exercised.into_values().collect())
    }

    /// Loads the input up to a time after the start.
    fn load_until(&mut self, elapsed: i64) {
        let end = usize::try_from(elapsed / self.test.interval_ms + 1).unwrap_or(usize::MAX);
        for series in &self.test.series {
            for (i, point) in series.points.iter().enumerate().take(end).skip(self.loaded) {
                if let Point::Float(v) = point {
                    let t = self.test.start_ms + i64::try_from(i).unwrap_or(i64::MAX) * self.test.interval_ms;
                    self.history.append(&series.labels, Sample { t, v: *v });
                }
            }
        }
        self.loaded = end;
    }

    fn evaluate(&mut self, elapsed: i64) {
        let now = self.test.start_ms + elapsed;
        let history = &self.history;
        for placed in &mut self.groups {
            for rule in 0..placed.state.rules().len() {
                let place = Place { file: placed.file, group: placed.group, rule };
                if self.needed.as_ref().is_some_and(|needed| !needed.contains(&place)) {
                    continue;
                }
                let exercised = self.exercised.entry(place).or_insert_with(|| Exercised {
                    file: place.file,
                    group: place.group,
                    rule,
                    ..Exercised::default()
                });
                let mut sink = |labels: &Labels, t: i64, v: f64| {
                    history.append(labels, Sample { t, v });
                    if !exercised.recorded.contains(labels) {
                        exercised.recorded.insert(labels.clone());
                    }
                };
                let mut context = Context {
                    engine: &self.engine,
                    storage: history as &dyn Queryable,
                    sink: &mut sink,
                    external_labels: &self.test.external_labels,
                    external_url: &self.test.external_url,
                };
                placed.state.evaluate_rule(rule, now, &mut context);
                let state = &placed.state.rules()[rule];
                if let Some(error) = state.last_error() {
                    let (name, at) = (state.rule().name(), rules::format_duration(elapsed));
                    let message = format!("rule {name} at {at}: {error}");
                    self.failures.push(Failure { line: self.test.line, message });
                }
            }
        }
    }

    fn check_alert(&mut self, case: &AlertCase) {
        let mut found = Vec::new();
        let mut states = Vec::new();
        for placed in &self.groups {
            for (rule, state) in placed.state.rules().iter().enumerate() {
                if state.rule().alerting().is_none_or(|alerting| alerting.alert != case.alertname) {
                    continue;
                }
                let firing = state.alerts().filter(|alert| alert.state == AlertState::Firing);
                found.extend(firing.map(|alert| ExpectedAlert {
                    labels: alert.labels.clone(),
                    annotations: alert.annotations.clone(),
                }));
                states.push((Place { file: placed.file, group: placed.group, rule }, state.state()));
            }
        }
        if let Some(failure) = compare::alerts(case, found) {
            self.failures.push(failure);
            return;
        }
        for (place, state) in states {
            let Some(exercised) = self.exercised.get_mut(&place) else { continue };
            match state {
                AlertState::Firing => exercised.fired = true,
                AlertState::Pending => exercised.pending = true,
                AlertState::Inactive => exercised.silent = true,
            }
        }
    }

    fn check_expressions(&mut self) {
        for case in &self.test.exprs {
            let expr = match &case.expr {
                Ok(expr) => expr,
                Err(message) => {
                    let message = format!("expr {:?} is not valid PromQL: {message}", case.text);
                    self.failures.push(Failure { line: case.line, message });
                    continue;
                }
            };
            let at = self.test.start_ms + case.eval_time_ms;
            let value = self.engine.instant(&self.history, expr, at).map(|e| e.value).map_err(|e| e.to_string());
            if let Some(failure) = compare::expression(case, value, self.file.fuzzy_compare) {
                self.failures.push(failure);
                continue;
            }
            for exercised in self.exercised.values_mut().filter(|e| !e.read) {
                exercised.read = expr.selectors().iter().any(|s| reads(s.selector, &exercised.recorded));
            }
        }
    }
}

/// Whether a selector selects one of the series.
pub(crate) fn reads(selector: &promql::VectorSelector, series: &BTreeSet<Labels>) -> bool {
    let selects = |labels: &Labels| selector.matchers.iter().all(|m| m.matches(labels.get(&m.name)));
    // A selector by name reads few of the many series of other names.
    match selector.metric_name() {
        Some(name) => series.iter().filter(|labels| labels.get(METRIC_NAME) == name).any(selects),
        None => series.iter().any(selects),
    }
}
