//! Rule files as their readers see them: what is said twice, what is wrong where, and times as text.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use proptest::prelude::*;
use rules::{Duplicate, RuleKind, duplicates, format_duration, parse, parse_duration};

fn problems(text: &str) -> Vec<String> {
    parse("r.yaml", text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn rules_that_write_the_same_are_found_across_files() {
    let a = "groups:\n- name: g\n  labels: {team: x}\n  rules:\n  - {record: r, expr: up}\n  - {alert: A, expr: up}\n";
    let b = "groups:\n- name: h\n  rules:\n  - {record: r, expr: down, labels: {team: x}}\n  - {record: r, expr: up}\n\
             - name: i\n  rules:\n  - {alert: A, expr: down, labels: {team: x}}\n";
    let files = [parse("a.yaml", a).unwrap(), parse("b.yaml", b).unwrap()];
    let place = |file: &str, line| (file.to_owned(), line);
    let team = vec![("team".to_owned(), "x".to_owned())];
    let expected = [
        Duplicate { name: "A".into(), labels: team.clone(), places: vec![place("a.yaml", 6), place("b.yaml", 8)] },
        Duplicate { name: "r".into(), labels: team, places: vec![place("a.yaml", 5), place("b.yaml", 4)] },
    ];
    assert_eq!(duplicates(&files), expected);
    assert_eq!(duplicates(&files[..1]), []);
}

#[test]
fn a_rule_knows_what_it_is() {
    let text = "groups:\n- name: g\n  rules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n    \
                labels: {b: '2', a: '1'}\n\
                \x20 - alert: Down\n    expr: up == 0\n    for: 1h30m\n    annotations: {z: last, a: first}\n";
    let file = parse("r.yaml", text).unwrap();
    let [recording, alerting] = file.groups[0].rules.as_slice() else { panic!("{file:?}") };
    assert!(matches!(&recording.kind, RuleKind::Recording { record } if record == "job:up:sum"));
    assert!(recording.alerting().is_none());
    assert_eq!(recording.label_sources().collect::<Vec<_>>(), [("a", "1"), ("b", "2")], "in order of name");
    assert_eq!((recording.expr_text.as_str(), recording.expr_position), ("sum by (job) (up)", (5, 11)));
    let alert = alerting.alerting().unwrap();
    assert_eq!((alerting.name(), alert.for_ms, alert.keep_firing_for_ms), ("Down", 5_400_000, 0));
    assert_eq!(alert.annotations.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "z"]);
}

#[test]
fn every_mistake_is_named_with_its_place() {
    // The place is where the marker stands.
    for (rules, marker, part) in [
        ("[{record: r}]", "{record", "has no `expr`"),
        ("[{expr: up}]", "{expr", "neither `record` nor `alert`"),
        ("[{record: r, alert: A, expr: up}]", "{record", "either `record` or `alert`"),
        ("[{record: r, expr: up, for: 1m}]", "{record", "`for` belongs to alerting rules"),
        ("[{record: '{a}', expr: up}]", "'{a}", "has braces"),
        ("[{record: r, expr: 'rate(up)'}]", "up)", "range vector"),
        ("[{alert: A, expr: up, for: 5}]", "5}", "`for`"),
        ("[{alert: A, expr: up, labels: {__name__: x}}]", "__name__", "cannot name a label"),
        ("[{alert: A, expr: up, annotations: {s: '{{ $x }}'}}]", "{{ $x", "`$x` is not defined"),
        ("[{alert: A, exp: up}]", "exp:", "did you mean `expr`?"),
        ("[{alert: A, expr: up, expr: down}]", "expr: down", "given twice"),
    ] {
        let text = format!("groups: [{{name: g, rules: {rules}}}]");
        let expected = format!("r.yaml:1:{}: ", text.find(marker).unwrap() + 1);
        let found = problems(&text);
        assert!(found.iter().any(|p| p.starts_with(&expected) && p.contains(part)), "{expected}{part}\n{found:?}");
    }
}

#[test]
fn all_mistakes_of_a_file_come_at_once() {
    let found = problems(
        "groups:\n- name: g\n  interval: soon\n  rules:\n  - {record: r, expr: 'sum('}\n  \
         - {alert: A, expr: up, for: x}\n\
         - name: g\n  rules: []\n",
    );
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[3].contains("`g` is taken by line 2"), "{found:#?}");
}

#[test]
fn empty_files_and_empty_groups_are_fine() {
    for text in ["", "\n", "groups:\n", "groups: []\n", "groups: [{name: g}]\n", "groups: [{name: g, rules: []}]\n"] {
        let file = parse("r.yaml", text).unwrap();
        assert!(file.groups.iter().all(|group| group.rules.is_empty()), "{text:?}");
    }
}

#[test]
fn broken_yaml_is_told_from_a_wrong_kind_of_file() {
    assert!(
        problems("groups: 5\n")[0].starts_with("r.yaml:1:9: this is no rule file"),
        "{:?}",
        problems("groups: 5\n")
    );
    assert!(problems("- a\n- b\n")[0].contains("this is no rule file"));
    assert!(problems("groups: [\n")[0].contains("r.yaml:"));
    assert!(problems("groups: []\n---\ngroups: []\n")[0].contains("second YAML document"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn durations_read_back_as_they_were_written(ms in 0..400_000_000_000_i64) {
        prop_assert_eq!(parse_duration(&format_duration(ms)), Ok(ms));
    }

    #[test]
    fn no_text_is_a_duration_by_accident(text in "[0-9a-z. -]{0,8}") {
        if let Ok(ms) = parse_duration(&text) {
            prop_assert!(ms >= 0);
            prop_assert!(text.chars().next().is_some_and(|c| c.is_ascii_digit()));
        }
    }
}
