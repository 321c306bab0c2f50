//! The parts of a dashboard that the rules look at.

use super::NotADashboard;
use crate::template::{Bindings, substitute};
use serde::Deserialize;
use serde_json::Value;

/// A dashboard as it is written; everything may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Parsed {
    pub uid: Option<String>,
    pub title: Option<String>,
    pub editable: Option<bool>,
    pub panels: Option<Vec<Panel>>,
    pub templating: List<Variable>,
    pub annotations: List<Annotation>,
    #[serde(skip)]
    bindings: Bindings,
}

/// Grafana's `{"list": […]}`.
#[derive(Debug, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct List<T> {
    pub list: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Panel {
    pub id: Option<i64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub description: String,
    pub datasource: Value,
    pub grid_pos: Option<GridPos>,
    pub field_config: FieldConfig,
    pub targets: Vec<Target>,
    /// Panels of a collapsed row.
    pub panels: Vec<Panel>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct GridPos {
    pub h: i64,
    pub w: i64,
    pub x: i64,
    pub y: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FieldConfig {
    pub defaults: Defaults,
    pub overrides: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Defaults {
    pub unit: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Target {
    pub expr: Option<String>,
    pub ref_id: String,
    pub datasource: Value,
    pub exemplar: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    pub name: String,
    pub expr: Option<String>,
    pub datasource: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variable {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub query: Value,
    pub current: Value,
}

impl Parsed {
    pub(super) fn from_json(json: &str) -> Result<Self, NotADashboard> {
        let fault = |e: serde_json::Error| NotADashboard { line: e.line(), column: e.column(), cause: e.to_string() };
        let value: Value = serde_json::from_str(json).map_err(fault)?;
        let inner = value.get("dashboard").filter(|d| d.is_object()).unwrap_or(&value);
        let mut parsed =
            Self::deserialize(inner).map_err(|e| NotADashboard { line: 1, column: 1, cause: e.to_string() })?;
        if parsed.panels.is_none() {
            return Err(NotADashboard { line: 1, column: 1, cause: "it has no list of panels".to_owned() });
        }
        parsed.bindings = parsed.templating.list.iter().map(|v| (v.name.as_str(), v.sample())).collect();
        Ok(parsed)
    }

    /// Panels, those of collapsed rows included.
    pub(super) fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.panels.iter().flatten().flat_map(|panel| std::iter::once(panel).chain(&panel.panels))
    }

    /// Panels that show data.
    pub(super) fn data_panels(&self) -> impl Iterator<Item = &Panel> {
        self.panels().filter(|p| !matches!(p.kind.as_str(), "row" | "text" | "dashlist" | "news" | "alertlist"))
    }

    /// PromQL expressions with the name of the panel or annotation. Queries of other kinds of data sources are none.
    pub(super) fn promql(&self) -> impl Iterator<Item = (&str, String)> {
        let of_panels = self.data_panels().flat_map(|panel| panel.promql().map(|t| (t.expr.as_deref(), panel.name())));
        let annotations = self.annotations.list.iter().filter(|a| is_prometheus(&a.datasource) == Some(true));
        let of_annotations = annotations.map(|a| (a.expr.as_deref(), format!("annotation {}", a.name)));
        of_panels.chain(of_annotations).filter_map(|(expr, name)| Some((expr?, name)))
    }

    /// An expression with a plausible value for every variable.
    pub(super) fn substituted(&self, expr: &str) -> String {
        substitute(expr, &self.bindings)
    }

    pub(super) fn defines(&self, variable: &str) -> bool {
        self.bindings.get(variable).is_some() || variable.starts_with("__")
    }
}

impl Panel {
    /// What people call the panel.
    pub(super) fn name(&self) -> String {
        match (self.title.as_str(), self.id) {
            ("", Some(id)) => format!("#{id}"),
            ("", None) => "(without title)".to_owned(),
            (title, _) => title.to_owned(),
        }
    }

    /// Queries in PromQL.
    pub(super) fn promql(&self) -> impl Iterator<Item = &Target> {
        let of_panel = is_prometheus(&self.datasource);
        // A data source of a kind that is not stated is taken for Prometheus, whose queries alone are called `expr`
        // besides Loki's.
        let is_promql = move |t: &&Target| is_prometheus(&t.datasource).or(of_panel).unwrap_or(true);
        self.targets.iter().filter(is_promql).filter(|t| t.expr.as_ref().is_some_and(|e| !e.trim().is_empty()))
    }
}

/// Whether a data source is a Prometheus; `None` where it does not say.
pub(super) fn is_prometheus(datasource: &Value) -> Option<bool> {
    datasource.get("type").and_then(Value::as_str).filter(|kind| *kind != "mixed").map(|kind| kind == "prometheus")
}

impl Variable {
    /// A value that the variable could have: the current one, else the first offered, else a word.
    fn sample(&self) -> String {
        let current = match self.current.get("value") {
            Some(Value::Array(values)) => values.first().and_then(Value::as_str),
            Some(value) => value.as_str(),
            None => None,
        };
        let current = current.filter(|value| !value.is_empty() && *value != "$__all" && !value.starts_with("$__auto"));
        let offered = match self.kind.as_str() {
            "interval" | "custom" | "constant" | "textbox" => self.query.as_str().and_then(|q| q.split(',').next()),
            _ => None,
        };
        let fallback = if self.kind == "interval" { "5m" } else { "x" };
        let sample = current.or(offered).map(str::trim).filter(|value| !value.is_empty());
        sample.unwrap_or(fallback).to_owned()
    }
}
