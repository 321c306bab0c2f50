//! What Grafana demands of every file.

use dashboards::{Dashboard, SCHEMA_VERSION, all};
use proptest::prelude::*;
use serde_json::Value;

fn parsed() -> Vec<(Dashboard, Value)> {
    all().into_iter().map(|d| (serde_json::from_str(&d.to_json()).unwrap(), d)).map(|(v, d)| (d, v)).collect()
}

fn panels(value: &Value) -> impl Iterator<Item = &Value> {
    value["panels"].as_array().unwrap().iter()
}

#[test]
fn the_head_is_complete() {
    for (dashboard, value) in parsed() {
        assert_eq!(value["schemaVersion"], SCHEMA_VERSION);
        assert_eq!(value["uid"], dashboard.uid);
        assert_eq!(value["time"]["to"], "now");
        assert_eq!(value["editable"], false);
        assert!(value["tags"].as_array().unwrap().contains(&"sretool".into()));
        assert!(value.get("id").is_none() && value.get("version").is_none(), "Grafana numbers what it stores");
        assert!(!dashboard.description.is_empty());
    }
}

#[test]
fn every_panel_is_one_that_grafana_knows() {
    let known = ["row", "timeseries", "stat", "gauge", "bargauge", "heatmap", "state-timeline", "table"];
    for (dashboard, value) in parsed() {
        assert_eq!(panels(&value).count(), dashboard.panels().count() + dashboard.rows.len());
        for panel in panels(&value) {
            assert!(known.iter().any(|kind| panel["type"] == *kind), "{}", panel["type"]);
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24);
            assert!(place["h"].as_u64().unwrap() >= 1);
        }
    }
}

#[test]
fn queries_have_letters_and_the_data_source_of_the_variable() {
    for (_, value) in parsed() {
        for panel in panels(&value).filter(|p| p["type"] != "row") {
            let targets = panel["targets"].as_array().unwrap();
            for (target, letter) in targets.iter().zip('A'..) {
                assert_eq!(target["refId"], letter.to_string());
                assert_eq!(target["datasource"]["uid"], "${datasource}");
                assert_ne!(target["instant"], target["range"]);
            }
            assert_eq!(panel["fieldConfig"]["defaults"]["noValue"], "no data");
            assert_eq!(panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"], Value::Null);
        }
    }
}

#[test]
fn variables_are_defined_before_they_are_used() {
    for (dashboard, value) in parsed() {
        let mut seen = vec!["datasource".to_owned()];
        for variable in &dashboard.variables {
            let used = dashboards::template::variables(&variable.selector);
            assert!(used.iter().all(|name| seen.iter().any(|s| s == name)), "{}: ${}", dashboard.uid, variable.name);
            seen.push(variable.name.clone());
        }
        let list = value["templating"]["list"].as_array().unwrap();
        assert_eq!(list.len(), seen.len() + 1, "the address of the runbooks comes last");
        assert_eq!(list.last().unwrap()["name"], "runbooks");
    }
}

proptest! {
    /// Nothing but variables may change, and what has no variable comes back as it was.
    #[test]
    fn substitution_leaves_the_rest_alone(expr in "[a-z{}\\[\\]\"$ é0-9:_]{0,40}") {
        use dashboards::template::{Bindings, substitute, variables};
        let nothing = Bindings::default();
        if variables(&expr).is_empty() {
            prop_assert_eq!(substitute(&expr, &nothing), expr.clone());
        }
        let names: Vec<String> = variables(&expr).into_iter().map(str::to_owned).collect();
        let gone: Bindings = names.iter().map(|name| (name.as_str(), "")).collect();
        let substituted = substitute(&expr, &gone);
        prop_assert!(substituted.len() <= expr.len());
        prop_assert_eq!(substituted == expr, names.is_empty());
    }

    #[test]
    fn the_linter_never_panics(text in "[a-z{}\\[\\]\":,0-9]{0,60}", expr in any::<String>(), x in any::<i64>()) {
        let _ = dashboards::lint(&text);
        let json = serde_json::json!({
            "panels": [
                {"type": "stat", "gridPos": {"x": x / 4, "y": 0, "w": 1, "h": 1}, "targets": [{"expr": expr}]},
                {"type": "stat", "gridPos": {"x": 0, "y": x / 4, "w": x / 4, "h": 1}},
            ],
        });
        let report = dashboards::lint(&json.to_string()).unwrap();
        prop_assert!(report.parsed <= report.exprs);
    }
}
