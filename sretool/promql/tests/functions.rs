//! Every function on small data, against values computed by hand.

#[path = "common/memory.rs"]
mod memory;

use memory::Memory;
use promql::{Engine, EngineOptions, Value, parse};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Samples every ten seconds; `now` is at 60 s.
fn store() -> Memory {
    Memory::default()
        .with("steady_total", &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
        .with("reset_total", &[4.0, 8.0, 12.0, 1.0, 3.0, 5.0, 2.0])
        .with("gauge", &[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
        .with("holes", &[NAN, 2.0, NAN, 8.0, NAN, NAN, NAN])
        .with("endless", &[1.0, INF, 1.0, 1.0, 1.0, 1.0, 1.0])
        .with("point{kind=\"neg\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -2.5])
        .with("point{kind=\"pos\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.5])
        .with("host{name=\"web-2\",zone=\"b\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0])
        .with("host{name=\"web-10\",zone=\"a\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0])
        .with("host{name=\"web-1\",zone=\"b\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NAN])
        .with("wait_bucket{le=\"1\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0])
        .with("wait_bucket{le=\"2\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0])
        .with("wait_bucket{le=\"4\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0])
        .with("wait_bucket{le=\"+Inf\"}", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0])
        .with("moment", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1_709_210_096.0])
}

fn value(src: &str) -> Value {
    let expr = parse(src).unwrap_or_else(|e| panic!("{}", e.render(src)));
    Engine::new(EngineOptions::default())
        .instant(&store(), &expr, 60_000)
        .unwrap_or_else(|e| panic!("{src}: {e}"))
        .value
}

/// Checks an expression that yields one number, as a scalar or as the only element of a vector.
#[track_caller]
fn one(src: &str, expected: f64) {
    let got = match value(src) {
        Value::Scalar(sample) => sample.v,
        Value::Vector(samples) if samples.len() == 1 => samples[0].v,
        other => panic!("{src}: {other:?}"),
    };
    let close = (got - expected).abs() <= 1e-12 * expected.abs().max(1.0);
    assert!(close || got == expected || (got.is_nan() && expected.is_nan()), "{src}: {got}, not {expected}");
}

/// Checks a vector with its order, written as `labels value`.
#[track_caller]
fn vector(src: &str, expected: &[&str]) {
    let Value::Vector(samples) = value(src) else { panic!("{src} yields no vector") };
    let got: Vec<_> = samples.iter().map(|s| format!("{} {}", s.labels, s.v)).collect();
    assert_eq!(got, expected, "{src}");
}

#[test]
fn changes_of_counters() {
    one("rate(steady_total[1m])", 1.0);
    one("increase(steady_total[1m])", 60.0);
    // 8 to 12, then 1 after a reset, 3, 5, then 2 after another: 4 + 1 + 2 + 2 + 2 = 11 over 50 s, and 10 s more.
    one("increase(reset_total[1m])", 11.0 * 1.2);
    one("rate(reset_total[1m])", 11.0 * 1.2 / 60.0);
    one("irate(steady_total[1m])", 1.0);
    one("irate(reset_total[1m])", 0.2);
    one("resets(reset_total[1m])", 2.0);
    one("changes(reset_total[1m])", 5.0);
    one("changes(endless[1m])", 1.0);
    vector("rate(steady_total[10s])", &[]);
    vector("irate(steady_total[10s])", &[]);
}

#[test]
fn changes_of_gauges() {
    // From 1 to 2 over 50 s, extrapolated to 60 s.
    one("delta(gauge[1m])", 1.2);
    one("idelta(gauge[1m])", -7.0);
    one("deriv(steady_total[1m])", 1.0);
    one("deriv(endless[1m])", NAN);
    one("predict_linear(steady_total[1m], 100)", 160.0);
    one("predict_linear(steady_total[1m] offset 10s, 0)", 60.0);
    one("double_exponential_smoothing(steady_total[1m], 0.5, 0.5)", 60.0);
    vector("deriv(gauge[10s])", &[]);
    vector("double_exponential_smoothing(gauge[10s], 0.5, 0.5)", &[]);
}

#[test]
fn aggregation_over_time() {
    one("sum_over_time(gauge[1m])", 22.0);
    one("avg_over_time(gauge[1m])", 22.0 / 6.0);
    one("min_over_time(gauge[1m])", 1.0);
    one("max_over_time(gauge[1m])", 9.0);
    one("count_over_time(gauge[1m])", 6.0);
    one("first_over_time(gauge[1m])", 1.0);
    one("last_over_time(gauge[1m])", 2.0);
    one("present_over_time(gauge[1m])", 1.0);
    one("ts_of_max_over_time(gauge[1m])", 50.0);
    one("ts_of_min_over_time(gauge[1m])", 30.0);
    one("ts_of_first_over_time(gauge[1m])", 10.0);
    one("ts_of_last_over_time(gauge[1m])", 60.0);
    // 1, 4, 1, 5, 9, 2: the mean is 11/3, the squares of the distances sum to 47 + 1/3.
    one("stdvar_over_time(gauge[1m])", (47.0 + 1.0 / 3.0) / 6.0);
    one("stddev_over_time(gauge[1m])", ((47.0 + 1.0 / 3.0) / 6.0_f64).sqrt());
    // Sorted 1, 1, 2, 4, 5, 9: the median is 3, the distances sorted 1, 1, 2, 2, 2, 6.
    one("quantile_over_time(0.5, gauge[1m])", 3.0);
    one("mad_over_time(gauge[1m])", 2.0);
    one("quantile_over_time(1, gauge[1m])", 9.0);
}

#[test]
fn nan_over_time() {
    one("min_over_time(holes[1m])", 2.0);
    one("max_over_time(holes[1m])", 8.0);
    one("sum_over_time(holes[1m])", NAN);
    one("count_over_time(holes[1m])", 6.0);
    one("mad_over_time(holes[1m])", NAN);
    one("ts_of_max_over_time(holes[1m])", 30.0);
    one("quantile_over_time(1, holes[1m])", 8.0);
    one("changes(holes[1m])", 3.0);
}

#[test]
fn arithmetic_functions() {
    vector("abs(point)", &["{kind=\"neg\"} 2.5", "{kind=\"pos\"} 2.5"]);
    vector("ceil(point)", &["{kind=\"neg\"} -2", "{kind=\"pos\"} 3"]);
    vector("floor(point)", &["{kind=\"neg\"} -3", "{kind=\"pos\"} 2"]);
    vector("round(point)", &["{kind=\"neg\"} -2", "{kind=\"pos\"} 3"]);
    vector("round(point, 2)", &["{kind=\"neg\"} -2", "{kind=\"pos\"} 2"]);
    vector("sgn(point)", &["{kind=\"neg\"} -1", "{kind=\"pos\"} 1"]);
    vector("clamp(point, -1, 2)", &["{kind=\"neg\"} -1", "{kind=\"pos\"} 2"]);
    vector("clamp_min(point, 0)", &["{kind=\"neg\"} 0", "{kind=\"pos\"} 2.5"]);
    vector("clamp_max(point, 0)", &["{kind=\"neg\"} -2.5", "{kind=\"pos\"} 0"]);
    vector("clamp(point, 2, -1)", &[]);
    vector("-point", &["{kind=\"neg\"} 2.5", "{kind=\"pos\"} -2.5"]);
    one("sqrt(vector(16))", 4.0);
    one("exp(vector(1))", std::f64::consts::E);
    one("ln(vector(0))", f64::NEG_INFINITY);
    one("log2(vector(8))", 3.0);
    one("log10(vector(1000))", 3.0);
    one("min_of(3, -2)", -2.0);
    one("max_of(3, NaN)", NAN);
}

#[test]
fn angles() {
    one("deg(vector(pi()))", 180.0);
    one("rad(vector(180))", std::f64::consts::PI);
    for (function, at, expected) in [
        ("sin", 0.0, 0.0),
        ("cos", 0.0, 1.0),
        ("tan", 0.0, 0.0),
        ("asin", 1.0, std::f64::consts::FRAC_PI_2),
        ("acos", 1.0, 0.0),
        ("atan", 1.0, std::f64::consts::FRAC_PI_4),
        ("sinh", 0.0, 0.0),
        ("cosh", 0.0, 1.0),
        ("tanh", 0.0, 0.0),
        ("asinh", 0.0, 0.0),
        ("acosh", 1.0, 0.0),
        ("atanh", 0.0, 0.0),
    ] {
        one(&format!("{function}(vector({at}))"), expected);
    }
    one("1 atan2 1", std::f64::consts::FRAC_PI_4);
}

#[test]
fn times() {
    one("time()", 60.0);
    one("timestamp(gauge)", 60.0);
    one("timestamp(gauge offset 25s)", 30.0);
    one("timestamp(abs(gauge @ 10))", 60.0);
    one("timestamp(gauge @ 14)", 10.0);
    // 29 February 2024, 12:34:56, a Thursday.
    for (function, expected) in [
        ("year", 2024.0),
        ("month", 2.0),
        ("day_of_month", 29.0),
        ("day_of_week", 4.0),
        ("day_of_year", 60.0),
        ("days_in_month", 29.0),
        ("hour", 12.0),
        ("minute", 34.0),
    ] {
        one(&format!("{function}(moment)"), expected);
    }
    one("minute()", 1.0);
    one("year(vector(NaN))", NAN);
}

#[test]
fn presence() {
    vector("absent(nothing)", &["{} 1"]);
    vector("absent(nothing{a=\"b\",c=~\"d\",e!=\"f\"})", &["{a=\"b\"} 1"]);
    vector("absent(gauge)", &[]);
    vector("absent(sum(nothing{a=\"b\"}))", &["{} 1"]);
    vector("absent_over_time(nothing{a=\"b\"}[1m])", &["{a=\"b\"} 1"]);
    vector("absent_over_time(gauge[1m] offset 1h)", &["{} 1"]);
    vector("absent_over_time(gauge[1m])", &[]);
    one("scalar(gauge)", 2.0);
    one("scalar(point)", NAN);
    one("scalar(nothing)", NAN);
}

#[test]
fn labels() {
    vector(
        "label_replace(point, \"sign\", \"is-$1\", \"kind\", \"(n)eg\")",
        &["point{kind=\"neg\", sign=\"is-n\"} -2.5", "point{kind=\"pos\"} 2.5"],
    );
    vector("label_replace(gauge, \"a\", \"${x}!\", \"__name__\", \"(?P<x>g.*)\")", &["gauge{a=\"gauge!\"} 2"]);
    vector("label_replace(gauge, \"__name__\", \"other\", \"\", \"\")", &["other 2"]);
    vector(
        "label_join(point, \"both\", \"/\", \"kind\", \"none\", \"kind\")",
        &["point{both=\"neg//neg\", kind=\"neg\"} -2.5", "point{both=\"pos//pos\", kind=\"pos\"} 2.5"],
    );
    vector("label_join(gauge, \"a\", \"-\")", &["gauge 2"]);
}

#[test]
fn order() {
    let (one, two, ten) = (
        "host{name=\"web-1\", zone=\"b\"} NaN",
        "host{name=\"web-2\", zone=\"b\"} 30",
        "host{name=\"web-10\", zone=\"a\"} 10",
    );
    vector("sort(host)", &[ten, two, one]);
    vector("sort_desc(host)", &[two, ten, one]);
    vector("sort_by_label(host, \"name\")", &[one, two, ten]);
    vector("sort_by_label_desc(host, \"name\")", &[ten, two, one]);
    vector("sort_by_label(host, \"zone\", \"name\")", &[ten, one, two]);
    vector("topk(2, host)", &[two, ten]);
    vector("bottomk(2, host)", &[ten, two]);
    vector("topk(5, host)", &[two, ten, one]);
}

#[test]
fn histograms() {
    // 40 observations: 10 up to 1, 20 up to 2, none up to 4, 10 beyond.
    one("histogram_quantile(0.25, wait_bucket)", 1.0);
    one("histogram_quantile(0.5, wait_bucket)", 1.5);
    one("histogram_quantile(0.1, wait_bucket)", 0.4);
    one("histogram_quantile(0.99, wait_bucket)", 4.0);
    one("histogram_quantile(2, wait_bucket)", INF);
    one("histogram_quantile(0.5, wait_bucket{le!=\"+Inf\"})", NAN);
    one("histogram_fraction(0, 1.5, wait_bucket)", 0.5);
    one("histogram_fraction(1, Inf, wait_bucket)", 0.75);
    vector("histogram_quantiles(wait_bucket, \"q\", 0.25, 0.5)", &["{q=\"0.25\"} 1", "{q=\"0.5\"} 1.5"]);
    vector("histogram_quantile(0.5, gauge)", &[]);
}

#[test]
fn bounds_of_the_query() {
    let expr = parse("start() + 1000 * end() + 1e6 * step() + 1e9 * range()").expect("valid");
    let engine = Engine::new(EngineOptions::default());
    let Ok(evaluation) = engine.range(&store(), &expr, 10_000, 40_000, 15_000) else { panic!("fails") };
    let Value::Matrix(series) = evaluation.value else { panic!("no matrix") };
    let expected = 10.0 + 1000.0 * 40.0 + 15e6 + 30e9;
    assert!(series[0].samples.len() == 3 && series[0].samples.iter().all(|s| s.v == expected));
    one("step() + range()", 0.0);
    one("start() + end()", 120.0);
}
