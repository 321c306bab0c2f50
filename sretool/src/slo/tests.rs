mod formats;

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

const POLICY: &str = "apiVersion: sretool.dev/v1\nkind: ErrorBudgetPolicy\nmetadata: {name: team}\nspec:\n  steps:\n  \
    - {remainingPercent: 60, action: warn, text: look}\n  - {remainingPercent: 20, action: fail, text: stop}\n";

#[test]
fn a_gate_exits_by_the_policy_not_by_the_objective() {
    // Half of the budget is left, a tenth, none.
    for (bad, plain, with_policy, says) in [
        (
            0.5,
            crate::exit::good(),
            crate::exit::good(),
            "warn: shop-availability has 60 % of its budget left or less: look",
        ),
        (
            0.9,
            crate::exit::good(),
            crate::exit::failed(),
            "fail: shop-availability has 20 % of its budget left or less: stop",
        ),
        (5.0, crate::exit::failed(), crate::exit::failed(), "fail"),
    ] {
        let (folder, path, metrics) = folder(bad);
        let policy = folder.path().join("policy.yaml");
        std::fs::write(&policy, POLICY).unwrap();
        let policy = policy.display().to_string();
        let fixed = ["report", &path, "--openmetrics", &metrics];
        let (code, ..) = slo(&[&fixed[..], &["--gate"]].concat());
        assert_eq!(code, plain, "only a spent budget fails without a policy: {bad}");
        let (code, _, err) = slo(&[&fixed[..], &["--gate", "--policy", &policy]].concat());
        assert_eq!(code, with_policy, "{err}");
        assert!(err.contains(says), "{err}");
        let (code, out, err) = slo(&[&fixed[..], &["--policy", &policy, "--format", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((json["policy"]["name"].as_str(), err.as_str()), (Some("team"), ""));
        assert_eq!(code, if bad < 1.0 { crate::exit::good() } else { crate::exit::failed() }, "no gate was asked for");
        let (code, ..) = slo(&[&fixed[..], &["--gate", "--policy", &policy, "--at", "1000"]].concat());
        assert_eq!(code, crate::exit::no_judgement());
    }
}

#[test]
fn a_page_is_written_to_a_file_and_earlier_months_are_told() {
    let (folder, path, metrics) = folder(5.0);
    let page = folder.path().join("report.html").display().to_string();
    let (code, out, err) =
        slo(&["report", &path, "--openmetrics", &metrics, "--format", "html", "--history", "2", "-o", &page]);
    assert_eq!((code, out.as_str()), (crate::exit::failed(), ""));
    assert!(err.contains("report.html: breached at 2023-11-14T23:13:20Z"), "{err}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("2023-10") && html.contains("<svg"), "{html}");
    // A month later, the hour of the samples is in the month before.
    let later = ["--at", "2023-12-14T00:00:00Z", "--history", "1", "--format", "json"];
    let (_, out, _) = slo(&[&["report", &path, "--openmetrics", &metrics][..], &later].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let november = &json["slos"][0]["history"][0];
    assert_eq!((november["name"].as_str(), november["status"].as_str()), (Some("2023-11"), Some("breached")));
    let (code, ..) = slo(&["report", &path, "--openmetrics", &metrics, "-o", "no/such/folder/x"]);
    assert_eq!(code, crate::exit::invalid());
}

#[test]
fn incidents_tell_where_the_budget_went_and_exclusions_take_them_out() {
    let (_folder, path, metrics) = folder(5.0);
    let fixed = ["report", &path, "--openmetrics", &metrics, "--format", "json"];
    let (_, out, _) = slo(&[&fixed[..], &["--incidents"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let incidents = json["slos"][0]["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1, "{json}");
    let spent = incidents[0]["budget_spent"].as_f64().unwrap();
    assert!((4.0..=5.0).contains(&spent), "five times the budget: {spent}");
    let (code, out, _) = slo(&[&fixed[..], &["--exclude", "2023-11-14T22:00:00Z/2h"]].concat());
    assert_eq!(code, crate::exit::no_judgement(), "{out}");
    let (code, _, err) = slo(&[&fixed[..], &["--exclude", "Sun 02:00-04:00 Europe/Berln"]].concat());
    assert_eq!(code, crate::exit::invalid());
    assert!(err.contains("did you mean \"Europe/Berlin\"?"), "{err}");
}

#[test]
fn a_wrong_policy_names_its_place() {
    let (folder, path, metrics) = folder(0.5);
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY.replace("action: fail", "action: fall")).unwrap();
    let policy = policy.display().to_string();
    let (code, _, err) = slo(&["report", &path, "--openmetrics", &metrics, "--policy", &policy]);
    assert_eq!(code, crate::exit::invalid());
    assert!(
        err.contains("policy.yaml:7:36: error: \"spec.steps[1].action\" cannot be \"fall\"; did you mean"),
        "{err}"
    );
    let (code, _, err) = slo(&["report", &path, "--policy", "no/such.yaml"]);
    assert_eq!((code, err.starts_with("error: no/such.yaml: ")), (crate::exit::invalid(), true));
    // Beside the objectives it is checked, and no objective.
    let (code, out, _) = slo(&["validate", &path, &policy]);
    assert_eq!(code, crate::exit::invalid());
    assert!(out.contains("did you mean \"fail\"?"), "{out}");
}

#[test]
fn groups_are_rows_and_calendars_are_periods() {
    let (folder, path, _) = folder(0.0);
    let text = std::fs::read_to_string(&path).unwrap();
    let text =
        text.replace("{name: availability}", "{name: availability, annotations: {sretool.dev/group-by: tenant}}");
    let calendar =
        "[{duration: 1M, isRolling: false, calendar: {startTime: '2023-01-01 00:00:00', timeZone: Asia/Tokyo}}]";
    std::fs::write(&path, text.replace("[{duration: 30d, isRolling: true}]", calendar)).unwrap();
    let mut samples = String::new();
    for (name, rates) in [("requests", [100, 50]), ("errors", [5, 0])] {
        samples += &format!("# TYPE {name} counter\n");
        for (tenant, rate) in ["a", "b"].into_iter().zip(rates) {
            for minute in 0..=60 {
                let (value, at) = (rate * minute, 1_700_000_000 + 60 * minute);
                samples += &format!("{name}_total{{tenant=\"{tenant}\"}} {value} {at}\n");
            }
        }
    }
    let metrics = folder.path().join("tenants.txt").display().to_string();
    std::fs::write(&metrics, samples + "# EOF\n").unwrap();
    let (code, out, err) = slo(&["report", &path, "--openmetrics", &metrics]);
    assert_eq!((code, err.as_str()), (crate::exit::failed(), ""), "{out}");
    assert!(out.contains("shop/availability {tenant=a}") && out.contains("-400 %"), "{out}");
    assert!(out.contains("shop/availability {tenant=b}") && out.contains("100 %"), "{out}");
    let (_, out, _) = slo(&["report", &path, "--openmetrics", &metrics, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["slos"][1]["group"]["tenant"], "b");
    assert_eq!(json["slos"][0]["period_start"], "2023-10-31T15:00:00Z");
    assert_eq!(json["slos"][0]["period_end"], "2023-11-30T15:00:00Z");
}

#[test]
fn a_composite_is_a_row_after_its_parts() {
    let (folder, path, metrics) = folder(0.5);
    let indicator = "indicator: {metadata: {name: ok}, spec: {ratioMetric: {counter: true, bad: {metricSource: {spec: \
        {query: errors_total}}}, total: {metricSource: {spec: {query: requests_total}}}}}}";
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: journey}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  objectives:\n  \
         - {{target: 0.99, compositeWeight: 3, {indicator}}}\n  - {{target: 0.98, {indicator}}}\n"
    );
    let journey = folder.path().join("journey.yaml").display().to_string();
    std::fs::write(&journey, text).unwrap();
    let (code, out, _) = slo(&["report", &journey, &path, "--openmetrics", &metrics, "--slo", "journey"]);
    assert_eq!(code, crate::exit::good(), "{out}");
    let rows: Vec<_> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(rows[1..4], ["shop/journey-0", "shop/journey-1", "shop/journey"], "{out}");
    assert!(out.lines().nth(3).unwrap().contains("98.75 %"), "{out}");
}

/// A workflow whose command lines do not parse fails on the day it is needed.
#[test]
fn the_workflow_uses_command_lines_that_exist() {
    let workflow = std::fs::read_to_string(project(".github/workflows/slo.yml")).unwrap();
    let lines = workflow.lines().filter_map(|line| line.trim().strip_prefix("target/release/sretool slo "));
    let lines: Vec<_> = lines.map(|line| line.trim_end_matches(" || true")).collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    for line in lines {
        let parsed = Line::try_parse_from(std::iter::once("slo").chain(line.split_whitespace()));
        assert!(parsed.is_ok(), "{line}: {parsed:?}");
    }
    let policy = std::fs::read_to_string(project("slo/error-budget-policy.yaml")).unwrap();
    let policy = ::slo::Policy::parse("slo/error-budget-policy.yaml", &policy).unwrap();
    let steps: Vec<_> = policy.steps.iter().map(|step| step.remaining_percent).collect();
    assert_eq!(steps, [50.0, 20.0, 0.0]);
}
