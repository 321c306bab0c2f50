//! What the panels show, worked out by hand from the rates of the platform.

use crate::platform::{BUDGET, ERRORS, NOW, RATE, SERVICES, platform};
use dashboards::template::{Bindings, substitute};
use dashboards::{Dashboard, Panel, all};
use promql::{Engine, EngineOptions, Value, VectorSample};
use std::sync::LazyLock;
use tsdb::Store;

static PLATFORM: LazyLock<Store> = LazyLock::new(platform);

fn bindings() -> Bindings {
    let service = ("service", "order-service");
    Bindings::from_iter([service, ("slo", "availability"), ("route", ".*"), ("run", "r1"), ("__rate_interval", "1m")])
}

fn evaluate(expr: &str) -> Vec<VectorSample> {
    let parsed = promql::parse(&substitute(expr, &bindings())).unwrap();
    let evaluation = Engine::new(EngineOptions::default()).instant(&*PLATFORM, &parsed, NOW).unwrap();
    match evaluation.value {
        Value::Vector(samples) => samples,
        other => panic!("{expr} yields {other:?}"),
    }
}

fn find(dashboard: &str, panel: &str) -> Panel {
    let dashboards: Vec<Dashboard> = all().into_iter().filter(|d| d.uid == dashboard).collect();
    let found = dashboards.iter().flat_map(Dashboard::panels).find(|p| p.title == panel).cloned();
    found.unwrap_or_else(|| panic!("{dashboard} has no panel {panel}"))
}

/// The values of a panel's queries in order of size.
#[track_caller]
fn check(dashboard: &str, panel: &str, expected: &[f64]) {
    let targets = find(dashboard, panel).targets;
    let mut values: Vec<_> = targets.iter().flat_map(|t| evaluate(&t.expr)).map(|s| s.v).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values.len(), expected.len(), "{panel}: {values:?}");
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{panel}: {value} is not {expected}");
    }
}

#[test]
fn every_query_has_data() {
    for dashboard in all() {
        for (panel, expr) in dashboards::expressions(&dashboard) {
            let samples = evaluate(expr);
            assert!(!samples.is_empty(), "{}: {panel}: {expr}", dashboard.uid);
            assert!(samples.iter().all(|s| s.v.is_finite()), "{}: {panel}: {samples:?}", dashboard.uid);
        }
    }
}

#[test]
fn legends_name_labels_that_results_have() {
    for dashboard in all() {
        for target in dashboard.panels().flat_map(|p| &p.targets) {
            let sample = evaluate(&target.expr).into_iter().last();
            // What follows each opening brace, up to the closing one, is a label.
            for label in target.legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(l, _)| l) {
                let value = sample.as_ref().map(|s| s.labels.get(label).to_owned()).unwrap_or_default();
                let constant = target.expr.contains("vector(0)");
                assert!(constant || !value.is_empty(), "{}: {{{{{label}}}}} of {}", dashboard.uid, target.expr);
            }
        }
    }
}

#[test]
fn series_of_a_panel_can_be_told_apart() {
    for dashboard in all() {
        for panel in dashboard.panels() {
            let mut names: Vec<String> = Vec::new();
            for target in &panel.targets {
                for sample in evaluate(&target.expr) {
                    let named = sample.labels.iter().fold(target.legend.clone(), |legend, (name, value)| {
                        legend.replace(&format!("{{{{{name}}}}}"), value)
                    });
                    names.push(named);
                }
            }
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{}: {}: {names:?}", dashboard.uid, panel.title);
        }
    }
}

#[test]
fn the_overview() {
    let all_requests = RATE * 2.0 * SERVICES.len() as f64;
    check("platform-overview", "Targets down", &[0.0]);
    check("platform-overview", "Firing alerts", &[1.0]);
    check("platform-overview", "Traffic", &[all_requests]);
    check("platform-overview", "Error ratio", &[ERRORS]);
    check("platform-overview", "Error ratio by service", &[ERRORS; 3]);
    check("platform-overview", "p99 latency", &[0.5]);
    check("platform-overview", "Least budget left", &[0.75]);
    check("platform-overview", "Orders", &[60.0 * 0.02, 60.0 * 1.98]);
}

#[test]
fn one_service() {
    check("service-red", "Traffic", &[2.0 * RATE]);
    check("service-red", "Error ratio", &[ERRORS]);
    check("service-red", "p50", &[0.1]);
    check("service-red", "Within 200 ms", &[0.9]);
    check("service-red", "In flight", &[3.0]);
    check("service-red", "Requests by route", &[RATE; 2]);
    check("service-red", "Errors by kind", &[0.0, 2.0 * RATE * ERRORS]);
    // Half way from 90 % to 99 % of the requests is 95 %: 5/9 of the way from 0.2 s to 0.5 s.
    check("service-red", "p95 latency by route", &[0.2 + 0.3 * 5.0 / 9.0; 2]);
}

#[test]
fn one_objective() {
    check("slo-error-budget", "Objective", &[1.0 - BUDGET]);
    // A quarter of a budget of 0.1 % is spent.
    check("slo-error-budget", "Achieved", &[1.0 - 0.25 * BUDGET]);
    // 0.75 of 30 days, burnt twice as fast.
    check("slo-error-budget", "Exhausted in", &[11.25]);
    check("slo-error-budget", "Burn rate by window", &[2.0; 7]);
    check("slo-error-budget", "Alerts", &[1.0]);
}

#[test]
fn orders_and_notifications() {
    check("orders-business", "Pipeline success", &[0.99]);
    check("orders-business", "Cards declined", &[0.1]);
    check("orders-business", "Available", &[6.0]);
    check("orders-business", "Orders placed", &[120.0]);
    check("orders-business", "Order value", &[60.0]);
    check("notifications", "Failed", &[0.05]);
    check("notifications", "Fresh", &[0.98]);
    check("notifications", "Oldest waiting", &[12.0]);
}

#[test]
fn a_load_test() {
    check("load-test", "State", &[1.0]);
    check("load-test", "Progress", &[0.25]);
    check("load-test", "Target and achieved rate", &[1_000.0, 1_000.0]);
    check("load-test", "Bad answers", &[0.01]);
    check("load-test", "Thresholds missed", &[1.0]);
}

#[test]
fn the_runtime() {
    check("runtime-saturation", "CPU", &[0.25; 3]);
    check("runtime-saturation", "Open files", &[0.05; 3]);
    check("runtime-saturation", "Uptime", &[3_600.0; 3]);
    check("runtime-saturation", "Pool in use", &[0.25; 3]);
    check("runtime-saturation", "Faults switched on", &[0.0]);
}
