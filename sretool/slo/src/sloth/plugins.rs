//! Sloth's SLO plugins: those that sloth ships are known here, others are Go programs that only sloth can run.

use super::read::Spelling;
use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::Collector;
use crate::yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What changes generated rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Plugin {
    /// Changes nothing.
    Noop,
    /// Whether the period's ratio is computed from the metrics instead of from five-minute ratios.
    SliRules {
        /// From the metrics.
        disable_optimized: bool,
    },
    /// Evaluation intervals of the groups.
    RuleIntervals {
        /// Of the error ratios.
        sli: Window,
        /// Of objective and budget.
        metadata: Window,
        /// Of the alerts.
        alert: Window,
    },
    /// More labels of a series.
    InfoLabels {
        /// The series.
        metric: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
    },
    /// Fewer labels.
    RemoveLabels {
        /// Labels to keep besides the identifying ones.
        preserve: BTreeSet<String>,
        /// Series that keep all.
        skip: BTreeSet<String>,
    },
    /// An alert on a spent budget.
    BudgetExhausted {
        /// Remaining budget at which it fires.
        threshold: f64,
        /// How long it must hold.
        hold: Window,
        /// Its name.
        name: String,
        /// Matchers besides the identifying ones.
        selector: BTreeMap<String, String>,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// Its annotations.
        annotations: BTreeMap<String, String>,
    },
}

/// Reads a chain of plugins with their priorities, and whether it replaces the inherited one.
pub(super) fn read(
    fields: &Fields<'_>,
    key: &str,
    spelling: &Spelling,
    out: &mut Collector,
) -> (bool, Vec<(i64, Plugin)>) {
    let Some(node) = fields.node(key) else { return (false, Vec::new()) };
    let path = fields.path_of(key);
    let Some(fields) = Fields::open(node, &path, &[spelling.override_previous, "chain"], out) else {
        return (false, Vec::new());
    };
    let mut chain = Vec::new();
    for (i, item) in fields.list("chain", out).iter().enumerate() {
        chain.extend(plugin(item, &format!("{path}.chain[{i}]"), out));
    }
    (fields.boolean(spelling.override_previous, out), chain)
}

fn plugin(node: &Node, path: &str, out: &mut Collector) -> Option<(i64, Plugin)> {
    let fields = Fields::open(node, path, &["id", "config", "priority"], out)?;
    let id = fields.required_text("id", out)?;
    let priority = fields.number("priority", out).map_or(0.0, |(number, _)| number);
    let empty = Node::empty(node.at);
    let config = fields.node("config").unwrap_or(&empty);
    let path = fields.path_of("config");
    let plugin = match id.value {
        "sloth.dev/core/noop/v1"
        | "sloth.dev/core/debug/v1"
        | "sloth.dev/core/validate/v1"
        | "sloth.dev/core/metadata_rules/v1"
        | "sloth.dev/core/alert_rules/v1" => Some(Plugin::Noop),
        "sloth.dev/core/sli_rules/v1" => {
            let config = Fields::open(config, &path, &["disableOptimized"], out)?;
            Some(Plugin::SliRules { disable_optimized: config.boolean("disableOptimized", out) })
        }
        "sloth.dev/contrib/rule_intervals/v1" => intervals(config, &path, out),
        "sloth.dev/contrib/info_labels/v1" => info_labels(config, &path, out),
        "sloth.dev/contrib/remove_labels/v1" => {
            let config = Fields::open(config, &path, &["preserveLabels", "skipMetrics"], out)?;
            let preserve = config.text_list("preserveLabels", out).into_iter().collect();
            Some(Plugin::RemoveLabels { preserve, skip: config.text_list("skipMetrics", out).into_iter().collect() })
        }
        "sloth.dev/contrib/error_budget_exhausted_alert/v1" => budget_exhausted(config, &path, out),
        other => {
            let message = format!("the SLO plugin {other:?} is a Go program, which only sloth can run");
            let remedy = "remove it, or generate these rules with sloth".to_owned();
            out.error(id.at, "plugin", message, Some(remedy));
            None
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "a priority beyond the range sorts last all the same")]
    plugin.map(|plugin| (priority as i64, plugin))
}

fn intervals(config: &Node, path: &str, out: &mut Collector) -> Option<Plugin> {
    let config = Fields::open(config, path, &["interval"], out)?;
    let interval = config.required_node("interval", out)?;
    let keys = ["default", "sliError", "metadata", "alert"];
    let fields = Fields::open(interval, &config.path_of("interval"), &keys, out)?;
    fields.required_node("default", out)?;
    let default = fields.prometheus_duration("default", out)?;
    let [sli, metadata, alert] =
        ["sliError", "metadata", "alert"].map(|key| fields.prometheus_duration(key, out).unwrap_or(default));
    Some(Plugin::RuleIntervals { sli, metadata, alert })
}

fn info_labels(config: &Node, path: &str, out: &mut Collector) -> Option<Plugin> {
    let config = Fields::open(config, path, &["labels", "metricName"], out)?;
    let metric = config.text("metricName", out).map_or("sloth_slo_info", |text| text.value).to_owned();
    config.required_node("labels", out)?;
    Some(Plugin::InfoLabels { metric, labels: config.loose_texts("labels", out).into_iter().collect() })
}

fn budget_exhausted(config: &Node, path: &str, out: &mut Collector) -> Option<Plugin> {
    let keys = ["threshold", "for", "annotations", "alert_name", "selector_labels", "alert_labels"];
    let config = Fields::open(config, path, &keys, out)?;
    let map = |key, out: &mut Collector| config.loose_texts(key, out).into_iter().collect();
    Some(Plugin::BudgetExhausted {
        threshold: config.number("threshold", out).map_or(0.0, |(number, _)| number),
        hold: config.prometheus_duration("for", out).unwrap_or(Window::minutes(5)),
        name: config.text("alert_name", out).map_or("ErrorBudgetExhausted", |text| text.value).to_owned(),
        selector: map("selector_labels", out),
        labels: map("alert_labels", out),
        annotations: map("annotations", out),
    })
}
