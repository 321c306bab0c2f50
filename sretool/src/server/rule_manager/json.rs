//! Rules and alerts as the API shows them.

use super::RuleManager;
use super::group::{Inner, Timing};
use crate::server::{clock, json as wire};
use rules::{Alert, AlertState, RuleKind, RuleState};
use serde_json::{Map, Value, json};

/// Which rules to show.
#[derive(Debug, Default)]
pub(crate) struct RuleFilter {
    /// `alert` or `record`; both where none is given.
    pub kind: Option<String>,
    pub names: Vec<String>,
    pub groups: Vec<String>,
    pub files: Vec<String>,
    pub without_alerts: bool,
}

impl RuleFilter {
    fn shows(&self, rule: &RuleState) -> bool {
        let kind = if rule.rule().alerting().is_some() { "alert" } else { "record" };
        self.kind.as_deref().is_none_or(|k| k == kind) && listed(&self.names, rule.rule().name())
    }
}

fn listed(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|n| n == name)
}

impl RuleManager {
    /// The `data` object of `/api/v1/rules`.
    pub(crate) fn rules_json(&self, filter: &RuleFilter) -> Value {
        let mut groups = Vec::new();
        for running in self.groups() {
            let inner = running.lock();
            let group = inner.state.group();
            if !listed(&filter.groups, &group.name) || !listed(&filter.files, &group.file) {
                continue;
            }
            let rules = inner.state.rules().iter().zip(&inner.timings).filter(|(rule, _)| filter.shows(rule));
            let rules: Vec<_> = rules.map(|(rule, timing)| rule_json(rule, *timing, filter.without_alerts)).collect();
            let filtered = filter.kind.is_some() || !filter.names.is_empty();
            if rules.is_empty() && filtered {
                continue;
            }
            groups.push(json!({
                "name": group.name,
                "file": group.file,
                "interval": running.interval.as_secs_f64(),
                "limit": group.limit,
                "rules": rules,
                "evaluationTime": inner.whole.elapsed.as_secs_f64(),
                "lastEvaluation": clock::rfc3339(inner.whole.at),
            }));
        }
        json!({ "groups": groups })
    }

    /// Firing alerts, each with a link to its expression.
    pub(crate) fn firing(&self) -> Vec<(Alert, String)> {
        let mut firing = Vec::new();
        for running in self.groups() {
            for state in running.lock().state.rules() {
                let link = self.notifier.link(&state.rule().expr_text);
                let alerts = state.alerts().filter(|alert| alert.state == AlertState::Firing);
                firing.extend(alerts.map(|alert| (alert.clone(), link.clone())));
            }
        }
        firing
    }

    /// The `data` object of `/api/v1/alerts`.
    pub(crate) fn alerts_json(&self) -> Value {
        let of_group = |inner: &Inner| -> Vec<Value> {
            inner.state.rules().iter().flat_map(RuleState::alerts).map(alert_json).collect()
        };
        let alerts: Vec<_> = self.groups().iter().flat_map(|running| of_group(&running.lock())).collect();
        json!({ "alerts": alerts })
    }
}

fn rule_json(state: &RuleState, timing: Timing, without_alerts: bool) -> Value {
    let rule = state.rule();
    let labels: Map<String, Value> = rule.label_sources().map(|(n, v)| (n.to_owned(), v.into())).collect();
    let mut out = json!({
        "name": rule.name(),
        "query": rule.expr.to_string(),
        "health": state.health().as_str(),
        "evaluationTime": timing.elapsed.as_secs_f64(),
        "lastEvaluation": clock::rfc3339(timing.at),
    });
    match &rule.kind {
        RuleKind::Recording { .. } => {
            out["type"] = "recording".into();
            if !labels.is_empty() {
                out["labels"] = labels.into();
            }
        }
        RuleKind::Alerting(alerting) => {
            let annotations = alerting.annotations.iter().map(|(n, t)| (n.clone(), t.source().into()));
            let alerts: Vec<_> = if without_alerts { Vec::new() } else { state.alerts().map(alert_json).collect() };
            out["type"] = "alerting".into();
            out["state"] = state.state().as_str().into();
            out["duration"] = seconds(alerting.for_ms).into();
            out["keepFiringFor"] = seconds(alerting.keep_firing_for_ms).into();
            out["labels"] = labels.into();
            out["annotations"] = annotations.collect::<Map<_, _>>().into();
            out["alerts"] = alerts.into();
        }
    }
    if let Some(error) = state.last_error() {
        out["lastError"] = error.to_string().into();
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn alert_json(alert: &Alert) -> Value {
    let pairs = |items: Vec<(String, String)>| items.into_iter().map(|(n, v)| (n, v.into())).collect::<Map<_, _>>();
    let labels = alert.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut out = json!({
        "labels": pairs(labels),
        "annotations": pairs(alert.annotations.clone()),
        "state": alert.state.as_str(),
        "activeAt": clock::rfc3339(Some(alert.active_at)),
        "value": wire::exponent(alert.value),
    });
    if let Some(since) = alert.keep_firing_since {
        out["keepFiringSince"] = clock::rfc3339(Some(since)).into();
    }
    out
}
