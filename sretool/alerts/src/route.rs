//! Where an Alertmanager sends an alert, and whether it does at a given time: routing, grouping, inhibition and time
//! intervals of its configuration, evaluated without one.
//!
//! [`parse`] reads the configuration; [`Config::destinations`] walks the routes as Alertmanager does: depth first, the
//! first child that matches wins unless it says `continue`, and a node is a destination where no child matches.

mod interval;
mod matcher;
mod parse;
mod raw;

pub use interval::TimeInterval;
pub use matcher::LabelMatcher;
pub use parse::parse;

use chrono::{DateTime, Utc};
use promql::Labels;
use std::collections::BTreeMap;

/// The parts of an Alertmanager's configuration that decide who hears of an alert.
#[derive(Clone, Debug)]
pub struct Config {
    /// The root of the routes.
    pub root: Route,
    /// Inhibition rules in order.
    pub inhibit_rules: Vec<InhibitRule>,
    /// Time intervals by name.
    pub intervals: BTreeMap<String, Vec<TimeInterval>>,
}

/// A node of the routes, with what it inherits filled in.
#[derive(Clone, Debug)]
pub struct Route {
    /// Line of the configuration on which it begins.
    pub line: usize,
    /// Who hears of its alerts.
    pub receiver: String,
    /// All of these must match.
    pub matchers: Vec<LabelMatcher>,
    /// Whether later siblings are tried too.
    pub proceed: bool,
    /// Labels by which alerts are grouped; none groups by all labels.
    pub group_by: Option<Vec<String>>,
    /// Wait before the first notification of a group, ms.
    pub group_wait_ms: i64,
    /// Time between notifications of changes of a group, ms.
    pub group_interval_ms: i64,
    /// Time between repetitions, ms.
    pub repeat_interval_ms: i64,
    /// Names of intervals in which it is silent.
    pub mute_intervals: Vec<String>,
    /// Names of intervals outside of which it is silent; none means always active.
    pub active_intervals: Vec<String>,
    /// Children in order.
    pub routes: Vec<Self>,
}

/// Alerts that silence others while they fire.
#[derive(Clone, Debug)]
pub struct InhibitRule {
    /// Line of the configuration on which it begins.
    pub line: usize,
    /// What a firing alert must match to inhibit others.
    pub source: Vec<LabelMatcher>,
    /// What an alert must match to be inhibited.
    pub target: Vec<LabelMatcher>,
    /// Labels whose values must be equal; absent and empty are the same.
    pub equal: Vec<String>,
}

/// A route that an alert ends at.
#[derive(Clone, Debug)]
pub struct Destination<'a> {
    /// The node.
    pub route: &'a Route,
    /// Values of the labels that it groups by: the identity of the group.
    pub group: Labels,
    /// Why it is silent at the time, if it is.
    pub muted: Option<Muted>,
}

/// Why a route is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Muted {
    /// A mute interval of this name holds.
    Interval(String),
    /// None of its active intervals holds.
    NotActive,
}

impl Config {
    /// The routes that an alert ends at, in order; there is always one.
    pub fn destinations(&self, labels: &Labels, at: DateTime<Utc>) -> Vec<Destination<'_>> {
        let mut found = Vec::new();
        self.root.visit(labels, &mut found);
        found.into_iter().map(|route| self.destination(route, labels, at)).collect()
    }

    fn destination<'a>(&self, route: &'a Route, labels: &Labels, at: DateTime<Utc>) -> Destination<'a> {
        let group = match &route.group_by {
            Some(names) => names.iter().map(|n| (n.as_str(), labels.get(n))).filter(|(_, v)| !v.is_empty()).collect(),
            None => labels.clone(),
        };
        let holds = |name: &&String| {
            self.intervals.get(*name).is_some_and(|parts| parts.iter().any(|interval| interval.contains(at)))
        };
        let muted = match route.mute_intervals.iter().find(holds) {
            Some(name) => Some(Muted::Interval(name.clone())),
            None if route.active_intervals.is_empty() || route.active_intervals.iter().any(|n| holds(&n)) => None,
            None => Some(Muted::NotActive),
        };
        Destination { route, group, muted }
    }

    /// The rule and the firing alert that silence an alert, if any do. An alert that matches both sides of a rule is
    /// not silenced by another such one.
    pub fn inhibited<'a, 'b>(&'a self, target: &Labels, firing: &'b [Labels]) -> Option<(&'a InhibitRule, &'b Labels)> {
        self.inhibit_rules.iter().find_map(|rule| {
            if !all_match(&rule.target, target) {
                return None;
            }
            let both_sides = all_match(&rule.source, target);
            let source = firing.iter().find(|source| {
                all_match(&rule.source, source)
                    && rule.equal.iter().all(|name| source.get(name) == target.get(name))
                    && !(both_sides && all_match(&rule.target, source))
            });
            source.map(|source| (rule, source))
        })
    }
}

impl Route {
    /// Whether the node or one of its children takes the alert.
    fn visit<'a>(&'a self, labels: &Labels, found: &mut Vec<&'a Self>) -> bool {
        if !all_match(&self.matchers, labels) {
            return false;
        }
        let mut taken = false;
        for child in &self.routes {
            let matched = child.visit(labels, found);
            taken |= matched;
            if matched && !child.proceed {
                break;
            }
        }
        if !taken {
            found.push(self);
        }
        true
    }

    /// This node and all below it, depth first.
    pub fn nodes(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.routes.iter().flat_map(Self::nodes)).collect()
    }
}

fn all_match(matchers: &[LabelMatcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches(labels.get(&m.name)))
}

#[cfg(test)]
mod tests;
