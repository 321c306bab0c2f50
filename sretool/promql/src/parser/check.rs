//! Type rules, checked as each node is made; messages as in Prometheus.

use super::Parsed;
use crate::ast::{AggregateExpr, AggregateOp, BinaryExpr, Call, Cardinality, Expr, ExprKind, Span, ValueType};
use crate::error::ParseError;
use crate::functions::Variadic;

pub(super) fn check(expr: &Expr) -> Parsed<()> {
    match &expr.kind {
        ExprKind::Vector(selector) => {
            if selector.matchers.iter().all(|m| m.matches("")) {
                let message = "vector selector must contain at least one non-empty matcher";
                return Err(ParseError::of_type(message, expr.span));
            }
            Ok(())
        }
        ExprKind::Subquery(s) => match s.expr.value_type() {
            ValueType::Vector => Ok(()),
            other => {
                let message = format!("subquery is only allowed on instant vector, got {} instead", other.as_str());
                Err(ParseError::of_type(message, expr.span))
            }
        },
        ExprKind::Unary(_, inner) => match inner.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => {
                let message = format!(
                    "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                    other.as_str()
                );
                Err(ParseError::of_type(message, expr.span))
            }
        },
        ExprKind::Binary(b) => binary(b, expr.span),
        ExprKind::Aggregate(a) => aggregate(a),
        ExprKind::Call(c) => call(c, expr.span),
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Matrix(_) | ExprKind::Paren(_) => Ok(()),
    }
}

fn expect(expr: &Expr, wanted: ValueType, context: &str) -> Parsed<()> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    let message = format!("expected type {} in {context}, got {}", wanted.as_str(), found.as_str());
    let error = ParseError::of_type(message, expr.span);
    Err(match (wanted, found) {
        (ValueType::Matrix, ValueType::Vector) => error.with_remedy("add a range such as `[5m]`"),
        (ValueType::Vector, ValueType::Scalar) => error.with_remedy("`vector(…)` makes a vector of a scalar"),
        (ValueType::Scalar, ValueType::Vector) => error.with_remedy("`scalar(…)` makes a scalar of a vector"),
        _ => error,
    })
}

fn binary(b: &BinaryExpr, span: Span) -> Parsed<()> {
    let fail = |message: String| Err(ParseError::of_type(message, span));
    let types = (b.lhs.value_type(), b.rhs.value_type());
    for (side, found) in [(&b.lhs, types.0), (&b.rhs, types.1)] {
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            return Err(ParseError::of_type(message, side.span));
        }
    }
    if b.return_bool && !b.op.is_comparison() {
        return fail("bool modifier can only be used on comparison operators".into());
    }
    if types == (ValueType::Scalar, ValueType::Scalar) && b.op.is_comparison() && !b.return_bool {
        let error = ParseError::of_type("comparisons between scalars must use BOOL modifier", span);
        return Err(error.with_remedy(format!("write `{} bool`", b.op)));
    }
    let both = matching_rules(b, types);
    both.map_or_else(|| Ok(()), fail)
}

fn matching_rules(b: &BinaryExpr, types: (ValueType, ValueType)) -> Option<String> {
    let matching = &b.matching;
    if matching.on
        && let Some(label) = matching.labels.iter().find(|l| matching.include.contains(l))
    {
        return Some(format!("label {label:?} must not occur in ON and GROUP clause at once"));
    }
    if types == (ValueType::Vector, ValueType::Vector) {
        if b.op.is_set() && !matching.fill.is_empty() {
            return Some("filling in missing series not allowed for set operators".into());
        }
        let grouped = matching.cardinality != Cardinality::OneToOne;
        return (b.op.is_set() && grouped).then(|| format!("no grouping allowed for \"{}\" operation", b.op));
    }
    if !matching.labels.is_empty() {
        return Some("vector matching only allowed between instant vectors".into());
    }
    if !matching.fill.is_empty() {
        return Some("filling in missing series only allowed between instant vectors".into());
    }
    if types == (ValueType::Scalar, ValueType::Scalar) && b.op.is_trim() {
        return Some(format!("operator \"{}\" not allowed for Scalar operations", b.op));
    }
    b.op.is_set().then(|| format!("set operator \"{}\" not allowed in binary scalar expression", b.op))
}

fn aggregate(a: &AggregateExpr) -> Parsed<()> {
    expect(&a.expr, ValueType::Vector, "aggregation expression")?;
    match &a.param {
        Some(param) if a.op == AggregateOp::CountValues => expect(param, ValueType::String, "aggregation parameter"),
        Some(param) => expect(param, ValueType::Scalar, "aggregation parameter"),
        None => Ok(()),
    }
}

fn call(call: &Call, span: Span) -> Parsed<()> {
    let function = call.function;
    let (listed, given) = (function.args.len(), call.args.len());
    let (least, most) = match function.variadic {
        Variadic::No => (listed, Some(listed)),
        Variadic::Optional => (listed - 1, Some(listed)),
        Variadic::UpTo(n) => (listed - 1, Some(listed - 1 + n)),
        Variadic::Any => (listed - 1, None),
    };
    let bound = if function.variadic == Variadic::No {
        ""
    } else if given < least {
        "at least "
    } else {
        "at most "
    };
    if given < least || most.is_some_and(|most| given > most) {
        let wanted = if given < least { least } else { most.unwrap_or(least) };
        let message = format!("expected {bound}{wanted} argument(s) in call to {:?}, got {given}", function.name);
        return Err(ParseError::of_type(message, span));
    }
    for (i, arg) in call.args.iter().enumerate() {
        let context = format!("call to function \"{}\"", function.name);
        expect(arg, function.args[i.min(listed - 1)], &context)?;
    }
    Ok(())
}
