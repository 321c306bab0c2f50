//! Formats in and out: conversion, rules of every form, lint.

use super::{folder, project, slo};

const SLOTH: &str = "version: prometheus/v1\nservice: shop\nslos:\n  - name: availability\n    objective: 99.9\n    sli:\n      \
    events:\n        error_query: sum(rate(errors_total[{{.window}}]))\n        \
    total_query: sum(rate(requests_total[{{.window}}]))\n    alerting:\n      name: ShopErrors\n";

/// A folder with one of sloth's files.
fn sloth() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.yaml");
    std::fs::write(&path, SLOTH).unwrap();
    (folder, path.display().to_string())
}

#[test]
fn conversion_exits_by_what_is_lost() {
    let (_folder, path) = sloth();
    let (code, out, err) = slo(&["convert", "--to", "openslo", &path]);
    assert_eq!(code, crate::exit::failed());
    assert!(out.contains("kind: SLO") && out.contains("increase(errors_total[{{.window}}])"), "{out}");
    assert!(err.contains("shop.yaml:4:5: lost of shop-availability: the alerts' name \"ShopErrors\""), "{err}");
    let (code, ..) = slo(&["convert", "--to", "openslo", "--allow-loss", &path]);
    assert_eq!(code, crate::exit::good());
    let (code, out, err) = slo(&["convert", "--to", "sloth-k8s", &path]);
    assert_eq!((code, err.as_str()), (crate::exit::good(), ""));
    assert!(out.contains("kind: PrometheusServiceLevel") && out.contains("errorQuery:"), "{out}");
    let (code, _, err) = slo(&["convert", "--to", "pyrra", &path, "-o", "no/such/folder/x"]);
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("no/such/folder/x"), "{err}");
}

#[test]
fn sloths_documents_get_sloths_rules_unless_exact() {
    let (folder, path) = sloth();
    let (code, own, err) = slo(&["rules", &path]);
    assert_eq!((code, err.as_str()), (crate::exit::good(), ""));
    assert!(own.contains("count_over_time(slo:sli_error:ratio_rate5m"), "{own}");
    let (code, exact, err) = slo(&["rules", "--exact", "--keep-firing-for", "5m", &path]);
    assert_eq!(code, crate::exit::good());
    assert!(exact.contains("increase(errors_total[5m])") && exact.contains("keep_firing_for: 5m"), "{exact}");
    assert!(err.contains("shop-availability: a full outage pages within 4m52s"), "{err}");
    let (_, month, _) = slo(&["rules", "--period", "28d", "--extra-label", "env=test", &path]);
    assert!(month.contains("ratio_rate4w") && month.contains("(13.44 *") && month.contains("env: test"), "{month}");
    let (code, _, err) = slo(&["rules", "--period", "90d", &path]);
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("no alert windows for a period of 90d"), "{err}");
    let windows = folder.path().join("windows");
    std::fs::create_dir(&windows).unwrap();
    let text = include_str!("../../../slo/src/windows/sloth.yaml").replace("sloPeriod: 28d", "sloPeriod: 90d");
    std::fs::write(windows.join("w.yaml"), text).unwrap();
    let windows = windows.display().to_string();
    let (code, out, _) = slo(&["rules", "--period", "90d", "--windows", &windows, &path]);
    assert_eq!(code, crate::exit::good());
    assert!(out.contains("ratio_rate90d") && out.contains("(43.2 *"), "{out}");
}

#[test]
fn rules_take_every_form() {
    let (folder, path, _) = folder(0.0);
    let (code, out, _) = slo(&["rules", "--format", "operator", &path]);
    assert_eq!(code, crate::exit::good());
    assert!(
        out.contains("kind: PrometheusRule\nmetadata:\n  name: slo-shop\n") && out.contains("  groups:\n"),
        "{out}"
    );
    let (_, out, _) = slo(&["rules", "--format", "rollouts", &path]);
    assert!(out.contains("kind: AnalysisTemplate") && out.contains("!isNaN(result[0]) && result[0] <= 14.4"), "{out}");
    assert!(serde_saphyr::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    let (_, out, _) = slo(&["rules", "--sloth", &path]);
    assert!(out.contains("count_over_time(slo:sli_error:ratio_rate5m"), "{out}");
    let tests = folder.path().join("tests").display().to_string();
    let (code, _, err) = slo(&["rules", "--with-tests", &tests, &path]);
    assert_eq!(code, crate::exit::good());
    assert!(err.contains("6 files"), "{err}");
    let names: Vec<_> = std::fs::read_dir(&tests).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name == "slo.rules.yaml") && names.len() == 6, "{names:?}");
}

#[test]
fn inhibition_names_both_severities() {
    let (code, out, _) = slo(&["inhibition", &project("slo")]);
    assert_eq!(code, crate::exit::good());
    assert!(out.contains("sloth_severity = \"page\"") && out.contains("equal: [sloth_id]"), "{out}");
    let parsed: serde_json::Value = serde_saphyr::from_str(&out).unwrap();
    assert_eq!(parsed["inhibit_rules"].as_array().map(Vec::len), Some(1));
}

#[test]
fn lint_exits_by_what_it_finds() {
    let (_folder, path, metrics) = folder(0.0);
    let (code, out, err) = slo(&["lint", &path]);
    assert_eq!((code, out.as_str()), (crate::exit::good(), ""), "{err}");
    let (code, out, _) = slo(&["lint", "--scrape-interval", "2m", &path]);
    assert_eq!(code, crate::exit::failed());
    assert!(out.contains("fewer than 4 samples") && out.contains('^'), "{out}");
    let (code, out, _) = slo(&["lint", "--openmetrics", &metrics, &path]);
    assert_eq!((code, out.as_str()), (crate::exit::good(), ""));
    let text = std::fs::read_to_string(&path).unwrap().replace("errors_total", "eror_total");
    std::fs::write(&path, text).unwrap();
    let (code, out, _) = slo(&["lint", "--openmetrics", &metrics, &path]);
    assert_eq!(code, crate::exit::failed());
    assert!(out.contains("no series of eror_total"), "{out}");
    // Nothing listens on the discard port.
    let (code, ..) = slo(&["lint", "--live", "--prometheus", "http://127.0.0.1:9", &path]);
    assert_eq!(code, crate::exit::no_judgement());
}
