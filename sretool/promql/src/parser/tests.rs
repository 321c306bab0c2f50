use super::parse;
use crate::{Expr, ExprKind, ParseErrorKind, Span, ValueType};

/// Checks the canonical form of an expression, and that the form is read back as the same expression.
#[track_caller]
fn check(src: &str, canonical: &str) {
    let expr = ok(src);
    assert_eq!(expr.to_string(), canonical);
    assert_eq!(ok(canonical), expr, "{canonical} is read as something else");
}

#[track_caller]
fn ok(src: &str) -> Expr {
    parse(src).unwrap_or_else(|e| panic!("{}", e.render(src)))
}

/// Checks that an expression is refused with a message that contains `part`, at the source text `at`.
#[track_caller]
fn refused(src: &str, part: &str, at: &str) {
    let error = parse(src).expect_err(src);
    assert!(error.message.contains(part), "{src}: {}", error.message);
    assert_eq!(&src[error.span.start..error.span.end], at, "{src}: {}", error.message);
}

#[test]
fn selectors() {
    check("up", "up");
    check("UP:x_1", "UP:x_1");
    check("up{}", "up");
    check(r#"up{job="a",}"#, r#"up{job="a"}"#);
    check(r#"up{job='a',b!="c", d=~"e.+" ,f!~`g\d`}"#, r#"up{job="a",b!="c",d=~"e.+",f!~"g\\d"}"#);
    check(r#"{"up", job="a"}"#, r#"up{job="a"}"#);
    check(r#"{job="a","my metric"}"#, r#"{"my metric",job="a"}"#);
    check(r#"{__name__="up", a="b"}"#, r#"up{a="b"}"#);
    check(r#"{__name__=~"up|down"}"#, r#"{__name__=~"up|down"}"#);
    check(r#"{"a.b"="c",on="d"}"#, r#"{"a.b"="c",on="d"}"#);
    check(r#"{"on"}"#, r#"{"on"}"#);
    check("# why\nup # because", "up");
}

#[test]
fn keywords_may_be_names() {
    for name in ["sum", "by", "offset", "and", "step", "start", "min_of", "without", "fill", "count_values"] {
        check(name, name);
        check(&format!("{name} + {name}"), &format!("{name} + {name}"));
    }
    check("sum by (sum, on) (sum)", "sum by (sum, on) (sum)");
    check(r#"sum by ("a.b", "x") (y)"#, r#"sum by ("a.b", x) (y)"#);
}

#[test]
fn modifiers_follow_selectors_in_any_order() {
    check("a offset 5m", "a offset 5m");
    check("a offset -90s @ 10", "a @ 10.000 offset -1m30s");
    check("a @ -1.5 offset 10", "a @ -1.500 offset 10s");
    check("a[5m] @ start()", "a[5m] @ start()");
    check("a[5m:] @ END() offset 1h", "a[5m:] @ end() offset 1h");
    check("a offset 0s", "a");
    check("(a + b)[1h:5m]", "(a + b)[1h:5m]");
    check("a[300]", "a[5m]");
    check("rate(a[5m])[1d:]", "rate(a[5m])[1d:]");
}

#[test]
fn durations_compute() {
    check("a[5m+1m*2]", "a[5m + 1m * 2s]");
    check("a[(5m+1m)*2]", "a[(5m + 1m) * 2s]");
    check("a[10-(3-2)]", "a[10s - (3s - 2s)]");
    check("a[2^3^2]", "a[2s ^ 3s ^ 2s]");
    check("a[(2^3)^2]", "a[(2s ^ 3s) ^ 2s]");
    check("a[-5m+35m]", "a[(-5m) + 35m]");
    check("a[max_of(STEP(), range()/2):step()]", "a[max_of(step(), range() / 2s):step()]");
    check("a offset (5m + 1m)", "a offset (5m + 1m)");
    check("a offset -step()", "a offset (-step())");
    check("a offset -(5m+1m)", "a offset (-(5m + 1m))");
    // An offset is one piece: the rest belongs to the expression.
    check("a offset 5m + 2", "a offset 5m + 2");
    check("a offset -2 ^ 2", "a offset -2s ^ 2");
}

#[test]
fn numbers_and_strings() {
    check("1e3", "1000");
    check("0x1F", "31");
    check("1e-7", "1e-7");
    check("1e300", "1e300");
    check("-inf", "-Inf");
    check("nan", "NaN");
    check("1h30m", "5400");
    check("--1", "1");
    check(r#"'it\'s'"#, r#""it's""#);
    check("`a\\n`", r#""a\\n""#);
}

#[test]
fn operators_bind_as_the_manual_says() {
    let shape = |src: &str| match ok(src).kind {
        ExprKind::Binary(b) => format!("[{}] {} [{}]", b.lhs, b.op, b.rhs),
        ExprKind::Unary(_, inner) => format!("- [{inner}]"),
        other => panic!("{other:?}"),
    };
    assert_eq!(shape("a + b * c"), "[a] + [b * c]");
    assert_eq!(shape("a - b - c"), "[a - b] - [c]");
    assert_eq!(shape("a ^ b ^ c"), "[a] ^ [b ^ c]");
    assert_eq!(shape("-a ^ b"), "- [a ^ b]");
    assert_eq!(shape("-a * b"), "[-a] * [b]");
    assert_eq!(shape("a ^ -b * c"), "[a ^ -b] * [c]");
    assert_eq!(shape("a or b and c unless d"), "[a] or [b and c unless d]");
    assert_eq!(shape("a == b + c"), "[a] == [b + c]");
    assert_eq!(shape("a atan2 b + c"), "[a atan2 b] + [c]");
}

#[test]
fn matching_and_aggregation() {
    check("a+on(x)b", "a + on (x) b");
    check("a + ignoring () b", "a + b");
    check("a + on () b", "a + on () b");
    check("a / IGNORING (x,) GROUP_LEFT (y, z) b", "a / ignoring (x) group_left (y, z) b");
    check("a > bool on (x) group_right b", "a > bool on (x) group_right () b");
    check("a AND on (x) b", "a and on (x) b");
    check("sum(a) by (x)", "sum by (x) (a)");
    check("SUM WITHOUT () (a)", "sum without () (a)");
    check("sum by () (a)", "sum(a)");
    check("topk(3, a)", "topk(3, a)");
    check("count_values without (x) ('v', a)", r#"count_values without (x) ("v", a)"#);
    check("limit_ratio(-0.5, a)", "limit_ratio(-0.5, a)");
}

#[test]
fn calls() {
    check("time()", "time()");
    check("START() + range()", "start() + range()");
    check("label_join(a, 'x', ',')", r#"label_join(a, "x", ",")"#);
    check("label_join(a, 'x', ',', 'y', 'z')", r#"label_join(a, "x", ",", "y", "z")"#);
    check("round(a)", "round(a)");
    check("histogram_quantile(0.9, sum by (le) (rate(b[5m])))", "histogram_quantile(0.9, sum by (le) (rate(b[5m])))");
}

#[test]
fn types() {
    for (src, wanted) in [
        ("1", ValueType::Scalar),
        ("'a'", ValueType::String),
        ("a", ValueType::Vector),
        ("a[5m]", ValueType::Matrix),
        ("a[5m:1m]", ValueType::Matrix),
        ("1 + 2", ValueType::Scalar),
        ("1 + a", ValueType::Vector),
        ("-(scalar(a))", ValueType::Scalar),
        ("sum(a)", ValueType::Vector),
        ("vector(1)", ValueType::Vector),
    ] {
        assert_eq!(ok(src).value_type(), wanted, "{src}");
    }
}

#[test]
fn syntax_errors_point_at_the_fault() {
    refused("", "no expression found", "");
    refused("a +", "expected an expression", "");
    refused("a b", "unexpected `b`", "b");
    refused("(a", "unclosed left parenthesis", "(");
    refused("sum(a", "unclosed left parenthesis", "(");
    refused("a)", "unexpected `)`", ")");
    refused("a{b=\"c\"", "unclosed left brace", "{");
    refused("a{b}", "expected \"=\"", "}");
    refused("a{b=c}", "a string in quotes", "c");
    refused("a[5]m", "unexpected `m`", "m");
    refused("a[0s]", "duration must be greater than 0", "0s");
    refused("a[5m", "expected \":\" or \"]\"", "");
    refused("a[]", "expected a number, a duration", "]");
    refused("sum(a,)", "trailing commas", ",");
    refused("sum(a, b)", "wrong number of arguments for aggregate", "sum(a, b)");
    refused("topk(a)", "wrong number of arguments for aggregate", "topk(a)");
    refused("a offset 5m offset 1m", "offset may not be set multiple times", "a offset 5m");
    refused("a @ 1 @ 2", "@ <timestamp> may not be set multiple times", "a @ 1");
    refused("(a) offset 5m", "offset modifier must be preceded by", "(a)");
    refused("(a)[5m]", "ranges only allowed for vector selectors", "[5m]");
    refused("a offset 5m [5m]", "no offset modifiers allowed before range", "[5m]");
    refused("a{b=~\"(\"}", "invalid regular expression", "b=~\"(\"");
    refused("a{__name__=\"b\"}", "metric name must not be set twice", "a{__name__=\"b\"}");
    refused("a + group_left b", "unexpected `group_left`", "group_left");
    refused("a[1/0]", "division by zero", "/");
    refused("a @ inf", "timestamp out of bounds", "inf");
    refused("1m1h", "bad number or duration", "1m1h");
}

#[test]
fn type_errors_point_at_the_fault() {
    refused("rate(a)", "expected type range vector in call to function \"rate\", got instant vector", "a");
    refused("sum(1)", "expected type instant vector in aggregation expression, got scalar", "1");
    refused("topk(a, b)", "expected type scalar in aggregation parameter, got instant vector", "a");
    refused("a[5m] + 1", "must contain only scalar and instant vector types", "a[5m]");
    refused("1 == 2", "comparisons between scalars must use BOOL modifier", "1 == 2");
    refused("a + bool b", "bool modifier can only be used on comparison", "a + bool b");
    refused("1 and a", "set operator \"and\" not allowed in binary scalar expression", "1 and a");
    refused("1 + on (x) a", "vector matching only allowed between instant vectors", "1 + on (x) a");
    refused("a and on (x) group_left b", "no grouping allowed for \"and\" operation", "a and on (x) group_left b");
    refused("a + on (x) group_left (x) b", "must not occur in ON and GROUP clause", "a + on (x) group_left (x) b");
    refused("{}", "at least one non-empty matcher", "{}");
    refused("{a=~\".*\"}", "at least one non-empty matcher", "{a=~\".*\"}");
    refused("-'a'", "unary expression only allowed", "-'a'");
    refused("1[5m:1m]", "subquery is only allowed on instant vector, got scalar", "1[5m:1m]");
    refused("rate(a[5m], 1)", "expected 1 argument(s) in call to \"rate\", got 2", "rate(a[5m], 1)");
    refused("label_join(a)", "expected at least 3 argument(s)", "label_join(a)");
    refused("round(a, 1, 2)", "expected at most 2 argument(s)", "round(a, 1, 2)");
    refused("time(1)", "expected 0 argument(s)", "time(1)");
}

#[test]
fn extended_selectors() {
    check("rate(a[5m] anchored)", "rate(a[5m] anchored)");
    check("a @ 5 offset 1m SMOOTHED", "a @ 5.000 offset 1m smoothed");
    check("a smoothed offset 1m", "a offset 1m smoothed");
    check("anchored + smoothed", "anchored + smoothed");
    refused("a[5m] anchored smoothed", "cannot be used together", "a[5m] anchored");
    refused("a[5m:1m] anchored", "not supported for subqueries", "a[5m:1m]");
    refused("sum(a) smoothed", "must be preceded by a selector", "sum(a)");
}

#[test]
fn missing_series_are_filled() {
    check("a + fill (0) b", "a + fill (0) b");
    check("a + on (x) fill_left(-1) b", "a + on (x) fill_left (-1) b");
    check("a > bool on (x) group_left (y) fill_right (5m) fill_left (NaN) b", {
        "a > bool on (x) group_left (y) fill_left (NaN) fill_right (300) b"
    });
    check("a + fill_left (1) fill_right (1) b", "a + fill (1) b");
    check("fill + fill_left", "fill + fill_left");
    refused("a and fill (0) b", "not allowed for set operators", "a and fill (0) b");
    refused("a + fill (0) 1", "only allowed between instant vectors", "a + fill (0) 1");
    refused("a + fill (b) c", "unexpected `b`", "b");
}

#[test]
fn histograms_are_trimmed() {
    check("a </ 5 + 1", "a </ 5 + 1");
    check("a >/ on (x) b", "a >/ on (x) b");
    refused("1 </ 2", "not allowed for Scalar operations", "1 </ 2");
    refused("a </ bool 2", "bool modifier can only be used on comparison operators", "a </ bool 2");
}

#[test]
fn info_takes_matchers_of_labels() {
    check("info(a)", "info(a)");
    check("info(a, {})", "info(a, {})");
    check("info(rate(a[5m]), {x=~\".*\", __name__=\"b_info\"})", {
        "info(rate(a[5m]), {__name__=\"b_info\",x=~\".*\"})"
    });
    refused("info(a, b)", "expected label selectors only", "b");
    refused("info()", "expected at least 1 argument(s)", "info()");
}

#[test]
fn unsupported_constructs_are_named() {
    let src = r#"label_replace(a, "b", "\xff", "c", "d")"#;
    let error = parse(src).expect_err(src);
    let construct = r#"a string that is not valid UTF-8, "\xff","#;
    assert_eq!(error.kind, ParseErrorKind::Unsupported(construct.into()));
    assert_eq!(&src[error.span.start..error.span.end], r#""\xff""#);
    refused(r#"count_values("a\xc5z", b)"#, r#"invalid label name "a\xc5z""#, r#""a\xc5z""#);
}

#[test]
fn remedies() {
    let remedy = |src: &str| parse(src).expect_err(src).remedy.unwrap_or_default();
    assert_eq!(remedy("raet(a[5m])"), "did you mean `rate`?");
    assert_eq!(remedy("rate(a)"), "add a range such as `[5m]`");
    assert_eq!(remedy("1 < 2"), "write `< bool`");
    assert_eq!(remedy("(a)[5m]"), "write `[5m:1m]` to make a subquery");
    let src = "sum(\n  rate(a)\n)";
    let shown = parse(src).expect_err(src).render(src);
    assert_eq!(
        shown,
        "2:8: expected type range vector in call to function \"rate\", got instant vector\n  |\n\
         2 |   rate(a)\n  |        ^\n  \
         = help: add a range such as `[5m]`"
    );
}

#[test]
fn spans_cover_their_expression() {
    let src = "sum by (x) (rate(a{b=\"c\"}[5m] offset 1m)) / 2";
    let expr = ok(src);
    let mut found = Vec::new();
    expr.walk(&mut |e| found.push(&src[e.span.start..e.span.end]));
    assert_eq!(
        found,
        [
            src,
            "sum by (x) (rate(a{b=\"c\"}[5m] offset 1m))",
            "rate(a{b=\"c\"}[5m] offset 1m)",
            "a{b=\"c\"}[5m] offset 1m",
            "2"
        ]
    );
    assert_eq!(ok(" \n  a").span, Span { start: 4, end: 5, line: 2, column: 3 });
}

#[test]
fn selectors_are_listed() {
    let expr = ok("sum(rate(a{b=\"c\"}[5m])) / on () (d offset 1h or vector(1))");
    let found: Vec<_> = expr.selectors().iter().map(|s| (s.selector.metric_name(), s.range.is_some())).collect();
    assert_eq!(found, [(Some("a"), true), (Some("d"), false)]);
    assert_eq!(ok("info(a, {b=\"c\"}) + d").selectors().len(), 2);
}

#[test]
fn deep_nesting_is_refused_and_not_fatal() {
    let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&nested(20)).is_ok());
    for src in [
        nested(100_000),
        "-".repeat(100_000) + "a",
        "a".to_owned() + &"+a".repeat(100_000),
        "a".to_owned() + &"^a".repeat(100_000),
        "a".to_owned() + &" > a + a".repeat(100_000),
        "a offset ".to_owned() + &"-".repeat(100_000) + "5m",
        format!("a[{}5m{}]", "(".repeat(100_000), ")".repeat(100_000)),
        format!("a[5m{}]", "+5m".repeat(100_000)),
        "abs(".repeat(100_000),
    ] {
        assert_eq!(parse(&src).expect_err("too deep").kind, ParseErrorKind::TooDeep, "{}", &src[..20]);
    }
    // A chain of alternatives as rule files have them is well within the limit.
    assert!(parse(&("a".to_owned() + &" or a".repeat(100))).is_ok());
}
