//! Budgets counted by slices of time: the worked examples of OpenSLO, calendars, missing data and composites.

use promql::{Labels, MatrixSeries, Sample, Value};
use slo::{Answers, Catalog, Part, Request, Slo, SloReport, Status, Target, Unit, When};

const MINUTE: i64 = 60_000;
const WEEK: i64 = 7 * 24 * 60 * MINUTE;

/// Monday, 2026-03-02T00:00:00Z.
const MONDAY: i64 = 1_772_409_600_000;

fn document(method: &str, window: &str, objective: &str, annotations: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: availability, annotations: {{{annotations}}}}}\nspec:\n  \
         service: shop\n  timeWindow: [{window}]\n  budgetingMethod: {method}\n  objectives: [{{{objective}}}]\n  \
         indicator:\n    metadata: {{name: ok}}\n    spec:\n      ratioMetric:\n        counter: true\n        \
         good: {{metricSource: {{spec: {{query: good_total}}}}}}\n        \
         total: {{metricSource: {{spec: {{query: requests_total}}}}}}\n"
    )
}

#[track_caller]
fn slo(method: &str, window: &str, objective: &str, annotations: &str) -> Slo {
    let catalog = Catalog::load([("a.yaml", document(method, window, objective, annotations).as_str())]);
    let errors: Vec<_> = catalog.findings.iter().filter(|f| f.code != "unfireable").collect();
    assert!(errors.is_empty(), "{errors:?}");
    catalog.slos.into_iter().next().expect("the document has an objective")
}

/// Answers with what happened in the minute that ends at a time: good and all events, or nothing.
fn report(slo: &Slo, at: i64, minute: impl Fn(i64) -> Option<(f64, f64)>) -> SloReport {
    let request = Request { past: 1, ..Request::at(at) };
    let mut answers = Answers::default();
    for query in slo::plan(slo, &request) {
        let When::Steps { start_ms, end_ms, step_ms } = query.when else { panic!("{query:?}") };
        let steps = (start_ms..=end_ms).step_by(usize::try_from(step_ms).expect("steps are positive"));
        let sample = |t| {
            let (good, total) = minute(t)?;
            Some(Sample { t, v: if query.part == Part::Good { good } else { total } })
        };
        let value = Value::Matrix(vec![MatrixSeries::new(Labels::default(), steps.filter_map(sample).collect())]);
        answers.record(slo, &query, &value).expect("one series answers");
    }
    slo::evaluate(slo, &answers, &request).remove(0)
}

const FORTNIGHT: &str = "{duration: 2w, isRolling: true}";

/// OpenSLO's `examples/budgeting-method`: two weeks, an objective of 95 %, slices of a minute, 99 % of the requests
/// succeed; then an attack leaves 1 %.
fn attacked(slo: &Slo, minutes: i64) -> SloReport {
    let at = MONDAY;
    report(slo, at, |end| {
        let total = 24_000.0 / 1_440.0;
        let ratio = if end > at - minutes * MINUTE { 0.01 } else { 0.99 };
        Some((total * ratio, total))
    })
}

#[test]
fn an_attack_of_16_hours_and_48_minutes_spends_a_budget_of_time_slices() {
    let slo = slo("Timeslices", FORTNIGHT, "target: 0.95, timeSliceTarget: 0.9, timeSliceWindow: 1m", "");
    let whole = attacked(&slo, 16 * 60 + 48);
    assert_eq!((whole.total, whole.good, whole.unit), (Some(20_160.0), Some(19_152.0), Unit::Slices));
    assert!(whole.error_budget_remaining.unwrap().abs() < 1e-9, "{whole:?}");
    assert_ne!(whole.status, Status::Breached);
    let more = attacked(&slo, 16 * 60 + 49);
    assert_eq!(more.status, Status::Breached);
    assert_eq!(attacked(&slo, 0).error_budget_remaining, Some(1.0), "99 % is enough for every slice");
}

#[test]
fn an_attack_of_about_13_hours_and_45_minutes_spends_a_budget_of_ratios() {
    let slo = slo("RatioTimeslices", FORTNIGHT, "target: 0.95, timeSliceWindow: 1m", "");
    // x·0.99 + (20160 − x)·0.01 = 1008 at x = 822.9 minutes.
    let left = |minutes| attacked(&slo, minutes).error_budget_remaining.unwrap();
    assert!(left(822) > 0.0 && left(823) < 0.0, "{} {}", left(822), left(823));
    assert!((left(0) - 0.8).abs() < 1e-9, "the usual 1 % spends a fifth");
}

const CALENDAR_WEEK: &str =
    "{duration: 1w, isRolling: false, calendar: {startTime: '2026-01-05 00:00:00', timeZone: UTC}}";

/// OpenSLO's `examples/treat-low-traffic-as-equally-important`: a calendar week of 10,080 minutes and an objective of
/// 99.95 % allow five bad minutes; one is bad when 5 of fewer than 100 requests fail.
#[test]
fn five_bad_minutes_of_a_calendar_week_are_allowed_and_six_are_not() {
    let slo = slo("Timeslices", CALENDAR_WEEK, "targetPercent: 99.95, timeSliceTarget: 0.95, timeSliceWindow: 1m", "");
    let after = |elapsed: i64, bad: i64, requests: f64| {
        report(&slo, MONDAY + elapsed, |end| {
            let failed = if end <= MONDAY + bad * MINUTE { 5.0 } else { 0.0 };
            (end > MONDAY).then_some((requests - failed, requests))
        })
    };
    let five = after(WEEK - MINUTE, 5, 99.0);
    assert!((five.error_budget_remaining.unwrap() - (1.0 - 5.0 / 5.04)).abs() < 1e-9, "{five:?}");
    assert_eq!(after(WEEK - MINUTE, 6, 99.0).status, Status::Breached);
    assert_eq!(after(WEEK - MINUTE, 6, 100.0).error_budget_remaining, Some(1.0), "5 of 100 is 95 %");
    // The budget is the week's from its first minute on.
    let early = after(10 * MINUTE, 5, 99.0);
    assert_eq!((early.total, early.sli), (Some(10.0), Some(0.5)));
    assert!((early.error_budget_remaining.unwrap() - (1.0 - 5.0 / 5.04)).abs() < 1e-9);
    assert_eq!(early.period_start.as_deref(), Some("2026-03-02T00:00:00Z"));
    assert_eq!(early.period_end.as_deref(), Some("2026-03-09T00:00:00Z"));
    assert_eq!((early.history[0].name.as_str(), early.history[0].status), ("2026-02-23", Status::NoData));
}

#[test]
fn a_week_in_which_clocks_are_put_forward_has_an_hour_fewer_slices() {
    let berlin = CALENDAR_WEEK.replace("timeZone: UTC", "timeZone: Europe/Berlin");
    let slo = slo("Timeslices", &berlin, "targetPercent: 99, timeSliceTarget: 0.95, timeSliceWindow: 1h", "");
    // Sunday, 2026-03-29T21:30:00Z, half an hour before the week ends.
    let report = report(&slo, 1_774_819_800_000, |_| Some((1.0, 1.0)));
    assert_eq!(report.total, Some(166.0), "of 167 the last is not over");
    assert_eq!(report.history[0].total, Some(168.0));
}

#[test]
fn time_without_data_counts_as_the_document_says() {
    let of = |annotations: &str| {
        let slo = slo(
            "Timeslices",
            "{duration: 1d, isRolling: true}",
            "target: 0.9, timeSliceTarget: 0.95, timeSliceWindow: 1h",
            annotations,
        );
        // Data in the first half of the day only; one hour of it is bad.
        report(&slo, MONDAY, |end| {
            let hour = (end - MONDAY) / 3_600_000 + 24;
            (hour <= 12).then_some((if hour == 1 { 0.0 } else { 1.0 }, 1.0))
        })
    };
    let counts = |report: SloReport| (report.good, report.total);
    assert_eq!(counts(of("")), (Some(11.0), Some(12.0)));
    assert_eq!(counts(of("sretool.dev/no-data: exclude")), (Some(11.0), Some(12.0)));
    assert_eq!(counts(of("sretool.dev/no-data: good")), (Some(23.0), Some(24.0)));
    assert_eq!(counts(of("sretool.dev/no-data: bad")), (Some(11.0), Some(24.0)));
    // 2026-03-01 is a Sunday, and the day that ends at `MONDAY`.
    let maintained = of("sretool.dev/exclude: 'Sun 00:00-02:00'");
    assert_eq!(counts(maintained), (Some(10.0), Some(10.0)), "the bad hour does not count");
}

#[test]
fn events_without_a_window_count_as_the_document_says() {
    let of = |annotations: &str| {
        let slo = slo("Occurrences", "{duration: 30d, isRolling: true}", "target: 0.999", annotations);
        slo::evaluate(&slo, &Answers::default(), &Request::at(MONDAY)).remove(0)
    };
    let judged = |report: SloReport| (report.sli, report.total, report.status);
    assert_eq!(judged(of("")), (None, None, Status::NoData));
    assert_eq!(judged(of("sretool.dev/no-data: good")), (Some(1.0), None, Status::Ok));
    assert_eq!(judged(of("sretool.dev/no-data: bad")), (Some(0.0), None, Status::Breached));
}

#[test]
fn wrong_annotations_have_a_place_and_a_remedy() {
    let wrong = |annotations: &str| {
        let text = document("Occurrences", FORTNIGHT, "target: 0.999", annotations);
        let catalog = Catalog::load([("a.yaml", text.as_str())]);
        assert!(catalog.slos.is_empty() && !catalog.is_valid());
        catalog.findings[0].to_string()
    };
    assert!(wrong("sretool.dev/no-data: maybe").starts_with("a.yaml:3:"));
    assert!(wrong("sretool.dev/no-data: maybe").contains("cannot be \"maybe\"; use one of good, bad, exclude"));
    assert!(wrong("sretool.dev/exclude: yesterday").contains("write 2026-03-01T22:00:00Z/2h"));
    assert!(wrong("sretool.dev/group-by: 'a b'").contains("no label name: \"a b\""));
    assert!(wrong("sretool.dev/groupby: a").contains("did you mean \"sretool.dev/group-by\"?"));
}

#[test]
fn a_composite_weighs_its_parts() {
    let indicator = |name: &str| {
        format!(
            "indicator: {{metadata: {{name: {name}}}, spec: {{ratioMetric: {{counter: true, bad: {{metricSource: {{spec: \
             {{query: {name}_bad}}}}}}, total: {{metricSource: {{spec: {{query: {name}_all}}}}}}}}}}}}"
        )
    };
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: journey}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  objectives:\n  \
         - {{target: 0.99, compositeWeight: 3, {}}}\n  - {{target: 0.95, {}}}\n",
        indicator("pay"),
        indicator("search")
    );
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings, []);
    let request = Request::at(MONDAY);
    let mut reports = Vec::new();
    // Half of the first budget is spent, a tenth of the second.
    for (slo, bad) in catalog.slos.iter().zip([5.0, 5.0]) {
        let mut answers = Answers::default();
        for query in slo::plan(slo, &request) {
            let v = if query.part == Part::Bad { bad } else { 1_000.0 };
            answers.record(slo, &query, &Value::Scalar(Sample { t: MONDAY, v })).unwrap();
            assert_ne!(query.target, Target::Timeline);
        }
        reports.extend(slo::evaluate(slo, &answers, &request));
    }
    let whole = slo::composite(&catalog.composites[0], &reports, &request).remove(0);
    assert_eq!((whole.id.as_str(), whole.unit), ("shop-journey", Unit::Ratio));
    assert!((whole.objective - 0.98).abs() < 1e-12 && (whole.sli.unwrap() - 0.995).abs() < 1e-12);
    // (3·0.01·0.5 + 0.05·0.9) / (3·0.01 + 0.05)
    assert!((whole.error_budget_remaining.unwrap() - 0.75).abs() < 1e-9, "{whole:?}");
    assert_eq!(whole.parts, [(3.0, "shop-journey-0".to_owned()), (1.0, "shop-journey-1".to_owned())]);
    assert_eq!(whole.status, Status::Ok);
}
