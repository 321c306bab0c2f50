//! The states of alerts: inactive, pending, firing, and firing on for a while.

use super::{ALERTS, ALERTS_FOR_STATE, RuleError};
use crate::model::{AlertingRule, Rule};
use crate::template::Template;
use promql::{Labels, METRIC_NAME, MatchOp, Matcher, Queryable, SelectHints, StorageError, VectorSample, is_stale};
use std::collections::BTreeMap;

/// How long a resolved alert is remembered, so that an Alertmanager that missed the end hears of it.
const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;

/// What alerts keep over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreLimits {
    /// The longest outage that is made up for, in ms.
    pub outage_ms: i64,
    /// An alert that was about to fire still waits this long, in ms; alerts with a shorter `for` start anew.
    pub grace_ms: i64,
}

impl Default for RestoreLimits {
    /// An hour and ten minutes, as in Prometheus.
    fn default() -> Self {
        Self { outage_ms: 3_600_000, grace_ms: 600_000 }
    }
}

/// State of an alert, the more urgent the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// The expression does not hold.
    #[default]
    Inactive,
    /// The expression holds, but not for long enough.
    Pending,
    /// It fires.
    Firing,
}

impl AlertState {
    /// As the label `alertstate` and the Prometheus API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert. Times are ms since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Labels, `alertname` among them: its identity.
    pub labels: Labels,
    /// Annotations, expanded, in order of name.
    pub annotations: Vec<(String, String)>,
    /// State.
    pub state: AlertState,
    /// Value of the expression.
    pub value: f64,
    /// Since when the expression holds.
    pub active_at: i64,
    /// Since when it fires.
    pub fired_at: Option<i64>,
    /// When it was resolved.
    pub resolved_at: Option<i64>,
    /// Until when a receiver may take it for firing without hearing of it again.
    pub valid_until: Option<i64>,
    /// Since when it fires although the expression no longer holds.
    pub keep_firing_since: Option<i64>,
    last_sent_at: Option<i64>,
}

impl Alert {
    fn new(labels: Labels, annotations: Vec<(String, String)>, value: f64, now: i64) -> Self {
        Self {
            labels,
            annotations,
            state: AlertState::Pending,
            value,
            active_at: now,
            fired_at: None,
            resolved_at: None,
            valid_until: None,
            keep_firing_since: None,
            last_sent_at: None,
        }
    }

    fn is_due(&self, now: i64, resend: i64) -> bool {
        let Some(sent) = self.last_sent_at else { return self.state != AlertState::Pending };
        self.state != AlertState::Pending && (self.resolved_at.is_some_and(|at| at > sent) || sent + resend < now)
    }

    fn series(&self) -> [VectorSample; 2] {
        let named = |name| self.labels.with(METRIC_NAME, name);
        let state = named(ALERTS).with("alertstate", self.state.as_str());
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
        let since = self.active_at.div_euclid(1000) as f64;
        [VectorSample::new(state, 0, 1.0), VectorSample::new(named(ALERTS_FOR_STATE), 0, since)]
    }
}

type Expand<'a> = dyn Fn(&VectorSample, &Template) -> String + 'a;

/// The alerts that a result of the expression stands for.
pub(super) fn fresh(
    rule: &Rule,
    alerting: &AlertingRule,
    vector: &[VectorSample],
    now: i64,
    expand: &Expand<'_>,
) -> Result<BTreeMap<Labels, Alert>, RuleError> {
    let mut alerts = BTreeMap::new();
    for sample in vector {
        let expand_all = |templates: &[(String, Template)]| -> Vec<(String, String)> {
            templates.iter().map(|(name, template)| (name.clone(), expand(sample, template))).collect()
        };
        let own = sample.labels.iter().filter(|(n, _)| *n != METRIC_NAME).map(|(n, v)| (n.to_owned(), v.to_owned()));
        let name = ("alertname".to_owned(), alerting.alert.clone());
        let labels: Labels = own.chain(expand_all(&rule.labels)).chain([name]).collect();
        let alert = Alert::new(labels.clone(), expand_all(&alerting.annotations), sample.v, now);
        if alerts.insert(labels, alert).is_some() {
            return Err(RuleError::Duplicate("alert"));
        }
    }
    Ok(alerts)
}

/// The alerts of one rule by their labels, recently resolved ones included.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveAlerts(BTreeMap<Labels, Alert>);

impl ActiveAlerts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.0.values()
    }

    /// Moves every alert on to `now`, given those that the expression yields now; returns their series.
    pub(super) fn update(
        &mut self,
        fresh: BTreeMap<Labels, Alert>,
        rule: &AlertingRule,
        now: i64,
        limit: usize,
    ) -> Result<Vec<VectorSample>, RuleError> {
        let holding: std::collections::BTreeSet<Labels> = fresh.keys().cloned().collect();
        for (labels, new) in fresh {
            match self.0.get_mut(&labels) {
                Some(known) if known.state != AlertState::Inactive => {
                    (known.value, known.annotations) = (new.value, new.annotations);
                }
                _ => {
                    self.0.insert(labels, new);
                }
            }
        }
        let (mut series, mut count) = (Vec::new(), 0);
        self.0.retain(|labels, alert| {
            let holds = holding.contains(labels);
            let kept = holds || release(alert, rule, now);
            if alert.state == AlertState::Inactive {
                return kept;
            }
            if holds {
                alert.keep_firing_since = None;
            }
            count += 1;
            if alert.state == AlertState::Pending && now - alert.active_at >= rule.for_ms {
                (alert.state, alert.fired_at) = (AlertState::Firing, Some(now));
            }
            series.extend(alert.series());
            true
        });
        if limit > 0 && count > limit {
            self.0.clear();
            return Err(RuleError::Limit { limit, count, what: "alerts" });
        }
        Ok(series)
    }

    pub(super) fn take_due(&mut self, now: i64, resend: i64, interval: i64) -> Vec<Alert> {
        let due = self.0.values_mut().filter(|alert| alert.is_due(now, resend));
        due.map(|alert| {
            alert.last_sent_at = Some(now);
            // Room for three evaluations or sends that fail.
            alert.valid_until = Some(now + 4 * resend.max(interval));
            alert.clone()
        })
        .collect()
    }

    pub(super) fn restore(
        &mut self,
        rule: &AlertingRule,
        now: i64,
        storage: &dyn Queryable,
        limits: RestoreLimits,
    ) -> Result<(), StorageError> {
        if rule.for_ms < limits.grace_ms || self.0.is_empty() {
            return Ok(());
        }
        let equal = |name, value| {
            Matcher::new(name, MatchOp::Equal, value).map_err(|error| StorageError::Other(error.to_string()))
        };
        let matchers = [equal(METRIC_NAME, ALERTS_FOR_STATE)?, equal("alertname", &rule.alert)?];
        let hints = SelectHints { min_t: now - limits.outage_ms, max_t: now };
        for series in storage.select(&matchers, hints)? {
            let identity = series.labels.without(|name| name == METRIC_NAME);
            let (Some(alert), Some(last)) = (self.0.get_mut(&identity), series.samples.last()) else { continue };
            if !is_stale(last.v) {
                #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970; the cast saturates")]
                let active_at = (last.v as i64).saturating_mul(1000);
                alert.active_at = restored_active_at(active_at, last.t, now, rule.for_ms, limits.grace_ms);
            }
        }
        Ok(())
    }
}

/// Handles an alert whose expression does not hold; returns whether to remember it.
fn release(alert: &mut Alert, rule: &AlertingRule, now: i64) -> bool {
    if alert.state == AlertState::Firing && rule.keep_firing_for_ms > 0 {
        let since = *alert.keep_firing_since.get_or_insert(now);
        if now - since < rule.keep_firing_for_ms {
            return true;
        }
    }
    let forget =
        alert.state == AlertState::Pending || alert.resolved_at.is_some_and(|at| now - at > RESOLVED_RETENTION_MS);
    if alert.state != AlertState::Inactive {
        (alert.state, alert.resolved_at) = (AlertState::Inactive, Some(now));
    }
    !forget
}

/// When an alert counts as having become active, given that the server was down from `down_at` until `now`.
fn restored_active_at(active_at: i64, down_at: i64, now: i64, for_ms: i64, grace_ms: i64) -> i64 {
    let remaining = for_ms - (down_at - active_at);
    if remaining <= 0 {
        // It was firing, and fires again at the next evaluation.
        active_at
    } else if remaining < grace_ms {
        now + grace_ms - for_ms
    } else {
        active_at + (now - down_at)
    }
}
