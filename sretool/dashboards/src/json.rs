//! Grafana's JSON.

mod panel;

use crate::model::{Dashboard, Panel, Row, Variable};
use serde_json::{Map, Value, json};

/// Version of the dashboard schema that is written.
pub const SCHEMA_VERSION: u32 = 42;

/// Columns of the grid.
const COLUMNS: u8 = 24;

/// Directory or address of the runbooks where the provisioned dashboard says nothing else.
const RUNBOOKS: &str = "alerts/runbooks";

impl Dashboard {
    /// The dashboard as a file: indented, keys in alphabetical order, a line end at the end.
    pub fn to_json(&self) -> String {
        let value = sorted(self.to_value());
        // Values of maps with string keys always serialise.
        format!("{value:#}\n")
    }

    fn to_value(&self) -> Value {
        let tags = std::iter::once("sretool").chain(self.tags.iter().map(String::as_str));
        json!({
            "annotations": {"list": annotations()},
            "description": self.description,
            "editable": false,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "links": [dashboards_link()],
            "panels": panels(&self.rows),
            "preload": false,
            "refresh": self.refresh,
            "schemaVersion": SCHEMA_VERSION,
            "tags": tags.collect::<Vec<_>>(),
            "templating": {"list": variables(&self.variables)},
            "time": {"from": self.from, "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": self.title,
            "uid": self.uid,
            "weekStart": "",
        })
    }
}

/// Sorts keys, whatever map type the features of `serde_json` select.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(pairs))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Marks on the time axis of every dashboard: firing alerts and load tests.
fn annotations() -> Vec<Value> {
    let annotation = |name: &str, color: &str, expr: &str, title: &str| {
        json!({
            "datasource": panel::datasource(),
            "enable": true,
            "expr": expr,
            "hide": false,
            "iconColor": color,
            "name": name,
            "step": "15s",
            "tagKeys": "severity,service,run",
            "titleFormat": title,
            "useValueForTime": false,
        })
    };
    vec![
        annotation("Firing alerts", "red", r#"ALERTS{alertstate="firing"}"#, "{{alertname}}"),
        annotation("Load tests", "blue", "sretool_load_running == 1", "Load test {{run}}"),
    ]
}

fn dashboards_link() -> Value {
    json!({
        "asDropdown": true,
        "icon": "external link",
        "includeVars": true,
        "keepTime": true,
        "tags": ["sretool"],
        "targetBlank": false,
        "title": "Dashboards",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    })
}

fn variables(variables: &[Variable]) -> Vec<Value> {
    let datasource = json!({
        "current": {},
        "hide": 0,
        "includeAll": false,
        "label": "Data source",
        "multi": false,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    });
    let runbooks = json!({
        "current": {"selected": true, "text": RUNBOOKS, "value": RUNBOOKS},
        "description": "Where the links to runbooks lead",
        "hide": 2,
        "label": "Runbooks",
        "name": "runbooks",
        "options": [{"selected": true, "text": RUNBOOKS, "value": RUNBOOKS}],
        "query": RUNBOOKS,
        "type": "textbox",
    });
    [datasource].into_iter().chain(variables.iter().map(variable)).chain([runbooks]).collect()
}

fn variable(variable: &Variable) -> Value {
    let query = format!("label_values({}, {})", variable.selector, variable.of_label);
    let current =
        if variable.multi { json!({"selected": true, "text": ["All"], "value": ["$__all"]}) } else { json!({}) };
    json!({
        "allValue": if variable.multi { Value::from(".*") } else { Value::Null },
        "current": current,
        "datasource": panel::datasource(),
        "definition": query,
        "hide": 0,
        "includeAll": variable.multi,
        "label": variable.label,
        "multi": variable.multi,
        "name": variable.name,
        "options": [],
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "type": "query",
    })
}

/// Row headers and panels, numbered from 1 and laid out without gaps.
fn panels(rows: &[Row]) -> Vec<Value> {
    let mut written = Vec::new();
    let mut top = 0;
    for row in rows {
        written.push(panel::row(&row.title, written.len() + 1, top));
        top += 1;
        let places = layout(&row.panels);
        for (panel, (x, y)) in row.panels.iter().zip(&places) {
            written.push(panel::panel(panel, written.len() + 1, (*x, top + *y)));
        }
        top += places.iter().zip(&row.panels).map(|((_, y), p)| y + u32::from(p.height)).max().unwrap_or(0);
    }
    written
}

/// Places panels in lines from left to right; a line is as high as its highest panel.
fn layout(panels: &[Panel]) -> Vec<(u8, u32)> {
    let (mut x, mut y, mut height) = (0, 0, 0);
    let mut places = Vec::with_capacity(panels.len());
    for panel in panels {
        if x + panel.width > COLUMNS {
            y += u32::from(height);
            (x, height) = (0, 0);
        }
        places.push((x, y));
        x += panel.width;
        height = height.max(panel.height);
    }
    places
}

#[cfg(test)]
mod tests;
