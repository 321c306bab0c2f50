use super::*;
use serde_json::{Value, json};

/// A panel that no rule objects to.
fn panel(id: u64, x: u64) -> Value {
    json!({
        "id": id, "type": "timeseries", "title": format!("p{id}"), "description": "Why.",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"h": 8, "w": 12, "x": x, "y": 0},
        "fieldConfig": {"defaults": {"unit": "s"}, "overrides": []},
        "targets": [{"refId": "A", "expr": "rate(a{s=\"$service\"}[$__rate_interval])"}],
    })
}

fn dashboard() -> Value {
    json!({
        "uid": "u", "title": "t", "editable": false,
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus"},
            {"name": "service", "type": "query", "query": {"query": "label_values(a, s)"}},
        ]},
        "panels": [panel(1, 0), panel(2, 12)],
    })
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &[(&str, Severity, &str)]) {
    let mut value = dashboard();
    change(&mut value);
    let findings = lint(&value.to_string()).unwrap().findings;
    let found: Vec<_> = findings.iter().map(|f| (f.rule, f.severity, f.message.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_good_dashboard_has_no_findings() {
    check(|_| {}, &[]);
    let report = lint(&json!({"dashboard": dashboard(), "meta": {}}).to_string()).unwrap();
    assert_eq!((report.exprs, report.parsed, report.is_good()), (2, 2, true));
}

#[test]
fn the_dashboard_itself() {
    use Severity::*;
    check(|d| d["uid"] = "".into(), &[("dashboard-uid", Warning, "the dashboard has no uid")]);
    let long = "x".repeat(41);
    check(|d| d["uid"] = long.into(), &[("dashboard-uid", Bug, "the uid has 41 characters; Grafana allows 40")]);
    check(|d| d["title"] = Value::Null, &[("dashboard-title", Bug, "the dashboard has no title")]);
    check(
        |d| d["editable"] = true.into(),
        &[("dashboard-editable", Information, "the dashboard can be edited in Grafana; set `editable` to false")],
    );
}

#[test]
fn panels() {
    use Severity::*;
    check(|d| d["panels"][0]["title"] = " ".into(), &[("panel-title", Warning, "the panel has no title")]);
    check(
        |d| d["panels"][0]["description"] = "".into(),
        &[("panel-description", Warning, "the panel has no description")],
    );
    check(|d| d["panels"][0]["fieldConfig"] = json!({}), &[("panel-unit", Warning, "the panel has no unit")]);
    check(|d| d["panels"][0]["type"] = "text".into(), &[]);
    check(|d| d["panels"][0]["targets"] = json!([]), &[("panel-targets", Bug, "the panel has no query")]);
    check(|d| d["panels"][1]["id"] = 1.into(), &[("panel-id", Bug, "the id 1 is taken by another panel")]);
    check(
        |d| d["panels"][0]["datasource"]["uid"] = "P1".into(),
        &[("panel-datasource", Warning, "the data source `P1` is fixed; use a variable")],
    );
}

#[test]
fn the_grid() {
    use Severity::*;
    check(|d| d["panels"][1]["gridPos"]["x"] = 11.into(), &[("panel-grid", Bug, "the panel overlaps `p1`")]);
    check(
        |d| d["panels"][1]["gridPos"]["x"] = 13.into(),
        &[("panel-grid", Bug, "the panel leaves the grid of 24 columns")],
    );
    let row = json!({"type": "row", "id": 9, "title": "r", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 9}, "panels": [panel(3, 0)]});
    check(|d| d["panels"].as_array_mut().unwrap().push(row), &[]);
}

#[test]
fn queries() {
    use Severity::*;
    let set = |expr: &'static str| move |d: &mut Value| d["panels"][0]["targets"][0]["expr"] = expr.into();
    check(set("a{s=\"$nobody\"}"), &[("target-variable", Bug, "the variable `$nobody` is not defined")]);
    check(set("rate(a[5m])"), &[("target-rate-interval", Information, "`rate` over a fixed 5m; use $__rate_interval")]);
    check(
        set("histogram_quantile(0.9, a)"),
        &[("target-exemplar", Information, "the latency panel asks for no exemplars")],
    );
    check(
        set("sum(a_total) + rate(b_total[$__rate_interval])"),
        &[("target-counter", Warning, "the counter `a_total` is shown without `rate` or `increase`")],
    );
    check(set("count by (s) (a_total)"), &[]);
    check(set("label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")"), &[]);
    let twice = json!([{"refId": "A", "expr": "a"}, {"refId": "A", "expr": "b"}]);
    check(|d| d["panels"][0]["targets"] = twice, &[("target-ref-id", Bug, "the refId `A` is used twice")]);
}

#[test]
fn broken_promql_is_shown_with_its_place() {
    let mut value = dashboard();
    value["panels"][0]["targets"][0]["expr"] = "sum(a".into();
    let report = lint(&value.to_string()).unwrap();
    assert_eq!((report.exprs, report.parsed, report.is_good()), (2, 1, false));
    assert_eq!((report.findings[0].rule, report.findings[0].panel.as_deref()), ("target-promql", Some("p1")));
    assert!(report.findings[0].message.contains("sum(a"), "{}", report.findings[0].message);
}

#[test]
fn other_data_sources_are_not_judged_as_prometheus() {
    let loki = json!({"type": "loki", "uid": "$logs"});
    let query = json!([{"refId": "A", "expr": "{app=\"x\"} |= \"error\" [5m"}]);
    check(
        |d| {
            d["panels"][0]["datasource"] = loki;
            d["panels"][0]["targets"] = query;
        },
        &[],
    );
}

#[test]
fn what_is_no_dashboard_is_an_error() {
    assert_eq!((lint("{").unwrap_err().line, lint("{\n x").unwrap_err().line), (1, 2));
    assert!(lint("[1]").is_err());
    assert_eq!(lint("{}").unwrap_err().to_string(), "1:1: not a Grafana dashboard: it has no list of panels");
}

#[test]
fn variables_get_plausible_values() {
    let mut value = dashboard();
    value["templating"]["list"] = json!([
        {"name": "datasource", "type": "datasource"},
        {"name": "service", "type": "query", "current": {"value": ["$__all"]}},
        {"name": "window", "type": "interval", "query": "1m,10m"},
        {"name": "auto", "type": "interval", "current": {"value": "$__auto_interval_auto"}},
        {"name": "n", "type": "textbox", "current": {"value": "3"}},
    ]);
    value["panels"][0]["targets"][0]["expr"] = "topk($n, a{s=~\"$service\"} offset $window) + b[$auto:]".into();
    let report = lint(&value.to_string()).unwrap();
    assert!(!report.findings.iter().any(|f| f.rule == "target-variable"), "{:?}", report.findings);
    value["panels"][0]["targets"][0]["expr"] = "topk($n, max_over_time(a{s=~\"$service\"}[$auto:$window]))".into();
    assert_eq!(lint(&value.to_string()).unwrap().findings, []);
}
