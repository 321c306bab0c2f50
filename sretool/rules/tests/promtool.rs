//! Beside `promtool test rules`: what rules yield here is what promtool is told to expect. Without promtool the tests
//! say so and pass.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use promql::{Engine, Labels, Value, stale_nan};
use rules::{AlertState, Context, GroupState};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use tsdb::Store;

const MINUTE: i64 = 60_000;

/// Rules with the series that they read: name with labels, and a value a minute, where NaN bits of staleness end it.
struct Case {
    rules: String,
    series: Vec<(&'static str, Vec<f64>)>,
}

/// Plays a case and writes it as a promtool test that expects what happened here.
fn write_test(case: &Case, name: &str, folder: &Path) {
    let store = Store::default();
    let file = rules::parse("rules", &case.rules).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut groups: Vec<_> = file.groups.into_iter().map(|group| GroupState::new(group, false)).collect();
    let minutes = case.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let mut expected = String::from("  alert_rule_test:\n");
    let mut samples = String::from("  promql_expr_test:\n");
    for minute in 0..minutes {
        let at = i64::try_from(minute).unwrap() * MINUTE;
        for (selector, values) in &case.series {
            if let Some(value) = values.get(minute) {
                store.append(&labels_of(selector), at, *value).unwrap();
            }
        }
        for group in &mut groups {
            evaluate(group, &store, at);
            expected.push_str(&expected_alerts(group, minute));
            samples.push_str(&expected_samples(group, &store, minute));
        }
    }
    let mut text = format!("rule_files: [{name}.rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n");
    text.push_str("  input_series:\n");
    for (selector, values) in &case.series {
        let shown = |v: &f64| if promql::is_stale(*v) { "stale".to_owned() } else { v.to_string() };
        let values: Vec<_> = values.iter().map(shown).collect();
        writeln!(text, "  - {{series: {}, values: '{}'}}", quoted(selector), values.join(" ")).unwrap();
    }
    text.push_str(&expected);
    text.push_str(&samples);
    std::fs::write(folder.join(format!("{name}.rules.yml")), &case.rules).unwrap();
    std::fs::write(folder.join(format!("{name}.test.yml")), text).unwrap();
}

fn evaluate(group: &mut GroupState, store: &Store, at: i64) {
    let mut sink = |labels: &Labels, t: i64, v: f64| store.append(labels, t, v).unwrap();
    let mut context = Context {
        engine: &Engine::default(),
        storage: store,
        sink: &mut sink,
        external_labels: &Labels::default(),
        external_url: "",
    };
    group.evaluate(at, &mut context);
}

fn labels_of(selector: &str) -> Labels {
    match promql::parse(selector).unwrap().kind {
        promql::ExprKind::Vector(v) => v.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect(),
        other => panic!("{other:?}"),
    }
}

fn expected_alerts(group: &GroupState, minute: usize) -> String {
    let mut out = String::new();
    for state in group.rules().iter().filter(|state| state.rule().alerting().is_some()) {
        let firing = state.alerts().filter(|alert| alert.state == AlertState::Firing);
        let name = state.rule().name();
        writeln!(out, "  - eval_time: {minute}m\n    alertname: {name}\n    exp_alerts:").unwrap();
        for alert in firing {
            let own = alert.labels.iter().filter(|(name, _)| *name != "alertname");
            let own: Vec<_> = own.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            writeln!(out, "    - exp_labels: {}", mapping(&own)).unwrap();
            writeln!(out, "      exp_annotations: {}", mapping(&alert.annotations)).unwrap();
        }
    }
    out
}

fn expected_samples(group: &GroupState, store: &Store, minute: usize) -> String {
    let recorded = group.rules().iter().filter(|s| s.rule().alerting().is_none()).map(|s| s.rule().name());
    let mut out = String::new();
    for expr in recorded.chain([rules::ALERTS, rules::ALERTS_FOR_STATE]) {
        let at = i64::try_from(minute).unwrap() * MINUTE;
        let answer = Engine::default().instant(store, &promql::parse(expr).unwrap(), at).unwrap();
        let Value::Vector(vector) = answer.value else { panic!("{expr}") };
        writeln!(out, "  - expr: {expr}\n    eval_time: {minute}m\n    exp_samples:").unwrap();
        for sample in vector {
            writeln!(out, "    - {{labels: {}, value: {}}}", quoted(&sample.labels.to_string()), sample.v).unwrap();
        }
    }
    out
}

fn mapping(pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Runs promtool over all cases at once.
#[track_caller]
fn check(cases: &[Case]) {
    let version = Command::new("promtool").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `promtool` is not installed here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..cases.len()).map(|i| format!("case{i}")).collect();
    for (case, name) in cases.iter().zip(&names) {
        write_test(case, name, folder.path());
    }
    let files = names.iter().map(|name| folder.path().join(format!("{name}.test.yml")));
    let output = Command::new("promtool").args(["test", "rules"]).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Numbers that look random and are the same at every run (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Mostly 0 and 1 in runs, and the end of the series now and then.
    fn ups(&mut self, minutes: usize) -> Vec<f64> {
        let mut current = 1.0;
        let step = |_| {
            current = match self.roll(8) {
                0 | 1 => 0.0,
                2 | 3 => 1.0,
                4 => stale_nan(),
                _ => current,
            };
            current
        };
        (0..minutes).map(step).collect()
    }
}

#[test]
fn alert_states_over_random_histories() {
    let mut dice = Dice(42);
    let case = |_| {
        let (hold, keep) = (dice.roll(4), dice.roll(4));
        let rules = format!(
            "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: {hold}m\n    \
             keep_firing_for: {keep}m\n    labels: {{severity: page}}\n"
        );
        Case { rules, series: vec![(r#"up{instance="a"}"#, dice.ups(40)), (r#"up{instance="b"}"#, dice.ups(40))] }
    };
    check(&(0..24).map(case).collect::<Vec<_>>());
}

#[test]
fn recording_rules_over_random_histories() {
    let rules = "groups:\n- name: g\n  rules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n    \
                 labels: {level: job}\n  - record: up:copy\n    expr: up == 0\n  - record: total\n    \
                 expr: sum(job:up:sum) + 1\n  - record: fixed\n    expr: 1\n";
    let mut dice = Dice(7);
    let case = |_| Case {
        rules: rules.to_owned(),
        series: vec![(r#"up{job="x",i="1"}"#, dice.ups(30)), (r#"up{job="y",i="2"}"#, dice.ups(30))],
    };
    check(&(0..6).map(case).collect::<Vec<_>>());
}

#[test]
fn templates_expand_to_the_same_text() {
    let annotations = [
        r#"{{ $value }} {{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }}"#,
        r#"{{ humanizePercentage $value }} {{ $value | printf "%.2f|%e|%+.1f|%09.3f" $value $value $value }}"#,
        r#"{{ printf "%.3g|%s|%q|%5.1f|%-6s|" $value $labels.a "x\"y" $value "ab" }}"#,
        r#"{{ if gt $value 10.0 }}big{{ else if lt $value 0.0 }}negative{{ else }}small{{ end }} {{ $labels }}"#,
        r#"{{ range query "sort(x)" }}{{ .Labels.a }}={{ .Value }};{{ end }}{{ with query "x" }}{{ len . }}{{ end }}"#,
        r#"{{ title "hello wide-world" }} {{ toUpper $labels.a }} {{ reReplaceAll "(.)o" "$1-" "foo bo" }} {{ 1.50 }}"#,
        r#"{{- " trimmed " -}}   {{ $x := 2 }}{{ $x }} {{ print 1 2 "a" 3 }} {{ index $labels "a" }}"#,
        r#"{{ query "x{a='one'}" | first | value | humanize }} {{ stripPort "h:1" }} {{ and 1 0 }} {{ or 0 "z" }}"#,
        r#"{{ if eq $labels.a "two" "one" }}known{{ end }} {{ not true }} {{ ge 2 2 }} {{ match "^o" $labels.a }}"#,
        concat!(
            r#"{{ define "row" }}<{{ .Labels.a }} {{ . | value | humanize }}"#,
            r#">{{ end }}{{ range query "sort(x)" }}{{ template "row" . }}{{ end }}"#
        ),
        concat!(
            r#"{{ range query "sort(x)" }}{{ .Labels.a }}{{ break }}{{ end }} {{ range query "sort(x)" }}"#,
            r#"{{ if eq .Labels.a "two" }}{{ continue }}{{ end }}{{ .Labels.a }}{{ end }}"#
        ),
        r#"{{ html "<a href='x'>&\"" }} {{ urlquery "a b&c=d/é" }} {{ slice "abcdef" 1 3 }} {{ slice $labels.a 1 }}"#,
        concat!(
            r#"{{ (index (query "sort(x)") 0).Labels.a }} {{ toTime 1000.5 }}"#,
            r#" {{ safeHtml "<b>" }} {{ block "b" $value }}[{{ . }}]{{ end }}"#
        ),
        concat!(
            r#"{{ stripDomain "a.b.c:80" }} {{ stripPort "[::1]:80" }}"#,
            r#" {{ parseDuration "1h30m" }} {{ sortByLabel "a" (query "x") | len }}"#
        ),
        r#"{{ tableLink "up == 1" }} {{ graphLink "rate(x[5m])" }} {{ printf "%v %t %d %x" "s" true 42 255 }}"#,
        r#"{{ query "none" | len }} {{ range query "none" }}x{{ else }}nothing{{ end }} {{ $labels.none }}"#,
    ];
    let mut rules = String::from("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations:\n");
    for (i, annotation) in annotations.iter().enumerate() {
        writeln!(rules, "      t{i}: {}", quoted(annotation)).unwrap();
    }
    let values =
        vec![1e6, 123_456_789.0, 0.000_012_34, 1234.5678, -0.5, 95_062.0, 0.0, 1e15, 99.995, 1e-9, 59.99, 1023.9];
    check(&[Case { rules, series: vec![(r#"x{a="one"}"#, values), (r#"x{a="two"}"#, vec![3.5; 12])] }]);
}
