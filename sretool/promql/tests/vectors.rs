//! Operators and aggregations between the series of vectors.

#[path = "common/memory.rs"]
mod memory;

use memory::Memory;
use promql::{Engine, EngineOptions, Value, parse};

fn store() -> Memory {
    Memory::default()
        .with("errors{job=\"api\",code=\"500\"}", &[1.0, 2.0, 3.0])
        .with("errors{job=\"api\",code=\"503\"}", &[1.0, 1.0, 1.0])
        .with("errors{job=\"web\",code=\"500\"}", &[0.0, 0.0, 5.0])
        .with("requests{job=\"api\"}", &[10.0, 20.0, 30.0])
        .with("requests{job=\"web\"}", &[10.0, 10.0, 10.0])
        .with("requests{job=\"cron\"}", &[1.0, 1.0, 1.0])
        .with("owner{job=\"api\",team=\"core\",mail=\"a@b\"}", &[1.0, 1.0, 1.0])
        .with("owner{job=\"web\",team=\"front\"}", &[1.0, 1.0, 1.0])
}

#[track_caller]
fn check(src: &str, expected: &[&str]) {
    let expr = parse(src).unwrap_or_else(|e| panic!("{}", e.render(src)));
    let evaluation = Engine::new(EngineOptions::default()).instant(&store(), &expr, 20_000);
    let Value::Vector(samples) = evaluation.unwrap_or_else(|e| panic!("{src}: {e}")).value else { panic!("{src}") };
    let mut got: Vec<_> = samples.iter().map(|s| format!("{} {}", s.labels, s.v)).collect();
    got.sort();
    assert_eq!(got, expected, "{src}");
}

/// Checks a range query from 0 to 20 s by 10 s; `_` stands for no sample.
#[track_caller]
fn range(src: &str, expected: &[&str]) {
    let expr = parse(src).unwrap_or_else(|e| panic!("{}", e.render(src)));
    let evaluation = Engine::new(EngineOptions::default()).range(&store(), &expr, 0, 20_000, 10_000);
    let Value::Matrix(series) = evaluation.unwrap_or_else(|e| panic!("{src}: {e}")).value else { panic!("{src}") };
    let at = |s: &promql::MatrixSeries, t| {
        s.samples.iter().find(|sample| sample.t == t).map_or("_".to_owned(), |sample| sample.v.to_string())
    };
    let line = |s: &promql::MatrixSeries| format!("{} {} {} {}", s.labels, at(s, 0), at(s, 10_000), at(s, 20_000));
    assert_eq!(series.iter().map(line).collect::<Vec<_>>(), expected, "{src}");
}

#[test]
fn scalars_apply_to_every_series() {
    check("requests * 2", &["{job=\"api\"} 60", "{job=\"cron\"} 2", "{job=\"web\"} 20"]);
    check("100 / requests", &["{job=\"api\"} 3.3333333333333335", "{job=\"cron\"} 100", "{job=\"web\"} 10"]);
    check("requests > 5", &["requests{job=\"api\"} 30", "requests{job=\"web\"} 10"]);
    check("5 < requests", &["requests{job=\"api\"} 30", "requests{job=\"web\"} 10"]);
    check("requests > bool 5", &["{job=\"api\"} 1", "{job=\"cron\"} 0", "{job=\"web\"} 1"]);
    check("requests % 7 ^ 1", &["{job=\"api\"} 2", "{job=\"cron\"} 1", "{job=\"web\"} 3"]);
    check("requests == NaN", &[]);
}

#[test]
fn one_to_one() {
    check("sum by (job) (errors) / requests", &["{job=\"api\"} 0.13333333333333333", "{job=\"web\"} 0.5"]);
    check("errors{code=\"500\"} / ignoring (code) requests", &["{job=\"api\"} 0.1", "{job=\"web\"} 0.5"]);
    check("errors{code=\"500\"} / on (job) requests", &["{job=\"api\"} 0.1", "{job=\"web\"} 0.5"]);
    check("errors{code=\"503\"} * on () errors{job=\"web\"}", &["{} 5"]);
    check("requests > on (job) errors{code=\"503\"} * 20", &["{job=\"api\"} 30"]);
    check("requests >= bool on (job) owner * 30", &["{job=\"api\"} 1", "{job=\"web\"} 0"]);
    check("requests * on (job) nothing", &[]);
}

#[test]
fn a_filter_of_two_vectors_keeps_the_name_and_the_left_value() {
    check(
        "requests > requests * 0.5",
        &["requests{job=\"api\"} 30", "requests{job=\"cron\"} 1", "requests{job=\"web\"} 10"],
    );
}

#[test]
fn many_to_one() {
    check(
        "errors * on (job) group_left (team) owner",
        &[
            "{code=\"500\", job=\"api\", team=\"core\"} 3",
            "{code=\"500\", job=\"web\", team=\"front\"} 5",
            "{code=\"503\", job=\"api\", team=\"core\"} 1",
        ],
    );
    check(
        "requests - on (job) group_right () errors",
        &["{code=\"500\", job=\"api\"} 27", "{code=\"500\", job=\"web\"} 5", "{code=\"503\", job=\"api\"} 29"],
    );
    // A label that the side of one lacks is removed.
    check(
        "label_replace(requests, \"mail\", \"old\", \"\", \"\") * on (job) group_left (mail) owner",
        &["{job=\"api\", mail=\"a@b\"} 30", "{job=\"web\"} 10"],
    );
}

#[test]
fn sets() {
    check("requests and on (job) owner", &["requests{job=\"api\"} 30", "requests{job=\"web\"} 10"]);
    check("requests unless on (job) owner", &["requests{job=\"cron\"} 1"]);
    check(
        "requests{job=\"api\"} or on (job) errors",
        &["errors{code=\"500\", job=\"web\"} 5", "requests{job=\"api\"} 30"],
    );
    check("nothing or vector(0)", &["{} 0"]);
    check("requests and nothing", &[]);
    check(
        "requests unless nothing",
        &["requests{job=\"api\"} 30", "requests{job=\"cron\"} 1", "requests{job=\"web\"} 10"],
    );
}

#[test]
fn sets_change_from_step_to_step() {
    range(
        "requests{job=\"api\"} > 10 or requests{job=\"web\"} < 10 or owner{job=\"web\"}",
        &["owner{job=\"web\", team=\"front\"} 1 1 1", "requests{job=\"api\"} _ 20 30"],
    );
    range("errors{job=\"web\"} > 0 or errors{job=\"web\"} == 0", &["errors{code=\"500\", job=\"web\"} 0 0 5"]);
    range("requests{job=\"api\"} unless on (job) errors{code=\"500\"} > 2", &["requests{job=\"api\"} 10 20 _"]);
}

#[test]
fn aggregations() {
    check("sum(requests)", &["{} 41"]);
    check("sum by (job) (errors)", &["{job=\"api\"} 4", "{job=\"web\"} 5"]);
    check("sum without (code) (errors)", &["{job=\"api\"} 4", "{job=\"web\"} 5"]);
    check("avg by (code) (errors)", &["{code=\"500\"} 4", "{code=\"503\"} 1"]);
    check("min by (job) (errors)", &["{job=\"api\"} 1", "{job=\"web\"} 5"]);
    check("max by (job) (errors)", &["{job=\"api\"} 3", "{job=\"web\"} 5"]);
    check("count by (job) (errors)", &["{job=\"api\"} 2", "{job=\"web\"} 1"]);
    check("group by (job) (errors)", &["{job=\"api\"} 1", "{job=\"web\"} 1"]);
    check("stdvar by (job) (errors)", &["{job=\"api\"} 1", "{job=\"web\"} 0"]);
    check("stddev by (job) (errors)", &["{job=\"api\"} 1", "{job=\"web\"} 0"]);
    check("quantile by (job) (0.5, errors)", &["{job=\"api\"} 2", "{job=\"web\"} 5"]);
    check("sum by (nothing) (errors)", &["{} 9"]);
    check("sum by (__name__) (errors)", &["errors 9"]);
    check("count_values(\"v\", owner)", &["{v=\"1\"} 2"]);
    check(
        "count_values by (job) (\"v\", errors)",
        &["{job=\"api\", v=\"1\"} 1", "{job=\"api\", v=\"3\"} 1", "{job=\"web\", v=\"5\"} 1"],
    );
}

#[test]
fn selecting_aggregations() {
    check("topk(1, errors)", &["errors{code=\"500\", job=\"web\"} 5"]);
    check(
        "bottomk by (job) (1, errors)",
        &["errors{code=\"500\", job=\"web\"} 5", "errors{code=\"503\", job=\"api\"} 1"],
    );
    check("topk(0, errors)", &[]);
    check("topk(-3, errors)", &[]);
    check("count(limitk(2, errors))", &["{} 2"]);
    check("count(limit_ratio(0.4, errors) or limit_ratio(-0.6, errors))", &["{} 3"]);
    check("limit_ratio(0, errors)", &[]);
    range("topk(1, errors)", &["errors{code=\"500\", job=\"api\"} 1 2 _", "errors{code=\"500\", job=\"web\"} _ _ 5"]);
    range("count(topk(time() / 10, requests))", &["{} _ 1 2"]);
}

#[test]
fn values_that_come_and_go() {
    range("count_values(\"v\", errors{job=\"web\"})", &["{v=\"0\"} 1 1 _", "{v=\"5\"} _ _ 1"]);
    range("sum(errors > 1)", &["{} _ 2 8"]);
    range(
        "histogram_quantile(0.5, label_replace(errors{code=\"500\"}, \"le\", \"+Inf\", \"\", \"\"))",
        &["{code=\"500\", job=\"api\"} NaN NaN NaN", "{code=\"500\", job=\"web\"} NaN NaN NaN"],
    );
    range("absent(errors{job=\"web\"} > 0)", &["{} 1 1 _"]);
}

#[test]
fn subqueries_and_fixed_times() {
    check("max_over_time(sum(errors)[20s:10s])", &["{} 9"]);
    check("sum_over_time((requests{job=\"api\"})[30s:10s])", &["{job=\"api\"} 60"]);
    check("requests{job=\"api\"} offset 10s", &["requests{job=\"api\"} 20"]);
    check("requests{job=\"api\"} @ 0", &["requests{job=\"api\"} 10"]);
    check("requests{job=\"api\"} @ 20 offset 10s", &["requests{job=\"api\"} 20"]);
    range("requests{job=\"api\"} @ end() - requests{job=\"api\"}", &["{job=\"api\"} 20 10 0"]);
    range("requests{job=\"api\"} @ start()", &["requests{job=\"api\"} 10 10 10"]);
    range("count_over_time(requests{job=\"api\"}[step() * 2])", &["{job=\"api\"} 1 2 2"]);
}
