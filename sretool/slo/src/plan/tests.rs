use super::*;
use crate::{AnswerError, Answers, Catalog};
use promql::{Labels, Sample, Value, VectorSample};

const DAY: i64 = 86_400_000;

/// 2026-03-30T00:07:00Z, a day after clocks in Berlin were put forward.
const AT: i64 = 1_774_829_220_000;

const SLO: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: shop
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: prometheus, spec: {query: 'errors_total{job="shop"}'}}}
        total: {metricSource: {type: prometheus, spec: {query: requests_total}}}
"#;

const MONTH: &str =
    "[{duration: 1M, isRolling: false, calendar: {startTime: '2026-01-01 00:00:00', timeZone: Europe/Berlin}}]";

#[track_caller]
fn slo(changes: &[(&str, &str)]) -> Slo {
    let text = changes.iter().fold(SLO.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings, []);
    catalog.slos.into_iter().next().unwrap()
}

fn monthly() -> Slo {
    slo(&[("[{duration: 30d, isRolling: true}]", MONTH)])
}

#[test]
fn plans_every_window_once() {
    let queries = plan(&slo(&[]), &Request::at(AT));
    assert_eq!(queries.len(), 16);
    assert_eq!((queries[0].target, queries[0].part), (Target::Period, Part::Bad));
    assert_eq!(queries[1].expr, "sum(increase(requests_total[30d]))");
    assert_eq!(queries[2].expr, "sum(increase(errors_total{job=\"shop\"}[5m]))");
    assert_eq!((queries[2].target, queries[2].when), (Target::Burn(Window::minutes(5)), When::At(AT)));
    let raw = SLO.split("        counter").next().unwrap().to_owned()
        + "        rawType: success\n        raw: {metricSource: {spec: {query: 'avg_over_time(x[$window])'}}}\n";
    let catalog = Catalog::load([("a.yaml", raw.as_str())]);
    assert_eq!(plan(&catalog.slos[0], &Request::at(AT))[1].expr, "avg_over_time(x[5m])");
}

#[test]
fn a_calendar_month_is_counted_from_its_begin() {
    let slo = monthly();
    let (start, end) = period(&slo, AT).unwrap();
    // February ends in winter time, March in summer time.
    assert_eq!((start, end), (AT - 420_000 - 29 * DAY + 3_600_000 - 7_200_000, start + 31 * DAY - 3_600_000));
    let query = &plan(&slo, &Request::at(AT))[1];
    assert_eq!(query.expr, "sum(increase(requests_total[29d1h7m]))");
    let past = past_periods(&slo, AT, 12);
    let names: Vec<_> = past.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["2026-02", "2026-01"], "the calendar begins with the year");
    assert_eq!(past[0].2, start);
    let rolling = past_periods(&self::slo(&[]), AT, 2);
    assert_eq!(rolling.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["2026-02", "2026-01"]);
    assert!(period(&slo, 0).is_none() && plan(&slo, &Request::at(0)).is_empty());
}

#[test]
fn times_that_do_not_count_are_cut_out() {
    let exclude = "metadata: {name: availability, annotations: {sretool.dev/exclude: '2026-03-29T22:07:00Z/1h'}}";
    let slo = slo(&[("metadata: {name: availability}", exclude)]);
    let planned = plan(&slo, &Request::at(AT));
    let of = |target| planned.iter().filter(|q| q.target == target && q.part == Part::Total).collect::<Vec<_>>();
    let whole = of(Target::Period);
    assert_eq!(whole.iter().map(|q| q.piece).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(whole[1].expr, "sum(increase(requests_total[1h]))");
    assert_eq!(whole[0].when, When::At(AT - 7_200_000));
    assert_eq!(of(Target::Burn(Window::hours(1))).len(), 1);
    let six = of(Target::Burn(Window::hours(6)));
    let lengths: Vec<_> = six.iter().map(|q| (q.interval.1 - q.interval.0) / 3_600_000).collect();
    assert_eq!(lengths, [4, 1], "of six hours one does not count");
}

#[test]
fn slices_are_range_queries_of_a_size_that_prometheus_takes() {
    let slo = slo(&[
        ("Occurrences", "Timeslices"),
        ("{target: 0.999}", "{target: 0.999, timeSliceTarget: 0.95, timeSliceWindow: 1m}"),
    ]);
    let planned = plan(&slo, &Request::at(AT));
    let totals: Vec<_> = planned.iter().filter(|q| q.part == Part::Total).collect();
    let steps = |q: &PlannedQuery| match q.when {
        When::Steps { start_ms, end_ms, step_ms } => (end_ms - start_ms) / step_ms + 1,
        When::At(_) => panic!("{q:?}"),
    };
    let counts: Vec<_> = totals.iter().map(|q| steps(q)).collect();
    assert_eq!(counts, [10_000, 10_000, 10_000, 10_000, 3_200]);
    assert!(totals.iter().all(|q| q.expr == "sum(increase(requests_total[1m]))"));
}

#[test]
fn recorded_tiles_cover_the_middle_and_the_metrics_its_ends() {
    let slo = slo(&[]);
    let (mut found, queries) = probe(&slo, AT).unwrap();
    let at = AT - 120_000;
    assert!(queries.iter().all(|q| q.when == When::At(at) && promql::parse(&q.expr).is_ok()), "{queries:?}");
    let first = at - 10 * DAY - 7_000;
    let answers = [first as f64 / 1e3, (at - 7_000) as f64 / 1e3, 2_881.0];
    for (query, v) in queries.iter().zip(answers) {
        found.record(query, &Value::Vector(vec![VectorSample::new(Labels::default(), at, v)]));
    }
    let tiles = found.tiles().unwrap();
    assert_eq!((tiles.first_ms, tiles.last_ms, tiles.age_ms), (first, at - 7_000, 7_000));
    let request = Request { tiles: Some(tiles), ..Request::at(AT) };
    let whole: Vec<_> = plan(&slo, &request).into_iter().filter(|q| q.target == Target::Period).collect();
    let intervals: Vec<_> = whole.iter().filter(|q| q.part == Part::Total).map(|q| q.interval).collect();
    assert_eq!(intervals, [(AT - 30 * DAY, first - 300_000), (first - 300_000, at - 7_000), (at - 7_000, AT)]);
    assert!(intervals.windows(2).all(|pair| pair[0].1 == pair[1].0), "they touch");
    let body = &whole[3];
    assert_eq!(
        body.expr,
        "sum(sum_over_time(slo:sli_events:increase5m{sloth_id=\"shop-availability\", sloth_service=\"shop\", \
         sloth_slo=\"availability\"}[10d4m59s:5m]))"
    );
    assert_eq!(body.when, When::At(at));
    assert!(whole.iter().all(|q| promql::parse(&q.expr).is_ok()));
}

#[test]
fn recorded_tiles_with_a_gap_are_not_relied_on() {
    let slo = slo(&[]);
    let (probe, queries) = probe(&slo, AT).unwrap();
    let answer = |values: [f64; 3]| {
        let mut probe = probe.clone();
        for (query, v) in queries.iter().zip(values) {
            probe.record(query, &Value::Vector(vec![VectorSample::new(Labels::default(), 0, v)]));
        }
        probe.tiles()
    };
    assert!(answer([300.0, 1_200.0, 4.0]).is_some());
    assert_eq!(answer([300.0, 1_200.0, 3.0]), None, "one is missing");
    assert_eq!(answer([301.0, 1_200.0, 4.0]), None, "they do not touch");
    assert_eq!(probe.tiles(), None, "nothing was recorded");
    let sliced =
        self::slo(&[("Occurrences", "RatioTimeslices"), ("{target: 0.999}", "{target: 0.999, timeSliceWindow: 1m}")]);
    assert!(self::probe(&sliced, AT).is_none());
}

#[test]
fn a_timeline_has_no_more_steps_than_prometheus_takes() {
    let steps = |days: i64| timeline_steps((AT - days * DAY, AT)).map(|(first, last, step)| (last - first) / step + 1);
    assert_eq!(steps(30), Some(8_639));
    assert!(steps(365).unwrap() <= 10_000);
    assert_eq!(timeline_steps((0, 200_000)), None);
    assert_eq!(timeline_steps((0, 600_000)), Some((300_000, 600_000, 300_000)));
}

#[test]
fn one_number_for_each_group_is_an_answer() {
    let plain = slo(&[]);
    let query = plan(&plain, &Request::at(AT)).remove(1);
    let sample = |labels: &[(&str, &str)], v| VectorSample::new(Labels::new(labels.iter().copied()), 0, v);
    let mut answers = Answers::default();
    let mut record = |value| answers.record(&plain, &query, &value);
    assert_eq!(record(Value::Vector(vec![])), Ok(()));
    let error = record(Value::Vector(vec![sample(&[], 1.0), sample(&[("a", "b")], 2.0)])).unwrap_err();
    assert!(matches!(&error, AnswerError::SeveralSeries { count: 2, .. }) && error.to_string().contains("in all"));
    let mut answers = Answers::default();
    assert_eq!(answers.record(&plain, &query, &Value::Scalar(Sample { t: 0, v: 3.0 })), Ok(()));
    assert!(answers.record(&plain, &query, &Value::String(0, "x".into())).is_err());

    let annotated = "metadata: {name: availability, annotations: {sretool.dev/group-by: tenant}}";
    let grouped = slo(&[("metadata: {name: availability}", annotated)]);
    let query = plan(&grouped, &Request::at(AT)).remove(1);
    assert_eq!(query.expr, "sum by (tenant) (increase(requests_total[30d]))");
    let two = Value::Vector(vec![sample(&[("tenant", "a")], 1.0), sample(&[("tenant", "b")], f64::NAN)]);
    let mut answers = Answers::default();
    answers.record(&grouped, &query, &two).unwrap();
    let twice = answers.record(&grouped, &query, &Value::Vector(vec![sample(&[("tenant", "a")], 1.0)]));
    assert!(twice.unwrap_err().to_string().contains("of tenant=\"a\""));
    let reports = crate::evaluate(&grouped, &answers, &Request::at(AT));
    let groups: Vec<_> = reports.iter().map(|r| (r.group["tenant"].as_str(), r.sli)).collect();
    assert_eq!(groups, [("a", Some(1.0)), ("b", None)]);
}
