//! Grafana dashboards as typed definitions, and a linter for dashboards from anywhere.
//!
//! [`all`] returns the platform's dashboards; [`Dashboard::to_json`] writes them as Grafana reads them (schema version
//! 42), byte for byte the same every time. A definition cannot lack a title, a description or a unit, and panels are
//! laid out, numbered and wired to the data source variable by the writer, so none of that can be forgotten.
//!
//! Architecture invariant: no I/O and no clock; the commands of `sretool` read files and query servers.

pub mod boards;
mod json;
pub mod lint;
mod model;
pub mod template;

pub use boards::all;
pub use json::SCHEMA_VERSION;
pub use lint::{Finding, Report, Severity, lint};
pub use model::{Color, Dashboard, Kind, Link, Panel, Row, Step, Target, Unit, Variable};

/// Every expression of a dashboard with the title of its panel, variables not substituted.
pub fn expressions(dashboard: &Dashboard) -> Vec<(&str, &str)> {
    let all = dashboard.panels().flat_map(|panel| panel.targets.iter().map(move |target| (panel, target)));
    all.map(|(panel, target)| (panel.title.as_str(), target.expr.as_str())).collect()
}
