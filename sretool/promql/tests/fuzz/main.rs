//! No input makes the lexer, the parser or the evaluator panic, hang or exceed its limits.
//!
//! `PROPTEST_CASES` sets how many cases each entry point gets.

#[path = "../common/expressions.rs"]
#[expect(dead_code, reason = "not every generator is of use here")]
mod expressions;
#[path = "../common/histograms.rs"]
mod histograms;
#[path = "../common/memory.rs"]
#[expect(dead_code, reason = "stores are random here")]
mod memory;

use memory::Memory;
use promql::{Compat, Engine, EngineOptions, Expr, Labels, MatchOp, Matcher, Sample, SeriesData, parse};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// So many cases, unless `PROPTEST_CASES` asks for another number.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { failure_persistence: None, cases: asked.unwrap_or(cases), ..ProptestConfig::default() }
}

/// Far more than any case takes: what exceeds it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_SAMPLES: usize = 200_000;

/// Parses and, where that succeeds, evaluates at a time and over a range, with every compatibility.
fn run(store: &Memory, src: &str, times: [i64; 3]) {
    let patience = Instant::now();
    match parse(src) {
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= src.len(), "{src:?}: {error:?}");
            assert!(error.render(src).contains('^'));
        }
        Ok(expr) => {
            assert_eq!(parse(&expr.to_string()).as_ref(), Ok(&expr), "{src:?}");
            evaluate(store, &expr, times);
        }
    }
    assert!(patience.elapsed() < PATIENCE, "hangs: {src}");
}

fn evaluate(store: &Memory, expr: &Expr, [start, width, step]: [i64; 3]) {
    for compat in [Compat::V3, Compat::V2_42] {
        let options =
            EngineOptions { compat, max_samples: MAX_SAMPLES, default_step_ms: 7000, ..EngineOptions::default() };
        let engine = Engine::new(options);
        if let Ok(evaluation) = engine.instant(store, expr, start) {
            assert!(evaluation.value.sample_count() <= MAX_SAMPLES);
        }
        if let Ok(evaluation) = engine.range(store, expr, start, start.saturating_add(width), step) {
            assert!(evaluation.value.sample_count() <= MAX_SAMPLES);
        }
    }
}

fn small_store() -> Memory {
    let series = |name: &str, job: &str, le: &str, n: i64| {
        let samples: Vec<_> = (0..30).map(|i| Sample { t: i * 5000 + n, v: (i * n % 11) as f64 }).collect();
        SeriesData::new(Labels::new([("__name__", name), ("job", job), ("le", le), ("a", "b")]), samples)
    };
    Memory::from(vec![
        series("m", "x", "", 1),
        series("m", "y", "", 2),
        series("n", "x", "", 3),
        series("b_bucket", "x", "1", 4),
        series("b_bucket", "x", "+Inf", 5),
        series("target_info", "x", "", 6),
    ])
}

/// Times at which queries are asked, the extremes among them.
fn times() -> impl Strategy<Value = [i64; 3]> {
    let extreme = prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]);
    let start = prop_oneof![8 => 0..200_000i64, 1 => extreme.clone()];
    let width = prop_oneof![8 => 0..300_000i64, 1 => extreme.clone()];
    let step = prop_oneof![8 => 1..60_000i64, 1 => extreme];
    (start, width, step).prop_map(|(start, width, step)| [start, width, step])
}

/// Cuts, repeats and replaces parts of a text, at places and with pieces that the numbers choose.
fn mutate(src: &str, edits: &[(u8, u16, u16)]) -> String {
    const PIECES: &str = "( ) [ ] { } , : @ offset -1 1e308 9223372036s 0x7fffffffffffffff NaN by () on ignoring \
        group_left bool \"\\xff\" '' ` # [5m] [1ms:1ms] {} sum rate info anchored smoothed fill </ >/ step() ^ == =~ \
        \u{e9} \u{0} histogram_quantile limit_ratio start() .5 5m1s __name__ unless";
    let pieces: Vec<_> = PIECES.split_whitespace().collect();
    let mut chars: Vec<char> = src.chars().collect();
    for (kind, at, with) in edits {
        let at = usize::from(*at) % (chars.len() + 1);
        let len = usize::from(*with) % 9;
        let end = (at + len).min(chars.len());
        match kind % 4 {
            0 => drop(chars.drain(at..end)),
            1 => {
                let again: Vec<_> = chars[at..end].to_vec();
                chars.splice(at..at, again);
            }
            2 => {
                let piece = pieces[usize::from(*with) % pieces.len()];
                chars.splice(at..at, format!(" {piece} ").chars());
            }
            _ => {
                let piece = pieces[usize::from(*with) % pieces.len()];
                chars.splice(at..end, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        run(&small_store(), &String::from_utf8_lossy(&bytes), [0, 10_000, 1000]);
    }

    #[test]
    fn mutated_expressions(
        src in expressions::any_expression(),
        edits in prop::collection::vec(any::<(u8, u16, u16)>(), 0..5),
        times in times(),
    ) {
        run(&small_store(), &mutate(&src, &edits), times);
    }

    #[test]
    fn huge_numbers_and_durations(
        form in prop::sample::select(vec![
            "m offset #", "m offset -#", "m @ #", "rate(m[#])", "sum_over_time(m[1m:#])", "max_over_time(m[#:1ms])",
            "sum_over_time(m[# + step()])", "topk(#, m)", "limitk(#, m)", "limit_ratio(#, m)", "quantile(#, m)",
            "m ^ #", "m % #", "vector(#)", "clamp(m, #, -#)", "round(m, #)", "predict_linear(m[5m], #)",
            "histogram_quantile(#, b_bucket)", "histogram_fraction(#, 1, b_bucket)", "m[#:#] @ # offset -#",
            "sum_over_time((m[1m:1s])[#:1s])", "year(vector(#))", "days_in_month(vector(#))", "m + fill (#) n",
            "count_values('v', m * #)", "double_exponential_smoothing(m[5m], #, 0.5)", "rate(m[#] anchored)",
            "rate(m[#] smoothed)", "m smoothed offset #",
        ]),
        number in prop::sample::select(vec![
            "0", "1", "1e308", "1e400", "-1e308", "5e-324", "9223372036.854775", "9223372036854775807", "1e18", "1e12",
            "292y", "9223372036s", "1ms", "Inf", "NaN", "0x7fffffffffffffff", "0.0001", "106751d",
        ]),
        times in times(),
    ) {
        run(&small_store(), &form.replace('#', number), times);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn histograms_of_every_kind(
        src in histograms::expression(),
        store in [histograms::series("h", "x"), histograms::series("h", "y"), histograms::series("g", "x")],
        times in times(),
    ) {
        run(&Memory::from(store.to_vec()), &src, times);
    }

    #[test]
    fn regular_expressions(pattern in "[ab.*+?|()\\[\\]{}0-9^$\\\\-]{0,24}", length in 0..5000usize) {
        let started = Instant::now();
        for op in [MatchOp::Regex, MatchOp::NotRegex] {
            if let Ok(matcher) = Matcher::new("a", op, &pattern) {
                matcher.matches(&"ab".repeat(length));
            }
        }
        let quoted = pattern.replace('\\', "\\\\").replace('"', "\\\"");
        run(&small_store(), &format!("m{{a=~\"{quoted}\"}}"), [60_000, 60_000, 15_000]);
        let replace = format!("label_replace(m, \"z\", \"$1${{2}}$0\", \"a\", \"{quoted}\")");
        run(&small_store(), &replace, [60_000, 60_000, 15_000]);
        assert!(started.elapsed() < PATIENCE, "hangs: {pattern}");
    }
}

#[test]
fn regular_expressions_that_explode_elsewhere() {
    let text = "a".repeat(20_000) + "!";
    let started = Instant::now();
    for pattern in
        ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*)*b", "(x+x+)+y", "a{1000}{1000}{1000}", "((a{100}){100}){100}"]
    {
        if let Ok(matcher) = Matcher::new("a", MatchOp::Regex, pattern) {
            assert!(!matcher.matches(&text), "{pattern}");
        }
    }
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn answers_beyond_the_limit_are_refused_before_memory_is_taken() {
    let store = small_store();
    let engine = Engine::new(EngineOptions { max_samples: 10_000, ..EngineOptions::default() });
    for src in
        ["1", "m", "sum_over_time(m[100y:1ms])", "sum_over_time(max_over_time(m[1y:1s])[1y:1s])", "m @ 5", "time()"]
    {
        let expr = parse(src).unwrap();
        let result = engine.range(&store, &expr, 0, i64::MAX / 2, 1);
        let message = result.expect_err(src).to_string();
        assert!(message.contains("10000") || message.contains("10,000"), "{src}: {message}");
    }
}

proptest! {
    // Each case is a long text three times over.
    #![proptest_config(ProptestConfig { cases: 40, ..config(40) })]

    #[test]
    fn deep_nesting(
        opening in prop::sample::select(vec!["(", "-", "abs(", "sum(", "m + ", "{", "m[5m:", "max_of(1, ", "m ^ -"]),
        other in prop::sample::select(vec!["(", "scalar(", "vector(", "m or ", "sum by (a) (", "+"]),
        depth in 1..600usize,
    ) {
        run(&small_store(), &format!("{}m", opening.repeat(depth)), [0, 0, 1]);
        run(&small_store(), &format!("{}m", format!("{opening}{other}").repeat(depth)), [0, 0, 1]);
        let closed = format!("{}m{}", opening.repeat(depth), ")".repeat(depth));
        run(&small_store(), &closed, [0, 10_000, 5000]);
    }
}
