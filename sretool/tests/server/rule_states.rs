//! Rules evaluated by a real Prometheus 2.42, and by this code at the very same times: alert states, their series and
//! stale markers must be the same after every evaluation, and after a restart.

use crate::eventually;
use crate::real::Real;
use promql::{Compat, Engine, EngineOptions, Labels};
use rules::{Context, GroupState, RestoreLimits};
use serde_json::Value;
use std::collections::BTreeSet;
use tsdb::Store;

/// Everything depends on the time alone, so that both evaluate the same data.
const RULES: &str = r#"
groups:
- name: states
  interval: 200ms
  rules:
  - {record: tick, expr: time()}
  - {record: gaps, expr: 'vector(time() % 3) < 1.5', labels: {kind: gauge}}
  - {record: 'two:gaps', expr: 'gaps * 2'}
  - {alert: Instant, expr: 'vector(time() % 4) < 1'}
  - {alert: Held, expr: 'vector(time() % 4) < 2', for: 1s, labels: {severity: page}}
  - {alert: Never, expr: 'vector(time() % 2) < 1', for: 1h}
  - {alert: Kept, expr: 'vector(time() % 3) < 0.5', keep_firing_for: 1s}
  - alert: Both
    expr: vector(time() % 5) > 2
    for: 400ms
    keep_firing_for: 800ms
    labels: {value: '{{ if gt $value 4.0 }}high{{ else }}low{{ end }}', empty: ''}
    annotations: {summary: '{{ $value | humanizeDuration }} of {{ $labels.none }}'}
  - alert: Several
    expr: >-
      label_replace(vector(time() % 3), "part", "a", "", "") > 1
      or label_replace(vector(time() % 2), "part", "b", "", "") > 1
    labels: {part: 'part {{ $labels.part | toUpper }}'}
  - alert: Twice
    expr: label_replace(vector(1), "a", "x", "", "") or label_replace(vector(2), "a", "y", "", "")
    labels: {a: ''}
- name: limited
  interval: 200ms
  limit: 1
  rules:
  - {record: limited, expr: 'vector(1) or label_replace(vector(time() % 2), "a", "x", "", "") > 1'}
- name: lasting
  interval: 200ms
  rules:
  - {record: tock, expr: time()}
  - {alert: Lasting, expr: vector(1), for: 6s}
  - {alert: Short, expr: vector(1), for: 500ms}
"#;

const GRACE_MS: i64 = 1000;
/// Evaluations to compare, before the restart and after.
const BEFORE: usize = 40;
const AFTER: usize = 20;

async fn query(url: &str, expr: &str, at: Option<i64>) -> Vec<Value> {
    let time = at.map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000));
    let form: Vec<_> = [("query", expr)].into_iter().chain(time.as_deref().map(|time| ("time", time))).collect();
    let request = reqwest::Client::new().post(format!("{url}/api/v1/query")).form(&form);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["data"]["result"].as_array().cloned().unwrap_or_default()
}

/// The times at which a group was evaluated, as its first rule recorded them.
async fn evaluations(url: &str, name: &str) -> Vec<i64> {
    let found = query(url, &format!("{name}[1h]"), None).await;
    let values = found.first().and_then(|series| series["values"].as_array().cloned()).unwrap_or_default();
    values.iter().map(|pair| (pair[0].as_f64().unwrap() * 1000.0).round() as i64).collect()
}

/// A group evaluated by this code.
struct Replay {
    state: GroupState,
    since_start: usize,
    store: Store,
    engine: Engine,
}

impl Replay {
    fn new(name: &str) -> Self {
        let engine = Engine::new(EngineOptions { compat: Compat::V2_42, ..EngineOptions::default() });
        Self { state: GroupState::new(group(name), true), since_start: 0, store: Store::default(), engine }
    }

    /// As after a start of the server: the store is there, the state is not.
    fn restart(&mut self) {
        self.state = GroupState::new(self.state.group().clone(), true);
        self.since_start = 0;
    }

    fn evaluate(&mut self, at: i64) {
        self.evaluate_once(at);
        self.since_start += 1;
        if self.since_start == 2 {
            let limits = RestoreLimits { grace_ms: GRACE_MS, ..RestoreLimits::default() };
            self.state.restore(at, &self.store, limits).unwrap();
        }
    }

    fn evaluate_once(&mut self, at: i64) {
        let store = &self.store;
        let mut sink = |labels: &Labels, t: i64, v: f64| {
            store.append(labels, t, v).unwrap();
        };
        let mut context = Context {
            engine: &self.engine,
            storage: store,
            sink: &mut sink,
            external_labels: &Labels::default(),
            external_url: "",
        };
        self.state.evaluate(at, &mut context);
    }

    fn shown(&self, expr: &str, at: i64) -> BTreeSet<String> {
        let parsed = promql::parse(expr).unwrap();
        let answer = self.engine.instant(&self.store, &parsed, at).unwrap();
        let data: Value = serde_json::from_str(&sretool::server::query_json(&answer.value)).unwrap();
        lines(data["result"].as_array().unwrap())
    }
}

fn group(name: &str) -> rules::Group {
    let file = rules::parse("rules.yml", RULES).unwrap();
    file.groups.into_iter().find(|group| group.name == name).unwrap()
}

fn lines(results: &[Value]) -> BTreeSet<String> {
    results.iter().map(|result| format!("{} {}", result["metric"], result["value"][1])).collect()
}

/// Series of a group's rules.
fn selector(group: &str) -> &'static str {
    match group {
        "limited" => "limited",
        "lasting" => r#"{__name__=~"tock|ALERTS.*",alertname=~"|Lasting|Short"}"#,
        _ => r#"{__name__=~"tick|.*gaps|ALERTS.*",alertname!~"Lasting|Short"}"#,
    }
}

async fn compare(url: &str, replay: &Replay, name: &str, at: i64, differences: &mut Vec<String>) {
    let (ours, theirs) = (replay.shown(selector(name), at), lines(&query(url, selector(name), Some(at)).await));
    for line in ours.symmetric_difference(&theirs) {
        let side = if ours.contains(line) { "only ours" } else { "only theirs" };
        differences.push(format!("{name} at {at}: {side}: {line}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_states_are_those_of_prometheus_2_42() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yml");
    std::fs::write(&rules, RULES).unwrap();
    let config = format!("rule_files: ['{}']\n", rules.display());
    let Some(mut prometheus) = Real::prometheus(&config, &["--rules.alert.for-grace-period=1s"]).await else { return };
    let url = prometheus.url.clone();
    for name in ["tick", "tock"] {
        eventually("enough evaluations", || async { evaluations(&url, name).await.len() > BEFORE }).await;
    }
    let mut differences = Vec::new();
    let mut states = Replay::new("states");
    for at in evaluations(&url, "tick").await.into_iter().take(BEFORE) {
        states.evaluate(at);
        compare(&url, &states, "states", at, &mut differences).await;
    }
    let twice = &states.state.rules().last().unwrap().last_error().unwrap().to_string();
    let limit = "exceeded limit of 1 with 2 series";
    eventually("both errors are named in the same words", || async {
        let listed = reqwest::get(format!("{url}/api/v1/rules")).await.unwrap().text().await.unwrap();
        listed.contains(twice) && listed.contains(limit)
    })
    .await;

    prometheus.kill();
    let killed = chrono::Utc::now().timestamp_millis();
    prometheus.again().await;
    let after = |times: &[i64]| times.iter().filter(|at| **at > killed).count();
    eventually("evaluations after the restart", || async { after(&evaluations(&url, "tock").await) > AFTER }).await;
    let times = evaluations(&url, "tock").await;
    let restart = times.len() - after(&times);
    let mut lasting = Replay::new("lasting");
    for (i, at) in times.iter().copied().enumerate().take(restart + AFTER) {
        if i == restart {
            lasting.restart();
        }
        lasting.evaluate(at);
        compare(&url, &lasting, "lasting", at, &mut differences).await;
    }
    let compared = BEFORE + restart + AFTER;
    println!("{compared} evaluations compared, a restart in between: {} differences", differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
