use super::*;
use crate::Catalog;

/// An SLO whose ratioMetric is given as indented YAML.
fn slos(metric: &str, period: &str) -> Vec<Slo> {
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: fast-answers\n  labels: {{team: shop, app.kind: [a, b]}}\n  \
         annotations: {{runbook_url: 'runbooks/{{alert}}.md'}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: {period}, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{targetPercent: 99.9}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
         ratioMetric:\n{metric}"
    );
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings, []);
    catalog.slos
}

const GOOD: &str = "        counter: true\n        \
    good: {metricSource: {spec: {query: 'latency_bucket{le=\"0.2\"}'}}}\n        \
    total: {metricSource: {spec: {query: latency_count}}}\n";

const RAW: &str =
    "        rawType: success\n        raw: {metricSource: {spec: {query: 'avg_over_time(ok[{{.window}}])'}}}\n";

fn made(slos: &[Slo], options: &Options) -> RuleFile {
    generate(slos, options).unwrap()
}

fn options() -> Options {
    Options::new("1.2.3")
}

#[test]
fn rules_of_good_and_total() {
    insta::assert_snapshot!(made(&slos(GOOD, "30d"), &options()).to_string());
}

#[test]
fn rules_of_a_raw_ratio_over_28_days() {
    insta::assert_snapshot!(made(&slos(RAW, "28d"), &options()).to_string());
}

#[test]
fn parts_can_be_left_out() {
    let names = |recordings, alerts| {
        let options = Options { recordings, alerts, ..options() };
        let file = made(&slos(GOOD, "30d"), &options);
        file.groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
    };
    assert_eq!(names(false, true), ["sloth-slo-alerts-shop-fast-answers"]);
    let recordings = ["sloth-slo-sli-recordings-shop-fast-answers", "sloth-slo-meta-recordings-shop-fast-answers"];
    assert_eq!(names(true, false), recordings);
    let options = Options { recordings: false, alerts: false, ..options() };
    assert!(made(&slos(GOOD, "30d"), &options).to_string().ends_with("groups: []\n"));
}

#[test]
fn every_window_is_recorded_once_even_where_the_period_is_one_of_them() {
    let file = made(&slos(GOOD, "3d"), &options());
    let mut names: Vec<_> = file.groups[0]
        .rules
        .iter()
        .map(|rule| match &rule.action {
            Action::Record(name) | Action::Alert { name, .. } => name.clone(),
        })
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(names.contains(&"slo:sli_error:ratio_rate3d".to_owned()));
}

#[test]
fn every_expression_parses() {
    for slos in [slos(GOOD, "30d"), slos(RAW, "28d")] {
        for rule in made(&slos, &options()).groups.iter().flat_map(|group| &group.rules) {
            promql::parse(&rule.expr).unwrap_or_else(|error| panic!("{}\n{error}", rule.expr));
        }
    }
}

#[test]
fn the_slos_own_labels_cannot_replace_its_identity() {
    let mut slos = slos(GOOD, "30d");
    slos[0].labels.push(("sloth_id".into(), vec!["stolen".into()]));
    let file = made(&slos, &options());
    for rule in file.groups.iter().flat_map(|group| &group.rules) {
        assert_eq!(rule.labels["sloth_id"], "shop-fast-answers");
        assert_eq!((rule.labels["team"].as_str(), rule.labels["app_kind"].as_str()), ("shop", "a,b"));
    }
    assert_eq!(label_name("9-lives"), "_9_lives");
}
