//! The evaluator through its public interface: limits, errors, compatibility, remarks.

#[path = "common/memory.rs"]
mod memory;

use memory::Memory;
use promql::{
    Compat, Engine, EngineOptions, EvalError, Evaluation, Matcher, Queryable, Sample, SelectHints, SeriesData,
    StorageError, Value, parse,
};
use std::sync::atomic::Ordering;

struct Broken;

impl Queryable for Broken {
    fn select(&self, _: &[Matcher], _: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        Err(StorageError::Other("disk on fire".into()))
    }
}

fn instant(store: &dyn Queryable, options: EngineOptions, src: &str, at: i64) -> Result<Evaluation, EvalError> {
    let expr = parse(src).unwrap_or_else(|e| panic!("{}", e.render(src)));
    Engine::new(options).instant(store, &expr, at)
}

/// Checks an instant vector, written as `labels value` and ordered by labels.
#[track_caller]
fn check(store: &Memory, options: EngineOptions, src: &str, at: i64, expected: &[&str]) {
    let evaluation = instant(store, options, src, at).expect(src);
    let Value::Vector(samples) = evaluation.value else { panic!("no vector: {evaluation:?}") };
    let mut got: Vec<_> = samples.iter().map(|s| format!("{} {}", s.labels, s.v)).collect();
    got.sort();
    assert_eq!(got, expected, "{src}");
}

fn v3() -> EngineOptions {
    EngineOptions::default()
}

fn v2() -> EngineOptions {
    EngineOptions { compat: Compat::V2_42, ..v3() }
}

fn counter() -> Memory {
    Memory::default().with("c_total{job=\"a\"}", &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
}

#[test]
fn ranges_exclude_their_left_bound_in_3_and_include_it_in_2_42() {
    check(&counter(), v3(), "count_over_time(c_total[30s])", 60_000, &["{job=\"a\"} 3"]);
    check(&counter(), v2(), "count_over_time(c_total[30s])", 60_000, &["{job=\"a\"} 4"]);
    check(&counter(), v3(), "count_over_time(c_total[30s:10s])", 60_000, &["{job=\"a\"} 3"]);
    check(&counter(), v2(), "count_over_time(c_total[30s:10s])", 60_000, &["{job=\"a\"} 4"]);
    check(&counter(), v3(), "c_total", 360_000, &[]);
    check(&counter(), v2(), "c_total", 360_000, &["c_total{job=\"a\"} 60"]);
    check(&counter(), v3(), "c_total", 359_999, &["c_total{job=\"a\"} 60"]);
}

#[test]
fn the_clamp_at_zero_comes_after_the_threshold_in_3_and_before_it_in_2_42() {
    // The first sample is 20 s after the start of the window: beyond the threshold of 11 s. Its value would reach zero
    // 7 s before it: nearer than the threshold, farther than half the distance of the samples.
    let store = Memory::default().with("c_total", &[f64::NAN, f64::NAN, 7.0, 17.0, 27.0]);
    let cut =
        Memory::from(vec![SeriesData { samples: store.series[0].samples[2..].into(), ..store.series[0].clone() }]);
    check(&cut, v3(), "increase(c_total[40s1ms])", 40_000, &["{} 25"]);
    check(&cut, v2(), "increase(c_total[40s1ms])", 40_000, &["{} 27"]);
}

#[test]
fn names_are_dropped_late_in_3_and_at_once_in_2_42() {
    let src = "label_replace(rate(c_total[1m]), \"was\", \"$1\", \"__name__\", \"(.*)\")";
    check(&counter(), v3(), src, 60_000, &["{job=\"a\", was=\"c_total\"} 1"]);
    check(&counter(), v2(), src, 60_000, &["{job=\"a\"} 1"]);
}

#[test]
fn too_many_samples_are_refused() {
    let options = EngineOptions { max_samples: 6, ..v3() };
    let error = instant(&counter(), options, "sum_over_time(c_total[5m])", 60_000).expect_err("too many");
    assert_eq!(error, EvalError::TooManySamples { limit: 6 });
    assert!(error.to_string().contains("limit 6"));
    let expr = parse("vector(time())").expect("valid");
    let engine = Engine::new(EngineOptions { max_samples: 1000, ..v3() });
    // A billion steps are refused before they take memory.
    let error = engine.range(&Memory::default(), &expr, 0, 1_000_000_000_000, 1000).expect_err("too many");
    assert_eq!(error, EvalError::TooManySamples { limit: 1000 });
    assert!(engine.range(&Memory::default(), &expr, 0, 400_000, 1000).is_ok());
}

#[test]
fn a_subquery_of_very_many_steps_is_refused() {
    let error = instant(&counter(), v3(), "sum_over_time(vector(1)[100y:1ms])", 0).expect_err("too many");
    assert!(matches!(error, EvalError::TooManySamples { .. }));
}

#[test]
fn the_store_s_error_is_passed_on() {
    let error = instant(&Broken, v3(), "up", 0).expect_err("broken");
    assert_eq!(error.to_string(), "disk on fire");
}

#[test]
fn matching_errors_are_worded_as_prometheus_words_them() {
    let store = Memory::default()
        .with("a{x=\"1\"}", &[1.0])
        .with("a{x=\"2\"}", &[2.0])
        .with("b{x=\"1\"}", &[3.0])
        .with("b{x=\"2\"}", &[4.0]);
    let message = |src: &str| instant(&store, v3(), src, 0).expect_err(src).to_string();
    assert_eq!(
        message("a + on () b"),
        "found duplicate series for the match group {} on the right hand-side of the operation: \
         [{__name__=\"b\", x=\"1\"}, {__name__=\"b\", x=\"2\"}];many-to-many matching not allowed: \
         matching labels must be unique on one side"
    );
    assert!(message("a + on () group_right () b").contains("on the left hand-side"));
    assert_eq!(
        message("a + on () b{x=\"1\"}"),
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    );
    assert_eq!(
        message("a + on () group_left (x) b{x=\"1\"}"),
        "multiple matches for labels: grouping labels must ensure unique matches"
    );
    assert_eq!(message("{x=\"1\"} * 2"), "vector cannot contain metrics with the same labelset");
    check(&store, v3(), "a * on (x) b", 0, &["{x=\"1\"} 3", "{x=\"2\"} 8"]);
}

#[test]
fn bad_arguments_are_refused() {
    let message = |src: &str| instant(&counter(), v3(), src, 60_000).expect_err(src).to_string();
    assert!(message("label_replace(c_total, 'a', '', 'b', '(')").contains("invalid regular expression"));
    assert!(message("label_replace(c_total, '', '', 'b', '')").contains("invalid destination label name"));
    assert!(message("label_join(c_total, 'a', '', '')").contains("invalid source label name"));
    assert!(message("count_values('', c_total)").contains("invalid label name"));
    assert!(message("topk(NaN, c_total)").contains("Parameter value is NaN"));
    assert!(message("topk(Inf, c_total)").contains("overflows int64"));
    assert!(message("double_exponential_smoothing(c_total[1m], 2, 0.5)").contains("invalid smoothing factor"));
    assert!(message("double_exponential_smoothing(c_total[1m], 0.5, 0)").contains("invalid trend factor"));
    assert_eq!(message("rate(c_total[step()])"), "1:6: duration must be greater than 0");
    assert!(message("rate(c_total[1m / range()])").contains("duration is NaN or infinite"));
}

#[test]
fn ranges_must_make_sense() {
    let engine = Engine::new(v3());
    let expr = parse("1").expect("valid");
    let run = |start, end, step| engine.range(&Memory::default(), &expr, start, end, step);
    assert!(matches!(run(0, 10, 0), Err(EvalError::Range(_))));
    assert!(matches!(run(10, 0, 1), Err(EvalError::Range(_))));
    assert!(matches!(run(i64::MIN, i64::MAX, 1), Err(EvalError::Range(_) | EvalError::TooManySamples { .. })));
    for src in ["c_total[5m]", "'text'"] {
        let expr = parse(src).expect("valid");
        assert!(matches!(engine.range(&Memory::default(), &expr, 0, 10, 1), Err(EvalError::Type(_))), "{src}");
    }
}

#[test]
fn every_type_has_its_value() {
    let value = |src: &str| instant(&counter(), v3(), src, 20_000).expect(src).value;
    assert_eq!(value("1 + 1"), Value::Scalar(Sample { t: 20_000, v: 2.0 }));
    assert_eq!(value("'text'"), Value::String(20_000, "text".into()));
    let Value::Matrix(series) = value("c_total[15s]") else { panic!("no matrix") };
    assert_eq!(series[0].samples, [Sample { t: 10_000, v: 10.0 }, Sample { t: 20_000, v: 20.0 }]);
    assert_eq!(value("c_total[15s]").sample_count(), 2);
    assert_eq!(value("nothing"), Value::Vector(Vec::new()));
}

#[test]
fn a_scalar_makes_one_series_of_a_range() {
    let expr = parse("time()").expect("valid");
    let evaluation = Engine::new(v3()).range(&Memory::default(), &expr, 0, 2000, 1000).expect("valid");
    let Value::Matrix(series) = evaluation.value else { panic!("no matrix") };
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].samples.iter().map(|s| s.v).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
}

#[test]
fn each_selector_is_read_once_however_many_steps_there_are() {
    let store = counter();
    let expr = parse("rate(c_total[30s]) / on () c_total + rate(c_total[30s])").expect("valid");
    Engine::new(v3()).range(&store, &expr, 0, 60_000, 100).expect("valid");
    assert_eq!(store.selects.load(Ordering::Relaxed), 2);
}

#[test]
fn what_does_not_change_is_computed_once() {
    let store = counter();
    let expr = parse("c_total @ 30 * 2").expect("valid");
    // Six hundred steps of one series are far beyond this limit if each were read.
    let engine = Engine::new(EngineOptions { max_samples: 2500, ..v3() });
    let evaluation = engine.range(&store, &expr, 0, 600_000, 1000).expect("within the limit");
    let Value::Matrix(series) = evaluation.value else { panic!("no matrix") };
    assert!(series[0].samples.len() == 601 && series[0].samples.iter().all(|s| s.v == 60.0));
}

#[test]
fn remarks_name_their_place() {
    let remarks = |src: &str| {
        let evaluation = instant(&counter().with("gauge", &[1.0; 7]), v3(), src, 60_000).expect(src);
        (evaluation.warnings, evaluation.infos)
    };
    assert_eq!(remarks("rate(c_total[1m])"), (vec![], vec![]));
    let (_, infos) = remarks("1 +\n  rate(gauge[1m])");
    assert_eq!(
        infos,
        ["PromQL info: metric might not be a counter, \
             name does not end in _total/_sum/_count/_bucket: \"gauge\" (2:8)"]
    );
    let (warnings, _) = remarks("quantile(2, gauge)");
    assert_eq!(warnings, ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]);
    let (warnings, _) = remarks("histogram_quantile(0.9, gauge)");
    let missing = "bucket label \"le\" is missing or has a malformed value of \"\" for metric name \"gauge\" (1:25)";
    assert_eq!(warnings, [format!("PromQL warning: {missing}")]);
}

#[test]
fn counters_survive_resets_and_stale_markers_end_series() {
    let stale = promql::stale_nan();
    let store = Memory::default().with("c_total", &[5.0, 10.0, 2.0, 4.0, stale]);
    check(&store, v3(), "increase(c_total[31s])", 30_000, &["{} 9.3"]);
    check(&store, v3(), "resets(c_total[1m])", 30_000, &["{} 1"]);
    check(&store, v3(), "changes(c_total[1m])", 30_000, &["{} 3"]);
    check(&store, v3(), "c_total", 39_999, &["c_total 4"]);
    check(&store, v3(), "c_total", 40_000, &[]);
    check(&store, v3(), "count_over_time(c_total[1m])", 40_000, &["{} 4"]);
}

#[test]
fn no_data_is_no_series() {
    for src in [
        "sum(nothing)",
        "nothing / nothing",
        "rate(nothing[5m])",
        "topk(3, nothing)",
        "histogram_quantile(0.5, nothing)",
    ] {
        check(&Memory::default(), v3(), src, 0, &[]);
    }
    check(&Memory::default(), v3(), "absent(nothing{a=\"b\"})", 0, &["{a=\"b\"} 1"]);
    check(&Memory::default(), v3(), "sum(nothing) or vector(0)", 0, &["{} 0"]);
}

#[test]
fn extreme_times_do_not_overflow() {
    for at in [i64::MIN, i64::MAX] {
        for src in
            ["up", "rate(up[5m])", "sum_over_time(up[5m:1m])", "up offset 1y", "up offset -1y", "time()", "year()"]
        {
            assert!(instant(&Memory::default(), v3(), src, at).is_ok(), "{src} at {at}");
        }
    }
}

#[test]
fn the_deepest_expressions_that_parse_evaluate_too() {
    let store = Memory::default().with("a", &[1.0]);
    check(&store, v3(), &format!("{}a{}", "abs(".repeat(90), ")".repeat(90)), 0, &["{} 1"]);
    check(&store, v3(), &format!("a{}", " + a".repeat(150)), 0, &["{} 151"]);
    check(&store, v3(), &format!("{}a{}", "max_over_time((".repeat(20), ")[1m:10s])".repeat(20)), 0, &["{} 1"]);
}

#[test]
fn names_that_are_not_ascii_are_found() {
    let store = Memory::default().with("{\"naïve\", \"clé\"=\"1\"}", &[7.0]);
    check(&store, v3(), "{\"naïve\"}", 0, &["{\"naïve\", \"clé\"=\"1\"} 7"]);
    check(&store, v3(), "sum by (\"clé\") ({\"naïve\"})", 0, &["{\"clé\"=\"1\"} 7"]);
    let error = parse("naïve").expect_err("not ASCII");
    assert!(error.remedy.is_some_and(|r| r.contains("quotes")));
}
