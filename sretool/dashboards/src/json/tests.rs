use super::*;
use crate::model::{Color, Kind, Unit};

fn sample() -> Dashboard {
    let panel =
        |title: &str, width| Panel::new(Kind::Stat, title, Unit::Ratio, "Why.").query("up", "{{job}}").size(width, 5);
    Dashboard {
        uid: "sample".into(),
        title: "Sample".into(),
        description: "A sample.".into(),
        tags: vec!["x".into()],
        from: "now-1h".into(),
        refresh: "10s".into(),
        variables: vec![Variable {
            name: "job".into(),
            label: "Job".into(),
            selector: "up".into(),
            of_label: "job".into(),
            multi: true,
        }],
        rows: vec![
            Row::new("First", vec![panel("a", 16), panel("b", 8).size(8, 7), panel("c", 12)]),
            Row::new(
                "Second",
                vec![panel("d", 24).colors(Color::Green, &[(0.5, Color::Red)]).runbook("Down").exemplars()],
            ),
        ],
    }
}

fn value() -> Value {
    serde_json::from_str(&sample().to_json()).unwrap()
}

#[test]
fn panels_are_laid_out_line_by_line() {
    let value = value();
    let panels = value["panels"].as_array().unwrap();
    let places: Vec<_> = panels
        .iter()
        .map(|p| (p["title"].as_str().unwrap(), ["x", "y", "w", "h"].map(|k| p["gridPos"][k].as_u64().unwrap())))
        .collect();
    let expected = [
        ("First", [0, 0, 24, 1]),
        ("a", [0, 1, 16, 5]),
        ("b", [16, 1, 8, 7]),
        ("c", [0, 8, 12, 5]),
        ("Second", [0, 13, 24, 1]),
        ("d", [0, 14, 24, 5]),
    ];
    assert_eq!(places, expected);
    assert!(panels.iter().zip(1..).all(|(p, id)| p["id"] == id));
}

#[test]
fn a_panel_says_everything() {
    let panel = &value()["panels"][5];
    assert_eq!(panel["type"], "stat");
    assert_eq!(panel["description"], "Why.");
    assert_eq!(panel["fieldConfig"]["defaults"]["unit"], "percentunit");
    assert_eq!(
        panel["fieldConfig"]["defaults"]["thresholds"]["steps"],
        json!([{"color": "green", "value": null}, {"color": "red", "value": 0.5}])
    );
    assert_eq!(panel["links"][0]["url"], "${runbooks}/Down.md");
    let target = &panel["targets"][0];
    assert_eq!((&target["expr"], &target["exemplar"], &target["refId"]), (&json!("up"), &json!(true), &json!("A")));
    assert_eq!(target["datasource"], json!({"type": "prometheus", "uid": "${datasource}"}));
}

#[test]
fn variables_come_after_the_data_source() {
    let value = value();
    let list = value["templating"]["list"].as_array().unwrap();
    assert_eq!(list.iter().map(|v| v["name"].as_str().unwrap()).collect::<Vec<_>>(), ["datasource", "job", "runbooks"]);
    assert_eq!(list[1]["query"]["query"], "label_values(up, job)");
    assert_eq!((&list[1]["includeAll"], &list[1]["allValue"]), (&json!(true), &json!(".*")));
}

#[test]
fn the_text_is_stable_and_ends_with_a_line_end() {
    let text = sample().to_json();
    assert_eq!(text, sample().to_json());
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    let keys: Vec<_> = text.lines().filter(|l| l.starts_with("  \"")).map(|l| l.trim().to_owned()).collect();
    assert!(keys.is_sorted(), "{keys:?}");
}

#[test]
fn kinds_have_their_own_options() {
    let of = |kind| panel::panel(&Panel::new(kind, "t", Unit::Seconds, "d").query("a", ""), 1, (0, 0));
    assert_eq!(of(Kind::Stacked)["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"], "normal");
    assert_eq!(of(Kind::TimeSeries)["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"], "none");
    assert_eq!(of(Kind::Heatmap)["options"]["yAxis"]["unit"], "s");
    assert_eq!(of(Kind::Heatmap)["targets"][0]["format"], "heatmap");
    assert_eq!(of(Kind::Table)["targets"][0]["instant"], true);
    assert_eq!(of(Kind::Table)["transformations"][0]["id"], "merge");
    assert_eq!(of(Kind::Gauge)["options"]["reduceOptions"]["calcs"], json!(["lastNotNull"]));
    let states = Panel::new(Kind::StateTimeline, "t", Unit::None, "d").states(&[(0, "down", Color::Red)]);
    let mappings = &panel::panel(&states, 1, (0, 0))["fieldConfig"]["defaults"]["mappings"];
    assert_eq!(mappings[0]["options"]["0"], json!({"color": "red", "index": 0, "text": "down"}));
}
