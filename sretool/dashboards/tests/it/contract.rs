//! Which metrics and labels the dashboards may ask for.

use dashboards::template::{Bindings, substitute};
use dashboards::{all, expressions};
use promql::{ExprKind, METRIC_NAME, MatchOp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Metric names and the labels by which they may be selected.
const METRICS: &[(&str, &str)] = &[
    ("ALERTS", "alertstate sloth_service"),
    ("db_pool_connections", "state"),
    ("db_pool_max_connections", ""),
    ("fault_active", ""),
    ("http_request_duration_seconds_bucket", "service route le"),
    ("http_request_duration_seconds_count", "service route"),
    ("http_requests_in_flight", "service"),
    ("http_requests_total", "service route status"),
    ("inventory_on_hand", ""),
    ("inventory_reserved", ""),
    ("logins_total", ""),
    ("notification_delivery_seconds_bucket", "le"),
    ("notification_delivery_seconds_count", ""),
    ("notification_queue_depth", ""),
    ("notification_queue_oldest_seconds", ""),
    ("notifications_total", "status"),
    ("order_pipeline_total", "outcome"),
    ("order_value_minor_total", ""),
    ("orders_total", "status"),
    ("outbox_oldest_seconds", ""),
    ("outbox_pending", ""),
    ("payments_total", "outcome"),
    ("process_cpu_seconds_total", ""),
    ("process_max_fds", ""),
    ("process_open_fds", ""),
    ("process_resident_memory_bytes", ""),
    ("process_start_time_seconds", ""),
    ("service_info", ""),
    ("slo:current_burn_rate:ratio", "sloth_service sloth_slo"),
    ("slo:error_budget:ratio", "sloth_service sloth_slo"),
    ("slo:objective:ratio", "sloth_service sloth_slo"),
    ("slo:period_burn_rate:ratio", "sloth_service sloth_slo"),
    ("slo:period_error_budget_remaining:ratio", "sloth_service sloth_slo"),
    ("slo:sli_error:ratio_rate1h", "sloth_service sloth_slo"),
    ("slo:sli_error:ratio_rate5m", "sloth_service sloth_slo"),
    ("slo:time_period:days", "sloth_service sloth_slo"),
    ("sretool_load_duration_seconds", "run"),
    ("sretool_load_elapsed_seconds", "run"),
    ("sretool_load_in_flight", "run"),
    ("sretool_load_lag_seconds", "run"),
    ("sretool_load_requests_total", "run outcome"),
    ("sretool_load_response_seconds", "run"),
    ("sretool_load_running", "run"),
    ("sretool_load_target_rps", "run"),
    ("sretool_load_threshold_observed", "run"),
    ("sretool_load_threshold_ok", "run"),
    ("tokio_alive_tasks", ""),
    ("tokio_global_queue_depth", ""),
    ("tokio_workers", ""),
    ("up", ""),
    ("users_registered_total", ""),
];

fn parsed() -> Vec<promql::Expr> {
    let bindings = Bindings::from_iter([("service", "x"), ("slo", "x"), ("route", "x"), ("run", "x")]);
    let all = all();
    let expressions = all.iter().flat_map(expressions);
    expressions.map(|(_, expr)| promql::parse(&substitute(expr, &bindings)).unwrap()).collect()
}

#[test]
fn only_known_metrics_and_labels_are_asked_for() {
    let known: BTreeMap<_, _> = METRICS.iter().copied().collect();
    let mut used = BTreeSet::new();
    for expr in &parsed() {
        for found in expr.selectors() {
            // The one selector by a pattern of names reads the windows of one recorded series.
            let Some(name) = found.selector.metric_name() else { continue };
            let labels = known.get(name).unwrap_or_else(|| panic!("{name} is no metric of the platform"));
            used.insert(name.to_owned());
            for matcher in found.selector.matchers.iter().filter(|m| &*m.name != METRIC_NAME) {
                assert!(labels.split(' ').any(|l| *l == *matcher.name), "{name} by {}", matcher.name);
            }
        }
    }
    let unused: Vec<_> = known.keys().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "no panel shows {unused:?}");
}

#[test]
fn counters_are_never_shown_raw() {
    for expr in &parsed() {
        for found in expr.selectors() {
            let name = found.selector.metric_name().unwrap_or_default();
            let counter = ["_total", "_bucket", "_count", "_sum"].iter().any(|suffix| name.ends_with(suffix));
            assert_eq!(counter, found.range.is_some(), "{expr}");
        }
    }
}

/// Sums are taken of rates: the rate of a sum sees a restart of one instance as one of all.
#[test]
fn rates_come_before_sums() {
    for expr in &parsed() {
        expr.walk(&mut |node| {
            if let ExprKind::Subquery(_) = node.kind {
                panic!("{expr} has a subquery");
            }
        });
    }
}

#[test]
fn regexes_are_needed() {
    for expr in &parsed() {
        for matcher in expr.selectors().iter().flat_map(|s| &s.selector.matchers) {
            if matcher.op == MatchOp::Regex && &*matcher.name != "route" {
                assert!(matcher.value.contains(['.', '|', '(', '*', '+']), "{matcher} in {expr}");
            }
        }
    }
}

#[test]
fn runbooks_exist() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../alerts/runbooks"));
    let mut links = 0;
    for dashboard in all() {
        for link in dashboard.panels().flat_map(|p| &p.links) {
            let file = link.url.strip_prefix("${runbooks}/").unwrap();
            assert!(folder.join(file).is_file(), "{}: {file}", dashboard.uid);
            links += 1;
        }
    }
    assert!(links >= 15, "{links}");
}
