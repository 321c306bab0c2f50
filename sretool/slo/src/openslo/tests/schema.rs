//! Every rule of the schema, one by one: a document in flow style and the codes and messages that it earns.

use crate::{Catalog, Severity};

/// Compares all findings of a document, each as `line: message (code)`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let catalog = Catalog::load([("a.yaml", text)]);
    let found: Vec<_> = catalog.findings.iter().map(|f| format!("{}: {} ({})", f.at.line, f.message, f.code)).collect();
    assert_eq!(found, expected, "in\n{text}");
}

fn object(kind: &str, spec: &str) -> String {
    format!("apiVersion: openslo/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n{spec}")
}

#[test]
fn services_have_a_description() {
    check(&object("Service", "  description: fine\n"), &[]);
    check(&object("Service", "  {}\n"), &[]);
    check(&object("Service", "  descripton: x\n"), &["5: unknown key \"spec.descripton\" (unknown-key)"]);
    let long = format!("  description: {}\n", "x".repeat(1051));
    check(&object("Service", &long), &["5: \"spec.description\" has 1051 characters (length)"]);
    check(&object("Service", "  - x\n"), &["5: spec must be a mapping, not a list (type)"]);
}

#[test]
fn objects_need_metadata_and_a_spec() {
    check(
        "apiVersion: openslo/v1\nkind: Service\n",
        &["1: \"metadata\" is required (required)", "1: \"spec\" is required (required)"],
    );
    check("kind: Service\nmetadata: {name: a}\nspec: {}\n", &["1: \"apiVersion\" is required (required)"]);
    check(
        "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: ''}\nspec: {}\n",
        &["3: \"metadata.name\" is required (required)"],
    );
    check(
        "apiVersion: openslo/v1\nkind: Service\nmetadata: x\nspec: {}\n",
        &["3: metadata must be a mapping, not a string (type)"],
    );
}

#[test]
fn metadata_is_bounded() {
    let metadata =
        |fields: &str| format!("apiVersion: openslo/v1\nkind: Service\nmetadata: {{{fields}}}\nspec: {{}}\n");
    check(&metadata(&format!("name: {}", "a".repeat(63))), &[]);
    check(
        &metadata(&format!("name: {}", "a".repeat(64))),
        &[&format!("3: \"metadata.name\" is no DNS label: \"{}\" (name)", "a".repeat(64))],
    );
    for name in ["-a", "a-", "a.b", "a_b", "ä"] {
        let expected = format!("3: \"metadata.name\" is no DNS label: {name:?} (name)");
        check(&metadata(&format!("name: '{name}'")), &[&expected]);
    }
    check(
        &metadata(&format!("name: a, displayName: {}", "x".repeat(64))),
        &["3: \"metadata.displayName\" is too long (length)"],
    );
    check(&metadata("name: a, labels: [x]"), &["3: \"metadata.labels\" must be a mapping, not a list (type)"]);
    check(&metadata("name: a, labels: {-x: b}"), &["3: label key \"-x\" is not valid (label)"]);
    check(
        &metadata("name: a, labels: {x: [b, {c: d}]}"),
        &["3: the value of a label must be a string, not a mapping (type)"],
    );
    check(&metadata("name: a, annotations: {x.y/z_1: 'b', a: c}"), &[]);
    check(&metadata("name: a, annotations: {x..y/z: b}"), &["3: annotation key \"x..y/z\" is not valid (annotation)"]);
    check(
        &metadata("name: a, annotations: {x: true}"),
        &["3: the value of an annotation must be a string, not a boolean (type)"],
    );
}

#[test]
fn data_sources_have_a_type_and_details() {
    check(&object("DataSource", "  type: Prometheus\n  connectionDetails: {url: x}\n"), &[]);
    check(
        &object("DataSource", "  type: ''\n"),
        &["5: \"spec.connectionDetails\" is required (required)", "5: \"spec.type\" is required (required)"],
    );
}

#[test]
fn conditions_are_complete() {
    let condition = |fields: &str| object("AlertCondition", &format!("  severity: page\n  condition: {{{fields}}}\n"));
    check(&condition("kind: burnrate, op: gt, threshold: 2, lookbackWindow: 1h, alertAfter: 5m"), &[]);
    check(&condition("kind: burnrate, op: gt, threshold: 2, lookbackWindow: 1h"), &[]);
    check(
        &condition("kind: burn, op: above, threshold: two, lookbackWindow: 1 h, alertAfter: soon"),
        &[
            "6: \"spec.condition.kind\" cannot be \"burn\" (value)",
            "6: \"spec.condition.op\" cannot be \"above\" (value)",
            "6: \"spec.condition.threshold\" must be a number, not a string (type)",
            "6: \"spec.condition.lookbackWindow\" is no duration: \"1 h\" (duration)",
            "6: \"spec.condition.alertAfter\" is no duration: \"soon\" (duration)",
        ],
    );
    let missing = ["kind", "op", "threshold", "lookbackWindow"]
        .map(|key| format!("6: \"spec.condition.{key}\" is required (required)"));
    check(&condition(""), &missing.each_ref().map(String::as_str));
    check(
        &object("AlertCondition", "  description: x\n"),
        &["5: \"spec.severity\" is required (required)", "5: \"spec.condition\" is required (required)"],
    );
}

#[test]
fn policies_have_one_condition_and_some_target() {
    let policy = |conditions: &str, targets: &str| {
        object("AlertPolicy", &format!("  conditions: [{conditions}]\n  notificationTargets: [{targets}]\n"))
    };
    check(&policy("{conditionRef: a}", "{targetRef: b}, {targetRef: c}"), &[]);
    check(
        &policy("", ""),
        &["5: \"spec.conditions\" has 0 items (length)", "6: \"spec.notificationTargets\" is required (required)"],
    );
    check(
        &policy("{conditionRef: a}, {conditionRef: b}", "{targetRef: b}"),
        &["5: \"spec.conditions\" has 2 items (length)"],
    );
    check(
        &policy("{conditionRef: A}", "{targetRef: ''}"),
        &[
            "5: \"spec.conditions[0].conditionRef\" is no DNS label: \"A\" (name)",
            "6: \"spec.notificationTargets[0].targetRef\" is required (required)",
        ],
    );
    let target = "{kind: AlertNotificationTarget, metadata: {name: b}, spec: {target: mail}}";
    check(&policy("{conditionRef: a}", target), &[]);
    check(
        &policy("{conditionRef: a}", &target.replace("kind: AlertNotificationTarget", "kind: Target")),
        &["6: \"spec.notificationTargets[0].kind\" cannot be \"Target\" (value)"],
    );
    check(
        &policy("{conditionRef: a, spec: {}}", "{targetRef: b}"),
        &["5: \"spec.conditions[0].conditionRef\" and \"spec.conditions[0].spec\" exclude each other (exclusive)"],
    );
    let flags = policy("{conditionRef: a}", "{targetRef: b}") + "  alertWhenNoData: 'yes'\n";
    check(&flags, &["7: \"spec.alertWhenNoData\" must be true or false, not a string (type)"]);
}

/// An SLI whose ratioMetric holds these fields.
fn ratio(fields: &str) -> String {
    object("SLI", &format!("  ratioMetric: {{{fields}}}\n"))
}

const SOURCE: &str = "{metricSource: {spec: {query: x}}}";

#[test]
fn ratios_name_a_part_and_the_whole_or_are_raw() {
    let path = "spec.ratioMetric";
    check(&ratio(&format!("good: {SOURCE}, total: {SOURCE}")), &[]);
    check(&ratio(&format!("bad: {SOURCE}, total: {SOURCE}, counter: true")), &[]);
    check(&ratio(&format!("raw: {SOURCE}, rawType: failure")), &[]);
    check(
        &ratio(&format!("good: {SOURCE}")),
        &[&format!("5: one of \"{path}.total\" and \"{path}.raw\" is required (exclusive)")],
    );
    check(
        &ratio(&format!("total: {SOURCE}")),
        &[&format!("5: one of \"{path}.good\" and \"{path}.bad\" is required (exclusive)")],
    );
    check(
        &ratio(&format!("good: {SOURCE}, bad: {SOURCE}, total: {SOURCE}")),
        &[&format!("5: \"{path}.good\" and \"{path}.bad\" exclude each other (exclusive)")],
    );
    check(
        &ratio(&format!("raw: {SOURCE}, total: {SOURCE}")),
        &[&format!("5: \"{path}.total\" and \"{path}.raw\" exclude each other (exclusive)")],
    );
    check(
        &ratio(&format!("raw: {SOURCE}, rawType: success, good: {SOURCE}")),
        &[&format!("5: \"{path}.raw\" and \"{path}.good\" exclude each other (exclusive)")],
    );
    check(&ratio(&format!("raw: {SOURCE}")), &[&format!("5: \"{path}.rawType\" is required (required)")]);
    check(
        &ratio(&format!("raw: {SOURCE}, rawType: ok")),
        &[&format!("5: \"{path}.rawType\" cannot be \"ok\" (value)")],
    );
}

#[test]
fn metric_sources_are_complete() {
    let path = "spec.ratioMetric.total";
    let total = |source: &str| ratio(&format!("good: {SOURCE}, total: {source}"));
    check(&total("{}"), &[&format!("5: \"{path}.metricSource\" is required (required)")]);
    check(
        &total("{metricSource: {type: prometheus}}"),
        &[&format!("5: \"{path}.metricSource.spec\" is required (required)")],
    );
    check(&total("{metricSource: {spec: {}}}"), &[&format!("5: {path}.metricSource.spec is empty (required)")]);
    check(
        &total("{metricSource: {spec: x}}"),
        &[&format!("5: {path}.metricSource.spec must be a mapping, not a string (type)")],
    );
    check(
        &total("{metricSource: {metricSourceRef: No, spec: {a: b}}}"),
        &[&format!("5: \"{path}.metricSource.metricSourceRef\" is no DNS label: \"No\" (name)")],
    );
    check(
        &object("SLI", "  {}\n"),
        &["5: one of \"spec.thresholdMetric\" and \"spec.ratioMetric\" is required (exclusive)"],
    );
    check(&object("SLI", &format!("  thresholdMetric: {SOURCE}\n")), &[]);
}

/// An SLO with these fields beside service, window and budgeting method.
fn slo(method: &str, fields: &str) -> String {
    object(
        "SLO",
        &format!(
            "  service: s\n  timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: {method}\n{fields}"
        ),
    )
}

#[test]
fn budgeting_by_slices_needs_slices() {
    let objectives = |fields: &str| format!("  indicatorRef: i\n  objectives:\n  - {{target: 0.9{fields}}}\n");
    let no_sli = "8: no SLI is named \"i\" (reference)";
    check(&slo("Timeslices", &objectives(", timeSliceTarget: 0.9, timeSliceWindow: 1m")), &[no_sli]);
    check(
        &slo("Timeslices", &objectives("")),
        &[
            "10: \"spec.objectives[0].timeSliceTarget\" is required (required)",
            "10: \"spec.objectives[0].timeSliceWindow\" is required (required)",
        ],
    );
    check(
        &slo("Timeslices", &objectives(", timeSliceTarget: 0, timeSliceWindow: 1m")),
        &["10: timeSliceTarget 0 is not in (0, 1] (value)"],
    );
    check(&slo("RatioTimeslices", &objectives(", timeSliceWindow: 1m")), &[no_sli]);
    check(
        &slo("RatioTimeslices", &objectives("")),
        &["10: \"spec.objectives[0].timeSliceWindow\" is required (required)"],
    );
    check(&slo("Occurences", &objectives("")), &["7: \"spec.budgetingMethod\" cannot be \"Occurences\" (value)"]);
    check(&slo("Occurrences", &objectives("")), &[no_sli]);
}

#[test]
fn composites_carry_an_indicator_on_every_objective() {
    let both =
        "  objectives:\n  - {target: 0.9, indicatorRef: a, compositeWeight: 2}\n  - {target: 0.9, indicatorRef: b}\n";
    check(
        &slo("Occurrences", both),
        &["9: no SLI is named \"a\" (reference)", "10: no SLI is named \"b\" (reference)"],
    );
    check(
        &slo("Occurrences", &both.replace(", indicatorRef: b", "")),
        &[
            "10: one of \"spec.objectives[1].indicator\" and \"spec.objectives[1].indicatorRef\" is required (exclusive)",
        ],
    );
    check(
        &slo("Occurrences", &both.replace("Weight: 2", "Weight: 0")),
        &["9: compositeWeight must be positive (value)"],
    );
    check(
        &slo("Occurrences", &format!("  indicatorRef: a\n{both}")),
        &["10: an indicator stands both on the spec and on an objective (exclusive)"],
    );
    check(
        &slo("Occurrences", "  objectives: []\n"),
        &["5: one of \"spec.indicator\" and \"spec.indicatorRef\" is required (exclusive)"],
    );
}

#[test]
fn thresholds_need_an_operator() {
    let threshold = |objective: &str| {
        slo(
            "Occurrences",
            &format!(
                "  indicator: {{metadata: {{name: t}}, spec: {{thresholdMetric: {SOURCE}}}}}\n  objectives: [{objective}]\n"
            ),
        )
    };
    check(
        &threshold("{target: 0.9}"),
        &[
            "9: \"spec.objectives[0].op\" is required (required)",
            "9: \"spec.objectives[0].value\" is required (required)",
        ],
    );
    check(&threshold("{target: 0.99, op: lt, value: 0.2}"), &[]);
}

#[test]
fn calendars_are_dates_in_zones() {
    let calendar = |fields: &str| {
        object(
            "SLO",
            &format!(
                "  service: s\n  indicatorRef: i\n  budgetingMethod: Occurrences\n  objectives: [{{target: 0.9}}]\n  \
             timeWindow: [{{duration: 1M, calendar: {{{fields}}}}}]\n"
            ),
        )
    };
    let errors = |fields: &str| {
        let catalog = Catalog::load([("a.yaml", calendar(fields).as_str())]);
        let errors = catalog.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(errors("startTime: 2026-02-28 00:00:00, timeZone: America/New_York"), ["no SLI is named \"i\""]);
    assert_eq!(
        errors("startTime: 2026-02-28 00:00:00, timeZone: America/New_Yrok"),
        ["the IANA database has no time zone \"America/New_Yrok\""]
    );
    assert_eq!(errors("startTime: 2026-02-30 00:00:00, timeZone: UTC").len(), 1);
    assert_eq!(errors("startTime: 2026-02-28T00:00:00Z, timeZone: 'not a zone'").len(), 2);
    assert_eq!(errors("timeZone: Etc/GMT+5"), ["\"spec.timeWindow[0].calendar.startTime\" is required"]);
}

#[test]
fn sources_take_their_type_from_the_data_source() {
    let source = |kind: &str| object("DataSource", &format!("  type: {kind}\n  connectionDetails: {{}}\n"));
    let indicator = SOURCE.replace("{spec", "{metricSourceRef: a, spec");
    let slo = slo(
        "Occurrences",
        &format!(
            "  indicator: {{metadata: {{name: t}}, spec: {{ratioMetric: {{counter: true, good: {indicator}, total: {SOURCE}}}}}}}\n  \
         objectives: [{{target: 0.99}}]\n"
        ),
    );
    let evaluated = |kind: &str| {
        let catalog = Catalog::load([("source.yaml", source(kind).as_str()), ("slo.yaml", slo.as_str())]);
        (catalog.is_valid(), catalog.is_complete(), catalog.slos.len())
    };
    assert_eq!(evaluated("Prometheus"), (true, true, 1));
    assert_eq!(evaluated("Datadog"), (true, false, 0));
}
