use super::*;
use crate::{Catalog, Part, PlannedQuery, Report, Sli, When, plan};
use promql::{Labels, Value, VectorSample};
use proptest::prelude::*;

/// An SLO of 99.9 % over 30 days whose part is `good` or `bad`.
fn slo(part: &str) -> Slo {
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: availability}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{target: 0.999}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      ratioMetric:\n        \
         counter: true\n        {part}: {{metricSource: {{spec: {{query: p}}}}}}\n        \
         total: {{metricSource: {{spec: {{query: t}}}}}}\n"
    );
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings, []);
    catalog.slos.into_iter().next().unwrap()
}

fn raw(kind: &str) -> Slo {
    let mut slo = slo("bad");
    let Sli::BadTotal(pair) = slo.sli else { panic!("{slo:?}") };
    slo.sli = Sli::Raw { query: pair.part, success: kind == "success" };
    slo
}

const AT: i64 = 1_700_000_000_000;

/// Evaluates with the same counts in every window, and others in those listed.
fn report(slo: &Slo, everywhere: &[(Part, f64)], some: &[(Window, Part, f64)]) -> SloReport {
    let request = Request::at(AT);
    let mut answers = Answers::default();
    for query in plan(slo, &request) {
        let window = match query.target {
            Target::Burn(window) => window,
            _ => slo.period,
        };
        let own = some.iter().find(|(w, part, _)| (*w, *part) == (window, query.part));
        let value = own.map(|o| o.2).or(everywhere.iter().find(|(part, _)| *part == query.part).map(|e| e.1));
        let sample = value.map(|v| VectorSample::new(Labels::default(), AT, v));
        answers.record(slo, &query, &Value::Vector(sample.into_iter().collect())).unwrap();
    }
    let mut reports = evaluate(slo, &answers, &request);
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

#[test]
fn a_budget_half_spent_evenly_is_ok() {
    let report = report(&slo("bad"), &[(Part::Bad, 5.0), (Part::Total, 10_000.0)], &[]);
    assert_eq!(report.status, Status::Ok);
    assert_eq!((report.good, report.total), (Some(9_995.0), Some(10_000.0)));
    assert_eq!(report.sli, Some(0.9995));
    assert!((report.error_budget_remaining.unwrap() - 0.5).abs() < 1e-12);
    assert!((report.burn_rates[&Window::hours(1)].unwrap() - 0.5).abs() < 1e-12);
    // Half a budget at half the sustainable rate lasts one period.
    assert!((report.time_to_exhaustion_s.unwrap() - 30.0 * 86_400.0).abs() < 1e-3);
}

#[test]
fn a_missing_error_series_is_no_errors() {
    let report = report(&slo("bad"), &[(Part::Total, 10.0)], &[]);
    assert_eq!((report.status, report.sli, report.good), (Status::Ok, Some(1.0), Some(10.0)));
    assert_eq!(report.error_budget_remaining, Some(1.0));
    assert_eq!(report.time_to_exhaustion_s, None);
}

#[test]
fn a_missing_series_of_successes_is_no_successes() {
    let report = report(&slo("good"), &[(Part::Total, 10.0)], &[]);
    assert_eq!((report.status, report.sli), (Status::Breached, Some(0.0)));
    assert_eq!(report.time_to_exhaustion_s, Some(0.0));
}

#[test]
fn no_events_are_no_data_not_a_hundred_percent() {
    for everywhere in [&[][..], &[(Part::Total, 0.0), (Part::Bad, 0.0)][..], &[(Part::Bad, 3.0)][..]] {
        let report = report(&slo("bad"), everywhere, &[]);
        assert_eq!(report.status, Status::NoData);
        assert_eq!((report.sli, report.good, report.total), (None, None, None));
        assert_eq!((report.error_budget_remaining, report.time_to_exhaustion_s), (None, None));
        assert!(report.burn_rates.values().all(Option::is_none));
    }
}

#[test]
fn an_idle_hour_has_no_burn_rate_but_the_period_stands() {
    let hour = Window::hours(1);
    let idle = [(hour, Part::Total, 0.0), (hour, Part::Bad, 0.0)];
    let report = report(&slo("bad"), &[(Part::Bad, 5.0), (Part::Total, 10_000.0)], &idle);
    assert_eq!(report.burn_rates[&hour], None);
    assert_eq!((report.status, report.sli), (Status::Ok, Some(0.9995)));
}

#[test]
fn exactly_the_objective_is_met_and_beyond_it_is_breached() {
    let met = report(&slo("bad"), &[(Part::Bad, 1.0), (Part::Total, 1_000.0)], &[]);
    assert_eq!(met.status, Status::AtRisk, "nothing is left: {met:?}");
    let breached = report(&slo("bad"), &[(Part::Bad, 2.0), (Part::Total, 1_000.0)], &[]);
    assert_eq!(breached.status, Status::Breached);
    assert!((breached.error_budget_remaining.unwrap() + 1.0).abs() < 1e-9);
}

#[test]
fn a_burn_in_both_windows_is_a_risk_unless_too_few_events_failed() {
    let even = [(Part::Bad, 1.0), (Part::Total, 1_000_000.0)];
    let (short, long) = (Window::minutes(5), Window::hours(1));
    let burning = |failed: f64| {
        let windows = [
            (short, Part::Bad, failed),
            (short, Part::Total, 100.0),
            (long, Part::Bad, failed),
            (long, Part::Total, 200.0),
        ];
        report(&slo("bad"), &even, &windows).status
    };
    assert_eq!(burning(10.0), Status::AtRisk);
    assert_eq!(burning(4.0), Status::Ok);
    let only_short = [(short, Part::Bad, 50.0), (short, Part::Total, 100.0)];
    assert_eq!(report(&slo("bad"), &even, &only_short).status, Status::Ok);
}

#[test]
fn raw_ratios_have_no_counts() {
    let good = report(&raw("success"), &[(Part::Ratio, 0.9995)], &[]);
    assert_eq!((good.sli, good.good, good.total), (Some(0.9995), None, None));
    assert_eq!(good.status, Status::Ok);
    let bad = report(&raw("failure"), &[(Part::Ratio, 0.01)], &[]);
    assert_eq!((bad.sli, bad.status), (Some(0.99), Status::Breached));
    assert_eq!(report(&raw("success"), &[], &[]).status, Status::NoData);
}

#[test]
fn the_json_is_the_contracts() {
    let slos =
        vec![report(&slo("bad"), &[(Part::Bad, 5.0), (Part::Total, 10_000.0)], &[]), report(&slo("bad"), &[], &[])];
    let report = Report::new(1_700_000_000_000, "http://127.0.0.1:9090", slos);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn the_verdict_is_the_worst_status() {
    let with = |statuses: &[Status]| {
        let one = report(&slo("bad"), &[], &[]);
        let slos = statuses.iter().map(|status| SloReport { status: *status, ..one.clone() }).collect();
        Report::new(0, "x", slos).verdict
    };
    assert_eq!(with(&[Status::Ok, Status::AtRisk]), Status::AtRisk);
    assert_eq!(with(&[Status::NoData, Status::AtRisk]), Status::NoData);
    assert_eq!(with(&[Status::NoData, Status::Breached, Status::Ok]), Status::Breached);
    assert_eq!(with(&[]), Status::NoData);
}

fn counts() -> impl Strategy<Value = (f64, f64)> {
    (0.0..1e9_f64, -10.0..1e9_f64)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_arithmetic_holds_for_any_counts((part, total) in counts(), good in any::<bool>()) {
        let (slo, part) = if good { (slo("good"), (Part::Good, part)) } else { (slo("bad"), (Part::Bad, part)) };
        let report = report(&slo, &[part, (Part::Total, total)], &[]);
        prop_assert_eq!(report.sli.is_some(), total > 0.0);
        prop_assert_eq!(report.sli.is_none(), report.status == Status::NoData);
        if let Some(sli) = report.sli {
            prop_assert!((0.0..=1.0).contains(&sli));
            let (events, remaining) = (report.total.unwrap(), report.error_budget_remaining.unwrap());
            prop_assert!(remaining <= 1.0);
            prop_assert!((report.good.unwrap() / events - sli).abs() < 1e-9);
            prop_assert!((remaining - (1.0 - (1.0 - sli) / 0.001)).abs() < 1e-6);
            prop_assert_eq!(report.status == Status::Breached, remaining < -1e-9);
            prop_assert!(report.time_to_exhaustion_s.is_none_or(|s| s.is_finite() && s >= 0.0));
            prop_assert!(report.burn_rates.values().all(|rate| rate.is_some_and(|rate| rate >= 0.0)));
        }
    }

    #[test]
    fn any_number_a_source_answers_is_survived(value in any::<f64>(), other in any::<f64>()) {
        let (slo, request) = (slo("bad"), Request::at(AT));
        let mut answers = Answers::default();
        for (part, v) in [(Part::Total, value), (Part::Bad, other)] {
            let (interval, when) = ((AT - 1, AT), When::At(AT));
            let query = PlannedQuery { target: Target::Period, piece: 0, interval, part, expr: String::new(), when };
            let vector = Value::Vector(vec![VectorSample::new(Labels::default(), AT, v)]);
            answers.record(&slo, &query, &vector).unwrap();
        }
        let report = evaluate(&slo, &answers, &request).remove(0);
        prop_assert!(report.sli.is_none_or(|sli| (0.0..=1.0).contains(&sli)));
    }
}
