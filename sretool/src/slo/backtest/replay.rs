//! Evaluates rules step by step over past samples.

use promql::{
    Compat, Engine, EngineOptions, Labels, METRIC_NAME, MatchOp, Matcher, Queryable, SelectHints, SeriesData,
    StorageError,
};
use rules::{AlertState, Context, Group, GroupState, RuleKind};
use std::collections::{BTreeMap, BTreeSet};
use tsdb::{Store, StoreOptions};

/// What to replay. Times are milliseconds since the Unix epoch.
pub(super) struct Replay<'a> {
    /// A rule file.
    pub(super) rules: &'a str,
    /// The past.
    pub(super) base: &'a dyn Queryable,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Between evaluations, where a group names none.
    pub(super) interval_ms: i64,
    /// The Prometheus whose semantics to follow.
    pub(super) compat: &'a str,
}

/// An alert that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Firing {
    pub(super) alert: String,
    pub(super) labels: BTreeMap<String, String>,
    /// When its expression began to hold.
    pub(super) active_ms: i64,
    pub(super) fired_ms: i64,
    /// The evaluation that ended it; `None` where it fires to the end.
    pub(super) ended_ms: Option<i64>,
}

/// The past, with what rules have recorded since in place of what it holds under the same names.
struct Layered<'a> {
    base: &'a dyn Queryable,
    own: &'a Store,
    recorded: &'a BTreeSet<String>,
}

impl Queryable for Layered<'_> {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let name = matchers.iter().find(|m| &*m.name == METRIC_NAME && m.op == MatchOp::Equal).map(|m| &*m.value);
        // Nearly every selector names its metric, and then one of the two stores has it.
        match name {
            Some(name) if self.recorded.contains(name) => self.own.select(matchers, hints),
            Some(_) => self.base.select(matchers, hints),
            None => {
                let mut series = self.base.select(matchers, hints)?;
                series.retain(|series| !self.recorded.contains(series.labels.get(METRIC_NAME)));
                series.extend(self.own.select(matchers, hints)?);
                Ok(series)
            }
        }
    }
}

impl Replay<'_> {
    /// Every alert that fired, in order of time.
    pub(super) fn run(&self) -> Result<Vec<Firing>, String> {
        let file = rules::parse("rules", self.rules)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        let needed = needed(&file.groups);
        let recorded: BTreeSet<_> = needed.iter().cloned().collect();
        let mut groups: Vec<_> = file.groups.iter().filter_map(|group| prune(group, &needed)).collect();
        let compat = if self.compat == "2.42" { Compat::V2_42 } else { Compat::V3 };
        let engine = Engine::new(EngineOptions { compat, ..EngineOptions::default() });
        let own = Store::new(StoreOptions { retention_ms: i64::MAX / 4, ..StoreOptions::default() });
        let storage = Layered { base: self.base, own: &own, recorded: &recorded };
        let mut firings = Firings::default();
        let mut now = self.from.div_euclid(self.interval_ms) * self.interval_ms;
        while now <= self.to {
            for group in &mut groups {
                let interval = group.group().interval_ms.unwrap_or(self.interval_ms).max(1);
                if now.rem_euclid(interval) >= self.interval_ms {
                    continue;
                }
                let mut failed = None;
                let mut sink = |labels: &Labels, t: i64, v: f64| {
                    let alerts = matches!(labels.get(METRIC_NAME), rules::ALERTS | rules::ALERTS_FOR_STATE);
                    if !alerts && let Err(error) = own.append(labels, t, v) {
                        failed = Some(error.to_string());
                    }
                };
                let external_labels = Labels::default();
                let mut context = Context {
                    engine: &engine,
                    storage: &storage,
                    sink: &mut sink,
                    external_labels: &external_labels,
                    external_url: "",
                };
                group.evaluate(now, &mut context);
                if let Some(error) = failed {
                    return Err(format!("a recorded sample was refused: {error}"));
                }
                firings.observe(group, now)?;
            }
            now += self.interval_ms;
        }
        Ok(firings.finish())
    }
}

/// Names of the recorded series that alerts depend on, in one or more steps.
fn needed(groups: &[Group]) -> BTreeSet<String> {
    let rules: Vec<_> = groups.iter().flat_map(|group| &group.rules).collect();
    let reads = |rule: &&rules::Rule| -> Vec<String> {
        rule.expr.selectors().iter().filter_map(|found| found.selector.metric_name().map(str::to_owned)).collect()
    };
    let mut open: Vec<String> = rules.iter().filter(|rule| rule.alerting().is_some()).flat_map(reads).collect();
    let mut needed = BTreeSet::new();
    while let Some(name) = open.pop() {
        let own: Vec<_> = rules
            .iter()
            .filter(|rule| matches!(&rule.kind, RuleKind::Recording { record } if *record == name))
            .collect();
        if !own.is_empty() && needed.insert(name) {
            open.extend(own.into_iter().flat_map(reads));
        }
    }
    needed
}

/// A group without the recordings that no alert needs: the period's are costly, and nothing fires by them.
fn prune(group: &Group, needed: &BTreeSet<String>) -> Option<GroupState> {
    let mut group = group.clone();
    group.rules.retain(|rule| rule.alerting().is_some() || needed.contains(rule.name()));
    (!group.rules.is_empty()).then(|| GroupState::new(group, false))
}

/// Alerts that fire or have fired.
#[derive(Default)]
struct Firings {
    open: BTreeMap<(String, usize, Labels), Firing>,
    done: Vec<Firing>,
}

impl Firings {
    /// Notes which alerts of a group fire after an evaluation.
    fn observe(&mut self, group: &GroupState, now: i64) -> Result<(), String> {
        for (i, state) in group.rules().iter().enumerate() {
            if let Some(error) = state.last_error() {
                return Err(format!("{}: {error}", state.rule().name()));
            }
            if state.rule().alerting().is_none() {
                continue;
            }
            let key = |labels: &Labels| (group.group().name.clone(), i, labels.clone());
            let mut firing = BTreeSet::new();
            for alert in state.alerts().filter(|alert| alert.state == AlertState::Firing) {
                firing.insert(key(&alert.labels));
                self.open.entry(key(&alert.labels)).or_insert_with(|| Firing {
                    alert: state.rule().name().to_owned(),
                    labels: alert.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                    active_ms: alert.active_at,
                    fired_ms: alert.fired_at.unwrap_or(now),
                    ended_ms: None,
                });
            }
            let ended: Vec<_> = self
                .open
                .keys()
                .filter(|key| key.0 == group.group().name && key.1 == i && !firing.contains(key))
                .cloned()
                .collect();
            for key in ended {
                if let Some(mut over) = self.open.remove(&key) {
                    over.ended_ms = Some(now);
                    self.done.push(over);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Firing> {
        self.done.extend(std::mem::take(&mut self.open).into_values());
        self.done.sort_by(|a, b| (a.fired_ms, &a.alert, &a.labels).cmp(&(b.fired_ms, &b.alert, &b.labels)));
        self.done
    }
}
