//! Reads an Alertmanager's configuration.

use super::interval::{self, TimeInterval};
use super::matcher::{self, LabelMatcher};
use super::raw::{RawConfig, RawInhibit, RawInterval, RawIntervals, RawRoute};
use super::{Config, InhibitRule, Route};
use rules::Problem;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Parses a configuration. `name` is how messages call it.
///
/// # Errors
/// Every [`Problem`] found; broken YAML and unknown keys end the search.
pub fn parse(name: &str, text: &str) -> Result<Config, Vec<Problem>> {
    let options = serde_saphyr::options! { with_snippet: false };
    let raw: RawConfig = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| vec![crate::yaml_problem(name, &error, "Alertmanager configuration")])?;
    let mut reader = Reader { file: name, problems: Vec::new(), receivers: BTreeSet::new() };
    for receiver in raw.receivers.unwrap_or_default() {
        if !reader.receivers.insert(receiver.name.value.clone()) {
            reader.report(&receiver.name, format!("the receiver `{}` is defined twice", receiver.name.value));
        }
    }
    let mut intervals = BTreeMap::new();
    for raw in raw.time_intervals.into_iter().chain(raw.mute_time_intervals).flatten() {
        let name = raw.name.clone();
        let parts = reader.intervals(raw);
        if intervals.insert(name.value.clone(), parts).is_some() {
            reader.report(&name, format!("the time interval `{}` is defined twice", name.value));
        }
    }
    let root = match raw.route {
        Some(route) => reader.root(route, &intervals),
        None => {
            let message = "the configuration has no `route`; add the root of the routes".to_owned();
            reader.problems.push(Problem { file: name.to_owned(), line: 1, column: 1, message });
            None
        }
    };
    let rules = raw.inhibit_rules.unwrap_or_default();
    let inhibit_rules = rules.into_iter().map(|rule| reader.inhibit_rule(rule)).collect();
    match root {
        Some(root) if reader.problems.is_empty() => Ok(Config { root, inhibit_rules, intervals }),
        _ => Err(reader.problems),
    }
}

type Intervals = BTreeMap<String, Vec<TimeInterval>>;
type Texts = BTreeMap<String, Spanned<String>>;

struct Reader<'a> {
    file: &'a str,
    problems: Vec<Problem>,
    receivers: BTreeSet<String>,
}

impl Reader<'_> {
    fn report<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        let (line, column) = crate::position(at.referenced);
        self.problems.push(Problem { file: self.file.to_owned(), line, column, message: message.into() });
    }

    /// The value, or a report.
    fn value<T, U>(&mut self, at: &Spanned<T>, value: Result<U, String>) -> Option<U> {
        value.map_err(|message| self.report(at, message)).ok()
    }

    fn root(&mut self, raw: Spanned<RawRoute>, intervals: &Intervals) -> Option<Route> {
        let own = &raw.value;
        if own.receiver.is_none() {
            self.report(&raw, "the root route has no `receiver`; name the one that gets what no other route takes");
            return None;
        }
        if own.equal.is_some() || own.match_re.is_some() || own.matchers.is_some() {
            self.report(&raw, "the root route takes every alert; move its matchers into a route below it");
        }
        if own.mute_time_intervals.is_some() || own.active_time_intervals.is_some() {
            self.report(&raw, "the root route cannot be muted; move its time intervals into a route below it");
        }
        let defaults = Route {
            line: 0,
            receiver: String::new(),
            matchers: Vec::new(),
            proceed: false,
            group_by: Some(Vec::new()),
            group_wait_ms: 30_000,
            group_interval_ms: 300_000,
            repeat_interval_ms: 4 * 3_600_000,
            mute_intervals: Vec::new(),
            active_intervals: Vec::new(),
            routes: Vec::new(),
        };
        Some(self.route(raw, &defaults, intervals))
    }

    /// A node; receiver, grouping and times come from the parent where it has none, intervals and matchers do not.
    fn route(&mut self, spanned: Spanned<RawRoute>, parent: &Route, intervals: &Intervals) -> Route {
        let (line, _) = crate::position(spanned.referenced);
        let raw = spanned.value;
        let receiver = raw.receiver.as_ref().map_or_else(|| parent.receiver.clone(), |r| r.value.clone());
        if let Some(named) = raw.receiver.as_ref().filter(|named| !self.receivers.contains(&named.value)) {
            let known: Vec<_> = self.receivers.iter().map(String::as_str).collect();
            let message = format!("the receiver `{}` is not defined; known are {}", named.value, known.join(", "));
            self.report(named, message);
        }
        let mut time = |raw: Option<Spanned<String>>, inherited: i64| {
            let Some(raw) = raw else { return inherited };
            self.value(&raw, rules::parse_duration(&raw.value).map_err(|e| e.to_string())).unwrap_or(inherited)
        };
        let group_wait_ms = time(raw.group_wait, parent.group_wait_ms);
        let group_interval_ms = time(raw.group_interval, parent.group_interval_ms);
        let repeat_interval_ms = time(raw.repeat_interval, parent.repeat_interval_ms);
        let mut route = Route {
            line,
            receiver,
            matchers: self.matchers(raw.equal, raw.match_re, raw.matchers),
            proceed: raw.proceed,
            group_by: raw.group_by.map_or_else(|| parent.group_by.clone(), |names| self.group_by(names)),
            group_wait_ms,
            group_interval_ms,
            repeat_interval_ms,
            mute_intervals: self.names(raw.mute_time_intervals, intervals),
            active_intervals: self.names(raw.active_time_intervals, intervals),
            routes: Vec::new(),
        };
        let children = raw.routes.unwrap_or_default();
        route.routes = children.into_iter().map(|child| self.route(child, &route, intervals)).collect();
        route
    }

    /// Labels to group by; none stands for `...`, all of them.
    fn group_by(&mut self, names: Vec<Spanned<String>>) -> Option<Vec<String>> {
        let all = names.iter().any(|name| name.value == "...");
        if all && names.len() > 1 {
            self.report(&names[0], "`...` groups by all labels and stands alone; remove the other names");
        }
        for name in names.iter().filter(|n| n.value != "..." && !promql::is_label_name(&n.value)) {
            self.report(name, format!("`{}` is no label name", name.value));
        }
        (!all).then(|| names.into_iter().map(|name| name.value).collect())
    }

    fn names(&mut self, raw: Option<Vec<Spanned<String>>>, known: &Intervals) -> Vec<String> {
        let mut names = Vec::new();
        for name in raw.unwrap_or_default() {
            if !known.contains_key(&name.value) {
                self.report(
                    &name,
                    format!("the time interval `{}` is not defined; add it to `time_intervals`", name.value),
                );
            }
            names.push(name.value);
        }
        names
    }

    fn matchers(
        &mut self,
        equal: Option<Texts>,
        regex: Option<Texts>,
        lists: Option<Vec<Spanned<String>>>,
    ) -> Vec<LabelMatcher> {
        let mut found: Vec<_> = equal.iter().flatten().map(|(n, v)| LabelMatcher::equal(n, &v.value)).collect();
        for (name, pattern) in regex.iter().flatten() {
            found.extend(self.value(pattern, LabelMatcher::regex(name, &pattern.value, false)));
        }
        for list in lists.iter().flatten() {
            found.extend(self.value(list, matcher::parse_list(&list.value)).into_iter().flatten());
        }
        found
    }

    fn inhibit_rule(&mut self, spanned: Spanned<RawInhibit>) -> InhibitRule {
        let (line, _) = crate::position(spanned.referenced);
        let raw = spanned.value;
        InhibitRule {
            line,
            source: self.matchers(raw.source_match, raw.source_match_re, raw.source_matchers),
            target: self.matchers(raw.target_match, raw.target_match_re, raw.target_matchers),
            equal: raw.equal.unwrap_or_default(),
        }
    }

    fn intervals(&mut self, raw: RawIntervals) -> Vec<TimeInterval> {
        raw.time_intervals.unwrap_or_default().into_iter().map(|part| self.interval(part)).collect()
    }

    fn interval(&mut self, raw: RawInterval) -> TimeInterval {
        let mut minutes = Vec::new();
        for times in raw.times.unwrap_or_default() {
            let from = self.value(&times.start_time, interval::minutes(&times.start_time.value));
            let to = self.value(&times.end_time, interval::minutes(&times.end_time.value));
            if let (Some(from), Some(to)) = (from, to) {
                if from >= to {
                    let message = "the time ends before it begins; make two of it, one up to 24:00 and one from 00:00";
                    self.report(&times.start_time, message);
                }
                minutes.push((from, to));
            }
        }
        let zone = raw.location.and_then(|location| {
            let zone = location.value.parse::<chrono_tz::Tz>();
            let zone =
                zone.map_err(|_| format!("`{}` is no time zone; write one such as Europe/Paris", location.value));
            self.value(&location, zone)
        });
        TimeInterval {
            minutes,
            weekdays: self.ranges(raw.weekdays, &WEEKDAYS, 0, (0, 6)),
            days_of_month: self.ranges(raw.days_of_month, &[], 0, (-31, 31)),
            months: self.ranges(raw.months, &MONTHS, 1, (1, 12)),
            years: self.ranges(raw.years, &[], 0, (0, 9999)),
            zone: zone.unwrap_or(chrono_tz::Tz::UTC),
        }
    }

    fn ranges(
        &mut self,
        raw: Option<Vec<Spanned<String>>>,
        names: &[&str],
        first: i32,
        bounds: (i32, i32),
    ) -> Vec<RangeInclusive<i32>> {
        let raw = raw.unwrap_or_default();
        raw.iter().filter_map(|text| self.value(text, interval::range(&text.value, names, first, bounds))).collect()
    }
}
