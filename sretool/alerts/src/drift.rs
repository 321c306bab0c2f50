//! Rules as they are written against rules as a server runs them.
//!
//! Groups are told apart by name, rules by kind, name and labels. Expressions are compared by meaning of their text,
//! not by blanks; files, order of rules and times of evaluation are no difference.

use promql::Labels;
use rules::{Rule, RuleFile, format_duration};
use std::collections::BTreeMap;
use std::fmt;

/// A group that a server runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveGroup {
    /// Its name.
    pub name: String,
    /// File that the server read it from.
    pub file: String,
    /// Rules in order.
    pub rules: Vec<LiveRule>,
}

/// A rule that a server runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveRule {
    /// Name of the alert or of the recorded series.
    pub name: String,
    /// Whether it is an alerting rule.
    pub alerting: bool,
    /// Expression.
    pub query: String,
    /// `for`, ms.
    pub for_ms: i64,
    /// `keep_firing_for`, ms.
    pub keep_firing_for_ms: i64,
    /// Labels as written.
    pub labels: BTreeMap<String, String>,
    /// Annotations as written.
    pub annotations: BTreeMap<String, String>,
    /// Why its last evaluation failed, if it did.
    pub error: Option<String>,
}

/// One way in which the two differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Group of the rule.
    pub group: String,
    /// Name of the rule.
    pub rule: String,
    /// Its labels as written.
    pub labels: Labels,
    /// File and line where it is written; none for a rule that only the server has.
    pub place: Option<(String, usize)>,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// Written, but not running.
    Added,
    /// Running, but not written.
    Removed,
    /// Both, with another value of something: what, as written, as running.
    Edited(Vec<(String, String, String)>),
    /// Both, and the server cannot evaluate it.
    Unhealthy(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.place {
            write!(f, "{file}:{line}: ")?;
        }
        write!(f, "{}/{}", self.group, self.rule)?;
        if !self.labels.is_empty() {
            write!(f, "{}", self.labels)?;
        }
        match &self.kind {
            DifferenceKind::Added => write!(f, ": added: the server does not run it"),
            DifferenceKind::Removed => write!(f, ": removed: the server runs it, no file has it"),
            DifferenceKind::Unhealthy(error) => write!(f, ": unhealthy: {error}"),
            DifferenceKind::Edited(changes) => {
                write!(f, ": edited")?;
                changes.iter().try_for_each(|(what, written, running)| {
                    write!(f, "\n    {what}\n      - running {running}\n      + written {written}")
                })
            }
        }
    }
}

/// All differences, in the order of the files, then of what only the server has.
pub fn compare(files: &[RuleFile], live: &[LiveGroup]) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut left: Vec<&LiveGroup> = live.iter().collect();
    for file in files {
        for group in &file.groups {
            let same_name = |g: &&LiveGroup| g.name == group.name;
            // Two files may have groups of one name: the one of the same file name comes first.
            let same_file = |g: &&LiveGroup| same_name(g) && base_name(&g.file) == base_name(&file.name);
            let index = left.iter().position(same_file).or_else(|| left.iter().position(same_name));
            let running = index.map(|i| left.remove(i));
            compare_group(&file.name, &group.name, &group.rules, running, &mut found);
        }
    }
    for group in left {
        found.extend(group.rules.iter().map(|rule| removed(&group.name, rule)));
    }
    found
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn compare_group(file: &str, name: &str, rules: &[Rule], live: Option<&LiveGroup>, found: &mut Vec<Difference>) {
    let mut left: Vec<&LiveRule> = live.iter().flat_map(|group| &group.rules).collect();
    // A rule of the same labels is the same rule; only then may one of other labels be its edited form.
    let exact: Vec<Option<&LiveRule>> = rules.iter().map(|rule| take(&mut left, |l| is_same(rule, l))).collect();
    for (rule, running) in rules.iter().zip(exact) {
        let running = running.or_else(|| take(&mut left, |l| is_namesake(rule, l)));
        let difference = |kind| Difference {
            group: name.to_owned(),
            rule: rule.name().to_owned(),
            labels: rule.label_sources().collect(),
            place: Some((file.to_owned(), rule.line)),
            kind,
        };
        let Some(running) = running else {
            found.push(difference(DifferenceKind::Added));
            continue;
        };
        let changes = changes(rule, running);
        if !changes.is_empty() {
            found.push(difference(DifferenceKind::Edited(changes)));
        }
        found.extend(running.error.clone().map(|error| difference(DifferenceKind::Unhealthy(error))));
    }
    found.extend(left.into_iter().map(|rule| removed(name, rule)));
}

fn take<'a>(left: &mut Vec<&'a LiveRule>, wanted: impl Fn(&LiveRule) -> bool) -> Option<&'a LiveRule> {
    left.iter().position(|rule| wanted(rule)).map(|i| left.remove(i))
}

fn is_namesake(rule: &Rule, live: &LiveRule) -> bool {
    rule.name() == live.name && rule.alerting().is_some() == live.alerting
}

fn is_same(rule: &Rule, live: &LiveRule) -> bool {
    let running = live.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    is_namesake(rule, live) && rule.label_sources().eq(running)
}

fn removed(group: &str, rule: &LiveRule) -> Difference {
    Difference {
        group: group.to_owned(),
        rule: rule.name.clone(),
        labels: rule.labels.iter().collect(),
        place: None,
        kind: DifferenceKind::Removed,
    }
}

fn changes(rule: &Rule, live: &LiveRule) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut put = |what: &str, written: String, running: String| {
        if written != running {
            found.push((what.to_owned(), written, running));
        }
    };
    let running_expr = promql::parse(&live.query).map_or_else(|_| live.query.clone(), |expr| expr.to_string());
    put("expr", rule.expr.to_string(), running_expr);
    let labels: BTreeMap<_, _> = rule.label_sources().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    for (what, written, running) in texts("label", &labels, &live.labels) {
        put(&what, written, running);
    }
    if let Some(alerting) = rule.alerting() {
        put("for", format_duration(alerting.for_ms), format_duration(live.for_ms));
        let keep = (alerting.keep_firing_for_ms, live.keep_firing_for_ms);
        put("keep_firing_for", format_duration(keep.0), format_duration(keep.1));
        let written = alerting.annotations.iter().map(|(n, t)| (n.clone(), t.source().to_owned())).collect();
        for (what, written, running) in texts("annotation", &written, &live.annotations) {
            put(&what, written, running);
        }
    }
    found
}

/// Each name of either side with both of its texts; absent is `nothing`.
fn texts(
    kind: &str,
    written: &BTreeMap<String, String>,
    running: &BTreeMap<String, String>,
) -> Vec<(String, String, String)> {
    let names: std::collections::BTreeSet<_> = written.keys().chain(running.keys()).collect();
    let text = |map: &BTreeMap<String, String>, name| map.get(name).map_or("nothing".to_owned(), |t| format!("{t:?}"));
    names.into_iter().map(|n| (format!("{kind} {n}"), text(written, n), text(running, n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(m)\n    labels: {slo: x}\n  \
                         - record: a\n    expr: sum(n)\n    labels: {slo: y}\n  - alert: A\n    expr: a > 1\n    for: 5m\n    \
                         annotations: {summary: s}\n";

    fn files() -> Vec<RuleFile> {
        vec![rules::parse("rules/r.yml", RULES).unwrap()]
    }

    fn live_rule(name: &str, query: &str, slo: &str) -> LiveRule {
        let labels = if slo.is_empty() { BTreeMap::new() } else { BTreeMap::from([("slo".into(), slo.into())]) };
        LiveRule { name: name.into(), query: query.into(), labels, ..LiveRule::default() }
    }

    fn live() -> Vec<LiveGroup> {
        let alert = LiveRule {
            alerting: true,
            for_ms: 300_000,
            annotations: BTreeMap::from([("summary".into(), "s".into())]),
            ..live_rule("A", "a > 1", "")
        };
        let rules = vec![live_rule("a", "sum( n )", "y"), live_rule("a", "sum(m)", "x"), alert];
        vec![LiveGroup { name: "g".into(), file: "/etc/r.yml".into(), rules }]
    }

    fn shown(live: &[LiveGroup]) -> Vec<String> {
        compare(&files(), live).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn order_blanks_and_paths_are_no_difference() {
        assert_eq!(shown(&live()), [""; 0]);
    }

    #[test]
    fn edits_name_what_and_both_sides() {
        let mut live = live();
        live[0].rules[2].for_ms = 60_000;
        live[0].rules[2].annotations.clear();
        live[0].rules[0].query = "sum(n) by (x)".into();
        let found = shown(&live);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("rules/r.yml:7: g/a{slo=\"y\"}: edited\n    expr\n"), "{}", found[0]);
        assert!(found[1].contains("for\n      - running 1m\n      + written 5m"), "{}", found[1]);
        assert!(
            found[1].contains("annotation summary\n      - running nothing\n      + written \"s\""),
            "{}",
            found[1]
        );
    }

    #[test]
    fn added_removed_unhealthy_and_relabelled() {
        let mut live = live();
        live[0].rules[1].labels.insert("slo".into(), "z".into());
        live[0].rules[2].error = Some("broken".into());
        live[0].rules.push(live_rule("b", "1", ""));
        live.push(LiveGroup { name: "h".into(), rules: vec![live_rule("c", "1", "")], ..LiveGroup::default() });
        let found = shown(&live);
        assert!(found[0].contains("label slo\n      - running \"z\"\n      + written \"x\""), "{found:#?}");
        assert_eq!(found[1], "rules/r.yml:10: g/A: unhealthy: broken");
        assert_eq!(
            found[2..],
            ["g/b: removed: the server runs it, no file has it", "h/c: removed: the server runs it, no file has it"]
        );
        assert!(shown(&[]).iter().all(|d| d.ends_with("added: the server does not run it")));
    }
}
