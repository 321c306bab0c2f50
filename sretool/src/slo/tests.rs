use super::*;
use clap::Parser;
use std::path::Path;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    slo: Args,
}

/// Runs `sretool slo …` and returns its status, standard output and standard error.
fn slo(args: &[&str]) -> (ExitCode, String, String) {
    let line = Line::try_parse_from(std::iter::once("slo").chain(args.iter().copied())).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(line.slo, &mut Io { out: &mut out, err: &mut err, terminal: false });
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn project(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}

/// A folder with one SLO of 99 % and samples of an hour, of which `bad` a minute of 100 requests failed.
fn folder(bad: f64) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let document = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: availability}\nspec:\n  service: shop\n  \
        timeWindow: [{duration: 30d, isRolling: true}]\n  budgetingMethod: Occurrences\n  \
        objectives: [{target: 0.99}]\n  indicator:\n    metadata: {name: ok}\n    spec:\n      ratioMetric:\n        \
        counter: true\n        bad: {metricSource: {spec: {query: errors_total}}}\n        \
        total: {metricSource: {spec: {query: requests_total}}}\n";
    let slo = folder.path().join("shop.yaml");
    std::fs::write(&slo, document).unwrap();
    let mut text = String::new();
    for (name, rate) in [("requests", 100.0), ("errors", bad)] {
        text += &format!("# TYPE {name} counter\n");
        for minute in 0..=60_i32 {
            text += &format!("{name}_total {} {}\n", rate * f64::from(minute), 1_700_000_000 + 60 * minute);
        }
    }
    let metrics = folder.path().join("metrics.txt");
    std::fs::write(&metrics, text + "# EOF\n").unwrap();
    let (slo, metrics) = (slo.display().to_string(), metrics.display().to_string());
    (folder, slo, metrics)
}

#[test]
fn the_projects_own_documents_are_valid() {
    let (code, out, err) = slo(&["validate", &project("slo")]);
    assert_eq!((code, out.as_str()), (crate::exit::good(), ""));
    assert!(err.contains("11 valid documents, 8 objectives to evaluate, 0 errors"), "{err}");
}

#[test]
fn findings_are_printed_and_exit_2_unless_lenient() {
    let (folder, path, _) = folder(0.0);
    let text = std::fs::read_to_string(&path).unwrap().replace("  service:", "  sevice: x\n  service:");
    std::fs::write(&path, text).unwrap();
    let (code, out, _) = slo(&["validate", &folder.path().display().to_string()]);
    assert_eq!(code, crate::exit::invalid());
    let expected = "shop.yaml:5:3: error: unknown key \"spec.sevice\"; did you mean \"service\"? (unknown-key)\n";
    assert!(out.contains(expected) && out.contains("5 |   sevice: x\n"), "{out}");
    let (code, out, _) = slo(&["validate", "--lenient", &path]);
    assert_eq!(code, crate::exit::good());
    assert!(out.contains("shop.yaml:5:3: warning: unknown key"), "{out}");
    let (code, _, err) = slo(&["rules", &path]);
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("unknown-key"), "{err}");
}

#[test]
fn files_that_are_not_there_are_named() {
    for command in ["validate", "rules", "report"] {
        let (code, _, err) = slo(&[command, "no/such.yaml"]);
        assert_eq!(code, crate::exit::invalid());
        assert!(err.starts_with("error: no/such.yaml: "), "{err}");
    }
    let empty = tempfile::tempdir().unwrap();
    let (code, _, err) = slo(&["rules", &empty.path().display().to_string()]);
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("no .yaml file"), "{err}");
    std::fs::write(empty.path().join("a.yml"), [0xff, 0xfe]).unwrap();
    let (_, _, err) = slo(&["validate", &empty.path().display().to_string()]);
    assert!(err.contains("not UTF-8"), "{err}");
}

#[test]
fn rules_are_those_in_the_repository() {
    let (code, out, err) = slo(&["rules", &project("slo")]);
    assert_eq!(code, crate::exit::good());
    assert!(err.contains("order-service-availability: a full outage pages within"), "{err}");
    assert!(out == std::fs::read_to_string(project("alerts/rules/slo.yaml")).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml").display().to_string();
    let (code, out, _) = slo(&["rules", &project("slo"), "--no-alerts", "-o", &path]);
    assert_eq!((code, out.as_str()), (crate::exit::good(), ""));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("record: slo:objective:ratio") && !text.contains("alert:"));
    let (code, ..) = slo(&["rules", &project("slo"), "-o", "no/such/folder/x"]);
    assert_eq!(code, crate::exit::invalid());
}

#[test]
fn reports_exit_by_their_verdict() {
    let (_folder, path, metrics) = folder(0.5);
    let (code, out, err) = slo(&["report", &path, "--openmetrics", &metrics]);
    assert_eq!((code, err.as_str()), (crate::exit::good(), ""), "{out}");
    assert!(out.contains("shop/availability") && out.contains("99.5 %") && out.contains("50 %"), "{out}");
    let (_folder, path, metrics) = folder(5.0);
    let (code, out, _) = slo(&["report", &path, "--openmetrics", &metrics]);
    assert_eq!(code, crate::exit::failed());
    assert!(out.contains("breached") && out.contains("-400 %"), "{out}");
    let (code, out, _) = slo(&["report", &path, "--openmetrics", &metrics, "--at", "2001-01-01T00:00:00Z"]);
    assert_eq!(code, crate::exit::no_judgement());
    assert!(out.contains("no data") && !out.contains("100 %"), "{out}");
}

#[test]
fn a_source_that_does_not_answer_exits_3() {
    let (_folder, path, _) = folder(0.0);
    // Nothing listens on the discard port.
    let (code, out, err) = slo(&["report", &path, "--prometheus", "http://127.0.0.1:9"]);
    assert_eq!((code, out.as_str()), (crate::exit::no_judgement(), ""));
    assert!(err.contains("http://127.0.0.1:9"), "{err}");
    let (code, ..) = slo(&["report", &path, "--prometheus", "not a url"]);
    assert_eq!(code, crate::exit::invalid());
}

#[test]
fn objectives_are_chosen_by_name() {
    let (_folder, path, metrics) = folder(0.0);
    for name in ["availability", "shop-availability"] {
        let (code, ..) = slo(&["report", &path, "--openmetrics", &metrics, "--slo", name]);
        assert_eq!(code, crate::exit::good());
    }
    let (code, _, err) = slo(&["report", &path, "--openmetrics", &metrics, "--slo", "latency"]);
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("there are shop-availability"), "{err}");
}

#[test]
fn every_format_says_the_same() {
    let (_folder, path, metrics) = folder(5.0);
    let report = |format| {
        let (_, out, _) = slo(&["report", &path, "--openmetrics", &metrics, "--format", format]);
        out
    };
    let json: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["verdict"], "breached");
    assert_eq!(json["at"], "2023-11-14T23:13:20Z");
    assert_eq!(json["slos"][0]["status"], "breached");
    assert_eq!(json["slos"][0]["total"].as_f64().map(f64::round), Some(6_000.0));
    let markdown = report("markdown");
    assert!(markdown.starts_with("### ") && markdown.contains("| shop/availability | 99 % | 95 % |"), "{markdown}");
    let junit = report("junit");
    assert!(junit.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{junit}");
    assert!(junit.contains("<testcase classname=\"shop\" name=\"availability\"><failure message=\""), "{junit}");
}

#[test]
fn times_are_rfc_3339_or_seconds() {
    assert_eq!(report::parse_time("1970-01-01T00:01:00+00:00"), Ok(60_000));
    assert_eq!(report::parse_time("1.5"), Ok(1_500));
    for bad in ["yesterday", "", "nan", "1e300"] {
        assert!(report::parse_time(bad).is_err(), "{bad}");
    }
}
