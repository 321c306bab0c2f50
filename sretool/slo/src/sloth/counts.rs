//! From sloth's queries, which yield rates, to queries that count events: a rate over a window times its length is the
//! number of events in it, so `rate` becomes `increase` where nothing but sums and factors stand around it.

use promql::{AggregateOp, BinaryOp, Expr, ExprKind};

/// A window that no query holds; it stands in for the template while the query is parsed.
const PROBE: &str = "7919s";

/// What a query yields, as far as events are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Yield {
    /// Events a second.
    Rate,
    /// Events.
    Count,
    /// A constant, such as `vector(0)`.
    Constant,
}

/// The queries as counts of events, the window left open; `None` where they are something else.
pub(crate) fn from_rates(queries: [&str; 2]) -> Option<[String; 2]> {
    let [a, b] = queries.map(probe);
    let (a, b) = (a?, b?);
    let (left, right) = (promql::parse(&a).ok()?, promql::parse(&b).ok()?);
    match (kind(&left)?, kind(&right)?) {
        (Yield::Rate, Yield::Rate | Yield::Constant) | (Yield::Constant, Yield::Rate) => {
            Some([opened(&increases(&a, &left)), opened(&increases(&b, &right))])
        }
        (Yield::Count, Yield::Count | Yield::Constant) | (Yield::Constant, Yield::Count) => {
            Some([opened(&a), opened(&b)])
        }
        _ => None,
    }
}

/// The query with a window in place of the template.
pub(crate) fn probe(query: &str) -> Option<String> {
    crate::query::split_at_windows(query).ok().map(|pieces| pieces.join(PROBE))
}

fn opened(query: &str) -> String {
    query.replace(PROBE, "{{.window}}").trim().to_owned()
}

fn kind(expr: &Expr) -> Option<Yield> {
    match &expr.kind {
        ExprKind::Number(_) => Some(Yield::Constant),
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => kind(inner),
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Sum => kind(&aggregate.expr),
        ExprKind::Call(call) => match call.function.name {
            "rate" => Some(Yield::Rate),
            "increase" | "sum_over_time" | "count_over_time" => Some(Yield::Count),
            "vector" => Some(Yield::Constant),
            "clamp_min" | "clamp_max" | "label_replace" | "sort" => kind(call.args.first()?),
            _ => None,
        },
        ExprKind::Binary(binary) => match (binary.op, kind(&binary.lhs)?, kind(&binary.rhs)?) {
            (BinaryOp::Mul, Yield::Constant, other) | (BinaryOp::Mul | BinaryOp::Div, other, Yield::Constant) => {
                Some(other)
            }
            (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Or, a, b) if a == b || b == Yield::Constant => Some(a),
            (BinaryOp::Add | BinaryOp::Or, Yield::Constant, b) => Some(b),
            _ => None,
        },
        _ => None,
    }
}

/// The query with every call of `rate` replaced.
fn increases(query: &str, expr: &Expr) -> String {
    let mut starts = Vec::new();
    expr.walk(&mut |expr| {
        if matches!(&expr.kind, ExprKind::Call(call) if call.function.name == "rate") {
            starts.push(expr.span.start);
        }
    });
    starts.sort_unstable();
    let mut out = query.to_owned();
    for start in starts.into_iter().rev() {
        out.replace_range(start..start + "rate".len(), "increase");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_rates_become_sums_of_increases() {
        let counts = from_rates([
            "sum(rate(a_total{x=\"rate(\"}[{{.window}}])) + sum(rate(b[{{ .window }}])) or vector(0)",
            "sum(rate(c[{{.window}}])) * 2",
        ]);
        let [error, total] = counts.unwrap();
        let expected = "sum(increase(a_total{x=\"rate(\"}[{{.window}}])) + sum(increase(b[{{.window}}])) or vector(0)";
        assert_eq!(error, expected);
        assert_eq!(total, "sum(increase(c[{{.window}}])) * 2");
    }

    #[test]
    fn counts_stay_counts() {
        let queries = ["sum_over_time((count(x < 0.75))[{{.window}}:]) OR on() vector(0)", "sum(increase(c[$window]))"];
        let [error, total] = from_rates(queries).unwrap();
        assert_eq!(error, queries[0]);
        assert_eq!(total, "sum(increase(c[{{.window}}]))");
    }

    #[test]
    fn what_is_neither_is_left_alone() {
        let total = "sum(rate(c[{{.window}}]))";
        for error in [
            "sum(rate(a[{{.window}}])) > 1",
            "histogram_quantile(0.9, rate(a[{{.window}}]))",
            "avg(rate(a[{{.window}}]))",
            "sum(increase(a[{{.window}}]))",
            "sum(irate(a[{{.window}}]))",
            "sum(rate(a[{{.window}}])) / sum(rate(b[{{.window}}]))",
            "sum(",
            "{{.other}}",
        ] {
            assert_eq!(from_rates([error, total]), None, "{error}");
        }
    }
}
