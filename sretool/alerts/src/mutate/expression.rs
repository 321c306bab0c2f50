//! Small changes of an expression.

use promql::{
    AggregateOp, BinaryExpr, BinaryOp, Duration, Expr, ExprKind, Grouping, Literal, METRIC_NAME, VectorSelector,
};

/// By how much thresholds change.
const THRESHOLD_FACTOR: f64 = 1.5;

type Change = (String, Expr);

/// All expressions that differ from this one by one change, with the change in words.
pub(super) fn changes(expr: &Expr) -> Vec<Change> {
    let mut found = own_changes(expr);
    for (i, child) in expr.children().into_iter().enumerate() {
        for (change, changed) in changes(child) {
            found.extend(with_child(expr, i, changed).map(|expr| (change, expr)));
        }
    }
    found
}

/// The expression with another `index`th child, in the order of [`Expr::children`].
fn with_child(expr: &Expr, index: usize, child: Expr) -> Option<Expr> {
    let mut expr = expr.clone();
    match &mut expr.kind {
        ExprKind::Subquery(s) => s.expr = child,
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => **inner = child,
        ExprKind::Binary(b) if index == 0 => b.lhs = child,
        ExprKind::Binary(b) => b.rhs = child,
        ExprKind::Aggregate(a) => match &mut a.param {
            Some(param) if index == 0 => *param = child,
            _ => a.expr = child,
        },
        ExprKind::Call(call) => *call.args.get_mut(index)? = child,
        _ => return None,
    }
    Some(expr)
}

fn own_changes(expr: &Expr) -> Vec<Change> {
    match &expr.kind {
        ExprKind::Binary(b) => binary_changes(expr, b),
        ExprKind::Vector(selector) => {
            let rebuild = |selector| Expr { kind: ExprKind::Vector(selector), ..expr.clone() };
            selector_changes(selector).into_iter().map(|(change, s)| (change, rebuild(s))).collect()
        }
        ExprKind::Matrix(matrix) => {
            let with = |selector, range| {
                let kind = ExprKind::Matrix(promql::MatrixSelector { selector, range });
                Expr { kind, ..expr.clone() }
            };
            let selectors = selector_changes(&matrix.selector).into_iter();
            let ranges = range_changes(&matrix.range).into_iter();
            selectors
                .map(|(change, s)| (change, with(s, matrix.range.clone())))
                .chain(ranges.map(|(change, range)| (change, with(matrix.selector.clone(), range))))
                .collect()
        }
        ExprKind::Subquery(subquery) => {
            let with = |range| {
                let kind = ExprKind::Subquery(Box::new(promql::Subquery { range, ..(**subquery).clone() }));
                Expr { kind, ..expr.clone() }
            };
            range_changes(&subquery.range).into_iter().map(|(change, range)| (change, with(range))).collect()
        }
        ExprKind::Aggregate(_) => aggregate_changes(expr),
        _ => Vec::new(),
    }
}

fn binary_changes(expr: &Expr, binary: &BinaryExpr) -> Vec<Change> {
    let with = |changed: BinaryExpr| Expr { kind: ExprKind::Binary(Box::new(changed)), ..expr.clone() };
    let mut found = Vec::new();
    for op in other_operators(binary) {
        let change = format!("`{}` became `{}`", binary.op.as_str(), op.as_str());
        found.push((change, with(BinaryExpr { op, ..binary.clone() })));
    }
    if binary.op.is_set() {
        found.push((format!("right side of `{}` removed", binary.op.as_str()), binary.lhs.clone()));
        if binary.op != BinaryOp::Unless {
            found.push((format!("left side of `{}` removed", binary.op.as_str()), binary.rhs.clone()));
        }
    }
    if binary.op.is_comparison() {
        for (is_left, side) in [(true, &binary.lhs), (false, &binary.rhs)] {
            for (change, changed) in threshold_changes(side) {
                let mut binary = binary.clone();
                *(if is_left { &mut binary.lhs } else { &mut binary.rhs }) = changed;
                found.push((change, with(binary)));
            }
        }
    }
    found
}

fn other_operators(binary: &BinaryExpr) -> Vec<BinaryOp> {
    use BinaryOp::{Add, And, Div, Equal, Greater, GreaterEqual, Less, LessEqual, Mul, NotEqual, Or, Sub, Unless};
    let boundary = |op| if whole_number(&binary.lhs) || whole_number(&binary.rhs) { Some(op) } else { None };
    let pair = |reversed, nearby| std::iter::once(reversed).chain(boundary(nearby)).collect();
    match binary.op {
        Greater => pair(Less, GreaterEqual),
        GreaterEqual => pair(LessEqual, Greater),
        Less => pair(Greater, LessEqual),
        LessEqual => pair(GreaterEqual, Less),
        Equal => vec![NotEqual],
        NotEqual => vec![Equal],
        And => vec![Unless],
        Unless => vec![And],
        Or => vec![And],
        Add => vec![Sub],
        Sub => vec![Add],
        Mul => vec![Div],
        Div => vec![Mul],
        _ => Vec::new(),
    }
}

fn whole_number(expr: &Expr) -> bool {
    matches!(&expr.unparenthesized().kind, ExprKind::Number(Literal(v)) if v.fract() == 0.0)
}

/// A constant side of a comparison, larger and smaller.
fn threshold_changes(side: &Expr) -> Vec<Change> {
    if !is_constant(side) {
        return Vec::new();
    }
    if matches!(&side.unparenthesized().kind, ExprKind::Number(Literal(v)) if *v == 0.0) {
        return vec![("threshold 0 became 1".to_owned(), number(side, 1.0))];
    }
    let scaled = |op, word| {
        let product = BinaryExpr {
            op,
            lhs: Expr { kind: ExprKind::Paren(Box::new(side.clone())), span: side.span },
            rhs: number(side, THRESHOLD_FACTOR),
            return_bool: false,
            matching: promql::VectorMatching::default(),
        };
        let product = Expr { kind: ExprKind::Binary(Box::new(product)), span: side.span };
        let changed = Expr { kind: ExprKind::Paren(Box::new(product)), span: side.span };
        (format!("threshold {side} {word} {THRESHOLD_FACTOR}"), changed)
    };
    vec![scaled(BinaryOp::Mul, "times"), scaled(BinaryOp::Div, "divided by")]
}

fn number(place: &Expr, value: f64) -> Expr {
    Expr { kind: ExprKind::Number(Literal(value)), span: place.span }
}

fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => is_constant(inner),
        ExprKind::Binary(b) => is_constant(&b.lhs) && is_constant(&b.rhs),
        _ => false,
    }
}

fn selector_changes(selector: &VectorSelector) -> Vec<(String, VectorSelector)> {
    let mut found = Vec::new();
    for (i, matcher) in selector.matchers.iter().enumerate().filter(|(_, m)| &*m.name != METRIC_NAME) {
        if selector.metric_name().is_some() {
            let mut changed = selector.clone();
            changed.matchers.remove(i);
            found.push((format!("matcher `{matcher}` removed"), changed));
        }
    }
    if selector.offset.is_some() {
        found.push(("`offset` removed".to_owned(), VectorSelector { offset: None, ..selector.clone() }));
    }
    found
}

fn range_changes(range: &Duration) -> Vec<(String, Duration)> {
    let Duration::Seconds(Literal(seconds)) = range else { return Vec::new() };
    let changed = |factor: f64, word: &str| {
        let text = |s: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            rules::format_duration((s * 1000.0).round() as i64)
        };
        let to = seconds * factor;
        (format!("range {} {word} to {}", text(*seconds), text(to)), Duration::Seconds(Literal(to)))
    };
    vec![changed(2.0, "doubled"), changed(0.5, "halved")]
}

fn aggregate_changes(expr: &Expr) -> Vec<Change> {
    let ExprKind::Aggregate(aggregate) = &expr.kind else { return Vec::new() };
    let with = |changed| Expr { kind: ExprKind::Aggregate(Box::new(changed)), ..expr.clone() };
    let mut found = Vec::new();
    let other = match aggregate.op {
        AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Count => Some(AggregateOp::Max),
        AggregateOp::Max => Some(AggregateOp::Min),
        AggregateOp::Min => Some(AggregateOp::Max),
        _ => None,
    };
    if let Some(op) = other {
        let change = format!("`{}` became `{}`", aggregate.op.as_str(), op.as_str());
        found.push((change, with(promql::AggregateExpr { op, ..(**aggregate).clone() })));
    }
    let (Grouping::By(labels) | Grouping::Without(labels)) = &aggregate.grouping;
    for i in 0..labels.len() {
        let mut fewer = labels.clone();
        let name = fewer.remove(i);
        let grouping = match aggregate.grouping {
            Grouping::By(_) => Grouping::By(fewer),
            Grouping::Without(_) => Grouping::Without(fewer),
        };
        let changed = promql::AggregateExpr { grouping, ..(**aggregate).clone() };
        found.push((format!("grouping label `{name}` removed"), with(changed)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(src: &str) -> Vec<String> {
        let expr = promql::parse(src).unwrap();
        changes(&expr).into_iter().map(|(_, expr)| expr.to_string()).collect()
    }

    #[test]
    fn each_place_changes_once() {
        assert_eq!(changed("a > 2"), ["a < 2", "a >= 2", "a > ((2) * 1.5)", "a > ((2) / 1.5)"]);
        assert_eq!(changed("a > 0.5").len(), 3);
        assert_eq!(changed("a == 0"), ["a != 0", "a == 1"]);
        assert_eq!(changed("a and b"), ["a unless b", "a", "b"]);
        assert_eq!(changed("a unless b"), ["a and b", "a"]);
        assert_eq!(changed("a / b"), ["a * b"]);
        assert_eq!(changed("rate(a[5m])"), ["rate(a[10m])", "rate(a[2m30s])"]);
        assert_eq!(changed(r#"a{x="y"} offset 5m"#), ["a offset 5m", r#"a{x="y"}"#]);
        assert_eq!(changed("sum by (x) (a)"), ["max by (x) (a)", "sum(a)"]);
        assert_eq!(changed("max_over_time(a[1h:1m])").len(), 2);
        assert_eq!(changed("a"), [""; 0]);
    }

    #[test]
    fn every_change_is_promql() {
        let src = r#"(sum by (j) (rate(e{c=~"5.."}[1h])) / sum by (j) (rate(e[1h])) > 14.4 * 0.001) and absent(b) or topk(2, c) < 3"#;
        for text in changed(src) {
            promql::parse(&text).unwrap_or_else(|error| panic!("{}", error.render(&text)));
            assert_ne!(text, promql::parse(src).unwrap().to_string());
        }
    }
}
