use super::*;
use crate::Slo;
use proptest::prelude::*;

fn load(text: &str) -> Catalog {
    let catalog = Catalog::load([("a.yaml", text)]);
    assert_eq!(catalog.findings, [], "{text}");
    catalog
}

fn losses(text: &str, target: Target) -> Vec<String> {
    convert(&load(text), target).losses.into_iter().map(|loss| loss.what).collect()
}

/// What a converted objective must have in common with its origin.
fn essence(slo: &Slo) -> (String, String, String, String, Vec<String>) {
    let selectors = slo.selectors();
    (slo.id.clone(), slo.objective_percent(), slo.period.to_string(), slo.service.clone(), selectors)
}

/// An objective in OpenSLO.
#[derive(Clone, Debug)]
struct Made {
    name: String,
    percent: f64,
    days: u64,
    bad: bool,
    matcher: String,
    label: Option<String>,
    description: String,
}

impl Made {
    fn openslo(&self) -> String {
        let Self { name, percent, days, bad, matcher, label, description } = self;
        let matcher = matcher.replace('\'', "''");
        let labels = label.as_ref().map(|value| format!(", labels: {{team: {value:?}}}")).unwrap_or_default();
        let part = if *bad { "bad" } else { "good" };
        format!(
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: {name}{labels}}}\nspec:\n  \
             description: {description:?}\n  service: shop\n  \
             timeWindow: [{{duration: {days}d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
             objectives: [{{targetPercent: {percent}}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
             ratioMetric:\n        counter: true\n        \
             {part}: {{metricSource: {{type: prometheus, spec: {{query: 'x_total{{{matcher}}}'}}}}}}\n        \
             total: {{metricSource: {{type: prometheus, spec: {{query: x_total}}}}}}\n"
        )
    }
}

prop_compose! {
    fn made(bad: bool, days: std::ops::Range<u64>)(
        name in "[a-z][a-z0-9]{1,8}(-[a-z0-9]{1,5})?",
        tenths in 950_u32..1000,
        days in days,
        matcher in prop_oneof![Just("status=~\"5..\""), Just("status=\"500\", route!=\"/a 'b'\""), Just("le=\"0.2\"")],
        label in proptest::option::of("[a-zA-Z0-9 :#-]{1,10}"),
        description in "[ -~é]{1,30}",
    ) -> Made {
        let percent = f64::from(tenths) / 10.0;
        Made { name, percent, days, bad, matcher: matcher.to_owned(), label, description }
    }
}

/// Converts there and back, and compares what both ends say.
fn round_trip(text: &str, target: Target) -> Result<(), TestCaseError> {
    let before = load(text);
    let there = convert(&before, target);
    prop_assert_eq!(&there.losses, &Vec::new(), "{}", there.text);
    let middle = load(&there.text);
    let labels =
        |catalog: &Catalog| catalog.slos[0].labels.iter().filter(|(k, _)| k != "service").cloned().collect::<Vec<_>>();
    let back = convert(&middle, Target::OpenSlo);
    let after = load(&back.text);
    prop_assert_eq!(essence(&before.slos[0]), essence(&middle.slos[0]), "{}", there.text);
    prop_assert_eq!(essence(&before.slos[0]), essence(&after.slos[0]), "{}", back.text);
    prop_assert_eq!(labels(&before), labels(&middle));
    prop_assert_eq!(labels(&before), labels(&after));
    prop_assert_eq!(&before.slos[0].description, &middle.slos[0].description);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn openslo_survives_openslo(made in any::<bool>().prop_flat_map(|bad| made(bad, 1..400))) {
        round_trip(&made.openslo(), Target::OpenSlo)?;
    }

    #[test]
    fn objectives_of_thirty_days_survive_sloth(made in any::<bool>().prop_flat_map(|bad| made(bad, 30..31))) {
        round_trip(&made.openslo(), Target::Sloth)?;
        round_trip(&made.openslo(), Target::SlothKubernetes)?;
    }

    #[test]
    fn bad_events_survive_pyrra(made in made(true, 1..400)) {
        round_trip(&made.openslo(), Target::Pyrra)?;
    }

    #[test]
    fn losses_are_told_for_whatever_is_missing(made in made(false, 1..400)) {
        let converted = convert(&load(&made.openslo()), Target::Pyrra);
        let whole = converted.losses.iter().any(|loss| loss.what.starts_with("the whole objective"));
        prop_assert_eq!(whole, converted.text.is_empty());
        prop_assert_eq!(whole, !made.matcher.contains("le="));
    }
}

const SLOTH: &str = r#"
apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: shop, namespace: prod, labels: {a: b}}
spec:
  service: "My_Shop"
  labels: {team: shop}
  slos:
    - name: "availability"
      objective: 99.9
      description: "Orders: answered"
      sli:
        events:
          errorQuery: sum(rate(x_total{status=~"5.."}[{{.window}}]))
          totalQuery: sum(rate(x_total[{{.window}}]))
      alerting:
        name: ShopErrors
        annotations: {runbook: here}
        pageAlert: {labels: {severity: wake}}
        ticketAlert: {disable: true}
"#;

#[test]
fn sloths_resource_becomes_its_file_without_loss_but_for_the_resource() {
    let what = losses(SLOTH, Target::Sloth);
    assert_eq!(what, ["the resource's name \"shop\" and namespace \"prod\""]);
    let again = convert(&load(SLOTH), Target::SlothKubernetes);
    assert_eq!(again.losses, []);
    let (before, after) = (load(SLOTH), load(&again.text));
    assert_eq!(essence(&before.slos[0]), essence(&after.slos[0]));
    assert_eq!(before.slos[0].alerting, after.slos[0].alerting, "{}", again.text);
    assert!(again.text.contains("namespace: prod") && again.text.contains("disable: true"), "{}", again.text);
}

#[test]
fn openslo_has_no_place_for_sloths_alerts() {
    let what = losses(SLOTH, Target::OpenSlo);
    for expected in [
        "the service \"My_Shop\" is named \"my-shop\"",
        "the resource's name \"shop\" and namespace \"prod\"",
        "the alerts' name \"ShopErrors\"",
        "that there is no ticket",
        "\"severity\" of the page",
        "\"runbook\" of the page",
    ] {
        assert!(what.iter().any(|what| what == expected), "{expected}: {what:?}");
    }
}

const RICH: &str = "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: latency\n  displayName: Latency\n  \
    labels: {app.kind: [a, b]}\n  annotations: {runbook_url: 'r/{alert}.md', owner: me}\nspec:\n  service: shop\n  \
    timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Europe/Berlin}}]\n  \
    budgetingMethod: Timeslices\n  \
    objectives: [{displayName: Good, targetPercent: 99, timeSliceTarget: 0.95, timeSliceWindow: 1m}]\n  indicator:\n    \
    metadata: {name: ok}\n    spec:\n      ratioMetric:\n        counter: true\n        \
    bad: {metricSource: {spec: {query: a_total}}}\n        total: {metricSource: {spec: {query: b_total}}}\n";

#[test]
fn everything_that_sloth_lacks_is_told() {
    let what = losses(RICH, Target::Sloth).join("; ");
    for part in [
        "budgetingMethod Timeslices",
        "the calendar that begins 2026-01-01 00:00:00 Europe/Berlin",
        "the label \"app.kind\" is named \"app_kind\"",
        "has 2 values",
        "the display name \"Latency\"",
        "\"Good\"",
        "the annotation \"owner\"",
    ] {
        assert!(what.contains(part), "{part}: {what}");
    }
    assert!(convert(&load(RICH), Target::Sloth).text.contains("runbook_url: r/LatencyBudgetBurn.md"));
    let same = convert(&load(RICH), Target::OpenSlo);
    assert_eq!(same.losses, []);
    let (before, after) = (load(RICH), load(&same.text));
    assert_eq!(before.slos[0].calendar, after.slos[0].calendar);
    assert_eq!(before.slos[0].slices, after.slos[0].slices);
    assert_eq!(before.slos[0].annotations, after.slos[0].annotations);
}

const PYRRA: &str = r#"
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: shop-up, namespace: monitoring, labels: {pyrra.dev/service: shop, pyrra.dev/team: x, plain: y}}
spec:
  target: "99.5"
  window: 4w
  performanceOverAccuracy: true
  indicator: {bool_gauge: {metric: 'up{job="shop"}', grouping: [cluster]}}
  alerting: {name: ShopDown, absent: false, severities: {fastBurn: critical, slowBurn: warning}}
"#;

#[test]
fn pyrras_indicators_become_counts() {
    let catalog = load(PYRRA);
    let slo = &catalog.slos[0];
    assert_eq!(
        (slo.id.as_str(), slo.period, slo.group_by.as_slice()),
        ("shop-up", crate::Window::days(28), &["cluster".into()][..])
    );
    let there = convert(&catalog, Target::OpenSlo);
    let what: Vec<_> = there.losses.iter().map(|loss| loss.what.as_str()).collect();
    assert!(
        what.contains(&"performanceOverAccuracy: true") && what.contains(&"the alerts' name \"ShopDown\""),
        "{what:?}"
    );
    let after = load(&there.text);
    assert_eq!((after.slos[0].group_by.clone(), &after.slos[0].period), (slo.group_by.clone(), &slo.period));
    let again = convert(&catalog, Target::Pyrra);
    assert_eq!(again.losses, []);
    let after = load(&again.text);
    assert_eq!(essence(slo), essence(&after.slos[0]));
    assert_eq!(slo.alerting, after.slos[0].alerting, "{}", again.text);
    let native = PYRRA.replace(
        "bool_gauge: {metric: 'up{job=\"shop\"}', grouping: [cluster]}",
        "latencyNative: {total: {metric: lat}, latency: 200ms}",
    );
    let there = convert(&load(&native), Target::Pyrra);
    assert!(there.losses.is_empty() && there.text.contains("latency: 200ms"), "{}", there.text);
    assert!(convert(&load(&native), Target::Sloth).text.contains("histogram_fraction(0, 0.2"), "{native}");
}

#[test]
fn a_loss_says_where() {
    let conversion = convert(&load(RICH), Target::Pyrra);
    let first = conversion.losses[0].to_string();
    assert!(first.starts_with("a.yaml:1:1: lost of shop-latency: budgetingMethod Timeslices"), "{first}");
}
