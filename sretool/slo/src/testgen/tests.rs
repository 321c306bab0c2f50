use super::*;
use crate::Catalog;

#[test]
fn every_alert_and_every_window_has_a_case() {
    let text = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: ok}\nspec:\n  service: shop\n  \
        timeWindow: [{duration: 30d, isRolling: true}]\n  budgetingMethod: Occurrences\n  \
        objectives: [{targetPercent: 99.9}]\n  indicator:\n    metadata: {name: ok}\n    spec:\n      \
        ratioMetric:\n        counter: true\n        \
        bad: {metricSource: {spec: {query: 'requests_total{status=~\"5..\"}'}}}\n        \
        total: {metricSource: {spec: {query: requests_total}}}\n";
    let catalog = Catalog::load([("a.yaml", text)]);
    let options = Options::new("dev");
    let files = rule_tests(&catalog.slos[0], &options, "rules.yaml");
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected =
        ["alerts", "windows", "period", "recordings", "outage"].map(|kind| format!("shop-ok.{kind}.test.yaml"));
    assert_eq!(names, expected);
    for condition in &options.burn.conditions {
        let title = format!("{} at {} over {}", condition.urgency, condition.factor, condition.short);
        assert_eq!(files[0].1.matches(&title).count(), 4, "{title}");
    }
    assert!(files[0].1.contains("ErrorBudgetExhausted") && files[0].1.contains("SLOMetricAbsent"));
    for window in ["2h", "6h", "1d", "3d", "30d", "5m", "30m", "1h"] {
        assert!(files[3].1.contains(&format!("ratio_rate{window}{{")), "{window}");
    }
    assert!(files[4].1.contains("requests_total{status=\"500\"}"), "{}", files[4].1);
    assert!(files.iter().all(|(_, text)| text.contains("- rules.yaml\n")));
    for (name, text) in &files {
        serde_saphyr::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
}
