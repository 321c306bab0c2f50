//! Function calls.

use super::data::{ABSENT, Data, Grid, Series, present};
use super::evaluator::{Evaluated, Evaluator};
use super::select::{go_max, go_min};
use super::{EvalError, dates, native, windows};
use crate::ast::{Call, Expr, ExprKind, Span};
use crate::labels::{Labels, METRIC_NAME, MatchOp};

impl Evaluator<'_> {
    pub fn call(&mut self, call: &Call, span: Span, grid: Grid) -> Evaluated<Data> {
        let name = call.function.name;
        if let Some(f) = windows::find(name) {
            return Ok(Data::Vector(self.windowed(call, f, grid)?));
        }
        if let Some(f) = elementwise(name) {
            let vector = self.vector(&call.args[0], grid)?;
            return Ok(Data::Vector(self.map(vector, f)?));
        }
        if let Some(f) = dates::find(name) {
            return self.date(call, f, grid);
        }
        if let Some(f) = native::find(name) {
            let vector = self.vector(&call.args[0], grid)?;
            return Ok(Data::Vector(self.map_histograms(vector, f)?));
        }
        if let Some(values) = self.scalar_call(call, grid)? {
            return Ok(Data::Scalar(values));
        }
        let vector = match name {
            "vector" => {
                let values = self.scalar(&call.args[0], grid)?;
                vec![Series::new(Labels::default(), false, values)]
            }
            "absent" => {
                let input = self.vector(&call.args[0], grid)?;
                let any = |i: usize| input.iter().any(|s| s.there(i));
                absent(&call.args[0], (0..grid.len).map(any))
            }
            "info" => self.info(call, grid)?,
            "start_timestamp" => self.start_timestamp(&call.args[0], grid)?,
            "absent_over_time" => self.absent_over_time(&call.args[0], grid)?,
            "timestamp" => self.timestamp(&call.args[0], grid)?,
            "clamp" | "clamp_min" | "clamp_max" => self.clamp(call, grid)?,
            "round" => self.round(call, grid)?,
            "label_replace" | "label_join" => self.label_call(call, grid)?,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => self.histogram_call(call, grid)?,
            _ => self.sort(call, span, grid)?,
        };
        Ok(Data::Vector(vector))
    }

    /// Functions that yield a scalar.
    fn scalar_call(&mut self, call: &Call, grid: Grid) -> Evaluated<Option<Vec<f64>>> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let constant = |v: f64| vec![v; grid.len];
        Ok(Some(match call.function.name {
            "time" => grid.times().map(seconds).collect(),
            "pi" => constant(std::f64::consts::PI),
            "step" => constant(seconds(self.query.step)),
            "start" => constant(seconds(self.query.start)),
            "end" => constant(seconds(self.query.end())),
            "range" => constant(seconds(self.query.end() - self.query.start)),
            "min_of" | "max_of" => {
                let f = if call.function.name == "min_of" { go_min } else { go_max };
                let (a, b) = (self.scalar(&call.args[0], grid)?, self.scalar(&call.args[1], grid)?);
                a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()
            }
            "scalar" => {
                let vector = self.vector(&call.args[0], grid)?;
                let only = |i: usize| {
                    let mut found = vector.iter().map(|s| s.values[i]).filter(|v| present(*v));
                    found.next().filter(|_| found.next().is_none()).unwrap_or(f64::NAN)
                };
                (0..grid.len).map(only).collect()
            }
            _ => return Ok(None),
        }))
    }

    fn date(&mut self, call: &Call, f: fn(i64) -> f64, grid: Grid) -> Evaluated<Data> {
        let Some(arg) = call.args.first() else {
            let values = grid.times().map(|t| f(t.div_euclid(1000))).collect();
            return Ok(Data::Vector(vec![Series::new(Labels::default(), false, values)]));
        };
        let vector = self.vector(arg, grid)?;
        Ok(Data::Vector(self.map(vector, |v| if v.is_nan() { v } else { f(v as i64) })?))
    }

    /// The time of each sample: of the stored one where the argument is a selector, else of the evaluation.
    fn timestamp(&mut self, arg: &Expr, grid: Grid) -> Evaluated<Vec<Series>> {
        if let ExprKind::Vector(selector) = &arg.unparenthesized().kind {
            let vector = self.instant_samples(selector, grid, |sample| sample.t() as f64 / 1000.0)?;
            return self.drop_names(vector);
        }
        let mut vector = self.vector(arg, grid)?;
        for series in &mut vector {
            for (i, t) in grid.times().enumerate().filter(|(i, _)| series.there(*i)).collect::<Vec<_>>() {
                series.values[i] = t as f64 / 1000.0;
            }
            series.histograms.clear();
        }
        self.drop_names(vector)
    }

    /// When the counter behind each sample of a selector started; of anything but a selector nothing is known.
    fn start_timestamp(&mut self, arg: &Expr, grid: Grid) -> Evaluated<Vec<Series>> {
        let ExprKind::Vector(selector) = &arg.unparenthesized().kind else {
            self.vector(arg, grid)?;
            return Ok(Vec::new());
        };
        let vector = self.live_starts(selector, grid)?;
        self.drop_names(vector)
    }

    fn absent_over_time(&mut self, arg: &Expr, grid: Grid) -> Evaluated<Vec<Series>> {
        let ranges = self.ranges(arg, grid)?;
        let any = |t: i64| {
            let end = ranges.reading.time(t);
            let start = self.range_start(end, ranges.range);
            ranges.series.iter().any(|s| {
                let next = s.samples.partition_point(|sample| sample.t < start);
                let next_histogram = s.histograms.partition_point(|sample| sample.t < start);
                s.samples.get(next).is_some_and(|sample| sample.t <= end)
                    || s.histograms.get(next_histogram).is_some_and(|sample| sample.t <= end)
            })
        };
        Ok(absent(arg, grid.times().map(any)))
    }

    fn clamp(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        let mut vector = self.vector(&call.args[0], grid)?;
        let first = self.scalar(&call.args[1], grid)?;
        let (low, high) = match (call.function.name, call.args.get(2)) {
            ("clamp", Some(high)) => (first, self.scalar(high, grid)?),
            ("clamp_min", _) => (first, vec![f64::INFINITY; grid.len]),
            _ => (vec![f64::NEG_INFINITY; grid.len], first),
        };
        for series in &mut vector {
            series.histograms.clear();
            for (value, (low, high)) in series.values.iter_mut().zip(low.iter().zip(&high)) {
                if present(*value) {
                    // A range upside down holds nothing; NaN bounds compare with nothing and yield NaN.
                    *value = if high < low { ABSENT } else { go_max(*low, go_min(*high, *value)) };
                }
            }
        }
        vector.retain(|s| !s.is_empty());
        self.drop_names(vector)
    }

    /// Rounds half up, to a multiple of the second argument.
    fn round(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Series>> {
        let mut vector = self.vector(&call.args[0], grid)?;
        let to = match call.args.get(1) {
            Some(arg) => self.scalar(arg, grid)?,
            None => vec![1.0; grid.len],
        };
        for series in &mut vector {
            series.histograms.clear();
            for (value, to) in series.values.iter_mut().zip(&to) {
                if present(*value) {
                    // Dividing by the inverse keeps 0.1 exact where multiplying by 0.1 would not.
                    let inverse = 1.0 / to;
                    *value = (*value * inverse + 0.5).floor() / inverse;
                }
            }
        }
        self.drop_names(vector)
    }

    fn sort(&mut self, call: &Call, span: Span, grid: Grid) -> Evaluated<Vec<Series>> {
        let mut vector = self.vector(&call.args[0], grid)?;
        if matches!(call.function.name, "sort" | "sort_desc") {
            vector.iter_mut().for_each(|s| s.histograms.clear());
            vector.retain(|s| !s.is_empty());
        }
        if grid.len > 1 {
            let message = "sort is ineffective for range queries since results are always ordered by labels";
            self.notes.warn(message, span);
            return Ok(vector);
        }
        let key = |s: &Series| s.values[0];
        let nan_last = |a: f64, b: f64| a.is_nan().cmp(&b.is_nan());
        let order = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal);
        match call.function.name {
            "sort" => vector.sort_by(|a, b| nan_last(key(a), key(b)).then(order(key(a), key(b)))),
            "sort_desc" => vector.sort_by(|a, b| nan_last(key(a), key(b)).then(order(key(b), key(a)))),
            "sort_by_label" | "sort_by_label_desc" => {
                let names = call.args[1..].iter().map(text).collect::<Evaluated<Vec<_>>>()?;
                vector.sort_by(|a, b| super::label_calls::compare(&a.labels, &b.labels, &names));
                if call.function.name == "sort_by_label_desc" {
                    vector.reverse();
                }
            }
            other => return Err(EvalError::Type(format!("the function {other:?} is not implemented"))),
        }
        Ok(vector)
    }
}

/// The value of a string argument.
pub(super) fn text(arg: &Expr) -> Evaluated<&str> {
    match &arg.unparenthesized().kind {
        ExprKind::Text(text) => Ok(text),
        _ => Err(EvalError::Type("expected a string literal".into())),
    }
}

/// A series of ones where nothing is, labelled by what was asked for.
fn absent(arg: &Expr, any: impl Iterator<Item = bool>) -> Vec<Series> {
    let values = any.map(|any| if any { ABSENT } else { 1.0 }).collect();
    let series = Series::new(absent_labels(arg), false, values);
    if series.is_empty() { Vec::new() } else { vec![series] }
}

/// The labels that the selector fixes by equality, each only once.
fn absent_labels(arg: &Expr) -> Labels {
    let selector = match &arg.unparenthesized().kind {
        ExprKind::Vector(selector) => selector,
        ExprKind::Matrix(m) => &m.selector,
        _ => return Labels::default(),
    };
    let matchers = selector.matchers.iter().filter(|m| &*m.name != METRIC_NAME);
    let once = |name: &str| selector.matchers.iter().filter(|m| &*m.name == name).count() == 1;
    matchers.filter(|m| m.op == MatchOp::Equal && once(&m.name)).map(|m| (&*m.name, &*m.value)).collect()
}

/// Functions of one value.
fn elementwise(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "sgn" => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(src: &str) -> String {
        absent_labels(&crate::parse(src).unwrap()).to_string()
    }

    #[test]
    fn absent_series_have_the_labels_that_were_asked_for() {
        assert_eq!(labels_of("m{a=\"1\",b!=\"2\",c=~\"3\"}"), "{a=\"1\"}");
        assert_eq!(labels_of("m{a=\"1\"}[5m]"), "{a=\"1\"}");
        assert_eq!(labels_of("(m{a=\"1\",a=\"2\",b=\"3\"})"), "{b=\"3\"}");
        assert_eq!(labels_of("sum(m{a=\"1\"})"), "{}");
    }

    #[test]
    fn every_function_has_an_implementation() {
        let store = crate::engine::tests::Empty;
        for function in crate::functions::FUNCTIONS {
            let arg = |t: &crate::ValueType| match t {
                crate::ValueType::Scalar => "0.5",
                crate::ValueType::String => "'x'",
                crate::ValueType::Vector => "m",
                crate::ValueType::Matrix => "m[5m]",
            };
            let mut args: Vec<_> = function.args.iter().map(arg).collect();
            if function.name == "info" {
                args[1] = "{a='b'}";
            }
            let src = format!("{}({})", function.name, args.join(", "));
            let expr = crate::parse(&src).unwrap_or_else(|e| panic!("{}", e.render(&src)));
            let result = crate::Engine::default().instant(&store, &expr, 0);
            assert!(result.is_ok(), "{src}: {result:?}");
        }
    }
}
