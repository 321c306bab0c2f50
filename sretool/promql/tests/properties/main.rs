//! Properties of the parser and the evaluator over random expressions.

#[path = "../common/expressions.rs"]
mod expressions;
#[path = "../common/histograms.rs"]
mod histograms;
#[path = "../common/memory.rs"]
#[expect(dead_code, reason = "stores are random here")]
mod memory;

use expressions::{any_expression, sloppy_expression, vector_expression};
use memory::Memory;
use promql::{
    BinaryOp, Compat, Engine, EngineOptions, EvalError, Expr, ExprKind, Labels, Sample, SeriesData, UnaryOp, Value,
    ValueType, VectorSample, parse,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// So many cases, unless `PROPTEST_CASES` asks for another number.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { failure_persistence: None, cases: asked.unwrap_or(cases), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn what_is_printed_is_read_back(src in any_expression()) {
        let expr = parse(&src).map_err(|e| TestCaseError::fail(e.render(&src)))?;
        let printed = expr.to_string();
        let again = parse(&printed).map_err(|e| TestCaseError::fail(e.render(&printed)))?;
        prop_assert_eq!(&again, &expr, "{} became {}", src, printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(src in any::<String>()) {
        if let Err(error) = parse(&src) {
            prop_assert!(!error.render(&src).is_empty());
        }
    }

    #[test]
    fn no_sequence_of_tokens_makes_the_parser_panic(src in tokens()) {
        match parse(&src) {
            Err(error) => prop_assert!(error.span.start <= error.span.end && error.span.end <= src.len()),
            Ok(expr) => prop_assert_eq!(parse(&expr.to_string()), Ok(expr)),
        }
    }

    #[test]
    fn another_parser_agrees_on_what_is_promql(src in sloppy_expression()) {
        let ours = parse(&src);
        let theirs = promql_parser::parser::parse(&src);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}\nours: {:?}\ntheirs: {:?}", src, ours.err(), theirs.err());
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn a_range_query_is_its_instant_queries(
        src in vector_expression(),
        store in stores(),
        start in 0..40i64,
        step in 1..40i64,
    ) {
        let expr = parse(&src).map_err(|e| TestCaseError::fail(e.render(&src)))?;
        // Where `or` joins a metric and a computed series of one name, Prometheus 3 drops the name for the whole range
        // if it does so at one time; 2.42 drops names at once, so that times are independent of each other.
        let compat = if src.contains(" or") { Compat::V2_42 } else { Compat::V3 };
        let (lookback_ms, default_step_ms) = (20_000, 5000);
        let engine = Engine::new(EngineOptions { lookback_ms, default_step_ms, compat, ..EngineOptions::default() });
        let (start, step) = (start * 1000, step * 1000);
        let end = start + 5 * step;
        let times = (0..=5).map(|i| start + i * step);
        let at = |t| engine.instant(&store, &expr, t).map(|e| (t, e.value));
        let instants: Result<Vec<_>, _> = times.map(at).collect();
        match (engine.range(&store, &expr, start, end, step), instants) {
            (Ok(range), Ok(instants)) => {
                let mut wanted: BTreeMap<(String, i64), f64> = BTreeMap::new();
                for (t, value) in instants {
                    let Value::Vector(samples) = value else { return Err(TestCaseError::fail("no vector")) };
                    wanted.extend(samples.into_iter().map(|s| ((s.labels.to_string(), t), s.v)));
                }
                let Value::Matrix(series) = range.value else { return Err(TestCaseError::fail("no matrix")) };
                let mut got = BTreeMap::new();
                for s in series {
                    got.extend(s.samples.iter().map(|sample| ((s.labels.to_string(), sample.t), sample.v)));
                }
                prop_assert!(got.keys().eq(wanted.keys()), "{}\ngot {:?}\nwanted {:?}", src, got, wanted);
                for (key, v) in &wanted {
                    prop_assert!(close(got[key], *v), "{} {:?}: {} and {}", src, key, got[key], v);
                }
            }
            // A single faulty step fails the whole range.
            (Err(_), Err(_)) => {}
            // A subquery is evaluated at times between the windows too, and may fail there.
            (Err(_), Ok(_)) if src.contains(':') => {}
            // 2.42 looks for equal label sets in the whole range of these, not time by time as it does elsewhere.
            (Err(EvalError::DuplicateLabels), Ok(_)) if compat == Compat::V2_42 && merges_names(&expr) => {}
            (range, instants) => prop_assert!(false, "{}\nrange {:?}\ninstants {:?}", src, range, instants),
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_range_query_over_histograms_is_its_instant_queries(
        src in histograms::expression(),
        store in [histograms::series("h", "x"), histograms::series("h", "y"), histograms::series("g", "x")],
        start in 0..40i64,
        step in 1..40i64,
    ) {
        // As above: `or` makes Prometheus 3 drop a name for the whole range.
        prop_assume!(!src.contains(" or"));
        let expr = parse(&src).map_err(|e| TestCaseError::fail(e.render(&src)))?;
        let engine = Engine::new(EngineOptions { lookback_ms: 20_000, ..EngineOptions::default() });
        let store = Memory::from(store.to_vec());
        let (start, step) = (start * 1000, step * 1000);
        let times = (0..=5).map(|i| start + i * step);
        let instants: Result<Vec<_>, _> =
            times.map(|t| engine.instant(&store, &expr, t).map(|e| (t, e.value))).collect();
        match (engine.range(&store, &expr, start, start + 5 * step, step), instants) {
            (Ok(range), Ok(instants)) => {
                let mut wanted = BTreeMap::new();
                for (t, value) in instants {
                    let Value::Vector(samples) = value else { return Err(TestCaseError::fail("no vector")) };
                    let shown = |s: VectorSample| match s.histogram {
                        Some(h) => format!("{:?}", *h),
                        None => s.v.to_string(),
                    };
                    wanted.extend(samples.into_iter().map(|s| ((s.labels.to_string(), t), shown(s))));
                }
                let Value::Matrix(series) = range.value else { return Err(TestCaseError::fail("no matrix")) };
                let mut got = BTreeMap::new();
                for s in series {
                    got.extend(s.samples.iter().map(|x| ((s.labels.to_string(), x.t), x.v.to_string())));
                    got.extend(s.histograms.iter().map(|x| ((s.labels.to_string(), x.t), format!("{:?}", *x.h))));
                }
                prop_assert_eq!(got, wanted, "{}", src);
            }
            (Err(_), Err(_)) => {}
            (Err(_), Ok(_)) if src.contains(':') => {}
            (range, instants) => prop_assert!(false, "{}\nrange {:?}\ninstants {:?}", src, range, instants),
        }
    }
}

/// Whether a sign or a function over ranges takes the names off series that may differ in their names.
fn merges_names(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |part| {
        found |= match &part.kind {
            ExprKind::Unary(UnaryOp::Minus, inner) => several_names(inner),
            ExprKind::Call(call) if !matches!(call.function.name, "first_over_time" | "last_over_time") => {
                call.args.iter().any(|arg| arg.value_type() == ValueType::Matrix && several_names(arg))
            }
            _ => false,
        }
    });
    found
}

/// Whether the series of an expression may have different names: by a selector without a name, or by `or`.
fn several_names(expr: &Expr) -> bool {
    let mut found = expr.selectors().iter().any(|s| s.selector.metric_name().is_none());
    expr.walk(&mut |part| found |= matches!(&part.kind, ExprKind::Binary(b) if b.op == BinaryOp::Or));
    found
}

/// Equal up to the rounding that another order of addition brings.
fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-6)
}

#[test]
fn only_2_42_refuses_series_that_differ_in_name_for_a_whole_range() {
    let series =
        |name: &str, t: i64| SeriesData::new(Labels::new([("__name__", name), ("job", "x")]), [Sample { t, v: 1.0 }]);
    let store = Memory::from(vec![series("m", 5000), series("n", 15_000)]);
    for (src, refused) in [
        ("changes({job=\"x\"}[10s])", true),
        ("-{job=\"x\"}", true),
        ("last_over_time({job=\"x\"}[10s])", false),
        ("abs({job=\"x\"})", false),
        ("changes(m[10s])", false),
    ] {
        let expr = parse(src).unwrap();
        for compat in [Compat::V2_42, Compat::V3] {
            let engine = Engine::new(EngineOptions { lookback_ms: 9999, compat, ..EngineOptions::default() });
            for t in [10_000, 20_000] {
                assert!(engine.instant(&store, &expr, t).is_ok(), "{src} {compat:?}");
            }
            let range = engine.range(&store, &expr, 10_000, 20_000, 10_000);
            assert_eq!(range.is_err(), refused && compat == Compat::V2_42, "{src} {compat:?}: {range:?}");
        }
        assert_eq!(merges_names(&expr), refused, "{src}");
    }
}

const TOKENS: &str = "\
    a sum by ( ) { } [ ] , = != =~ \"x\" 'y' 5m 1 0x1f 1e3 - + * / ^ % < > == >= and or unless offset @ : \
    rate on ignoring group_left bool inf nan start step # ` atan2 without topk </ é . _ min_of anchored \
    fill";

fn tokens() -> impl Strategy<Value = String> {
    let mut tokens: Vec<_> = TOKENS.split_whitespace().collect();
    tokens.push("\n");
    prop::collection::vec(prop::sample::select(tokens), 0..20).prop_map(|tokens| tokens.join(" "))
}

/// Stores of a few series with gaps, resets, NaN and stale markers.
fn stores() -> impl Strategy<Value = Memory> {
    let value = prop_oneof![
        8 => (0..20i64).prop_map(|v| v as f64),
        1 => Just(f64::NAN),
        1 => Just(promql::stale_nan()),
        1 => Just(f64::INFINITY),
    ];
    let samples = prop::collection::btree_map(0..200_000i64, value, 0..60)
        .prop_map(|m| m.into_iter().map(|(t, v)| Sample { t, v }).collect::<Vec<_>>());
    prop::collection::vec(samples, 8).prop_map(|all| {
        let series = all.into_iter().enumerate().map(|(i, samples)| {
            let names = ["m", "m", "m", "n", "n", "b_bucket", "b_bucket", "b_bucket"];
            let bounds = ["", "", "", "", "", "1", "2", "+Inf"];
            let job = ["x", "y", "z", "x", "y", "x", "x", "x"];
            let labels = Labels::new([("__name__", names[i]), ("job", job[i]), ("le", bounds[i])]);
            SeriesData::new(labels, samples)
        });
        Memory::from(series.filter(|s| !s.samples.is_empty()).collect::<Vec<_>>())
    })
}
