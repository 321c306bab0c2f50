//! Rule files, good and bad.

use super::*;

fn problems(text: &str) -> Vec<String> {
    parse("r.yaml", text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// A file with one alerting rule that has these further lines.
fn rule(lines: &str) -> String {
    let mut text = String::from("groups:\n- name: g\n  rules:\n  - alert: A\n");
    for line in lines.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

#[track_caller]
fn check_problem(text: &str, place: &str, part: &str) {
    let found = problems(text);
    let expected = format!("r.yaml:{place}: ");
    assert!(found.iter().any(|p| p.starts_with(&expected) && p.contains(part)), "{expected}{part}\n{found:#?}");
}

#[test]
fn a_whole_file() {
    let file = parse(
        "r.yaml",
        "groups:\n\
         - name: slo\n  interval: 30s\n  limit: 10\n  query_offset: 1m\n  labels: {team: core, tier: '1'}\n  rules:\n\
         \x20 - record: job:x:rate5m\n    expr: |\n      sum by (job) (\n        rate(x_total[5m])\n      )\n\
         \x20   labels: {tier: 2}\n\
         \x20 - alert: High\n    expr: job:x:rate5m > 1\n    for: 5m\n    keep_firing_for: 1h\n\
         \x20   labels: {severity: page}\n    annotations: {summary: '{{ $value }} in {{ $labels.job }}'}\n\
         - name: empty\n",
    )
    .unwrap();
    assert_eq!(file.groups.len(), 2);
    let group = &file.groups[0];
    assert_eq!((group.interval_ms, group.limit, group.query_offset_ms), (Some(30_000), 10, Some(60_000)));
    let [recording, alerting] = group.rules.as_slice() else { panic!("{group:?}") };
    assert_eq!(recording.name(), "job:x:rate5m");
    assert_eq!(recording.label_sources().collect::<Vec<_>>(), [("team", "core"), ("tier", "2")]);
    assert_eq!((recording.line, recording.expr_position), (8, (10, 7)));
    let alert = alerting.alerting().unwrap();
    assert_eq!((alert.for_ms, alert.keep_firing_for_ms), (300_000, 3_600_000));
    assert_eq!(alert.annotations[0].1.source(), "{{ $value }} in {{ $labels.job }}");
    assert_eq!(alerting.expr_position, (15, 11));
}

#[test]
fn scalars_that_look_like_numbers_are_expressions() {
    let file =
        parse("r.yaml", "groups: [{name: 1, rules: [{record: fixed, expr: 1}, {alert: A, expr: 1.50, for: 0}]}]")
            .unwrap();
    assert_eq!(file.groups[0].name, "1");
    assert_eq!(file.groups[0].rules[0].expr_text, "1");
    assert_eq!(file.groups[0].rules[1].expr_text, "1.50");
}

#[test]
fn empty_files_have_no_groups() {
    for text in ["", "\n# nothing\n", "groups:\n", "groups: []\n"] {
        assert_eq!(parse("r.yaml", text).unwrap().groups, [], "{text:?}");
    }
}

#[test]
fn keys_are_strict() {
    check_problem(
        "groups:\n- name: g\n  namespace: x\n",
        "3:3",
        "`namespace` is unknown here; known are name, interval",
    );
    check_problem(&rule("expr: up\nlables: {a: b}"), "6:5", "did you mean `labels`?");
    check_problem("rule_files: [a]\n", "1:1", "`rule_files` is unknown");
    check_problem("groups:\n- rules: []\n", "2:3", "`name` is missing");
    check_problem(&rule("expr: up\nexpr: down"), "6:5", "`expr` is given twice");
    check_problem(&rule("expr: up\nlabels: {a: b, a: c}"), "6:20", "`a` is given twice");
    check_problem("groups: {a: b}\n", "1:9", "no rule file");
    check_problem("groups:\n- name: [\n", "2:9", "no rule file");
    check_problem("groups:\n- name: g\n  rules: [\n", "3:10", "no rule file");
}

#[test]
fn expressions_point_into_the_file() {
    check_problem(&rule("expr: 'test +'"), "5:18", "`expr` is not valid PromQL: 1:7: ");
    check_problem(&rule("expr: sum(up))"), "5:18", "^");
    check_problem(&rule("expr: |\n  sum(\n    up +)"), "7:13", "2 |   up +)");
    check_problem(&rule("expr: >\n  sum(\n  up +)"), "6:7", "not valid PromQL");
    check_problem(&rule("expr: ''"), "4:5", "no `expr`");
    check_problem(&rule("for: 5m"), "4:5", "no `expr`");
}

#[test]
fn rules_are_one_thing_or_the_other() {
    check_problem(&rule("record: b\nexpr: up"), "4:5", "either `record` or `alert`");
    check_problem("groups:\n- name: g\n  rules:\n  - expr: up\n", "4:5", "neither `record` nor `alert`");
    let recording = "groups:\n- name: g\n  rules:\n  - record: r\n    expr: up\n    for: 1m\n    annotations: {a: b}\n";
    check_problem(recording, "4:5", "`for` belongs to alerting rules");
    check_problem(recording, "4:5", "`annotations` belongs to alerting rules");
    check_problem("groups:\n- name: g\n  rules:\n  - record: 'r{a=\"b\"}'\n    expr: up\n", "4:13", "braces");
    check_problem("groups:\n- name: ''\n- name: g\n- name: g\n", "4:9", "taken by line 3");
    check_problem("groups:\n- name: ''\n", "2:9", "group name is empty");
}

#[test]
fn durations_labels_and_templates() {
    check_problem(&rule("expr: up\nfor: 5 minutes"), "6:10", "`for`: `5 minutes` is no duration");
    check_problem(&rule("expr: up\nlabels: {__name__: x}"), "6:14", "cannot name a label");
    check_problem(&rule("expr: up\nannotations: {a: 'x {{ $value | nope }}'}"), "6:25", "the function `nope`");
    check_problem(&rule("expr: up\nannotations:\n  a: |\n    one\n    two {{ $x }}"), "9:13", "`$x` is not defined");
}

#[test]
fn every_problem_is_reported() {
    let text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: )\n  - record: B\n    expr: (\n    for: 1m\n";
    assert_eq!(problems(text).len(), 3, "{:#?}", problems(text));
}

#[test]
fn duplicates_are_found_across_files() {
    let text = rule("expr: up\nlabels: {severity: page}");
    let files = [parse("a.yaml", &text).unwrap(), parse("b.yaml", &text).unwrap()];
    let found = crate::duplicates(&files);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].places, [("a.yaml".to_owned(), 4), ("b.yaml".to_owned(), 4)]);
    assert_eq!(found[0].labels, [("severity".to_owned(), "page".to_owned())]);
    let other = parse("c.yaml", &rule("expr: up\nlabels: {severity: ticket}")).unwrap();
    assert_eq!(crate::duplicates([&files[0], &other]), []);
}
