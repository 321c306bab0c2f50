//! Evaluates one query: dispatch, limits, loop invariants.

use super::annotations::Annotations;
use super::data::{Data, Grid, Series, present};
use super::{EngineOptions, EvalError, Evaluation};
use crate::ast::{At, Expr, ExprKind, Extension, UnaryOp};
use crate::storage::{Queryable, SeriesData};
use crate::value::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub(super) struct Evaluator<'a> {
    pub store: &'a dyn Queryable,
    pub options: EngineOptions,
    /// The times of the query itself, which `start()`, `end()`, `step()` and `range()` speak of.
    pub query: Grid,
    pub notes: Annotations,
    /// Whether only count and sum of histograms matter to what is being evaluated.
    pub statistics: Statistics,
    /// What selectors have read, so that a selector that occurs twice reads once.
    pub reads: HashMap<String, Rc<Vec<SeriesData>>>,
    samples: usize,
}

pub(super) type Evaluated<T> = Result<T, EvalError>;

/// Whether histograms are read whole. Where only their count and sum are asked for, their buckets serve to find resets
/// as they are read, and are left out then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Statistics {
    /// Whole, until a function asks for less.
    #[default]
    Whole,
    /// Count and sum.
    Only,
    /// Whole, whatever a function asks for: buckets, or evaluations at times of their own, are needed further out.
    Always,
}

impl Statistics {
    /// What holds inside of an expression.
    fn within(self, expr: &Expr) -> Self {
        match &expr.kind {
            ExprKind::Call(call) => match call.function.name {
                "histogram_count" | "histogram_sum" | "histogram_avg" if self == Self::Whole => Self::Only,
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => Self::Always,
                _ => self,
            },
            ExprKind::Binary(b) if b.op.is_trim() => Self::Always,
            _ => self,
        }
    }
}

impl<'a> Evaluator<'a> {
    pub fn new(store: &'a dyn Queryable, options: EngineOptions, query: Grid) -> Self {
        Self {
            store,
            options,
            query,
            notes: Annotations::default(),
            statistics: Statistics::default(),
            reads: HashMap::new(),
            samples: 0,
        }
    }

    /// The value of the whole query, metric names dropped where they must be.
    pub fn evaluate(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Data> {
        match self.eval(expr, grid)? {
            Data::Vector(series) => Ok(Data::Vector(self.finish_names(series)?)),
            other => Ok(other),
        }
    }

    pub fn finish(self, value: Value) -> Evaluation {
        let notes = self.notes.finish();
        Evaluation { value, warnings: notes.warnings, infos: notes.infos }
    }

    /// Counts samples that were read or computed.
    pub fn count(&mut self, samples: usize) -> Evaluated<()> {
        self.check_room(samples)?;
        self.samples += samples;
        Ok(())
    }

    /// Refuses what would exceed the limit.
    pub fn check_room(&self, samples: usize) -> Evaluated<()> {
        let limit = self.options.max_samples;
        let total = self.samples.saturating_add(samples);
        if total > limit { Err(EvalError::TooManySamples { limit }) } else { Ok(()) }
    }

    pub fn eval(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Data> {
        if grid.len == 0 {
            return Ok(Data::Vector(Vec::new()));
        }
        // Refused before memory is taken: the least that any expression yields is a value at each time.
        self.check_room(grid.len)?;
        if let ExprKind::Number(literal) = expr.kind {
            self.count(grid.len)?;
            return Ok(Data::Scalar(vec![literal.0; grid.len]));
        }
        if grid.len > 1 && is_invariant(expr) {
            let once = self.eval(expr, grid.first())?;
            self.count(width(&once).saturating_mul(grid.len))?;
            return Ok(once.repeat(grid.len));
        }
        let outside = self.statistics;
        self.statistics = outside.within(expr);
        let data = self.dispatch(expr, grid);
        self.statistics = outside;
        let data = data?;
        self.count(width(&data).saturating_mul(grid.len))?;
        Ok(data)
    }

    fn dispatch(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Data> {
        Ok(match &expr.kind {
            ExprKind::Number(literal) => Data::Scalar(vec![literal.0; grid.len]),
            ExprKind::Text(text) => Data::Text(text.clone()),
            ExprKind::Paren(inner) => return self.eval(inner, grid),
            ExprKind::Vector(selector) if selector.extension == Some(Extension::Smoothed) => {
                Data::Vector(self.smoothed_vector(selector, expr.span, grid)?)
            }
            ExprKind::Vector(selector) => Data::Vector(self.instant_vector(selector, grid)?),
            ExprKind::Unary(op, inner) => {
                let data = self.eval(inner, grid)?;
                if *op == UnaryOp::Plus { data } else { self.negate(data)? }
            }
            ExprKind::Binary(b) => self.binary(b, expr.span, grid)?,
            ExprKind::Aggregate(a) => Data::Vector(self.aggregate(a, expr.span, grid)?),
            ExprKind::Call(call) => self.call(call, expr.span, grid)?,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => {
                return Err(EvalError::Type("a range vector has no value at a time".into()));
            }
        })
    }

    pub fn scalar(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Vec<f64>> {
        Ok(self.eval(expr, grid)?.into_scalar())
    }

    pub fn vector(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Vec<Series>> {
        Ok(self.eval(expr, grid)?.into_vector())
    }

    fn negate(&mut self, data: Data) -> Evaluated<Data> {
        match data {
            Data::Vector(mut series) => {
                for s in &mut series {
                    s.values.iter_mut().filter(|v| present(**v)).for_each(|v| *v = -*v);
                    s.histograms.iter_mut().flatten().for_each(|h| *h = Arc::new(h.times(-1.0)));
                }
                Ok(Data::Vector(self.drop_names_of_all(series)?))
            }
            other => Ok(Data::Scalar(other.into_scalar().into_iter().map(|v| -v).collect())),
        }
    }

    /// Applies a function to every number; the result is no longer the metric that it was.
    pub fn map(&mut self, mut series: Vec<Series>, f: impl Fn(f64) -> f64) -> Evaluated<Vec<Series>> {
        for s in &mut series {
            s.values.iter_mut().filter(|v| present(**v)).for_each(|v| *v = f(*v));
            s.histograms.clear();
        }
        self.drop_names(series)
    }

    /// The time that an `@` modifier fixes, in milliseconds.
    pub fn fixed_time(&self, at: Option<At>) -> Option<i64> {
        match at? {
            At::Time(ms) => Some(ms),
            At::Start => Some(self.query.start),
            At::End => Some(self.query.end()),
        }
    }
}

/// As how many numbers a histogram counts against the limit.
pub(super) const HISTOGRAM_SIZE: usize = 16;

fn width(data: &Data) -> usize {
    match data {
        Data::Vector(series) => series.iter().map(|s| if s.histograms.is_empty() { 1 } else { HISTOGRAM_SIZE }).sum(),
        Data::Scalar(_) | Data::Text(_) => 1,
    }
}

/// Whether an expression has the same value at every time of the query.
fn is_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Vector(selector) => selector.at.is_some(),
        ExprKind::Matrix(m) => m.selector.at.is_some(),
        ExprKind::Subquery(s) => s.at.is_some(),
        ExprKind::Call(call) if call.function.reads_time => false,
        _ => expr.children().into_iter().all(is_invariant),
    }
}
