//! Expressions as canonical PromQL.

use super::{
    AggregateExpr, At, BinaryExpr, BinaryOp, Cardinality, Duration, Expr, ExprKind, Extension, Grouping, Literal,
    Subquery, UnaryOp, VectorMatching, VectorSelector,
};
use crate::labels::{METRIC_NAME, MatchOp, is_label_name, is_metric_name};
use crate::lexer::format_duration;
use crate::quote::Quoted;
use std::fmt::{self, Display, Formatter};

/// Words that the grammar does not read as a metric name.
const NO_METRIC: [&str; 8] = ["on", "ignoring", "bool", "group_left", "group_right", "atan2", "inf", "nan"];
/// Words that the grammar does not read as a label in a list of labels.
const NO_LABEL: [&str; 3] = ["without", "inf", "nan"];

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let size = v.abs();
        if v.is_nan() {
            f.write_str("NaN")
        } else if v.is_infinite() {
            f.write_str(if v > 0.0 { "Inf" } else { "-Inf" })
        } else if size != 0.0 && !(1e-4..1e15).contains(&size) {
            write!(f, "{v:e}")
        } else {
            write!(f, "{v}")
        }
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(literal) => seconds(*literal, f),
            Self::Step => f.write_str("step()"),
            Self::Range => f.write_str("range()"),
            Self::MinOf(a, b) => write!(f, "min_of({a}, {b})"),
            Self::MaxOf(a, b) => write!(f, "max_of({a}, {b})"),
            Self::Negate(inner) if inner.is_atom() => write!(f, "-{inner}"),
            Self::Negate(inner) => write!(f, "-({inner})"),
            Self::Binary(op, lhs, rhs) => {
                operand(lhs, *op, *op == BinaryOp::Pow, f)?;
                write!(f, " {op} ")?;
                operand(rhs, *op, *op != BinaryOp::Pow, f)
            }
        }
    }
}

impl Duration {
    /// Whether it reads as one piece, sign included.
    fn is_atom(&self) -> bool {
        match self {
            Self::Seconds(literal) => literal.0.is_sign_positive(),
            Self::Negate(_) | Self::Binary(..) => false,
            Self::Step | Self::Range | Self::MinOf(..) | Self::MaxOf(..) => true,
        }
    }
}

/// Writes whole milliseconds as a duration and anything else as a number of seconds.
fn seconds(literal: Literal, f: &mut Formatter<'_>) -> fmt::Result {
    let size = literal.0.abs();
    let ms = (size * 1000.0).round();
    // Both conversions are exact below 2^53, which the comparison confirms.
    if ms < 9e15 && ms / 1000.0 == size {
        let sign = if literal.0.is_sign_negative() { "-" } else { "" };
        return write!(f, "{sign}{}", format_duration(ms as i64));
    }
    write!(f, "{literal}")
}

fn operand(d: &Duration, op: BinaryOp, strict: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let bare = match d {
        Duration::Binary(inner, ..) => {
            inner.precedence() > op.precedence() || (!strict && inner.precedence() == op.precedence())
        }
        _ => d.is_atom(),
    };
    if bare { write!(f, "{d}") } else { write!(f, "({d})") }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(literal) => write!(f, "{literal}"),
            ExprKind::Text(text) => write!(f, "{}", Quoted(text)),
            ExprKind::Vector(selector) => write!(f, "{selector}"),
            ExprKind::Matrix(m) => {
                series(&m.selector, f)?;
                write!(f, "[{}]", m.range)?;
                modifiers(m.selector.offset.as_ref(), m.selector.at, f)?;
                extension(m.selector.extension, f)
            }
            ExprKind::Subquery(s) => subquery(s, f),
            ExprKind::Unary(op, inner) => {
                f.write_str(if *op == UnaryOp::Minus { "-" } else { "+" })?;
                write!(f, "{inner}")
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Binary(b) => binary(b, f),
            ExprKind::Aggregate(a) => aggregate(a, f),
            ExprKind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                match (call.function.name, &call.args[..]) {
                    ("info", [vector, Self { kind: ExprKind::Vector(labels), .. }]) => {
                        let matchers: Vec<_> = labels.matchers.iter().map(ToString::to_string).collect();
                        write!(f, "{vector}, {{{}}}", matchers.join(","))?;
                    }
                    (_, args) => list(args, f)?,
                }
                f.write_str(")")
            }
        }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        series(self, f)?;
        modifiers(self.offset.as_ref(), self.at, f)?;
        extension(self.extension, f)
    }
}

fn extension(extension: Option<Extension>, f: &mut Formatter<'_>) -> fmt::Result {
    extension.map_or(Ok(()), |extension| write!(f, " {extension}"))
}

fn list(items: &[Expr], f: &mut Formatter<'_>) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

fn series(selector: &VectorSelector, f: &mut Formatter<'_>) -> fmt::Result {
    let mut rest = &selector.matchers[..];
    let single = rest.iter().filter(|m| &*m.name == METRIC_NAME).count() == 1;
    let mut inside = Vec::new();
    if let [first, others @ ..] = rest
        && single
        && &*first.name == METRIC_NAME
        && first.op == MatchOp::Equal
        && !first.value.is_empty()
    {
        rest = others;
        if is_metric_name(&first.value) && !reserved(&NO_METRIC, &first.value) {
            f.write_str(&first.value)?;
            if rest.is_empty() {
                return Ok(());
            }
        } else {
            inside.push(Quoted(&first.value).to_string());
        }
    }
    inside.extend(rest.iter().map(ToString::to_string));
    write!(f, "{{{}}}", inside.join(","))
}

fn reserved(words: &[&str], text: &str) -> bool {
    words.iter().any(|w| w.eq_ignore_ascii_case(text))
}

fn modifiers(offset: Option<&Duration>, at: Option<At>, f: &mut Formatter<'_>) -> fmt::Result {
    match at {
        // Milliseconds print exactly with three decimals.
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            write!(f, " @ {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)?;
        }
        Some(At::Start) => f.write_str(" @ start()")?,
        Some(At::End) => f.write_str(" @ end()")?,
        None => {}
    }
    match offset {
        Some(d @ Duration::Seconds(_)) => write!(f, " offset {d}"),
        Some(d) if d.is_atom() => write!(f, " offset {d}"),
        Some(d) => write!(f, " offset ({d})"),
        None => Ok(()),
    }
}

fn subquery(s: &Subquery, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{}[{}:", s.expr, s.range)?;
    if let Some(step) = &s.step {
        write!(f, "{step}")?;
    }
    f.write_str("]")?;
    modifiers(s.offset.as_ref(), s.at, f)
}

fn labels(names: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    for (i, name) in names.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        if is_label_name(name) && !reserved(&NO_LABEL, name) {
            write!(f, "{comma}{name}")?;
        } else {
            write!(f, "{comma}{}", Quoted(name))?;
        }
    }
    f.write_str(")")
}

fn matching(m: &VectorMatching, f: &mut Formatter<'_>) -> fmt::Result {
    let group = match m.cardinality {
        Cardinality::OneToOne => None,
        Cardinality::ManyToOne => Some("group_left"),
        Cardinality::OneToMany => Some("group_right"),
    };
    if m.on || !m.labels.is_empty() || group.is_some() {
        f.write_str(if m.on { " on " } else { " ignoring " })?;
        labels(&m.labels, f)?;
    }
    if let Some(group) = group {
        write!(f, " {group} ")?;
        labels(&m.include, f)?;
    }
    match (m.fill.left, m.fill.right) {
        (Some(left), Some(right)) if left == right => write!(f, " fill ({left})"),
        (left, right) => {
            left.map_or(Ok(()), |v| write!(f, " fill_left ({v})"))?;
            right.map_or(Ok(()), |v| write!(f, " fill_right ({v})"))
        }
    }
}

fn binary(b: &BinaryExpr, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{} {}", b.lhs, b.op)?;
    if b.return_bool {
        f.write_str(" bool")?;
    }
    matching(&b.matching, f)?;
    write!(f, " {}", b.rhs)
}

fn aggregate(a: &AggregateExpr, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{}", a.op)?;
    match &a.grouping {
        Grouping::By(names) if names.is_empty() => {}
        Grouping::By(names) => {
            f.write_str(" by ")?;
            labels(names, f)?;
            f.write_str(" ")?;
        }
        Grouping::Without(names) => {
            f.write_str(" without ")?;
            labels(names, f)?;
            f.write_str(" ")?;
        }
    }
    f.write_str("(")?;
    if let Some(param) = &a.param {
        write!(f, "{param}, ")?;
    }
    write!(f, "{})", a.expr)
}
