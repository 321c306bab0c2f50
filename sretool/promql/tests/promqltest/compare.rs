//! Evaluates and compares with what is expected.

use crate::script::{Eval, Expect, Text, When, metric_end, series_line};
use crate::store::{Memory, labels};
use crate::values::{self, Point};
use promql::{
    At, Engine, EngineOptions, Evaluation, Expr, ExprKind, Histogram, Labels, MatrixSeries, ParseErrorKind, Sample,
    Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub enum Failure {
    Unsupported(String),
    Wrong(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

fn engine() -> Engine {
    Engine::new(EngineOptions { default_step_ms: 60_000, ..EngineOptions::default() })
}

pub fn judge(store: &Memory, eval: &Eval) -> Result<(), Failure> {
    let evaluated = match promql::parse(&eval.expr) {
        Err(e) => {
            match e.kind {
                // Where Prometheus refuses it too, a refusal is right.
                ParseErrorKind::Unsupported(construct) if eval.fails().is_none() => {
                    return Err(Failure::Unsupported(construct));
                }
                _ => Err(e.message),
            }
        }
        Ok(expr) => evaluate(store, &expr, eval.when).map(|evaluation| (expr, evaluation)),
    };
    match (evaluated, eval.fails()) {
        (Err(message), Some(wanted)) => Ok(check_text(&[message], wanted, "error")?),
        (Ok((_, evaluation)), Some(_)) => Err(format!("should fail, but yields {:?}", evaluation.value).into()),
        (Err(message), None) => Err(format!("fails: {message}").into()),
        (Ok((expr, evaluation)), None) => {
            check_remarks(&evaluation, eval)?;
            check_value(&evaluation.value, eval)?;
            check_as_range(store, &expr, eval)?;
            Ok(check_pinned(store, &expr, eval)?)
        }
    }
}

fn evaluate(store: &Memory, expr: &Expr, when: When) -> Result<Evaluation, String> {
    let result = match when {
        When::Instant(at) => engine().instant(store, expr, at),
        When::Range { start, end, step } => engine().range(store, expr, start, end, step),
    };
    result.map_err(|e| e.to_string())
}

fn check_text(texts: &[String], wanted: &Text, what: &str) -> Result<(), String> {
    let found = match wanted {
        Text::Any => !texts.is_empty(),
        Text::Exactly(text) => texts.contains(text),
        Text::Matching(regex) => {
            let regex = regex::Regex::new(regex).map_err(|e| e.to_string())?;
            texts.iter().any(|t| regex.is_match(t))
        }
    };
    if found { Ok(()) } else { Err(format!("expected {what} {wanted:?}, got {texts:?}")) }
}

/// Whether every remark is one of those that are expected, where any is.
fn check_no_others(texts: &[String], wanted: &[&Text], what: &str) -> Result<(), String> {
    for text in texts.iter().filter(|_| !wanted.is_empty()) {
        if !wanted.iter().any(|w| check_text(std::slice::from_ref(text), w, what).is_ok()) {
            return Err(format!("unexpected {what} {text:?}"));
        }
    }
    Ok(())
}

fn check_remarks(evaluation: &Evaluation, eval: &Eval) -> Result<(), String> {
    let (mut warnings, mut infos) = (Vec::new(), Vec::new());
    for expect in &eval.expects {
        match expect {
            Expect::Warn(text) => warnings.push(text),
            Expect::Info(text) => infos.push(text),
            _ => {}
        }
    }
    check_no_others(&evaluation.warnings, &warnings, "warning")?;
    check_no_others(&evaluation.infos, &infos, "info")?;
    for expect in &eval.expects {
        match expect {
            Expect::Warn(text) => check_text(&evaluation.warnings, text, "warning")?,
            Expect::Info(text) => check_text(&evaluation.infos, text, "info")?,
            Expect::NoWarn if !evaluation.warnings.is_empty() => {
                return Err(format!("unexpected warnings {:?}", evaluation.warnings));
            }
            Expect::NoInfo if !evaluation.infos.is_empty() => {
                return Err(format!("unexpected infos {:?}", evaluation.infos));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_value(value: &Value, eval: &Eval) -> Result<(), String> {
    let string = eval.expects.iter().find_map(|e| if let Expect::String(s) = e { Some(s) } else { None });
    match (value, eval.when) {
        (Value::String(_, got), _) => {
            if string == Some(got) {
                Ok(())
            } else {
                Err(format!("got string {got:?}"))
            }
        }
        (Value::Scalar(got), _) => {
            let wanted = eval.lines.first().and_then(|l| values::number(l));
            if wanted.is_some_and(|w| close(got.v, w)) { Ok(()) } else { Err(format!("got scalar {}", got.v)) }
        }
        (Value::Vector(got), _) => {
            let got: Vec<_> = got.iter().map(|s| (s.labels.clone(), s.v, s.histogram.clone())).collect();
            check_vector(&got, eval)
        }
        (Value::Matrix(got), When::Range { start, step, .. }) => check_matrix(got, eval, start, step),
        (Value::Matrix(got), When::Instant(_)) => {
            let grid = eval.expects.iter().find_map(|e| match e {
                Expect::RangeVector { start, end, step } => Some((*start, *end, *step)),
                _ => None,
            });
            let (start, _, step) = grid.ok_or("got an unexpected range vector")?;
            check_matrix(got, eval, start, step)
        }
    }
}

fn close(got: f64, wanted: f64) -> bool {
    if got == wanted || (got.is_nan() && wanted.is_nan()) {
        return true;
    }
    let (size, difference) = (got.abs() + wanted.abs(), (got - wanted).abs());
    if got == 0.0 || wanted == 0.0 || size < f64::MIN_POSITIVE {
        return difference < 1e-6 * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < 1e-6
}

/// An element of a vector: labels, and a number or a histogram.
type Element = (Labels, f64, Option<Arc<Histogram>>);

fn check_vector(got: &[Element], eval: &Eval) -> Result<(), String> {
    let mut wanted = Vec::new();
    for line in &eval.lines {
        let end = metric_end(line);
        let value = line[end..].trim();
        let value = values::sequence(value)?.into_iter().next().ok_or_else(|| format!("no value in {line:?}"))?;
        wanted.push((labels(&line[..end]), value));
    }
    let mut got = got.to_vec();
    if !eval.expects(&Expect::Ordered) {
        got.sort_by(|a, b| a.0.cmp(&b.0));
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let alike = |(labels, v, h): &Element, wanted: &(Labels, Point)| {
        *labels == wanted.0
            && match (&wanted.1, h) {
                (Point::Float(w), None) => close(*v, *w),
                (Point::Native(w, hinted), Some(h)) => same_histogram(h, w, *hinted),
                _ => false,
            }
    };
    let same = got.len() == wanted.len() && got.iter().zip(&wanted).all(|(g, w)| alike(g, w));
    if same { Ok(()) } else { Err(format!("got    {got:?}\n    wanted {wanted:?}")) }
}

fn same_histogram(got: &Histogram, wanted: &Histogram, hinted: bool) -> bool {
    let compact = |h: &Histogram| {
        let mut h = h.clone();
        h.compact();
        h
    };
    let (got, wanted) = (compact(got), compact(wanted));
    let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
    };
    got.schema == wanted.schema
        && close(got.count, wanted.count)
        && close(got.sum, wanted.sum)
        && (!got.is_custom() || got.bounds == wanted.bounds)
        && got.zero_threshold == wanted.zero_threshold
        && close(got.zero_count, wanted.zero_count)
        && buckets(&got.positive, &wanted.positive)
        && buckets(&got.negative, &wanted.negative)
        && (!hinted || got.reset_hint == wanted.reset_hint)
}

fn check_matrix(got: &[MatrixSeries], eval: &Eval, start: i64, step: i64) -> Result<(), String> {
    let mut left: BTreeMap<Labels, Vec<(i64, Point)>> = BTreeMap::new();
    for line in &eval.lines {
        let line = series_line(line)?;
        let points = (0..).map(|i| start + i * step).zip(line.points).filter(|(_, point)| *point != Point::Blank);
        left.insert(labels(&line.metric), points.collect());
    }
    for series in got {
        let Some(points) = left.remove(&series.labels) else { return Err(format!("unexpected {series:?}")) };
        let floats = points.iter().filter_map(|(t, p)| if let Point::Float(v) = p { Some((*t, *v)) } else { None });
        let natives = points.iter().filter_map(|(t, p)| match p {
            Point::Native(h, hinted) => Some((*t, h, *hinted)),
            _ => None,
        });
        let same = points.len() == series.samples.len() + series.histograms.len()
            && floats.zip(&series.samples).all(|((t, v), got)| t == got.t && close(got.v, v))
            && natives
                .zip(&series.histograms)
                .all(|((t, h, hinted), got)| t == got.t && same_histogram(&got.h, h, hinted));
        if !same {
            return Err(format!("{}\n    got    {series:?}\n    wanted {points:?}", series.labels));
        }
    }
    match left.iter().find(|(_, points)| !points.is_empty()) {
        None => Ok(()),
        Some((labels, _)) => Err(format!("{labels} is missing; got {got:?}")),
    }
}

/// An instant query must equal the middle of a range query around it.
fn check_as_range(store: &Memory, expr: &Expr, eval: &Eval) -> Result<(), String> {
    let When::Instant(at) = eval.when else { return Ok(()) };
    // These speak of the query's own bounds, and ranges have no order but that of labels.
    let own_bounds = ["start()", "end()", "step()", "range()"].iter().any(|w| eval.expr.contains(w));
    let comparable = matches!(expr.value_type(), promql::ValueType::Scalar | promql::ValueType::Vector);
    if own_bounds || !comparable || eval.expects(&Expect::Ordered) {
        return Ok(());
    }
    let when = When::Range { start: at - 60_000, end: at + 60_000, step: 60_000 };
    let evaluation = evaluate(store, expr, when).map_err(|e| format!("fails as range query: {e}"))?;
    let Value::Matrix(matrix) = evaluation.value else { return Err("a range query must yield a matrix".into()) };
    let at_middle = |s: &MatrixSeries| {
        let float = s.samples.iter().find(|s| s.t == at).map(|sample| (s.labels.clone(), sample.v, None));
        let histogram = || s.histograms.iter().find(|s| s.t == at);
        float.or_else(|| histogram().map(|sample| (s.labels.clone(), f64::NAN, Some(Arc::clone(&sample.h)))))
    };
    let middle: Vec<_> = matrix.iter().filter_map(at_middle).collect();
    let result = if expr.value_type() == promql::ValueType::Scalar {
        let v = middle.first().map_or(f64::NAN, |(_, v, _)| *v);
        check_value(&Value::Scalar(Sample { t: at, v }), eval)
    } else {
        check_vector(&middle, eval)
    };
    result.map_err(|e| format!("as range query: {e}"))
}

/// Functions whose results differ from time to time though their arguments do not.
const TIMED: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

/// With `@` on every selector, an instant query must yield the same at any other time.
fn check_pinned(store: &Memory, expr: &Expr, eval: &Eval) -> Result<(), String> {
    let When::Instant(at) = eval.when else { return Ok(()) };
    let mut timed = false;
    expr.walk(&mut |e| timed |= matches!(&e.kind, ExprKind::Call(c) if TIMED.contains(&c.function.name)));
    let range = eval.expects.iter().any(|e| matches!(e, Expect::RangeVector { .. }));
    if timed || range {
        return Ok(());
    }
    let mut pinned = expr.clone();
    pin(&mut pinned, At::Time(at));
    for other in [-10 * at, 0, at / 5, 10 * at, -1000, 1000] {
        let evaluation = evaluate(store, &pinned, When::Instant(other))?;
        check_remarks(&evaluation, eval).map_err(|e| format!("pinned, at {other}: {e}"))?;
        check_value(&evaluation.value, eval).map_err(|e| format!("pinned, at {other}: {e}"))?;
    }
    Ok(())
}

/// Sets `@` where none is; a subquery that has one fixes the times inside of it.
fn pin(expr: &mut Expr, at: At) {
    match &mut expr.kind {
        ExprKind::Vector(selector) => selector.at = selector.at.or(Some(at)),
        ExprKind::Matrix(m) => m.selector.at = m.selector.at.or(Some(at)),
        ExprKind::Subquery(s) => s.at = s.at.or(Some(at)),
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => pin(inner, at),
        ExprKind::Binary(b) => {
            pin(&mut b.lhs, at);
            pin(&mut b.rhs, at);
        }
        ExprKind::Aggregate(a) => {
            pin(&mut a.expr, at);
            a.param.iter_mut().for_each(|param| pin(param, at));
        }
        ExprKind::Call(call) => call.args.iter_mut().for_each(|arg| pin(arg, at)),
        ExprKind::Number(_) | ExprKind::Text(_) => {}
    }
}
