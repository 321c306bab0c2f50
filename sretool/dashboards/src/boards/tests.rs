use super::all;
use crate::{expressions, lint};
use std::collections::HashSet;

#[test]
fn every_dashboard_is_clean() {
    for dashboard in all() {
        let report = lint(&dashboard.to_json()).unwrap();
        assert_eq!(report.findings, [], "{}", dashboard.uid);
        assert_eq!(report.exprs, report.parsed);
        // The two annotations are expressions too.
        assert_eq!(report.exprs, expressions(&dashboard).len() + 2);
    }
}

#[test]
fn identifiers_are_unique_and_fit_a_file_name() {
    let dashboards = all();
    let uids: HashSet<_> = dashboards.iter().map(|d| d.uid.as_str()).collect();
    assert_eq!(uids.len(), dashboards.len());
    assert!(uids.iter().all(|uid| uid.len() <= 40 && uid.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
}

#[test]
fn latency_over_time_has_exemplars() {
    let panels = all().into_iter().flat_map(|d| d.rows).flat_map(|r| r.panels);
    let mut latency = 0;
    for panel in panels.filter(|p| matches!(p.kind, crate::Kind::TimeSeries | crate::Kind::Heatmap)) {
        for target in panel.targets.iter().filter(|t| t.expr.contains("_seconds_bucket")) {
            assert!(target.exemplar, "{}", panel.title);
            latency += 1;
        }
    }
    assert!(latency >= 10, "{latency}");
}

#[test]
fn thresholds_rise() {
    for panel in all().into_iter().flat_map(|d| d.rows).flat_map(|r| r.panels) {
        let from: Vec<_> = panel.thresholds.iter().map(|s| s.from.unwrap_or(f64::NEG_INFINITY)).collect();
        assert!(from.is_sorted() && from[0] == f64::NEG_INFINITY, "{}", panel.title);
    }
}

#[test]
fn lines_of_panels_fill_the_grid() {
    for dashboard in all() {
        for row in &dashboard.rows {
            let width: u32 = row.panels.iter().map(|p| u32::from(p.width)).sum();
            assert_eq!(width % 24, 0, "{}: {}", dashboard.uid, row.title);
        }
    }
}
