//! The state machine of alerts beside a second, naive description of it, and groups over reloads and restarts.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use promql::{Engine, Labels, Value, stale_nan};
use proptest::prelude::*;
use rules::{ALERTS, ALERTS_FOR_STATE, AlertState, Context, GroupState, RestoreLimits, RuleError};
use tsdb::Store;

const STEP: i64 = 15_000;

fn group(yaml: &str) -> rules::Group {
    rules::parse("r.yaml", yaml).unwrap().groups.remove(0)
}

/// A group, the store that it reads and writes, and the time.
struct World {
    store: Store,
    state: GroupState,
    now: i64,
}

impl World {
    fn new(yaml: &str) -> Self {
        Self { store: Store::default(), state: GroupState::new(group(yaml), false), now: 0 }
    }

    fn set(&self, series: &str, value: f64) {
        let promql::ExprKind::Vector(selector) = promql::parse(series).unwrap().kind else { panic!("{series}") };
        let labels: Labels = selector.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect();
        self.store.append(&labels, self.now, value).unwrap();
    }

    fn evaluate(&mut self) {
        let store = &self.store;
        let mut sink = |labels: &Labels, t: i64, v: f64| store.append(labels, t, v).unwrap();
        let mut context = Context {
            engine: &Engine::default(),
            storage: store,
            sink: &mut sink,
            external_labels: &Labels::default(),
            external_url: "",
        };
        self.state.evaluate(self.now, &mut context);
    }

    fn step(&mut self) {
        self.now += STEP;
    }

    /// What a query yields now, as `labels value`, in order.
    fn query(&self, expr: &str) -> Vec<String> {
        let answer = Engine::default().instant(&self.store, &promql::parse(expr).unwrap(), self.now).unwrap();
        let Value::Vector(vector) = answer.value else { panic!("{expr} yields no vector") };
        let mut lines: Vec<_> = vector.iter().map(|s| format!("{} {}", s.labels, s.v)).collect();
        lines.sort();
        lines
    }

    fn states(&self) -> Vec<AlertState> {
        self.state.rules().iter().map(rules::RuleState::state).collect()
    }
}

/// What an alert is after a history of evaluations, told from the beginning every time: pending since the expression
/// began to hold, firing once that is long enough, and firing on for a while after it ended.
fn naive(history: &[bool], hold: i64, keep: i64) -> AlertState {
    let (mut since, mut fires, mut ended): (Option<i64>, bool, Option<i64>) = (None, false, None);
    for (now, holds) in (0..).map(|i| i * STEP).zip(history) {
        if *holds {
            let begin = *since.get_or_insert(now);
            ended = None;
            fires |= now - begin >= hold;
        } else if fires && keep > 0 && now - *ended.get_or_insert(now) < keep {
            // It goes on.
        } else {
            (since, fires, ended) = (None, false, None);
        }
    }
    match (since, fires) {
        (None, _) => AlertState::Inactive,
        (Some(_), false) => AlertState::Pending,
        (Some(_), true) => AlertState::Firing,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn states_are_those_of_the_naive_description(
        history in prop::collection::vec(prop::bool::weighted(0.6), 1..40),
        hold in 0..5_i64,
        keep in 0..5_i64,
    ) {
        let (hold, keep) = (hold * STEP, keep * STEP);
        let mut world = World::new(&format!(
            "groups: [{{name: g, rules: [{{alert: A, expr: x == 1, for: {hold}ms, keep_firing_for: {keep}ms}}]}}]"
        ));
        for (i, holds) in history.iter().enumerate() {
            world.set("x", f64::from(u8::from(*holds)));
            world.evaluate();
            let expected = naive(&history[..=i], hold, keep);
            prop_assert_eq!(world.states(), vec![expected], "after {:?}", &history[..=i]);
            let shown = match expected {
                AlertState::Inactive => Vec::new(),
                state => vec![format!("ALERTS{{alertname=\"A\", alertstate=\"{}\"}} 1", state.as_str())],
            };
            prop_assert_eq!(world.query(ALERTS), shown);
            prop_assert_eq!(world.query(ALERTS_FOR_STATE).is_empty(), expected == AlertState::Inactive);
            world.step();
        }
    }

    #[test]
    fn a_restart_within_the_tolerance_never_makes_an_alert_younger_than_its_outage(
        before in 2..60_i64,
        outage in 1..40_i64,
        hold in 1..120_i64,
    ) {
        let yaml = format!("groups: [{{name: g, rules: [{{alert: A, expr: vector(1), for: {}ms}}]}}]", hold * STEP);
        let mut world = World::new(&yaml);
        for _ in 0..before {
            world.evaluate();
            world.step();
        }
        let last_seen = world.now - STEP;
        world.now = last_seen + outage * STEP;
        world.state = GroupState::new(group(&yaml), true);
        world.evaluate();
        let fresh = format!("ALERTS and timestamp(ALERTS) == {}", world.now / 1000);
        prop_assert_eq!(world.query(&fresh), Vec::<String>::new());
        let limits = RestoreLimits { outage_ms: 3_600_000, grace_ms: STEP };
        world.state.restore(world.now, &world.store, limits).unwrap();
        let active = world.state.rules()[0].alerts().next().unwrap().active_at;
        let remaining = hold * STEP - last_seen;
        // It was firing, or waits as long as was left, but not less than the grace period.
        let expected = if remaining <= 0 { 0 } else { world.now + remaining.max(STEP) - hold * STEP };
        prop_assert_eq!(active, expected);
    }
}

#[test]
fn an_outage_beyond_the_tolerance_starts_anew() {
    let yaml = "groups: [{name: g, rules: [{alert: A, expr: vector(1), for: 1h}]}]";
    let mut world = World::new(yaml);
    world.evaluate();
    world.now = 20 * 60_000;
    world.state = GroupState::new(group(yaml), true);
    world.evaluate();
    let limits = RestoreLimits { outage_ms: 10 * 60_000, ..RestoreLimits::default() };
    world.state.restore(world.now, &world.store, limits).unwrap();
    assert_eq!(world.state.rules()[0].alerts().next().unwrap().active_at, world.now);
}

#[test]
fn an_ended_alert_is_not_revived_by_a_restart() {
    let yaml = "groups: [{name: g, rules: [{alert: A, expr: x == 1, for: 1h}]}]";
    let mut world = World::new(yaml);
    for value in [1.0, 0.0, 1.0] {
        world.set("x", value);
        if world.now < 2 * STEP {
            world.evaluate();
            world.step();
        }
    }
    world.state = GroupState::new(group(yaml), true);
    world.evaluate();
    world.state.restore(world.now, &world.store, RestoreLimits { grace_ms: 1, ..RestoreLimits::default() }).unwrap();
    assert_eq!(world.state.rules()[0].alerts().next().unwrap().active_at, world.now, "the marker ended it");
}

const BEFORE: &str = "groups: [{name: g, rules: [{record: a, expr: x}, {record: b, expr: x}, \
                      {alert: A, expr: x == 1, for: 1m}, {alert: A, expr: x == 1, for: 1m, labels: {s: page}}]}]";

#[test]
fn a_changed_group_goes_on_with_what_stays_and_ends_the_rest() {
    let mut world = World::new(BEFORE);
    world.set("x", 1.0);
    world.evaluate();
    world.step();
    // `a` becomes another series by its label, `c` takes over nothing, one alert changes its expression only.
    let after = "groups: [{name: g, rules: [{record: a, expr: x, labels: {l: '1'}}, {record: b, expr: x * 2}, \
                 {record: c, expr: x}, {alert: A, expr: x > 0, for: 1m, labels: {s: page}}]}]";
    let mut changed = GroupState::new(group(after), false);
    changed.adopt(std::mem::replace(&mut world.state, GroupState::new(group(BEFORE), false)));
    world.state = changed;
    world.set("x", 1.0);
    world.evaluate();
    assert_eq!(world.query("a"), ["a{l=\"1\"} 1"], "the series without the label has ended");
    assert_eq!((world.query("b"), world.query("c")), (vec!["b 2".to_owned()], vec!["c 1".to_owned()]));
    let alerts = world.query("ALERTS_FOR_STATE");
    assert_eq!(alerts, ["ALERTS_FOR_STATE{alertname=\"A\", s=\"page\"} 0"], "it is as old as it was, the other gone");
    for _ in 0..4 {
        world.set("x", 1.0);
        world.evaluate();
        world.step();
    }
    assert_eq!(world.states()[3], AlertState::Firing);
}

#[test]
fn a_series_that_another_rule_goes_on_with_does_not_end() {
    let mut world = World::new("groups: [{name: g, rules: [{record: a, expr: x, labels: {l: '1'}}]}]");
    world.set("x", 1.0);
    world.evaluate();
    world.step();
    // The same series from a rule that says its label in the expression.
    let after = "groups: [{name: g, rules: [{record: a, expr: 'label_replace(x, \"l\", \"1\", \"\", \"\")'}]}]";
    let mut changed = GroupState::new(group(after), false);
    changed.adopt(world.state.clone());
    world.state = changed;
    world.set("x", 2.0);
    world.evaluate();
    assert_eq!(world.query("a"), ["a{l=\"1\"} 2"]);
    world.step();
    world.set("x", stale_nan());
    world.evaluate();
    assert_eq!(world.query("a"), Vec::<String>::new());
}

#[test]
fn removing_a_group_ends_alerts_too() {
    let mut world = World::new("groups: [{name: g, rules: [{record: r, expr: x}, {alert: A, expr: x == 1}]}]");
    world.set("x", 1.0);
    world.evaluate();
    assert_eq!((world.query("r").len(), world.query(ALERTS).len()), (1, 1));
    world.step();
    let (store, now) = (&world.store, world.now);
    world.state.end_series(now, &mut |labels: &Labels, t: i64, v: f64| store.append(labels, t, v).unwrap());
    assert_eq!(world.query("{__name__=~\"r|ALERTS.*\"}"), Vec::<String>::new());
}

#[test]
fn a_limit_counts_alerts_of_one_rule_and_leaves_the_others_alone() {
    let mut world = World::new(
        "groups: [{name: g, limit: 2, rules: [{alert: Many, expr: x == 1}, {alert: Few, expr: 'x{i=\"1\"} == 1'}]}]",
    );
    for (i, expected) in [(1, AlertState::Firing), (2, AlertState::Firing), (3, AlertState::Inactive)] {
        for series in 1..=i {
            world.set(&format!("x{{i=\"{series}\"}}"), 1.0);
        }
        world.evaluate();
        assert_eq!(world.states(), [expected, AlertState::Firing], "{i} alerts");
        world.step();
    }
    let error = world.state.rules()[0].last_error().unwrap();
    assert_eq!(error, &RuleError::Limit { limit: 2, count: 3, what: "alerts" });
    assert_eq!(error.to_string(), "exceeded limit of 2 with 3 alerts");
}

#[test]
fn alerts_are_told_again_after_the_delay_and_once_more_when_they_end() {
    let mut world = World::new("groups: [{name: g, rules: [{alert: A, expr: x == 1, labels: {v: '{{ $value }}'}}]}]");
    let mut told = Vec::new();
    for value in [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0] {
        world.set("x", value);
        world.evaluate();
        let due = world.state.rules_mut()[0].take_due_alerts(world.now, 2 * STEP, STEP);
        told.extend(due.iter().map(|alert| (world.now / STEP, alert.state, alert.valid_until.unwrap() / STEP)));
        world.step();
    }
    let firing = AlertState::Firing;
    assert_eq!(told, [(0, firing, 8), (3, firing, 11), (5, AlertState::Inactive, 13)]);
}

#[test]
fn reading_in_the_past_writes_in_the_past() {
    let mut world =
        World::new("groups: [{name: g, query_offset: 30s, rules: [{record: r, expr: x}, {alert: A, expr: x == 7}]}]");
    world.set("x", 7.0);
    world.now = 2 * STEP;
    world.set("x", 8.0);
    world.evaluate();
    assert_eq!(world.query("r"), ["r 7"]);
    assert_eq!(world.query("timestamp(r)"), ["{} 0"]);
    assert_eq!(world.query("timestamp(ALERTS)"), ["{alertname=\"A\", alertstate=\"firing\"} 0"]);
}

#[test]
fn a_firing_alert_shows_the_newest_value_and_since_when_it_only_goes_on() {
    let mut world = World::new(
        "groups: [{name: g, rules: [{alert: A, expr: x > 0, keep_firing_for: 1m, \
         annotations: {s: 'now {{ $value }}'}}]}]",
    );
    let shown = |world: &World| {
        let alert = world.state.rules()[0].alerts().next().unwrap().clone();
        (alert.value, alert.annotations[0].1.clone(), alert.keep_firing_since.map(|at| at / STEP))
    };
    for (value, expected) in [
        (1.0, (1.0, "now 1", None)),
        (2.5, (2.5, "now 2.5", None)),
        (0.0, (2.5, "now 2.5", Some(2))),
        (-1.0, (2.5, "now 2.5", Some(2))),
        (4.0, (4.0, "now 4", None)),
        (0.0, (4.0, "now 4", Some(5))),
    ] {
        world.set("x", value);
        world.evaluate();
        let (v, text, since) = expected;
        assert_eq!(shown(&world), (v, text.to_owned(), since), "x = {value}");
        world.step();
    }
}

#[test]
fn health_follows_the_last_evaluation() {
    let mut world = World::new("groups: [{name: g, rules: [{record: r, expr: x + on() x}]}]");
    assert_eq!(world.state.rules()[0].health().as_str(), "unknown");
    world.set("x{i=\"1\"}", 1.0);
    world.evaluate();
    assert_eq!(world.state.rules()[0].health().as_str(), "ok");
    world.step();
    world.set("x{i=\"1\"}", 1.0);
    world.set("x{i=\"2\"}", 1.0);
    world.evaluate();
    assert_eq!(world.state.rules()[0].health().as_str(), "err");
    assert!(matches!(world.state.rules()[0].last_error(), Some(RuleError::Query(_))));
    assert_eq!(world.query("timestamp(r)"), ["{} 0"], "what it wrote before stays as it is");
    world.step();
    world.set("x{i=\"2\"}", stale_nan());
    world.evaluate();
    assert_eq!((world.state.rules()[0].health().as_str(), world.state.rules()[0].last_error()), ("ok", None));
}
