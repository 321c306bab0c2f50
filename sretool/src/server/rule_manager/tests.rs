//! Rules evaluated into a real store.

use super::json::RuleFilter;
use super::*;
use serde_json::json;

const RULES: &str = "groups:\n- name: g\n  interval: 10s\n  rules:\n  - record: job:up\n    expr: sum by (job) (up)\n\
                     \x20 - alert: Down\n    expr: job:up == 0\n    for: 10s\n    labels: {severity: page}\n\
                     - name: broken\n  rules:\n  - record: r\n    expr: up + on() up\n";

/// A manager whose groups are evaluated only by the test.
async fn manager(store: &Arc<Store>) -> Arc<RuleManager> {
    let settings = RuleSettings {
        external_labels: Labels::default(),
        external_url: "http://me".into(),
        alertmanagers: Vec::new(),
        resend_delay: Duration::from_secs(60),
        restore: RestoreLimits::default(),
    };
    let manager = Arc::new(RuleManager::new(settings, store.clone(), Engine::default(), Arc::new(Metrics::default())));
    set(&manager, RULES).await;
    manager
}

async fn set(manager: &Arc<RuleManager>, rules: &str) {
    manager.set(vec![rules::parse("r.yaml", rules).unwrap()], Duration::from_secs(1));
    // Before they were ever polled.
    manager.stop().await;
}

fn evaluate(manager: &RuleManager, group: usize, at: i64) {
    manager.evaluate(&manager.groups()[group], at);
}

/// Values of an expression, as `labels value`.
fn query(store: &Store, expr: &str, at: i64) -> Vec<String> {
    let answer = Engine::default().instant(store, &promql::parse(expr).unwrap(), at).unwrap();
    let promql::Value::Vector(vector) = answer.value else { panic!("no vector") };
    vector.iter().map(|s| format!("{} {}", s.labels, s.v)).collect()
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

#[tokio::test]
async fn a_group_records_and_alerts() {
    let store = store_with_up(&[0, 10_000]);
    let manager = manager(&store).await;
    evaluate(&manager, 0, 0);
    assert_eq!(manager.alerts_json()["alerts"][0]["state"], "pending");
    evaluate(&manager, 0, 10_000);
    let alert = &manager.alerts_json()["alerts"][0];
    let expected = json!({
        "labels": {"alertname": "Down", "job": "j", "severity": "page"}, "annotations": {},
        "state": "firing", "activeAt": "1970-01-01T00:00:00Z", "value": "0e+00",
    });
    assert_eq!(alert, &expected);
    assert_eq!(query(&store, "ALERTS", 10_000).len(), 1);
}

#[tokio::test]
async fn rules_show_their_health_and_filters_apply() {
    let store = store_with_up(&[0]);
    let manager = manager(&store).await;
    assert_eq!(manager.group_count(), 2);
    let all = manager.rules_json(&RuleFilter::default());
    assert_eq!(all["groups"][0]["rules"][0]["health"], "unknown");
    assert_eq!(all["groups"][0]["lastEvaluation"], "0001-01-01T00:00:00Z");
    evaluate(&manager, 0, 0);
    evaluate(&manager, 1, 0);
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

#[tokio::test]
async fn groups_keep_their_place_within_the_interval() {
    let store = store_with_up(&[]);
    let manager = manager(&store).await;
    let group = &manager.groups()[0];
    let first = group.first_evaluation(1_234_567);
    assert!((1_234_567..1_244_567).contains(&first));
    assert_eq!(group.first_evaluation(first + 1), first + 10_000);
}

#[tokio::test]
async fn a_reload_keeps_what_stays_and_ends_what_goes() {
    let store = store_with_up(&[0, 10_000, 20_000]);
    let manager = manager(&store).await;
    evaluate(&manager, 0, 0);
    let before = manager.groups()[0].clone();
    set(&manager, RULES).await;
    assert!(Arc::ptr_eq(&before, &manager.groups()[0]), "nothing changed");

    // The alert keeps its age although the group changed; the recorded series has another name now.
    set(&manager, &RULES.replace("record: job:up", "record: job:alive").replace("job:up == 0", "up == bool 0 > 0"))
        .await;
    assert!(!Arc::ptr_eq(&before, &manager.groups()[0]));
    manager.evaluate(&before, 10_000);
    assert_eq!(query(&store, "timestamp(job:up)", 10_000), [r#"{job="j"} 0"#], "a retired group writes nothing");
    evaluate(&manager, 0, 10_000);
    assert_eq!(query(&store, "job:alive", 10_000).len(), 1);
    assert_eq!(query(&store, "job:up", 10_000), Vec::<String>::new());

    set(&manager, "groups: []").await;
    assert_eq!(manager.group_count(), 0);
    assert_eq!(query(&store, "job:alive", clock::now_ms()), Vec::<String>::new());
    assert!(!manager.metrics.expose(tsdb::Stats::default()).unwrap().contains("r.yaml"));
}
