//! Panels in Grafana's JSON.

use crate::model::{Kind, Panel, Target};
use serde_json::{Value, json};

/// The data source that the variable chooses.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

pub(super) fn row(title: &str, id: usize, y: u32) -> Value {
    json!({
        "collapsed": false,
        "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
        "id": id,
        "panels": [],
        "title": title,
        "type": "row",
    })
}

pub(super) fn panel(panel: &Panel, id: usize, (x, y): (u8, u32)) -> Value {
    let links = panel.links.iter().map(|l| json!({"targetBlank": true, "title": l.title, "url": l.url}));
    json!({
        "datasource": datasource(),
        "description": panel.description,
        "fieldConfig": {"defaults": field_defaults(panel), "overrides": []},
        "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
        "id": id,
        "links": links.collect::<Vec<_>>(),
        "options": options(panel),
        "targets": panel.targets.iter().zip('A'..).map(|(t, id)| target(t, id, panel.kind)).collect::<Vec<_>>(),
        "title": panel.title,
        "transformations": transformations(panel.kind),
        "type": kind(panel.kind),
    })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::TimeSeries | Kind::Stacked => "timeseries",
        Kind::Stat => "stat",
        Kind::Gauge => "gauge",
        Kind::BarGauge => "bargauge",
        Kind::Heatmap => "heatmap",
        Kind::StateTimeline => "state-timeline",
        Kind::Table => "table",
    }
}

fn target(target: &Target, id: char, kind: Kind) -> Value {
    let instant = matches!(kind, Kind::BarGauge | Kind::Table);
    let format = match kind {
        Kind::Heatmap => "heatmap",
        Kind::Table => "table",
        _ => "time_series",
    };
    json!({
        "datasource": datasource(),
        "editorMode": "code",
        "exemplar": target.exemplar,
        "expr": target.expr,
        "format": format,
        "instant": instant,
        "legendFormat": target.legend,
        "range": !instant,
        "refId": id.to_string(),
    })
}

fn field_defaults(panel: &Panel) -> Value {
    let steps = panel.thresholds.iter().map(|s| json!({"color": s.color.as_str(), "value": s.from}));
    let mode = match panel.kind {
        Kind::TimeSeries | Kind::Stacked | Kind::Heatmap | Kind::Table => "palette-classic",
        Kind::Stat | Kind::Gauge | Kind::BarGauge | Kind::StateTimeline => "thresholds",
    };
    let mut defaults = json!({
        "color": {"mode": mode},
        "custom": custom(panel),
        "mappings": mappings(panel),
        "noValue": "no data",
        "thresholds": {"mode": "absolute", "steps": steps.collect::<Vec<_>>()},
        "unit": panel.unit.as_str(),
    });
    let bounds = [
        ("min", panel.min.map(Value::from)),
        ("max", panel.max.map(Value::from)),
        ("decimals", panel.decimals.map(Value::from)),
    ];
    for (key, value) in bounds {
        if let Some(value) = value {
            defaults[key] = value;
        }
    }
    defaults
}

fn mappings(panel: &Panel) -> Value {
    if panel.states.is_empty() {
        return json!([]);
    }
    let options = panel.states.iter().enumerate().map(|(index, (value, text, color))| {
        (value.to_string(), json!({"color": color.as_str(), "index": index, "text": text}))
    });
    json!([{"options": options.collect::<serde_json::Map<_, _>>(), "type": "value"}])
}

fn custom(panel: &Panel) -> Value {
    let lines = if panel.threshold_lines { "dashed" } else { "off" };
    match panel.kind {
        Kind::TimeSeries | Kind::Stacked => json!({
            "axisPlacement": "auto",
            "drawStyle": "line",
            "fillOpacity": if panel.kind == Kind::Stacked { 40 } else { 5 },
            "gradientMode": "none",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": false,
            "stacking": {"group": "A", "mode": if panel.kind == Kind::Stacked { "normal" } else { "none" }},
            "thresholdsStyle": {"mode": lines},
        }),
        Kind::StateTimeline => json!({"fillOpacity": 80, "lineWidth": 0}),
        Kind::Table => json!({"align": "auto", "cellOptions": {"type": "auto"}, "inspect": false}),
        Kind::Heatmap => json!({"hideFrom": {"legend": false, "tooltip": false, "viz": false}}),
        Kind::Stat | Kind::Gauge | Kind::BarGauge => json!({}),
    }
}

fn options(panel: &Panel) -> Value {
    let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    match panel.kind {
        Kind::TimeSeries | Kind::Stacked => json!({
            "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Kind::Stat => json!({
            "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
            "reduceOptions": reduce, "textMode": "auto", "wideLayout": true,
        }),
        Kind::Gauge => json!({
            "orientation": "auto", "reduceOptions": reduce, "showThresholdLabels": false, "showThresholdMarkers": true,
        }),
        Kind::BarGauge => json!({
            "displayMode": "basic", "namePlacement": "auto", "orientation": "horizontal", "reduceOptions": reduce,
            "showUnfilled": true, "sizing": "auto", "valueMode": "color",
        }),
        Kind::Heatmap => json!({
            "calculate": false,
            "cellGap": 1,
            "color": {"exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "scheme": "Oranges", "steps": 64},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": true},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": false, "yHistogram": true},
            "yAxis": {"axisPlacement": "left", "reverse": false, "unit": panel.unit.as_str()},
        }),
        Kind::StateTimeline => json!({
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "mergeValues": true,
            "rowHeight": 0.9,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }),
        Kind::Table => json!({"cellHeight": "sm", "showHeader": true}),
    }
}

/// The table of several instant queries needs one column a query.
fn transformations(kind: Kind) -> Value {
    if kind != Kind::Table {
        return json!([]);
    }
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": {}}},
    ])
}
