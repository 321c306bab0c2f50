//! The state machine and the series that rules write, against a small store in memory.

use super::*;
use promql::{EngineOptions, Matcher, Sample, SelectHints, SeriesData, StorageError};
use std::collections::BTreeMap;
use std::sync::Mutex;

const MINUTE: i64 = 60_000;

#[derive(Default)]
struct Memory(Mutex<BTreeMap<Labels, Vec<Sample>>>);

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let series = self.0.lock().unwrap();
        let matching = series.iter().filter(|(labels, _)| matchers.iter().all(|m| m.matches(labels.get(&m.name))));
        let within = |s: &&Sample| (hints.min_t..=hints.max_t).contains(&s.t);
        let cut = matching.map(|(labels, samples)| {
            SeriesData::new(labels.clone(), samples.iter().filter(within).copied().collect::<Vec<_>>())
        });
        Ok(cut.filter(|series| !series.samples.is_empty()).collect())
    }
}

impl Memory {
    fn add(&self, labels: &Labels, t: i64, v: f64) {
        self.0.lock().unwrap().entry(labels.clone()).or_default().push(Sample { t, v });
    }

    fn put(&self, name: &str, instance: &str, minute: i64, v: f64) {
        self.add(&Labels::new([("__name__", name), ("instance", instance)]), minute * MINUTE, v);
    }

    /// Every sample of the series with this name, as `labels value`, a stale marker as `stale`.
    fn at(&self, name: &str, minute: i64) -> Vec<String> {
        let series = self.0.lock().unwrap();
        let named = series.iter().filter(|(labels, _)| labels.metric_name() == name);
        let mut lines = Vec::new();
        for (labels, samples) in named {
            for sample in samples.iter().filter(|s| s.t == minute * MINUTE) {
                let value = if promql::is_stale(sample.v) { "stale".to_owned() } else { sample.v.to_string() };
                lines.push(format!("{} {value}", labels.without(|n| n == METRIC_NAME)));
            }
        }
        lines
    }

    fn evaluate(&self, group: &mut GroupState, minute: i64) {
        let engine = engine();
        let external_labels = Labels::default();
        let mut sink = |labels: &Labels, t: i64, v: f64| self.add(labels, t, v);
        group.evaluate(
            minute * MINUTE,
            &mut Context {
                engine: &engine,
                storage: self,
                sink: &mut sink,
                external_labels: &external_labels,
                external_url: "",
            },
        );
    }
}

fn engine() -> Engine {
    Engine::new(EngineOptions { default_step_ms: MINUTE, ..EngineOptions::default() })
}

fn group(rules: &str) -> GroupState {
    let text = format!("groups:\n- name: g\n{rules}");
    let file = crate::parse("r.yaml", &text).unwrap();
    GroupState::new(file.groups.into_iter().next().unwrap(), false)
}

fn alerting(lines: &str) -> GroupState {
    group(&format!("  rules:\n  - alert: Down\n    expr: up == 0\n    {lines}\n"))
}

/// Plays values of `up`, one a minute, and compares the states: `.` inactive, `p` pending, `F` firing.
#[track_caller]
fn check_states(lines: &str, ups: &str, expected: &str) {
    let (memory, mut group, mut states) = (Memory::default(), alerting(lines), String::new());
    for (minute, up) in (0..).zip(ups.chars()) {
        let value = if up == '_' { promql::stale_nan() } else { f64::from(up.to_digit(10).unwrap()) };
        memory.put("up", "a", minute, value);
        memory.evaluate(&mut group, minute);
        states.push(match group.rules()[0].state() {
            AlertState::Inactive => '.',
            AlertState::Pending => 'p',
            AlertState::Firing => 'F',
        });
    }
    assert_eq!(states, expected, "{lines} with {ups}");
}

#[test]
fn states_over_time() {
    check_states("for: 0m", "1001", ".FF.");
    check_states("for: 2m", "1000001", ".ppFFF.");
    check_states("for: 2m", "100100001", ".pp.ppFF.");
    check_states("for: 2m", "0_0000", "p.ppFF");
    check_states("keep_firing_for: 2m", "0111011", "FFF.FFF");
    check_states("for: 1m\n    keep_firing_for: 2m", "00101111", "pFFFFF..");
    check_states("for: 1m\n    keep_firing_for: 2m", "01000", "p.pFF");
}

#[test]
fn alert_series_follow_the_states_and_end_with_them() {
    let (memory, mut group) = (Memory::default(), alerting("for: 1m\n    labels: {severity: page}"));
    for (minute, up) in [(0, 0.0), (1, 0.0), (2, 1.0)] {
        memory.put("up", "a", minute, up);
        memory.evaluate(&mut group, minute);
    }
    let alert = |state| format!(r#"{{alertname="Down", alertstate="{state}", instance="a", severity="page"}}"#);
    assert_eq!(memory.at(ALERTS, 0), [alert("pending") + " 1"]);
    assert_eq!(memory.at(ALERTS, 1), [alert("firing") + " 1", alert("pending") + " stale"]);
    assert_eq!(memory.at(ALERTS, 2), [alert("firing") + " stale"]);
    let state = r#"{alertname="Down", instance="a", severity="page"}"#;
    assert_eq!(memory.at(ALERTS_FOR_STATE, 1), [format!("{state} 0")]);
    assert_eq!(memory.at(ALERTS_FOR_STATE, 2), [format!("{state} stale")]);
}

#[test]
fn annotations_and_labels_are_expanded() {
    let lines = "labels: {who: '{{ $labels.instance | toUpper }}'}\n    \
                 annotations:\n      \
                 summary: '{{ $value }} of {{ with query \"vector(7)\" }}{{ . | first | value }}{{ end }}'";
    let (memory, mut group) = (Memory::default(), alerting(lines));
    memory.put("up", "a", 0, 0.0);
    memory.evaluate(&mut group, 0);
    let alerts: Vec<_> = group.rules()[0].alerts().collect();
    assert_eq!(alerts[0].labels, Labels::new([("alertname", "Down"), ("instance", "a"), ("who", "A")]));
    assert_eq!(alerts[0].annotations, [("summary".to_owned(), "0 of 7".to_owned())]);
    assert_eq!((alerts[0].active_at, alerts[0].fired_at), (0, Some(0)));
}

#[test]
fn recording_rules_rename_label_and_see_earlier_results() {
    let memory = Memory::default();
    let mut group = group(
        "  labels: {team: core}\n  rules:\n  - record: a:up\n    expr: up\n    labels: {instance: ''}\n\
         \x20 - record: b:up\n    expr: a:up * 2\n  - record: c:one\n    expr: 1\n    labels: {x: '{{ kept }}'}\n",
    );
    memory.put("up", "a", 0, 3.0);
    memory.evaluate(&mut group, 0);
    assert_eq!(memory.at("a:up", 0), [r#"{team="core"} 3"#]);
    assert_eq!(memory.at("b:up", 0), [r#"{team="core"} 6"#]);
    assert_eq!(memory.at("c:one", 0), [r#"{team="core", x="{{ kept }}"} 1"#]);
}

#[test]
fn a_vanished_result_gets_one_stale_marker() {
    let (memory, mut group) = (Memory::default(), group("  rules:\n  - record: r\n    expr: up\n"));
    for instance in ["a", "b"] {
        memory.put("up", instance, 0, 1.0);
    }
    memory.evaluate(&mut group, 0);
    memory.put("up", "a", 1, 1.0);
    memory.put("up", "b", 1, promql::stale_nan());
    memory.evaluate(&mut group, 1);
    assert_eq!(memory.at("r", 1), [r#"{instance="a"} 1"#, r#"{instance="b"} stale"#]);
    memory.put("up", "a", 2, 1.0);
    memory.evaluate(&mut group, 2);
    assert_eq!(memory.at("r", 2), [r#"{instance="a"} 1"#]);
    group.end_series(3 * MINUTE, &mut |labels: &Labels, t: i64, v: f64| memory.add(labels, t, v));
    assert_eq!(memory.at("r", 3), [r#"{instance="a"} stale"#]);
}

#[test]
fn the_query_offset_moves_reading_and_writing() {
    let memory = Memory::default();
    let mut group = group("  query_offset: 1m\n  rules:\n  - record: r\n    expr: up\n");
    memory.put("up", "a", 4, 4.0);
    memory.put("up", "a", 5, 5.0);
    memory.evaluate(&mut group, 5);
    assert_eq!(memory.at("r", 4), [r#"{instance="a"} 4"#]);
    assert_eq!(memory.at("r", 5), Vec::<String>::new());
}

#[test]
fn failures_are_kept_and_leave_the_series_alone() {
    let memory = Memory::default();
    let mut same = group("  rules:\n  - record: r\n    expr: up\n    labels: {instance: x}\n");
    let mut text = group("  rules:\n  - record: r\n    expr: '\"text\"'\n");
    let mut many = group("  limit: 1\n  rules:\n  - record: r\n    expr: up\n  - alert: A\n    expr: up\n");
    let mut join = group("  rules:\n  - record: r\n    expr: up + on() up\n");
    for instance in ["a", "b"] {
        memory.put("up", instance, 0, 1.0);
    }
    for group in [&mut same, &mut text, &mut many, &mut join] {
        memory.evaluate(group, 0);
        assert_eq!(group.rules()[0].health(), Health::Bad);
    }
    assert_eq!(memory.at("r", 0), Vec::<String>::new());
    assert_eq!(same.rules()[0].last_error(), Some(&RuleError::Duplicate("rule")));
    assert_eq!(text.rules()[0].last_error(), Some(&RuleError::NotAVector));
    assert_eq!(many.rules()[0].last_error(), Some(&RuleError::Limit { limit: 1, count: 2, what: "series" }));
    assert_eq!(many.rules()[1].last_error(), Some(&RuleError::Limit { limit: 1, count: 2, what: "alerts" }));
    assert_eq!(many.rules()[1].alerts().count(), 0);
    assert!(matches!(join.rules()[0].last_error(), Some(RuleError::Query(_))));
}

#[test]
fn alerts_with_the_same_labels_are_an_error() {
    let (memory, mut group) = (Memory::default(), alerting("labels: {instance: ''}"));
    memory.put("up", "a", 0, 0.0);
    memory.put("up", "b", 0, 0.0);
    memory.evaluate(&mut group, 0);
    assert_eq!(group.rules()[0].last_error(), Some(&RuleError::Duplicate("alert")));
}

#[test]
fn sending_repeats_and_announces_the_end() {
    let (memory, mut group) = (Memory::default(), alerting("for: 1m"));
    let mut sent = Vec::new();
    for (minute, up) in (0..).zip([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) {
        memory.put("up", "a", minute, up);
        memory.evaluate(&mut group, minute);
        for alert in group.rules_mut()[0].take_due_alerts(minute * MINUTE, MINUTE, MINUTE) {
            assert_eq!(alert.valid_until, Some((minute + 4) * MINUTE));
            sent.push((minute, alert.state.as_str(), alert.resolved_at.map(|t| t / MINUTE)));
        }
    }
    let firing = [(1, "firing", None), (3, "firing", None)];
    let resolved = [(4, "inactive", Some(4)), (6, "inactive", Some(4))];
    assert_eq!(sent, [firing, resolved].concat());
    for minute in 7..30 {
        memory.put("up", "a", minute, 1.0);
        memory.evaluate(&mut group, minute);
    }
    assert_eq!(group.rules_mut()[0].take_due_alerts(30 * MINUTE, MINUTE, MINUTE), []);
}

/// An alert that became active at minute 0 and was last seen at `down`; the server is back at minute `up`.
#[track_caller]
fn check_restored(hold: &str, down: i64, up: i64, expected_active_minute: i64) {
    let memory = Memory::default();
    let mut before = alerting(&format!("for: {hold}"));
    for minute in 0..=down {
        memory.put("up", "a", minute, 0.0);
        memory.evaluate(&mut before, minute);
    }
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: {hold}\n");
    let group = crate::parse("r.yaml", &text).unwrap().groups.remove(0);
    let mut after = GroupState::new(group, true);
    memory.put("up", "a", up, 0.0);
    memory.evaluate(&mut after, up);
    assert_eq!(memory.at(ALERTS, up), Vec::<String>::new(), "not written before the restoration");
    after.restore(up * MINUTE, &memory, RestoreLimits::default()).unwrap();
    assert!(after.is_restored());
    let active = after.rules()[0].alerts().next().unwrap().active_at;
    assert_eq!(active, expected_active_minute * MINUTE, "for {hold}, down at {down}, up at {up}");
    memory.put("up", "a", up + 1, 0.0);
    memory.evaluate(&mut after, up + 1);
    assert_eq!(memory.at(ALERTS, up + 1).len(), 1);
}

#[test]
fn a_restart_does_not_lose_the_time_spent_pending() {
    // It was pending for 5 of 60 minutes: the outage does not count.
    check_restored("60m", 5, 15, 10);
    // 5 minutes were left: it waits for the grace period of 10 minutes.
    check_restored("20m", 15, 25, 15);
    // It was firing.
    check_restored("10m", 15, 25, 0);
    // Short waits start anew, and so does everything after a long outage.
    check_restored("5m", 3, 10, 10);
    check_restored("60m", 5, 80, 80);
}
