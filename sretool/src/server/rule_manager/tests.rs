//! Rules evaluated into a real store.

use super::json::RuleFilter;
use super::*;
use serde_json::json;

const RULES: &str = "groups:\n- name: g\n  interval: 10s\n  rules:\n  - record: job:up\n    expr: sum by (job) (up)\n\
                     \x20 - alert: Down\n    expr: job:up == 0\n    for: 10s\n    labels: {severity: page}\n\
                     - name: broken\n  rules:\n  - record: r\n    expr: up + on() up\n";

fn manager(store: &Arc<Store>) -> RuleManager {
    let settings = RuleSettings {
        files: vec![rules::parse("r.yaml", RULES).unwrap()],
        interval: Duration::from_secs(1),
        external_labels: Labels::default(),
        external_url: "http://me".into(),
        alertmanager: None,
    };
    RuleManager::new(settings, store.clone(), Engine::default(), Arc::new(Metrics::default()))
}

fn store_with_up(times: &[i64]) -> Arc<Store> {
    let store = Arc::new(Store::default());
    for t in times {
        for instance in ["a", "b"] {
            store.append(&Labels::new([("__name__", "up"), ("job", "j"), ("instance", instance)]), *t, 0.0).unwrap();
        }
    }
    store
}

#[test]
fn a_group_records_and_alerts() {
    let store = store_with_up(&[0, 10_000]);
    let manager = manager(&store);
    manager.evaluate(0, 0, 1);
    assert_eq!(manager.alerts_json()["alerts"][0]["state"], "pending");
    manager.evaluate(0, 10_000, 2);
    let alert = &manager.alerts_json()["alerts"][0];
    let expected = json!({
        "labels": {"alertname": "Down", "job": "j", "severity": "page"}, "annotations": {},
        "state": "firing", "activeAt": "1970-01-01T00:00:00Z", "value": "0e+00",
    });
    assert_eq!(alert, &expected);
    let answer = Engine::default().instant(&*store, &promql::parse("ALERTS").unwrap(), 10_000).unwrap();
    assert_eq!(answer.value.sample_count(), 1, "{answer:?}");
}

#[test]
fn rules_show_their_health_and_filters_apply() {
    let store = store_with_up(&[0]);
    let manager = manager(&store);
    assert_eq!(manager.group_count(), 2);
    let all = manager.rules_json(&RuleFilter::default());
    assert_eq!(all["groups"][0]["rules"][0]["health"], "unknown");
    assert_eq!(all["groups"][0]["lastEvaluation"], "0001-01-01T00:00:00Z");
    manager.evaluate(0, 0, 1);
    manager.evaluate(1, 0, 1);
    let all = manager.rules_json(&RuleFilter::default());
    assert_eq!((&all["groups"][0]["interval"], &all["groups"][1]["interval"]), (&json!(10.0), &json!(1.0)));
    let alerting = &all["groups"][0]["rules"][1];
    let shown = json!([alerting["type"], alerting["state"], alerting["duration"]]);
    assert_eq!(shown, json!(["alerting", "pending", 10.0]));
    let broken = &all["groups"][1]["rules"][0];
    assert_eq!(broken["health"], "err");
    assert!(broken["lastError"].as_str().is_some_and(|e| !e.is_empty()), "{broken}");
    let only_alerts = RuleFilter { kind: Some("alert".into()), ..RuleFilter::default() };
    let alerts = manager.rules_json(&only_alerts);
    assert_eq!(alerts["groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(alerts["groups"][0]["rules"].as_array().map(Vec::len), Some(1));
    let other_file = RuleFilter { files: vec!["x".into()], ..RuleFilter::default() };
    assert_eq!(manager.rules_json(&other_file), json!({"groups": []}));
}

#[test]
fn groups_keep_their_place_within_the_interval() {
    let store = store_with_up(&[]);
    let manager = manager(&store);
    let group = &manager.groups[0];
    let first = group.first_evaluation(1_234_567);
    assert!((1_234_567..1_244_567).contains(&first));
    assert_eq!(group.first_evaluation(first + 1), first + 10_000);
}
