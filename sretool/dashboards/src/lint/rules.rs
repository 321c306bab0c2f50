//! The rules. Each looks at one thing and reports through a callback.

use super::Severity::{self, Bug, Information, Warning};
use super::parsed::{GridPos, Panel, Parsed};
use crate::template::variables;
use std::collections::HashSet;

type Emit<'a> = dyn FnMut(Severity, Option<String>, String) + 'a;

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Name, as findings bear it.
    pub name: &'static str,
    /// What it demands, and why.
    pub demands: &'static str,
    pub(super) check: fn(&Parsed, &mut Emit<'_>),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish_non_exhaustive()
    }
}

const fn rule(name: &'static str, demands: &'static str, check: fn(&Parsed, &mut Emit<'_>)) -> Rule {
    Rule { name, demands, check }
}

/// Every rule.
pub const RULES: &[Rule] = &[
    rule("dashboard-uid", "a uid of at most 40 characters, so that links survive a rename", dashboard_uid),
    rule("dashboard-title", "a title", dashboard_title),
    rule("dashboard-editable", "`editable: false`, since edits in Grafana are lost at the next deployment", editable),
    rule("panel-title", "a title on every panel", panel_title),
    rule("panel-description", "a description on every panel, saying what to make of it", panel_description),
    rule("panel-unit", "a unit on every panel that shows numbers", panel_unit),
    rule("panel-targets", "a query on every panel that shows data", panel_targets),
    rule("panel-id", "an id of its own for every panel", panel_id),
    rule("panel-grid", "panels that neither overlap nor leave the 24 columns", panel_grid),
    rule(
        "panel-datasource",
        "the data source from a variable, so that the dashboard works elsewhere",
        panel_datasource,
    ),
    rule("target-ref-id", "a refId of its own for every query of a panel", target_ref_id),
    rule("target-promql", "queries that parse once variables have values", target_promql),
    rule("target-variable", "variables that are defined", target_variable),
    rule(
        "target-rate-interval",
        "`rate` over $__rate_interval, which fits every zoom and scrape interval",
        rate_interval,
    ),
    rule("target-counter", "counters only through `rate` or `increase`: their values restart at zero", raw_counter),
    rule("target-exemplar", "exemplars with latency quantiles over time, the way from a peak to its trace", exemplar),
];

fn dashboard_uid(dashboard: &Parsed, emit: &mut Emit<'_>) {
    match dashboard.uid.as_deref().map(|uid| uid.chars().count()) {
        None | Some(0) => emit(Warning, None, "the dashboard has no uid".to_owned()),
        Some(length @ 41..) => emit(Bug, None, format!("the uid has {length} characters; Grafana allows 40")),
        Some(_) => {}
    }
}

fn dashboard_title(dashboard: &Parsed, emit: &mut Emit<'_>) {
    if dashboard.title.as_deref().unwrap_or_default().trim().is_empty() {
        emit(Bug, None, "the dashboard has no title".to_owned());
    }
}

fn editable(dashboard: &Parsed, emit: &mut Emit<'_>) {
    if dashboard.editable != Some(false) {
        emit(Information, None, "the dashboard can be edited in Grafana; set `editable` to false".to_owned());
    }
}

fn panel_title(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels().filter(|p| p.title.trim().is_empty()) {
        emit(Warning, Some(panel.name()), "the panel has no title".to_owned());
    }
}

fn panel_description(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels().filter(|p| p.description.trim().is_empty()) {
        emit(Warning, Some(panel.name()), "the panel has no description".to_owned());
    }
}

fn panel_unit(dashboard: &Parsed, emit: &mut Emit<'_>) {
    let shows_numbers = |p: &&Panel| {
        matches!(p.kind.as_str(), "timeseries" | "stat" | "gauge" | "bargauge" | "barchart" | "heatmap" | "trend")
    };
    let unit_override = |p: &Panel| p.field_config.overrides.iter().any(|o| o.to_string().contains("\"unit\""));
    for panel in dashboard.data_panels().filter(shows_numbers) {
        let unit = panel.field_config.defaults.unit.as_deref().unwrap_or_default();
        if unit.is_empty() && !unit_override(panel) {
            emit(Warning, Some(panel.name()), "the panel has no unit".to_owned());
        }
    }
}

fn panel_targets(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels().filter(|p| p.targets.is_empty()) {
        emit(Bug, Some(panel.name()), "the panel has no query".to_owned());
    }
}

fn panel_id(dashboard: &Parsed, emit: &mut Emit<'_>) {
    let mut seen = HashSet::new();
    for panel in dashboard.panels() {
        match panel.id {
            None => emit(Information, Some(panel.name()), "the panel has no id; links to it will break".to_owned()),
            Some(id) if !seen.insert(id) => {
                emit(Bug, Some(panel.name()), format!("the id {id} is taken by another panel"))
            }
            Some(_) => {}
        }
    }
}

fn panel_grid(dashboard: &Parsed, emit: &mut Emit<'_>) {
    // Panels of a collapsed row are placed when it opens, so that their places are compared among themselves only.
    let top = dashboard.panels.iter().flatten();
    let groups = std::iter::once(top.clone().collect::<Vec<_>>()).chain(top.map(|row| row.panels.iter().collect()));
    for group in groups {
        let placed: Vec<_> = group.into_iter().filter_map(|p| Some((p, p.grid_pos?))).collect();
        for (index, (panel, place)) in placed.iter().enumerate() {
            if place.x < 0 || place.y < 0 || place.w < 1 || place.h < 1 || place.x.saturating_add(place.w) > 24 {
                emit(Bug, Some(panel.name()), "the panel leaves the grid of 24 columns".to_owned());
            }
            for (other, _) in placed[..index].iter().filter(|(_, earlier)| overlap(*place, *earlier)) {
                emit(Bug, Some(panel.name()), format!("the panel overlaps `{}`", other.name()));
            }
        }
    }
}

fn overlap(a: GridPos, b: GridPos) -> bool {
    let meet =
        |a: i64, width_a: i64, b: i64, width_b: i64| a < b.saturating_add(width_b) && b < a.saturating_add(width_a);
    meet(a.x, a.w, b.x, b.w) && meet(a.y, a.h, b.y, b.h)
}

fn panel_datasource(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels() {
        let uids = std::iter::once(&panel.datasource).chain(panel.targets.iter().map(|t| &t.datasource));
        let uids = uids.filter_map(|d| d.get("uid").or(Some(d))?.as_str());
        let fixed =
            |uid: &&str| !uid.is_empty() && !uid.starts_with('$') && !uid.starts_with("[[") && !uid.starts_with("--");
        if let Some(uid) = uids.into_iter().find(fixed) {
            emit(Warning, Some(panel.name()), format!("the data source `{uid}` is fixed; use a variable"));
        }
    }
}

fn target_ref_id(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels() {
        let mut seen = HashSet::new();
        for target in panel.targets.iter().filter(|t| !t.ref_id.is_empty() && !seen.insert(&t.ref_id)) {
            emit(Bug, Some(panel.name()), format!("the refId `{}` is used twice", target.ref_id));
        }
    }
}

fn target_promql(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for (expr, panel) in dashboard.promql() {
        let substituted = dashboard.substituted(expr);
        if let Err(error) = promql::parse(&substituted) {
            emit(Bug, Some(panel), error.render(&substituted));
        }
    }
}

fn target_variable(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for (expr, panel) in dashboard.promql() {
        for name in variables(expr).into_iter().filter(|name| !dashboard.defines(name)) {
            emit(Bug, Some(panel.clone()), format!("the variable `${name}` is not defined"));
        }
    }
}

fn rate_interval(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for (expr, panel) in dashboard.promql() {
        for (at, _) in expr.match_indices("rate(") {
            let window =
                expr[at..].split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(window, _)| window);
            if window.starts_with(|c: char| c.is_ascii_digit()) {
                emit(Information, Some(panel.clone()), format!("`rate` over a fixed {window}; use $__rate_interval"));
            }
        }
    }
}

fn raw_counter(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for (expr, panel) in dashboard.promql() {
        let Ok(parsed) = promql::parse(&dashboard.substituted(expr)) else { continue };
        // Whether a series exists, and how many there are, may be asked of a counter too.
        let asks_for_existence =
            ["absent(", "count(", "count by", "group(", "group by"].iter().any(|f| expr.contains(f));
        for found in parsed.selectors().iter().filter(|s| s.range.is_none() && !asks_for_existence) {
            if let Some(name) = found.selector.metric_name().filter(|name| name.ends_with("_total")) {
                emit(
                    Warning,
                    Some(panel.clone()),
                    format!("the counter `{name}` is shown without `rate` or `increase`"),
                );
            }
        }
    }
}

fn exemplar(dashboard: &Parsed, emit: &mut Emit<'_>) {
    for panel in dashboard.data_panels().filter(|p| p.kind == "timeseries") {
        let quantiles =
            |t: &&super::parsed::Target| t.expr.as_deref().is_some_and(|e| e.contains("histogram_quantile"));
        if panel.promql().filter(quantiles).any(|t| !t.exemplar) {
            emit(Information, Some(panel.name()), "the latency panel asks for no exemplars".to_owned());
        }
    }
}
