//! Generated rules and their generated tests under the real promtool: the tests pass on the rules, and fail on rules
//! of which a factor, a limit or a window has been changed.

use slo::{Catalog, Options, Slo};
use std::path::Path;
use std::process::Command;

const RULES: &str = "rules.yaml";

/// Whether promtool is there; says so where it is not.
fn has_promtool() -> bool {
    let found = Command::new("promtool").arg("--version").output().is_ok();
    if !found {
        println!("skipped: promtool is not installed");
    }
    found
}

/// What promtool says to test files, if it does not accept them.
fn failures(folder: &Path, files: &[String]) -> Option<String> {
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .args(files)
        .current_dir(folder)
        .output()
        .expect("promtool runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then_some(text)
}

fn document(name: &str, percent: &str, period: &str, more: &str, metric: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: {name}\n{more}spec:\n  service: shop\n  \
         timeWindow: [{{duration: {period}, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{targetPercent: {percent}}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
         ratioMetric:\n{metric}"
    )
}

const BAD: &str = "        counter: true\n        \
    bad: {metricSource: {spec: {query: 'requests_total{job=\"shop\", code=~\"(5..|429)\"}'}}}\n        \
    total: {metricSource: {spec: {query: 'requests_total{job=\"shop\"}'}}}\n";
const GOOD: &str = "        counter: true\n        \
    good: {metricSource: {spec: {query: 'latency_bucket{le=\"0.2\"}'}}}\n        \
    total: {metricSource: {spec: {query: latency_count}}}\n";
const RAW: &str =
    "        rawType: failure\n        raw: {metricSource: {spec: {query: 'avg_over_time(bad[{{.window}}])'}}}\n";

fn load(text: &str) -> Vec<Slo> {
    let catalog = Catalog::load([("a.yaml", text)]);
    assert!(catalog.is_complete(), "{:?}", catalog.findings);
    catalog.slos
}

/// Writes the rules and tests of objectives and runs all of them at once.
#[track_caller]
fn prove(slos: &[Slo], options: &Options) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for slo in slos {
        let rules = format!("{}.{RULES}", slo.id);
        let text = slo::generate(std::slice::from_ref(slo), options).expect("there are rules").to_string();
        std::fs::write(folder.path().join(&rules), text).expect("the file is written");
        for (name, text) in slo::rule_tests(slo, options, &rules) {
            std::fs::write(folder.path().join(&name), text).expect("the file is written");
            files.push(name);
        }
    }
    if let Some(text) = failures(folder.path(), &files) {
        panic!("{text}");
    }
    files.len()
}

#[test]
fn every_alert_of_the_project_is_proven() {
    if !has_promtool() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../slo");
    let names = ["notification-service.yaml", "order-service.yaml", "user-service.yaml"];
    let slos: Vec<_> = names.iter().flat_map(|name| load(&std::fs::read_to_string(root.join(name)).unwrap())).collect();
    assert_eq!(slos.len(), 8);
    assert_eq!(prove(&slos, &Options::new("dev")), 40);
}

#[test]
fn alerts_of_other_objectives_are_proven() {
    if !has_promtool() {
        return;
    }
    let grouped = "  annotations: {sretool.dev/group-by: 'cluster, tenant'}\n";
    let sloth = "version: prometheus/v1\nservice: shop\nslos:\n- name: own\n  objective: 99\n  sli:\n    events:\n      \
        error_query: sum(rate(a_total{c=\"5\"}[{{.window}}]))\n      total_query: sum(rate(a_total[{{.window}}]))\n  \
        alerting: {name: Own}\n";
    let slices = document("slices", "99", "30d", "", BAD)
        .replace("Occurrences", "Timeslices")
        .replace("targetPercent: 99", "targetPercent: 99, timeSliceTarget: 0.95, timeSliceWindow: 15m");
    let mut options = Options::new("dev");
    let mut slos = Vec::new();
    for text in [
        document("week", "99.5", "7d", "", BAD),
        document("latency", "95", "28d", "  labels: {team: shop}\n", GOOD),
        document("grouped", "99.9", "30d", grouped, BAD),
        document("raw", "99", "30d", "", RAW),
        document("generous", "80", "90d", "", BAD),
        slices,
        sloth.to_owned(),
    ] {
        slos.extend(load(&text));
    }
    assert!(prove(&slos, &options) >= 20);
    options.burn.page_keep = Some(slo::Window::minutes(7));
    options.burn.ticket_keep = Some(slo::Window::minutes(45));
    options.extra_labels.push(("env".into(), "test".into()));
    prove(&slos[..1], &options);
}

/// Every change of one number in the rules: what it changes, and the changed rules.
fn mutants(rules: &str, changes: &[(String, String)]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (from, to) in changes {
        let found: Vec<_> = rules.match_indices(from.as_str()).collect();
        assert!(!found.is_empty(), "{from} is not in\n{rules}");
        for (start, _) in found {
            let changed = format!("{}{to}{}", &rules[..start], &rules[start + from.len()..]);
            let line = rules[..start].lines().count();
            all.push((format!("line {line}: {from} -> {to}"), changed));
        }
    }
    all
}

/// Runs the tests on every mutant; returns how many there are and those that no test notices.
fn survivors(slo: &Slo, options: &Options, changes: &[(String, String)]) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for (name, text) in slo::rule_tests(slo, options, RULES) {
        std::fs::write(folder.path().join(&name), text).expect("the file is written");
        files.push(name);
    }
    let rules = slo::generate(std::slice::from_ref(slo), options).expect("there are rules").to_string();
    std::fs::write(folder.path().join(RULES), &rules).expect("the file is written");
    assert_eq!(failures(folder.path(), &files), None);
    let mutants = mutants(&rules, changes);
    let mut survivors = Vec::new();
    for (what, changed) in &mutants {
        std::fs::write(folder.path().join(RULES), changed).expect("the file is written");
        if files.iter().all(|file| failures(folder.path(), std::slice::from_ref(file)).is_none()) {
            survivors.push(what.clone());
        }
    }
    (mutants.len(), survivors)
}

fn changes(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

#[test]
fn a_changed_factor_limit_or_window_of_an_alert_is_noticed() {
    if !has_promtool() {
        return;
    }
    let slo = &load(&document("ok", "99.9", "30d", "", BAD))[0];
    let options = Options { recordings: false, ..Options::new("dev") };
    let (count, survivors) = survivors(
        slo,
        &options,
        &changes(&[
            ("(14.4 *", "(14.7 *"),
            ("(6 *", "(5.9 *"),
            ("(3 *", "(3.1 *"),
            ("(1 *", "(0.98 *"),
            ("* 0.001)", "* 0.0011)"),
            ("ratio_rate5m{", "ratio_rate10m{"),
            ("ratio_rate1h{", "ratio_rate2h{"),
            ("ratio_rate30m{", "ratio_rate1h{"),
            ("ratio_rate6h{", "ratio_rate1d{"),
            ("ratio_rate2h{", "ratio_rate6h{"),
            ("ratio_rate1d{", "ratio_rate3d{"),
            ("ratio_rate3d{", "ratio_rate1d{"),
            (">= 5)", ">= 6)"),
            (">= 10)", ">= 9)"),
            ("[6h:5m]", "[7h:5m]"),
            ("[1d:5m]", "[20h:5m]"),
            ("[3d:5m]", "[4d:5m]"),
            ("[30d:1h]", "[20d:1h]"),
            ("<= 0)", "<= 0.002)"),
            ("for: 2m", "for: 3m"),
            ("for: 15m", "for: 14m"),
            ("for: 10m", "for: 11m"),
        ]),
    );
    println!("changed alerts noticed: {}/{count}", count - survivors.len());
    assert_eq!(survivors, Vec::<String>::new());
    assert!(count >= 35, "{count}");
}

#[test]
fn a_changed_window_of_a_recording_is_noticed() {
    if !has_promtool() {
        return;
    }
    let slo = &load(&document("ok", "99.9", "30d", "", BAD))[0];
    let options = Options { alerts: false, ..Options::new("dev") };
    let (count, survivors) = survivors(
        slo,
        &options,
        &changes(&[
            ("offset 5m", "offset 6m"),
            ("[30m]", "[25m]"),
            ("[1h]", "[50m]"),
            ("[2h]", "[3h]"),
            ("[6h]", "[5h]"),
            ("[1d]", "[25h]"),
            ("[3d]", "[2d]"),
            ("[30d]", "[28d]"),
        ]),
    );
    println!("changed recordings noticed: {}/{count}", count - survivors.len());
    assert_eq!(survivors, Vec::<String>::new());
    assert_eq!(count, 16);
}

// In promtool's notation `a+bx3` are four samples, the first of which stands a minute after the last before it.

/// One of the numeric traps: counters over a day and what the period's error ratio must be.
struct Trap {
    name: &'static str,
    /// Series and samples a minute.
    series: &'static [(&'static str, &'static str)],
    /// Matchers of the recorded series and the truth.
    truth: &'static [(&'static str, f64)],
}

const TRAPS: [Trap; 5] = [
    Trap {
        name: "a busy hour with one per cent of errors, quiet otherwise",
        series: &[
            ("requests_total{job=\"shop\", code=\"200\"}", "0+60x720 102600+59400x59 3607260+60x659"),
            ("requests_total{job=\"shop\", code=\"500\"}", "0x720 600+600x59 36000x659"),
        ],
        truth: &[("", 10.0 / 1023.0)],
    },
    Trap {
        name: "one idle hour",
        series: &[
            ("requests_total{job=\"shop\", code=\"200\"}", "0+1999x600 1199400x59 1199400+1999x780"),
            ("requests_total{job=\"shop\", code=\"500\"}", "0+1x600 600x59 600+1x780"),
        ],
        truth: &[("", 0.0005)],
    },
    Trap {
        name: "no error series",
        series: &[("requests_total{job=\"shop\", code=\"200\"}", "0+100x1440")],
        truth: &[("", 0.0)],
    },
    Trap {
        name: "counters that restart",
        series: &[
            ("requests_total{job=\"shop\", code=\"200\"}", "0+99x600 59400x10 0x10 0+97x819"),
            ("requests_total{job=\"shop\", code=\"500\"}", "0+1x600 600x10 0x10 0+3x819"),
        ],
        truth: &[("", (600.0 + 3.0 * 817.0) / (100.0 * (600.0 + 817.0)))],
    },
    Trap {
        name: "two clusters of which one restarts",
        series: &[
            ("requests_total{job=\"shop\", code=\"200\", cluster=\"a\"}", "0+99x1440"),
            ("requests_total{job=\"shop\", code=\"500\", cluster=\"a\"}", "0+1x1440"),
            ("requests_total{job=\"shop\", code=\"200\", cluster=\"b\"}", "0+285x700 199500x20 0x10 0+285x709"),
            ("requests_total{job=\"shop\", code=\"500\", cluster=\"b\"}", "0+15x700 10500x20 0x10 0+15x709"),
        ],
        truth: &[
            ("", (1440.0 + 15.0 * 1407.0) / (144_000.0 + 300.0 * 1407.0)),
            ("cluster=\"a\"", 0.01),
            ("cluster=\"b\"", 0.05),
        ],
    },
];

#[test]
fn recorded_ratios_of_the_traps_are_exact() {
    if !has_promtool() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let grouped = "  annotations: {sretool.dev/group-by: cluster}\n";
    let text = document("all", "99.9", "7d", "", BAD) + "---\n" + &document("each", "99.9", "7d", grouped, BAD);
    let options = Options { alerts: false, ..Options::new("dev") };
    let rules = slo::generate(&load(&text), &options).unwrap().to_string();
    std::fs::write(folder.path().join(RULES), rules).unwrap();
    let mut tests = format!("rule_files: [{RULES}]\nevaluation_interval: 5m\ntests:\n");
    for trap in TRAPS {
        tests += &format!("- name: {}\n  interval: 1m\n  input_series:\n", trap.name);
        for (series, values) in trap.series {
            tests += &format!("  - {{series: '{series}', values: '{values}'}}\n");
        }
        tests += "  promql_expr_test:\n";
        for (matcher, truth) in trap.truth {
            let slo = if matcher.is_empty() { "all" } else { "each" };
            let comma = if matcher.is_empty() { "" } else { ", " };
            let expr = format!(
                "abs(sum(slo:sli_error:ratio_rate1w{{sloth_slo=\"{slo}\"{comma}{matcher}}}) - {truth}) < bool 1e-9"
            );
            tests +=
                &format!("  - expr: '{expr}'\n    eval_time: 24h\n    exp_samples: [{{labels: '{{}}', value: 1}}]\n");
        }
    }
    std::fs::write(folder.path().join("traps.yaml"), tests).unwrap();
    assert_eq!(failures(folder.path(), &["traps.yaml".into()]), None);
}
