use crate::{Catalog, Severity};

mod schema;

const VALID: &str = r#"apiVersion: openslo/v1
kind: SLO
metadata:
  name: availability
  displayName: Availability
  labels:
    team: shop
    env: [prod, staging]
  annotations:
    runbook_url: runbooks/{alert}.md
    example.org/owner: somebody
spec:
  description: Orders are answered
  service: order-service
  indicator:
    metadata:
      name: ok
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource:
            type: prometheus
            spec:
              query: http_requests_total{status=~"5.."}
        total:
          metricSource:
            type: prometheus
            spec:
              query: http_requests_total
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - displayName: Three nines
      targetPercent: 99.9
"#;

/// Replaces one text of the valid document and compares all findings.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(VALID.contains(from), "{from:?} is not in the document");
    let catalog = Catalog::load([("a.yaml", VALID.replacen(from, to, 1).as_str())]);
    let found: Vec<_> = catalog.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_valid_document_is_read_in_full() {
    let catalog = Catalog::load([("a.yaml", VALID)]);
    assert_eq!(catalog.findings, []);
    let slo = &catalog.slos[0];
    assert_eq!((slo.id.as_str(), slo.service.as_str()), ("order-service-availability", "order-service"));
    assert_eq!((slo.objective, slo.error_budget()), (0.999, 0.001));
    assert_eq!(slo.objective_percent(), "99.9");
    assert_eq!(slo.labels[1], ("env".into(), vec!["prod".into(), "staging".into()]));
    assert_eq!(slo.annotation("runbook_url"), Some("runbooks/{alert}.md"));
    assert_eq!(slo.annotation("none"), None);
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    check(
        "  service:",
        "  sevice:",
        &[
            "a.yaml:13:1: error: \"spec.service\" is required; add the key \"service\" (required)",
            "a.yaml:14:3: error: unknown key \"spec.sevice\"; did you mean \"service\"? (unknown-key)",
        ]
        .map(|text| text.replace("13:1", "13:3"))
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>(),
    );
    check(
        "        counter: true",
        "        banana: true",
        &["a.yaml:20:9: error: unknown key \"spec.indicator.spec.ratioMetric.banana\"; \
           known keys: counter, good, bad, total, rawType, raw (unknown-key)"],
    );
}

#[test]
fn versions_and_kinds_are_checked() {
    check(
        "openslo/v1",
        "openslo/v2beta",
        &["a.yaml:1:13: error: apiVersion \"openslo/v2beta\" is not supported; write openslo/v1 (api-version)"],
    );
    check("kind: SLO", "kind: Slo", &["a.yaml:2:7: error: kind \"Slo\" is unknown; did you mean \"SLO\"? (kind)"]);
    check("kind: SLO", "kind:", &["a.yaml:2:1: error: \"kind\" is required; add the key \"kind\" (required)"]);
}

#[test]
fn names_labels_and_annotations_are_checked() {
    check(
        "name: availability",
        "name: Availability_1",
        &["a.yaml:4:9: error: \"metadata.name\" is no DNS label: \"Availability_1\"; \
           use at most 63 lower-case letters, digits and inner hyphens (name)"],
    );
    check(
        "name: availability",
        "name: 1",
        &["a.yaml:4:9: error: \"metadata.name\" must be a string, not a number; quote it: \"1\" (type)"],
    );
    check(
        "team: shop",
        "team: 5",
        &["a.yaml:7:11: error: the value of a label must be a string, not a number; quote it (type)"],
    );
    check(
        "example.org/owner",
        "Example!/owner",
        &["a.yaml:11:5: error: annotation key \"Example!/owner\" is not valid; \
           write a name, or domain/name such as example.org/owner (annotation)"],
    );
}

#[test]
fn objectives_are_in_range_and_have_one_target() {
    check(
        "targetPercent: 99.9",
        "target: 99.9",
        &["a.yaml:37:15: error: target 99.9 is not in [0, 1); write a ratio such as 0.999 (value)"],
    );
    check(
        "targetPercent: 99.9",
        "targetPercent: 100",
        &["a.yaml:37:22: error: targetPercent 100 is not in [0, 100); write a percentage such as 99.9 (value)"],
    );
    check(
        "targetPercent: 99.9",
        "targetPercent: 99.9\n      target: 0.999",
        &["a.yaml:37:7: error: \"spec.objectives[0].target\" and \"spec.objectives[0].targetPercent\" exclude each \
           other; keep exactly one of target and targetPercent (exclusive)"],
    );
    check(
        "targetPercent: 99.9",
        "targetPercent: 99.9\n      op: gt",
        &["a.yaml:38:7: error: \"spec.objectives[0].op\" has no meaning beside a ratioMetric; remove it (forbidden)"],
    );
}

#[test]
fn conditions_that_cannot_fire_are_a_warning() {
    check(
        "targetPercent: 99.9",
        "target: 0.93",
        &[
            "a.yaml:37:15: warning: no outage can burn a budget of 0.0700 14.4 times too fast, so the page over 1h never \
           fires; promise more than 0.9306, or rely on the slower conditions (unfireable)",
        ],
    );
    let catalog = Catalog::load([("a.yaml", VALID.replace("targetPercent: 99.9", "target: 0.93").as_str())]);
    assert!(catalog.is_complete() && catalog.slos.len() == 1);
}

#[test]
fn windows_are_one_and_complete() {
    check(
        "duration: 30d",
        "duration: 30 days",
        &["a.yaml:32:17: error: \"spec.timeWindow[0].duration\" is no duration: \"30 days\"; \
           write a whole number and one of m, h, d, w, M, Q, Y, such as 28d (duration)"],
    );
    check(
        "isRolling: true",
        "isRolling: false",
        &["a.yaml:32:7: error: a window that does not roll needs a calendar; \
           write isRolling: true, or add calendar (required)"],
    );
    check(
        "isRolling: true",
        "isRolling: true\n    - {duration: 7d, isRolling: true}",
        &["a.yaml:34:7: error: \"spec.timeWindow\" has 2 items; keep exactly one (length)"],
    );
}

#[test]
fn what_is_valid_but_not_evaluated_is_a_warning() {
    let remark = "is valid but is not supported yet, so this SLO is neither reported nor alerted on";
    check(
        "isRolling: true",
        "isRolling: false\n      calendar: {startTime: 2026-01-01 00:00:00, timeZone: Europe/Berlin}",
        &[],
    );
    check("targetPercent: 99.9", "targetPercent: 99.9\n      timeSliceTarget: 0.9\n      timeSliceWindow: 1m", &[]);
    let source = "            type: prometheus\n            spec:\n              query: http_requests_total\n";
    check(
        source,
        "            type: Datadog\n            spec: {query: x}\n",
        &[&format!(
            "a.yaml:29:27: warning: a metric source of type \"Datadog\" {remark}; \
             use a metricSource of type prometheus (unsupported)"
        )],
    );
}

#[test]
fn queries_are_parsed() {
    let catalog = Catalog::load([("a.yaml", VALID.replace("5..\"}", "5..\"").as_str())]);
    assert_eq!(catalog.findings.len(), 1);
    let finding = &catalog.findings[0];
    assert_eq!((finding.at.line, finding.code, finding.severity), (25, "query", Severity::Error));
    assert!(finding.message.contains("not valid PromQL"), "{finding}");
    check(
        "query: http_requests_total{status=~\"5..\"}",
        "promql: x",
        &["a.yaml:23:13: error: the metric source has no query; \
           add the key \"query\" with a PromQL expression (query)"],
    );
}

#[test]
fn a_broken_file_names_the_place_and_spares_the_others() {
    let catalog = Catalog::load([("bad.yaml", "a: [\n"), ("good.yaml", VALID)]);
    assert_eq!(catalog.slos.len(), 1);
    assert!(!catalog.is_valid());
    assert_eq!(catalog.findings[0].code, "yaml");
    let catalog = Catalog::load([("list.yaml", "- 5\n"), ("empty.yaml", "# nothing\n")]);
    assert_eq!(
        catalog.findings[0].to_string(),
        "list.yaml:1:3: error: a document must be a mapping, not a number (type)"
    );
    assert_eq!(catalog.findings.len(), 1);
}

#[test]
fn indicators_are_found_across_files() {
    let (before, after) = VALID.split_once("  indicator:").unwrap();
    let (inline, after) = after.split_once("  timeWindow").unwrap();
    let (_, spec) = inline.split_once("    spec:\n").unwrap();
    let slo = format!("{before}  indicatorRef: ok-ratio\n  timeWindow{after}");
    let sli = format!("apiVersion: openslo/v1\nkind: SLI\nmetadata: {{name: ok-ratio}}\nspec:\n{spec}");
    let catalog = Catalog::load([("slo.yaml", slo.as_str()), ("sli.yaml", sli.as_str())]);
    assert_eq!(catalog.findings, []);
    assert_eq!(catalog.slos[0].id, "order-service-availability");
    let catalog = Catalog::load([("slo.yaml", slo.as_str()), ("sli.yaml", &sli.replace("ok-ratio", "ok-ratios"))]);
    let found: Vec<_> = catalog.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["slo.yaml:15:17: error: no SLI is named \"ok-ratio\"; did you mean \"ok-ratios\"? (reference)"]);
}

#[test]
fn two_objectives_with_one_identity_are_an_error_and_two_targets_are_numbered() {
    let catalog = Catalog::load([("a.yaml", VALID), ("b.yaml", VALID)]);
    assert_eq!(
        catalog.findings[0].to_string(),
        "b.yaml:1:1: error: order-service-availability is defined in a.yaml:1 already; rename one of the two (duplicate)"
    );
    let twice = format!("{VALID}    - target: 0.99\n");
    let ids: Vec<_> = Catalog::load([("a.yaml", twice.as_str())]).slos.into_iter().map(|slo| slo.id).collect();
    assert_eq!(ids, ["order-service-availability-0", "order-service-availability-1"]);
}

/// The documents of the reference SDK, which accepts all of them but `slos.yaml`.
#[test]
fn agrees_with_the_reference_sdk() {
    let Some(folder) = std::env::var_os("SRETOOL_REFERENCE") else {
        println!("skipped: SRETOOL_REFERENCE is not set");
        return;
    };
    let mut accepted = 0;
    for entry in std::fs::read_dir(std::path::Path::new(&folder).join("openslo")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let catalog = Catalog::load([(name.as_str(), std::fs::read_to_string(&path).unwrap().as_str())]);
        let errors: Vec<_> = catalog.findings.iter().map(ToString::to_string).collect();
        if name == "slos.yaml" {
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].contains("\"spec.objectives[0].op\" has no meaning"), "{errors:?}");
        } else {
            assert_eq!(errors, Vec::<String>::new());
            assert!(!catalog.documents.is_empty(), "{name}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, 6);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[ \t\na-z0-9:{}\\[\\],&*!|>'\"%@#é-]{0,80}") {
        let catalog = Catalog::load([("a.yaml", text.as_str())]);
        proptest::prop_assert!(catalog.slos.is_empty());
        proptest::prop_assert!(catalog.findings.iter().all(|finding| finding.at.line > 0 && finding.at.column > 0));
    }

    #[test]
    fn a_valid_document_with_a_piece_cut_out_is_read_or_refused(start in 0..VALID.len(), length in 0..40_usize) {
        let end = (start + length).min(VALID.len());
        let text = format!("{}{}", &VALID[..start], &VALID[end..]);
        let catalog = Catalog::load([("a.yaml", text.as_str())]);
        // Whatever is left is an SLO, or the findings say why not; comments and empty files are neither.
        proptest::prop_assert!(catalog.slos.len() == 1 || !catalog.findings.is_empty() || text.trim().is_empty());
    }
}
