//! Expressions over several lines, broken and indented as Prometheus does.

use promql::{Expr, ExprKind};

/// Longer expressions are broken.
const WIDTH: usize = 100;

/// The expression as it would be written.
pub(super) fn pretty(expr: &Expr) -> String {
    at(expr, 0)
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn at(expr: &Expr, level: usize) -> String {
    let (whole, indent) = (expr.to_string(), indent(level));
    if whole.len() <= WIDTH {
        return format!("{indent}{whole}");
    }
    let block = |head: &str, inner: String| format!("{indent}{head}(\n{inner}\n{indent})");
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => {
            format!("{indent}{whole}")
        }
        ExprKind::Subquery(subquery) => {
            let suffix = whole.strip_prefix(&subquery.expr.to_string()).unwrap_or_default().to_owned();
            at(&subquery.expr, level) + &suffix
        }
        ExprKind::Unary(_, inner) => {
            let op = whole.strip_suffix(&inner.to_string()).unwrap_or_default().to_owned();
            format!("{indent}{op}{}", at(inner, level).trim())
        }
        ExprKind::Paren(inner) => block("", at(inner, level + 1)),
        ExprKind::Binary(binary) => {
            let (lhs, rhs) = (&binary.lhs, &binary.rhs);
            // What stands between the operands: the operator with its modifiers.
            let middle = whole.strip_prefix(&lhs.to_string()).and_then(|rest| rest.strip_suffix(&rhs.to_string()));
            let op = middle.unwrap_or_default().trim();
            format!("{}\n{indent}{op}\n{}", at(lhs, level + 1), at(rhs, level + 1))
        }
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map(|param| format!("{param}, ")).unwrap_or_default();
            let arguments = format!("({param}{})", aggregate.expr);
            let head = whole.strip_suffix(&arguments).unwrap_or_default().to_owned();
            let param = aggregate.param.as_ref().map(|param| at(param, level + 1) + ",\n").unwrap_or_default();
            block(&head, param + &at(&aggregate.expr, level + 1))
        }
        ExprKind::Call(call) => {
            let arguments: Vec<_> = call.args.iter().map(|argument| at(argument, level + 1)).collect();
            block(call.function.name, arguments.join(",\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text reads as the same expression, and looks as expected.
    #[track_caller]
    fn check(source: &str, expected: &str) {
        let expr = promql::parse(source).unwrap();
        let text = pretty(&expr);
        assert_eq!(text, expected);
        assert_eq!(promql::parse(&text).unwrap(), expr);
    }

    const LONG: &str =
        "a_metric_with_a_long_name{label_one=\"value one\",label_two=\"value two\",label_three=\"three\"}";

    #[test]
    fn short_expressions_stay_on_a_line() {
        check("sum(up)by(job)", "sum by (job) (up)");
    }

    #[test]
    fn long_ones_break_at_their_operators_and_parentheses() {
        check(
            &format!("sum by (job) (rate({LONG}[5m])) / on (job) group_left () (topk(3, {LONG}))"),
            &format!(
                "  sum by (job) (\n    rate({LONG}[5m])\n  )\n/ on (job) group_left ()\n  (\n    topk(3, {LONG})\n  )"
            ),
        );
        check(
            &format!("-clamp(max_over_time(({LONG} > 5)[1h:1m]), 0, 1)"),
            &format!("-clamp(\n  max_over_time(\n    ({LONG} > 5)[1h:1m]\n  ),\n  0,\n  1\n)"),
        );
    }
}
