//! Evaluates and compares with what is expected.

use crate::script::{Eval, Expect, Text, When, metric_end, series_line};
use crate::store::{Memory, labels};
use crate::values::{self, Point};
use promql::{Engine, EngineOptions, Evaluation, Expr, Labels, MatrixSeries, ParseErrorKind, Sample, Value};
use std::collections::BTreeMap;

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
            if let ParseErrorKind::Unsupported(construct) = e.kind {
                return Err(Failure::Unsupported(construct));
            }
            Err(e.message)
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
            Ok(check_as_range(store, &expr, eval)?)
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

fn check_remarks(evaluation: &Evaluation, eval: &Eval) -> Result<(), String> {
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
            let got: Vec<_> = got.iter().map(|s| (s.labels.clone(), s.v)).collect();
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

fn check_vector(got: &[(Labels, f64)], eval: &Eval) -> Result<(), String> {
    let mut wanted = Vec::new();
    for line in &eval.lines {
        let end = metric_end(line);
        let value = line[end..].trim();
        let value = values::sequence(value)?.first().copied();
        let Some(Point::Float(value)) = value else { return Err(format!("no float in {line:?}")) };
        wanted.push((labels(&line[..end]), value));
    }
    let mut got = got.to_vec();
    if !eval.expects(&Expect::Ordered) {
        got.sort_by(|a, b| a.0.cmp(&b.0));
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = got.len() == wanted.len() && got.iter().zip(&wanted).all(|(g, w)| g.0 == w.0 && close(g.1, w.1));
    if same { Ok(()) } else { Err(format!("got    {got:?}\n    wanted {wanted:?}")) }
}

fn check_matrix(got: &[MatrixSeries], eval: &Eval, start: i64, step: i64) -> Result<(), String> {
    let mut wanted: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for line in &eval.lines {
        let line = series_line(line)?;
        let points = line.points.iter().zip(0..);
        let samples = points.filter_map(|(point, i)| match point {
            Point::Float(v) => Some(Sample { t: start + i * step, v: *v }),
            Point::Blank | Point::Native => None,
        });
        wanted.insert(labels(&line.metric), samples.collect());
    }
    let mut left = wanted.clone();
    for series in got {
        let Some(samples) = left.remove(&series.labels) else { return Err(format!("unexpected {series:?}")) };
        let same = samples.len() == series.samples.len()
            && samples.iter().zip(&series.samples).all(|(w, g)| w.t == g.t && close(g.v, w.v));
        if !same {
            return Err(format!("{}\n    got    {:?}\n    wanted {samples:?}", series.labels, series.samples));
        }
    }
    match left.iter().find(|(_, samples)| !samples.is_empty()) {
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
    let at_middle = |s: &MatrixSeries| s.samples.iter().find(|s| s.t == at).map(|sample| (s.labels.clone(), sample.v));
    let middle: Vec<_> = matrix.iter().filter_map(at_middle).collect();
    let result = if expr.value_type() == promql::ValueType::Scalar {
        let v = middle.first().map_or(f64::NAN, |(_, v)| *v);
        check_value(&Value::Scalar(Sample { t: at, v }), eval)
    } else {
        check_vector(&middle, eval)
    };
    result.map_err(|e| format!("as range query: {e}"))
}
