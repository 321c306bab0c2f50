//! Evaluates groups of rules: what to append to the store, and which alerts are active.

mod alert;

pub use alert::{Alert, AlertState, RestoreLimits};

use crate::model::{Group, Rule, RuleKind};
use crate::template::TemplateData;
use alert::ActiveAlerts;
use promql::{Engine, Evaluation, Labels, METRIC_NAME, Queryable, Value, VectorSample, stale_nan};
use std::collections::BTreeSet;

/// Name of the series that tells of active alerts.
pub const ALERTS: &str = "ALERTS";
/// Name of the series that lets `for` survive a restart: its value is the time at which an alert became active.
pub const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// Takes the samples that rules produce. Rules later in a group read what earlier ones wrote, so a sample must be
/// visible to queries when `append` returns.
pub trait Sink {
    /// Takes one sample; `t` in ms since the Unix epoch. A sample that the store refuses is the sink's to count.
    fn append(&mut self, labels: &Labels, t: i64, v: f64);
}

impl<F: FnMut(&Labels, i64, f64)> Sink for F {
    fn append(&mut self, labels: &Labels, t: i64, v: f64) {
        self(labels, t, v);
    }
}

/// What an evaluation reads from and writes to.
pub struct Context<'a> {
    /// Evaluates expressions.
    pub engine: &'a Engine,
    /// What they read.
    pub storage: &'a dyn Queryable,
    /// Takes the results.
    pub sink: &'a mut dyn Sink,
    /// `$externalLabels` of templates.
    pub external_labels: &'a Labels,
    /// `$externalURL` of templates.
    pub external_url: &'a str,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("external_labels", self.external_labels).finish_non_exhaustive()
    }
}

/// Why a rule yielded nothing at one evaluation. What it yielded before stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The expression could not be evaluated.
    #[error("{0}")]
    Query(String),
    /// The expression yields text or a range.
    #[error("rule result is not a vector or scalar")]
    NotAVector,
    /// Two results differ only in what the rule's labels override.
    #[error("vector contains metrics with the same labelset after applying {0} labels")]
    Duplicate(&'static str),
    /// More results than the group allows.
    #[error("exceeded limit of {limit} with {count} {what}")]
    Limit {
        /// The group's limit.
        limit: usize,
        /// What there was.
        count: usize,
        /// `series` or `alerts`
        what: &'static str,
    },
}

/// How a rule fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// The last evaluation succeeded.
    Ok,
    /// The last evaluation failed.
    Bad,
}

impl Health {
    /// As the Prometheus API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Bad => "err",
        }
    }
}

/// A rule with what it yielded.
#[derive(Clone, Debug)]
pub struct RuleState {
    rule: Rule,
    health: Health,
    last_error: Option<RuleError>,
    /// Series of the last good evaluation: those that vanish get a stale marker.
    previous: BTreeSet<Labels>,
    active: ActiveAlerts,
}

impl RuleState {
    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// How it fares.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Why the last evaluation failed, if it did.
    pub fn last_error(&self) -> Option<&RuleError> {
        self.last_error.as_ref()
    }

    /// Pending and firing alerts, in order of their labels.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.active.iter().filter(|alert| alert.state != AlertState::Inactive)
    }

    /// The state of the rule: that of its most urgent alert.
    pub fn state(&self) -> AlertState {
        self.alerts().map(|alert| alert.state).max().unwrap_or_default()
    }

    /// Alerts that are due to be sent to an Alertmanager at `now_ms`, and marks them as sent: firing ones every
    /// `resend_ms`, and resolved ones until their retention ends. `interval_ms` is the time between evaluations.
    pub fn take_due_alerts(&mut self, now_ms: i64, resend_ms: i64, interval_ms: i64) -> Vec<Alert> {
        self.active.take_due(now_ms, resend_ms, interval_ms)
    }
}

/// A group with the states of its rules.
#[derive(Clone, Debug)]
pub struct GroupState {
    group: Group,
    rules: Vec<RuleState>,
    /// Alert series are written only once a restart has been made up for.
    restored: bool,
    /// Series of rules that an earlier version of the group had: they end at the next evaluation.
    orphans: BTreeSet<Labels>,
}

impl GroupState {
    /// A group that was never evaluated. With `restore`, alerts are kept from the store until [`Self::restore`] ran,
    /// so that they do not overwrite what it reads.
    pub fn new(group: Group, restore: bool) -> Self {
        let state = |rule: &Rule| RuleState {
            rule: rule.clone(),
            health: Health::default(),
            last_error: None,
            previous: BTreeSet::new(),
            active: ActiveAlerts::default(),
        };
        let rules = group.rules.iter().map(state).collect();
        Self { rules, group, restored: !restore, orphans: BTreeSet::new() }
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Its rules.
    pub fn rules(&self) -> &[RuleState] {
        &self.rules
    }

    /// Its rules, to take alerts from.
    pub fn rules_mut(&mut self) -> &mut [RuleState] {
        &mut self.rules
    }

    /// Whether alert series are written; see [`Self::new`].
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Evaluates all rules in order at one time.
    pub fn evaluate(&mut self, now_ms: i64, context: &mut Context<'_>) {
        for index in 0..self.rules.len() {
            self.evaluate_rule(index, now_ms, context);
        }
        self.end_adopted(now_ms, context.sink);
    }

    /// Takes over what an earlier version of the group knew: the alerts and the series of rules that have the same
    /// name and labels, in order. Series of the others end at the next evaluation.
    pub fn adopt(&mut self, earlier: Self) {
        self.restored = earlier.restored;
        self.orphans = earlier.orphans;
        let mut known: Vec<_> = earlier.rules.into_iter().map(Some).collect();
        for state in &mut self.rules {
            let same = known.iter().position(|k| k.as_ref().is_some_and(|k| k.rule.writes_as(&state.rule)));
            if let Some(old) = same.and_then(|place| known[place].take()) {
                (state.previous, state.active) = (old.previous, old.active);
                (state.health, state.last_error) = (old.health, old.last_error);
            }
        }
        self.orphans.extend(known.into_iter().flatten().flat_map(|old| old.previous));
    }

    /// Ends the series of rules that [`Self::adopt`] did not find any more; to be called after all rules of an
    /// evaluation, since another rule may go on with a series.
    pub fn end_adopted(&mut self, now_ms: i64, sink: &mut dyn Sink) {
        let at = now_ms - self.group.query_offset_ms.unwrap_or(0);
        for labels in std::mem::take(&mut self.orphans) {
            if !self.rules.iter().any(|rule| rule.previous.contains(&labels)) {
                sink.append(&labels, at, stale_nan());
            }
        }
    }

    /// Evaluates one rule, for callers that time each. Out of range, it does nothing.
    pub fn evaluate_rule(&mut self, index: usize, now_ms: i64, context: &mut Context<'_>) {
        let at = now_ms - self.group.query_offset_ms.unwrap_or(0);
        let Some(state) = self.rules.get_mut(index) else { return };
        match state.results(&self.group, now_ms, at, context, self.restored) {
            Ok(samples) => {
                let mut returned = BTreeSet::new();
                for sample in samples {
                    context.sink.append(&sample.labels, at, sample.v);
                    returned.insert(sample.labels);
                }
                for vanished in state.previous.difference(&returned) {
                    context.sink.append(vanished, at, stale_nan());
                }
                (state.health, state.last_error, state.previous) = (Health::Ok, None, returned);
            }
            Err(error) => (state.health, state.last_error) = (Health::Bad, Some(error)),
        }
    }

    /// Gives active alerts the times at which they became active before a restart, read from [`ALERTS_FOR_STATE`]:
    /// call it after a second evaluation.
    ///
    /// # Errors
    /// When the store cannot be read; alerts then start anew.
    pub fn restore(
        &mut self,
        now_ms: i64,
        storage: &dyn Queryable,
        limits: RestoreLimits,
    ) -> Result<(), promql::StorageError> {
        self.restored = true;
        for state in &mut self.rules {
            if let RuleKind::Alerting(alerting) = &state.rule.kind {
                state.active.restore(alerting, now_ms, storage, limits)?;
            }
        }
        Ok(())
    }

    /// Ends every series that the group's rules wrote, when the group is removed.
    pub fn end_series(&mut self, now_ms: i64, sink: &mut dyn Sink) {
        let at = now_ms - self.group.query_offset_ms.unwrap_or(0);
        for labels in self.rules.iter_mut().flat_map(|rule| std::mem::take(&mut rule.previous)) {
            sink.append(&labels, at, stale_nan());
        }
    }
}

impl RuleState {
    /// The samples that the rule yields; `at` is the time that its expression looks at.
    fn results(
        &mut self,
        group: &Group,
        now_ms: i64,
        at: i64,
        context: &Context<'_>,
        restored: bool,
    ) -> Result<Vec<VectorSample>, RuleError> {
        let vector = query(context, &self.rule.expr, at)?;
        match &self.rule.kind {
            RuleKind::Recording { record } => recorded(&self.rule, record, vector, group.limit),
            RuleKind::Alerting(alerting) => {
                let in_template = |text: &str| {
                    let expr = promql::parse(text).map_err(|e| e.to_string())?;
                    query(context, &expr, now_ms).map_err(|e| e.to_string())
                };
                let expand = |sample: &VectorSample, template: &crate::Template| {
                    template.expand_or_error(&TemplateData {
                        labels: &sample.labels,
                        value: sample.v,
                        external_labels: context.external_labels,
                        external_url: context.external_url,
                        query: &in_template,
                    })
                };
                let fresh = alert::fresh(&self.rule, alerting, &vector, now_ms, &expand)?;
                let series = self.active.update(fresh, alerting, now_ms, group.limit)?;
                Ok(if restored { series } else { Vec::new() })
            }
        }
    }
}

fn query(context: &Context<'_>, expr: &promql::Expr, at: i64) -> Result<Vec<VectorSample>, RuleError> {
    let evaluated: Result<Evaluation, _> = context.engine.instant(context.storage, expr, at);
    match evaluated.map_err(|e| RuleError::Query(e.to_string()))?.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(sample) => Ok(vec![VectorSample::new(Labels::default(), sample.t, sample.v)]),
        Value::String(..) | Value::Matrix(_) => Err(RuleError::NotAVector),
    }
}

fn recorded(
    rule: &Rule,
    record: &str,
    vector: Vec<VectorSample>,
    limit: usize,
) -> Result<Vec<VectorSample>, RuleError> {
    let mut seen = BTreeSet::new();
    let rename = |mut sample: VectorSample| {
        let own = sample.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        let set = rule.label_sources().map(|(n, v)| (n.to_owned(), v.to_owned()));
        sample.labels = own.chain([(METRIC_NAME.to_owned(), record.to_owned())]).chain(set).collect();
        seen.insert(sample.labels.clone()).then_some(sample).ok_or(RuleError::Duplicate("rule"))
    };
    let samples = vector.into_iter().map(rename).collect::<Result<Vec<_>, _>>()?;
    if limit > 0 && samples.len() > limit {
        return Err(RuleError::Limit { limit, count: samples.len(), what: "series" });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
