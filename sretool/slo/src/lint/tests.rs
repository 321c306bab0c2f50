use super::*;
use crate::Severity;

const GOOD: &str = r#"apiVersion: openslo/v1
kind: SLO
metadata:
  name: availability
  labels: {team: shop}
spec:
  service: shop
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - targetPercent: 99.9
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource:
            type: prometheus
            spec:
              query: requests_total{job="shop", status=~"5.."}
        total:
          metricSource:
            type: prometheus
            spec:
              query: requests_total{job="shop"}
"#;

const SLOTH: &str = r#"version: prometheus/v1
service: shop
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(requests_total{status=~"5.."}[{{.window}}]))
        total_query: sum(rate(requests_total[{{.window}}]))
    alerting:
      name: ShopErrors
"#;

const PYRRA: &str = r#"apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: shop, namespace: prod}
spec:
  target: "99.9"
  window: 4w
  indicator:
    ratio:
      errors: {metric: 'requests_total{status=~"5.."}'}
      total: {metric: requests_total}
"#;

fn findings(text: &str) -> Vec<Finding> {
    let files = [("bad.yaml".to_owned(), text.to_owned())];
    let catalog = Catalog::load([("bad.yaml", text)]);
    let options = LintOptions { scrape_interval: Window::minutes(1), rules: Options::new("dev") };
    let mut all = lint(&catalog, &files, &options);
    all.extend(catalog.findings);
    all
}

/// A defect: the document, the text that is replaced and what replaces it, the line and the code of the finding.
type Seed = (&'static str, &'static str, &'static str, usize, &'static str);

const SEEDS: [Seed; 30] = [
    (GOOD, "  service: shop", "  sevice: shop", 7, "unknown-key"),
    (GOOD, "openslo/v1\n", "openslo/v2\n", 1, "api-version"),
    (GOOD, "kind: SLO", "kind: SLOs", 2, "kind"),
    (GOOD, "name: availability", "name: Availability!", 4, "name"),
    (GOOD, "duration: 30d", "duration: 30 days", 9, "duration"),
    (GOOD, "isRolling: true", "isRolling: false", 9, "required"),
    (GOOD, "Occurrences", "Occurences", 11, "value"),
    (GOOD, "targetPercent: 99.9", "targetPercent: 100", 13, "value"),
    (GOOD, "targetPercent: 99.9", "target: 99.9", 13, "value"),
    (GOOD, "targetPercent: 99.9", "targetPercent: 90", 13, "unfireable"),
    (GOOD, "counter: true", "counter: yes", 18, "type"),
    (GOOD, "status=~\"5..\"}", "status=~\"5..\"", 23, "query"),
    (GOOD, "requests_total{job=\"shop\"}\n", "sum(requests_total)\n", 28, "query"),
    (GOOD, "requests_total{job=\"shop\"}\n", "sum(rate(requests_total[{{.window}}]))\n", 28, "query"),
    (GOOD, "requests_total{job=\"shop\"}\n", "requests_total{job=\"other\"}\n", 23, "part-outside-total"),
    (GOOD, ", status=~\"5..\"", "", 23, "part-is-total"),
    (GOOD, "requests_total{job=\"shop\"}\n", "requests_in_flight\n", 28, "not-a-counter"),
    (GOOD, "requests_total{job=\"shop\", status=~\"5..\"}", "latency_bucket{le=\"1\"}", 23, "le-drift"),
    (GOOD, "requests_total{job=\"shop\", status=~\"5..\"}", "latency_bucket", 23, "no-bound"),
    (GOOD, "duration: 30d", "duration: 2d", 1, "long-window"),
    (GOOD, "Occurrences", "Timeslices", 13, "required"),
    (GOOD, "labels: {team: shop}", "annotations: {sretool.dev/group-by: 'a b'}", 5, "value"),
    (GOOD, "counter: true", "conter: true", 18, "unknown-key"),
    (SLOTH, "objective: 99.9", "objective: 101", 5, "value"),
    (SLOTH, "objective: 99.9", "objective: 100", 4, "no-budget"),
    (SLOTH, "[{{.window}}]))\n    alerting", "[5m]))\n    alerting", 9, "query"),
    (SLOTH, "name: ShopErrors", "title: ShopErrors", 11, "unknown-key"),
    (SLOTH, "{status=~\"5..\"}", "", 8, "value"),
    (PYRRA, "target: \"99.9\"", "target: 99.9", 5, "type"),
    (PYRRA, "metric: requests_total}", "metric: sum(requests_total)}", 10, "query"),
];

#[test]
fn every_seeded_defect_is_caught_with_line_caret_and_remedy() {
    let mut missed = Vec::new();
    for (document, from, to, line, code) in SEEDS {
        assert!(document.contains(from), "{from}");
        let found = findings(&document.replacen(from, to, 1));
        let hit = found.iter().find(|finding| finding.at.line == line && finding.code == code);
        let place = format!("bad.yaml:{line}:");
        let told = |finding: &Finding| {
            let rendered = finding.render();
            rendered.starts_with(&place) && rendered.contains('^') && finding.remedy.is_some()
        };
        if !hit.is_some_and(told) {
            let all: Vec<_> = found.iter().map(Finding::render).collect();
            missed.push(format!("{from:?} -> {to:?} is not line {line}, {code}: {all:#?}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    println!("seeded defects caught: {0}/{0}", SEEDS.len());
}

#[test]
fn two_of_the_same_are_noticed() {
    let twice = format!("{GOOD}---\n{GOOD}");
    assert!(findings(&twice).iter().any(|finding| finding.code == "duplicate" && finding.at.line == 30));
    let renamed = format!("{GOOD}---\n{}", GOOD.replace("name: availability", "name: other"));
    assert!(findings(&renamed).iter().any(|finding| finding.code == "duplicate-measure"));
}

#[test]
fn good_documents_have_no_finding() {
    for text in [GOOD, SLOTH, PYRRA] {
        assert_eq!(findings(text), []);
    }
    for name in ["notification-service", "order-service", "user-service"] {
        let path = format!("{}/../../slo/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(findings(&std::fs::read_to_string(path).unwrap()), [], "{name}");
    }
}

#[test]
fn windows_are_measured_against_scrapes_and_the_budget() {
    let catalog = Catalog::load([("a.yaml", GOOD.replace("30d", "28d").as_str())]);
    let rules = Options { by_period: crate::AlertWindows::built_in(), ..Options::new("dev") };
    let options = LintOptions { scrape_interval: Window::minutes(2), rules };
    let found = lint(&catalog, &[], &options);
    let codes: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
    assert_eq!(codes, [("short-window", Severity::Warning), ("factor", Severity::Warning)]);
}

#[test]
fn a_server_is_asked_about_the_metrics() {
    let catalog = Catalog::load([("a.yaml", GOOD)]);
    let checks = live_checks(&catalog);
    let exprs: Vec<_> = checks.iter().map(|check| check.expr.as_str()).collect();
    let expected = [
        "count(requests_total)",
        "count(requests_total{job=\"shop\", status=~\"5..\"})",
        "sum(increase(requests_total{job=\"shop\"}[1d]))",
    ];
    assert_eq!(exprs, expected);
    let codes: Vec<_> = [None, None, Some(10.0)]
        .into_iter()
        .zip(&checks)
        .filter_map(|(answer, check)| check.judge(answer))
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, ["unknown-metric", "not-initialised", "finer-than-traffic"]);
    assert!(checks.iter().all(|check| check.judge(Some(1_000_000.0)).is_none()));
    assert!(checks[2].judge(None).is_none(), "no traffic is no data");
    let latency = GOOD.replace("requests_total{job=\"shop\", status=~\"5..\"}", "latency_bucket{le=\"0.2\"}");
    let checks = live_checks(&Catalog::load([("a.yaml", latency.as_str())]));
    let bucket = checks.iter().find(|check| check.expr.contains("le=")).unwrap();
    assert_eq!(bucket.expr, "count(latency_bucket{le=\"0.2\"})");
    assert_eq!(bucket.judge(None).map(|finding| finding.code), Some("le-drift"));
    for check in checks {
        promql::parse(&check.expr).unwrap();
    }
}
