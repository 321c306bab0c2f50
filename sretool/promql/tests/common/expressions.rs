//! Random expressions as text.

use proptest::prelude::*;
use proptest::sample::select;

fn words(words: &[&'static str]) -> impl Strategy<Value = String> + Clone + use<> {
    select(words.to_vec()).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    words(&["m", "n", "m{job=\"x\"}", "{job=~\"x|y\"}", "m{job!=\"x\"}", "b_bucket", "nothing", "{__name__=~\"m|n\"}"])
}

fn modifiers() -> impl Strategy<Value = String> {
    words(&["", "", "", " offset 7s", " offset -3s", " @ 60", " @ 90 offset 5s"])
}

fn number() -> impl Strategy<Value = String> {
    words(&["0", "1", "2.5", "-1", "1e3", "0.5", "Inf", "time()", "scalar(m{job=\"x\"})"])
}

fn range_function() -> impl Strategy<Value = String> {
    words(&[
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "sum_over_time",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "stddev_over_time",
        "last_over_time",
        "first_over_time",
        "present_over_time",
        "absent_over_time",
        "mad_over_time",
        "ts_of_max_over_time",
    ])
}

/// Expressions of type instant vector that the evaluator must evaluate or refuse for their data alone.
pub fn vector_expression() -> impl Strategy<Value = String> {
    let windowed = (range_function(), selector(), words(&["10s", "1m", "33s"]), modifiers());
    let leaf = prop_oneof![
        3 => (selector(), modifiers()).prop_map(|(s, m)| s + &m),
        3 => windowed.prop_map(|(f, s, r, m)| format!("{f}({s}[{r}]{m})")),
        1 => number().prop_map(|n| format!("vector({n})")),
        1 => (number(), selector()).prop_map(|(n, s)| format!("quantile_over_time({n}, {s}[50s])")),
        1 => selector().prop_map(|s| format!("timestamp({s})")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let op = words(&["+", "-", "*", "/", "%", "^", "==", "!=", ">", "< bool", "and", "or", "unless", "atan2"]);
        let arithmetic = words(&["+", "-", "*", ">", "<= bool"]);
        let matching = words(&["", "", " on (job)", " ignoring (le)", " on ()"]);
        let function = words(&["abs", "ceil", "sgn", "exp", "absent", "round", "-", "minute", "histogram_quantile"]);
        let aggregate = words(&[
            "sum",
            "avg",
            "min",
            "max",
            "count",
            "group",
            "stddev",
            "topk",
            "bottomk",
            "quantile",
            "count_values",
        ]);
        let clause = words(&["", " by (job)", " without (le)", " by (job, le)"]);
        prop_oneof![
            (inner.clone(), op, matching, inner.clone()).prop_map(|(l, op, m, r)| format!("({l}) {op}{m} ({r})")),
            (inner.clone(), arithmetic, number()).prop_map(|(l, op, r)| format!("({l}) {op} {r}")),
            (function, inner.clone()).prop_map(|(f, e)| match &*f {
                "-" => format!("-({e})"),
                "histogram_quantile" => format!("histogram_quantile(0.7, {e})"),
                _ => format!("{f}({e})"),
            }),
            (aggregate, clause, inner.clone(), 0..3u8).prop_map(|(a, c, e, k)| match &*a {
                "topk" | "bottomk" => format!("{a}{c}({k}, {e})"),
                "quantile" => format!("{a}{c}(0.{k}, {e})"),
                "count_values" => format!("{a}{c}(\"v\", {e})"),
                _ => format!("{a}{c}({e})"),
            }),
            (range_function(), inner, words(&["30s:7s", "1m:", "20s:20s"]), modifiers())
                .prop_map(|(f, e, r, m)| format!("{f}(({e})[{r}]{m})")),
        ]
    })
}

/// Valid expressions of every form.
pub fn any_expression() -> impl Strategy<Value = String> {
    let duration =
        words(&["5m", "1h30m", "90", "5m + 1m", "step() * 2", "2 ^ 3", "max_of(step(), 1m)", "-(2 - 5)", "1.5"]);
    let odd = prop_oneof![
        duration.clone().prop_map(|d| format!("rate(m[{d}])")),
        duration.clone().prop_map(|d| format!("m offset ({d})")),
        duration.prop_map(|d| format!("sum_over_time(m[{d}:{d}])")),
        any::<f64>().prop_map(|v| format!("m * {v:e}").replace("inf", "Inf")),
        "[a-z. \"\\\\\u{1}-\u{1f}é]{1,8}"
            .prop_map(|s| format!("m{{a={s:?}}}").replace("\\u{", "\\U000000").replace('}', "") + "}"),
        words(&[
            "label_replace(m, 'a', '$1', 'b', '(.*)')",
            "{\"a b\", \"c d\"!~'e'}",
            "time()",
            "'text'",
            "m[5m]",
            "m[5m:] @ 1.5",
            "m @ start()",
            "m @ end() offset 5s"
        ]),
    ];
    // Not every odd text is an expression; those that are not are no matter here.
    let odd = odd.prop_filter("an expression", |s| promql::parse(s).is_ok());
    prop_oneof![2 => vector_expression(), 1 => odd]
}

const LEAVES: &[&str] = &[
    "m",
    "1",
    "'s'",
    "m[5m]",
    "m{a=\"b\"}",
    "{a=\"b\"}",
    "{}",
    "m{a=~\"(\"}",
    "5m",
    "m offset 5m",
    "m @ 5",
    "m[5m] offset 1m",
    "time()",
    "-1",
    "{a=~\".*\"}",
    "m{__name__=\"x\"}",
    "0x1f",
    "NaN",
    "sum",
    "m[5m:1m]",
    "m{",
    "m[5m",
    "vector(1)",
];
const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "^",
    "==",
    "== bool",
    "+ bool",
    "and",
    "or",
    "unless",
    "and on (a)",
    "+ on (a) group_left (b)",
    "atan2",
];
const FUNCTIONS: &[&str] = &[
    "rate",
    "abs",
    "sum",
    "scalar",
    "vector",
    "clamp_max",
    "topk",
    "round",
    "nosuch",
    "sum by (a)",
    "label_join",
    "time",
];

/// Expressions of which many have wrong types, matchers or arguments, without what only one of the parsers knows.
pub fn sloppy_expression() -> impl Strategy<Value = String> {
    let leaf = words(LEAVES);
    leaf.prop_recursive(3, 10, 3, |inner| {
        let op = words(OPERATORS);
        let f = words(FUNCTIONS);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
            (f.clone(), inner.clone()).prop_map(|(f, e)| format!("{f}({e})")),
            (f, inner.clone(), inner.clone()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("-{e}")),
            inner.clone().prop_map(|e| format!("{e}[10m:1m]")),
            inner.prop_map(|e| format!("{e} offset 1h")),
        ]
    })
}
