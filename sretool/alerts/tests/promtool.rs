//! Beside promtool: the same verdict on its own fixtures, on this project's tests, and on rules that were changed.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use alerts::mutate::mutants;
use alerts::unit_test::{Options, Report, parse, run};
use promql::Compat;
use rules::{RuleFile, RuleKind};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reports of a test file, or why it cannot be played.
fn play(path: &Path, only: Option<&str>, compat: Compat) -> Result<Vec<Report>, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let tests = parse("test", &text).map_err(|problems| format!("{problems:?}"))?;
    let read = |name: &String| {
        let text = std::fs::read_to_string(path.parent().unwrap().join(name)).map_err(|e| e.to_string())?;
        rules::parse(name, &text).map_err(|problems| format!("{problems:?}"))
    };
    let files = tests.rule_files.iter().map(read).collect::<Result<Vec<RuleFile>, _>>()?;
    let only = only.map(|only| regex::Regex::new(only).unwrap());
    Ok(run(&tests, &files, &Options { only, compat, ..Options::default() }))
}

fn passes(path: &Path, only: Option<&str>, compat: Compat) -> bool {
    play(path, only, compat).is_ok_and(|reports| reports.iter().all(|report| report.failures.is_empty()))
}

/// What Prometheus' own tests expect of its fixtures: file, tests to run, and whether they pass. The files that need
/// more than a verdict on floats are judged by promtool's documentation.
const FIXTURES: [(&str, Option<&str>, bool); 16] = [
    ("at-modifier-test.yml", None, true),
    ("bad-input-series.yml", None, false),
    ("bad-promql.yml", None, false),
    ("bad-rules-error-test.yml", None, false),
    ("bad-rules-syntax-test.yml", None, false),
    ("failing.yml", None, false),
    ("long-period.yml", None, true),
    ("negative-offset-test.yml", None, true),
    ("no-test-group-interval.yml", None, true),
    ("rules_run.yml", None, false),
    ("rules_run.yml", Some("correct"), true),
    ("rules_run_extrafields.yml", None, false),
    ("rules_run_fuzzy.yml", None, false),
    ("rules_run_fuzzy.yml", Some("correct"), true),
    ("rules_run_no_fuzzy.yml", None, false),
    ("start-time-test.yml", None, true),
];

#[test]
fn verdicts_on_promtool_s_fixtures() {
    let Some(reference) = std::env::var_os("SRETOOL_REFERENCE") else {
        println!("skipped: SRETOOL_REFERENCE is not set");
        return;
    };
    let folder = PathBuf::from(reference).join("promtool");
    let mut wrong = Vec::new();
    for (name, only, expected) in FIXTURES {
        if passes(&folder.join(name), only, Compat::V3) != expected {
            wrong.push(format!("{name} {only:?}: {:#?}", play(&folder.join(name), only, Compat::V3)));
        }
    }
    println!("unittest.yml: not compared, its series are native histograms");
    println!("promtool's fixtures: {} of {} verdicts equal", FIXTURES.len() - wrong.len(), FIXTURES.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn promtool_passes(path: &Path) -> Option<bool> {
    let output = Command::new("promtool").args(["test", "rules"]).arg(path).output().ok()?;
    Some(output.status.success())
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../alerts").join(path)
}

#[test]
fn this_project_s_tests_pass() {
    for name in ["platform.yaml", "slo-alerts.yaml", "slo-budgets.yaml"] {
        let reports = play(&repository("tests").join(name), None, Compat::V2_42).unwrap();
        let failures: Vec<_> = reports.iter().flat_map(|r| &r.failures).map(|f| &f.message).collect();
        assert!(failures.is_empty() && !reports.is_empty(), "{name}: {failures:#?}");
    }
}

/// Writes a rule file again, templates and expressions included.
fn write_rules(file: &RuleFile) -> String {
    let mut out = String::from("groups:\n");
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let texts = |out: &mut String, key: &str, texts: &[(String, rules::Template)]| {
        if texts.is_empty() {
            return;
        }
        writeln!(out, "    {key}:").unwrap();
        for (name, template) in texts {
            writeln!(out, "      {}: {}", quote(name), quote(template.source())).unwrap();
        }
    };
    for group in &file.groups {
        writeln!(out, "- name: {}\n  rules:", quote(&group.name)).unwrap();
        for rule in &group.rules {
            let key = if rule.alerting().is_some() { "alert" } else { "record" };
            writeln!(out, "  - {key}: {}\n    expr: {}", quote(rule.name()), quote(&rule.expr.to_string())).unwrap();
            if let RuleKind::Alerting(alerting) = &rule.kind {
                writeln!(out, "    for: {}", rules::format_duration(alerting.for_ms)).unwrap();
                writeln!(out, "    keep_firing_for: {}", rules::format_duration(alerting.keep_firing_for_ms)).unwrap();
                texts(&mut out, "annotations", &alerting.annotations);
            }
            texts(&mut out, "labels", &rule.labels);
        }
    }
    out
}

/// Every seventh mutant of the platform's rules, under both.
#[test]
fn verdicts_on_changed_rules() {
    if promtool_passes(&repository("tests/platform.yaml")).is_none() {
        eprintln!("skipped: `promtool` is not installed here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tests = std::fs::read_to_string(repository("tests/platform.yaml")).unwrap();
    let test_path = folder.path().join("tests.yml");
    std::fs::write(&test_path, tests.replace("../rules/platform.yaml", "rules.yml")).unwrap();
    let text = std::fs::read_to_string(repository("rules/platform.yaml")).unwrap();
    let files = [rules::parse("rules.yml", &text).unwrap()];
    let (mut compared, mut failed) = (0, 0);
    for mutant in mutants(&files).into_iter().step_by(7) {
        let mut changed = files[0].clone();
        changed.groups[mutant.place.group].rules[mutant.place.rule] = mutant.rule.clone();
        std::fs::write(folder.path().join("rules.yml"), write_rules(&changed)).unwrap();
        let ours = passes(&test_path, None, Compat::V2_42);
        let what = format!("{}: {}", mutant.rule.name(), mutant.change);
        assert_eq!(promtool_passes(&test_path).unwrap(), ours, "{what}\n{:#?}", play(&test_path, None, Compat::V2_42));
        compared += 1;
        failed += usize::from(!ours);
    }
    println!("{compared} changed rule files: the same verdict on each, {failed} of them failures");
    assert!(compared >= 20 && failed >= 10, "{compared} {failed}");
}
