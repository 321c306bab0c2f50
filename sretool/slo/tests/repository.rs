//! The project's own objectives, rules and runbooks belong together.

use slo::{BurnWindows, Catalog, Options};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn catalog() -> Catalog {
    let files = ["slo/notification-service.yaml", "slo/order-service.yaml", "slo/user-service.yaml"]
        .map(|path| (path, read(path)));
    Catalog::load(files.iter().map(|(path, text)| (*path, text.as_str())))
}

/// The names after `- alert:` in the rule files.
fn alerts() -> BTreeSet<String> {
    let files = [read("alerts/rules/slo.yaml"), read("alerts/rules/platform.yaml")];
    let lines = files.iter().flat_map(|text| text.lines());
    lines.filter_map(|line| line.trim().strip_prefix("- alert: ").map(str::to_owned)).collect()
}

#[test]
fn the_objectives_are_those_that_everything_else_names() {
    let catalog = catalog();
    assert_eq!(catalog.findings, []);
    let slos: Vec<_> = catalog.slos.iter().map(|slo| (slo.id.as_str(), slo.objective)).collect();
    assert_eq!(
        slos,
        [
            ("notification-service-availability", 0.999),
            ("notification-service-latency", 0.95),
            ("notification-service-freshness", 0.99),
            ("order-service-availability", 0.999),
            ("order-service-latency", 0.95),
            ("order-service-order-pipeline", 0.995),
            ("user-service-availability", 0.999),
            ("user-service-latency", 0.95),
        ]
    );
}

#[test]
fn the_generated_rules_are_up_to_date() {
    let options = Options::new(env!("CARGO_PKG_VERSION"));
    let generated = slo::generate(&catalog().slos, &options).unwrap().to_string();
    assert!(
        generated == read("alerts/rules/slo.yaml"),
        "run `sretool slo rules slo -o alerts/rules/slo.yaml` and commit the result"
    );
}

#[test]
fn every_burn_condition_can_fire() {
    for slo in catalog().slos {
        for condition in BurnWindows::workbook().conditions {
            let limit = condition.factor * slo.error_budget();
            assert!(limit < 1.0, "{}: a ratio above {limit} is impossible", slo.id);
        }
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = std::fs::read_dir(root().join("alerts/runbooks")).unwrap();
    let runbooks: BTreeSet<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(runbooks, alerts());
    let files = [read("alerts/rules/slo.yaml"), read("alerts/rules/platform.yaml")].concat();
    for alert in alerts() {
        assert!(files.contains(&format!("runbook_url: alerts/runbooks/{alert}.md")), "{alert} links to no runbook");
    }
}

#[test]
fn runbooks_have_all_sections_and_their_queries_parse() {
    let mut queries = 0;
    for alert in alerts() {
        let text = read(&format!("alerts/runbooks/{alert}.md"));
        assert!(text.starts_with(&format!("# {alert}\n")), "{alert}: the title is not the alert's name");
        let sections: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["Meaning", "Impact", "Diagnosis", "Mitigation"], "{alert}");
        for block in text.split("```promql\n").skip(1) {
            let (query, _) = block.split_once("```").unwrap_or_else(|| panic!("{alert}: a block does not end"));
            promql::parse(query).unwrap_or_else(|error| panic!("{alert}:\n{query}{}", error.render(query)));
            queries += 1;
        }
        assert!(text.contains("```promql\n"), "{alert}: no query");
    }
    assert!(queries >= alerts().len());
}

#[test]
fn every_alert_has_a_test_that_fires_and_one_that_stays_silent() {
    let files = ["slo-alerts", "slo-budgets", "platform"].map(|name| read(&format!("alerts/tests/{name}.yaml")));
    let tests = files.concat();
    for alert in alerts() {
        let cases: Vec<_> = tests.split(&format!("alertname: {alert}\n")).skip(1).collect();
        let silent = cases.iter().filter(|case| case.trim_start().starts_with("exp_alerts: []")).count();
        assert!(silent > 0, "{alert} is never expected to be silent");
        assert!(cases.len() > silent, "{alert} is never expected to fire");
    }
}
