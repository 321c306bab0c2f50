//! Aggregations over the series of a vector.

use super::annotations::Note;
use super::calls::text;
use super::data::{ABSENT, Grid, Point, Series, present};
use super::evaluator::{Evaluated, Evaluator};
use super::math::{Mean, Sum, quantile};
use super::names::is_metric_label;
use super::{Compat, EvalError, names};
use crate::ast::{AggregateExpr, AggregateOp, Grouping, Span};
use crate::labels::Labels;
use std::collections::HashMap;

/// The members of a group, as places in the input.
#[derive(Debug)]
pub(super) struct Group {
    pub labels: Labels,
    pub members: Vec<usize>,
}

/// Collects values of one group at one time.
trait Accumulator {
    /// Whether the members count rather than their values, so that histograms do too.
    const COUNTS: bool = false;
    fn start(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn value(self) -> f64;
}

impl Evaluator<'_> {
    pub fn aggregate(&mut self, a: &AggregateExpr, span: Span, grid: Grid) -> Evaluated<Vec<Series>> {
        let param = match &a.param {
            Some(param) if a.op != AggregateOp::CountValues => self.scalar(param, grid)?,
            _ => Vec::new(),
        };
        let input = self.vector(&a.expr, grid)?;
        let groups = groups(&input, &a.grouping);
        if input.iter().any(|s| !s.histograms.is_empty()) {
            self.note_ignored(a, span, &input);
        }
        if a.op.selects() {
            return self.select_series(a, &input, &groups, &param, grid);
        }
        if matches!(a.op, AggregateOp::Sum | AggregateOp::Avg) {
            return Ok(self.sum_or_mean(a, &input, &groups, grid));
        }
        let result = match a.op {
            AggregateOp::Min => fold::<Min>(&input, &groups, grid),
            AggregateOp::Max => fold::<Max>(&input, &groups, grid),
            AggregateOp::Count => fold::<Count>(&input, &groups, grid),
            AggregateOp::Group => fold::<One>(&input, &groups, grid),
            AggregateOp::Stdvar => self.variances(&input, &groups, grid),
            AggregateOp::Stddev => {
                let mut result = self.variances(&input, &groups, grid);
                let values = result.iter_mut().flat_map(|s| &mut s.values);
                values.filter(|v| present(**v)).for_each(|v| *v = v.sqrt());
                result
            }
            AggregateOp::Quantile => {
                if let Some(expr) = &a.param {
                    self.check_quantiles(&param, expr.span);
                }
                quantiles(&input, &groups, &param, grid)
            }
            _ => count_values(a, &input, &groups, grid)?,
        };
        Ok(result.into_iter().filter(|s| !s.is_empty()).collect())
    }

    /// Sums or means of numbers, and of histograms where there are any.
    fn sum_or_mean(&mut self, a: &AggregateExpr, input: &[Series], groups: &[Group], grid: Grid) -> Vec<Series> {
        let mut result = match a.op {
            AggregateOp::Sum => fold::<Sum>(input, groups, grid),
            _ => fold::<Mean>(input, groups, grid),
        };
        self.join_groups(a.op, a.expr.unparenthesized().span, input, groups, &mut result, grid);
        result.retain(|s| !s.is_empty());
        result
    }

    /// Remarks that an aggregation of numbers passes over histograms.
    fn note_ignored(&mut self, a: &AggregateExpr, span: Span, input: &[Series]) {
        use AggregateOp::{Bottomk, Max, Min, Quantile, Stddev, Stdvar, Topk};
        if !matches!(a.op, Bottomk | Max | Min | Quantile | Stddev | Stdvar | Topk) {
            return;
        }
        if input.iter().any(Series::has_histograms) {
            let span = if a.op.selects() { span } else { a.expr.unparenthesized().span };
            self.notes.note(Note::IgnoredInGroup(a.op.as_str()), span);
        }
    }

    fn variances(&self, input: &[Series], groups: &[Group], grid: Grid) -> Vec<Series> {
        match self.options.compat {
            Compat::V3 => fold::<Spread>(input, groups, grid),
            Compat::V2_42 => fold::<OldSpread>(input, groups, grid),
        }
    }

    /// Warns of the extremes only, however many steps are out of bounds.
    fn check_quantiles(&mut self, param: &[f64], span: crate::Span) {
        let extremes = [
            param.iter().copied().find(|q| q.is_nan()),
            param.iter().copied().reduce(f64::max),
            param.iter().copied().reduce(f64::min),
        ];
        for q in extremes.into_iter().flatten() {
            self.notes.check_quantile(q, span);
        }
    }
}

/// Puts series into groups, in the order of their labels.
fn groups(input: &[Series], grouping: &Grouping) -> Vec<Group> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (i, series) in input.iter().enumerate() {
        let labels = match grouping {
            Grouping::By(names) => series.labels.without(|l| !names.iter().any(|n| n == l)),
            Grouping::Without(names) => series.labels.without(|l| is_metric_label(l) || names.iter().any(|n| n == l)),
        };
        let place = *places.entry(labels.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group { labels, members: Vec::new() });
        }
        groups[place].members.push(i);
    }
    groups.sort_by(|a, b| a.labels.cmp(&b.labels));
    groups
}

fn series_of(group: &Group, input: &[Series], values: Vec<f64>) -> Series {
    let drop_name = group.members.iter().any(|i| input[*i].drop_name);
    Series::new(group.labels.clone(), drop_name, values)
}

/// The accumulated values of each group, in the order of the groups.
fn fold<A: Accumulator>(input: &[Series], groups: &[Group], grid: Grid) -> Vec<Series> {
    let one = |group: &Group| {
        let mut states: Vec<Option<A>> = Vec::new();
        states.resize_with(grid.len, || None);
        for member in &group.members {
            for (state, value) in states.iter_mut().zip(&input[*member].values) {
                match state {
                    _ if !present(*value) => {}
                    Some(state) => state.add(*value),
                    None => *state = Some(A::start(*value)),
                }
            }
            // A histogram counts, whatever its value is.
            for (state, histogram) in states.iter_mut().zip(&input[*member].histograms).filter(|_| A::COUNTS) {
                match state {
                    _ if histogram.is_none() => {}
                    Some(state) => state.add(1.0),
                    None => *state = Some(A::start(1.0)),
                }
            }
        }
        let values = states.into_iter().map(|s| s.map_or(ABSENT, A::value)).collect();
        series_of(group, input, values)
    };
    groups.iter().map(one).collect()
}

fn quantiles(input: &[Series], groups: &[Group], q: &[f64], grid: Grid) -> Vec<Series> {
    let one = |group: &Group| {
        let mut scratch = Vec::with_capacity(group.members.len());
        let mut values = Vec::with_capacity(grid.len);
        for (i, q) in q.iter().enumerate() {
            scratch.clear();
            scratch.extend(group.members.iter().map(|m| input[*m].values[i]).filter(|v| present(*v)));
            values.push(if scratch.is_empty() { ABSENT } else { quantile(*q, &mut scratch) });
        }
        series_of(group, input, values)
    };
    groups.iter().map(one).collect()
}

fn count_values(a: &AggregateExpr, input: &[Series], groups: &[Group], grid: Grid) -> Evaluated<Vec<Series>> {
    let label = a.param.as_ref().map_or(Ok(""), text)?;
    if label.is_empty() {
        return Err(EvalError::Argument(format!("invalid label name {label:?}")));
    }
    let mut counted: HashMap<Labels, usize> = HashMap::new();
    let mut result: Vec<Series> = Vec::new();
    for group in groups {
        for member in &group.members {
            for i in 0..grid.len {
                let value = match input[*member].point(i) {
                    Some(Point::Float(v)) => value_label(v),
                    Some(Point::Histogram(h)) => h.to_string(),
                    None => continue,
                };
                let labels = group.labels.with(label, &value);
                let place = *counted.entry(labels.clone()).or_insert(result.len());
                if place == result.len() {
                    result.push(Series::new(labels, false, vec![ABSENT; grid.len]));
                }
                let count = &mut result[place].values[i];
                *count = if present(*count) { *count + 1.0 } else { 1.0 };
                result[place].drop_name |= input[*member].drop_name;
            }
        }
    }
    names::merge(result)
}

/// A value in full digits, as Go's `%f` in its shortest form.
fn value_label(v: f64) -> String {
    if v.is_finite() { format!("{v}") } else { super::annotations::number(v) }
}

impl Accumulator for Sum {
    fn start(value: f64) -> Self {
        [value].into_iter().collect()
    }
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }
    fn value(self) -> f64 {
        Self::value(self)
    }
}

impl Accumulator for Mean {
    fn start(value: f64) -> Self {
        Self::of(value)
    }
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }
    fn value(self) -> f64 {
        Self::value(self)
    }
}

/// The smallest value; NaN only where there is nothing else.
struct Min(f64);

impl Accumulator for Min {
    fn start(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        // `f64::min` prefers a number to NaN.
        self.0 = self.0.min(value);
    }
    fn value(self) -> f64 {
        self.0
    }
}

/// The largest value; NaN only where there is nothing else.
struct Max(f64);

impl Accumulator for Max {
    fn start(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        self.0 = self.0.max(value);
    }
    fn value(self) -> f64 {
        self.0
    }
}

struct Count(f64);

impl Accumulator for Count {
    const COUNTS: bool = true;

    fn start(_: f64) -> Self {
        Self(1.0)
    }
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }
    fn value(self) -> f64 {
        self.0
    }
}

/// One for a group that exists.
struct One;

impl Accumulator for One {
    const COUNTS: bool = true;

    fn start(_: f64) -> Self {
        Self
    }
    fn add(&mut self, _: f64) {}
    fn value(self) -> f64 {
        1.0
    }
}

/// The population variance by Welford's algorithm.
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Accumulator for Spread {
    fn start(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: if value.is_finite() { 0.0 } else { f64::NAN } }
    }
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
    fn value(self) -> f64 {
        self.squares / self.count
    }
}

/// As Prometheus 2.42 has it: one value alone has no variance, even where it is no number.
struct OldSpread(Spread);

impl Accumulator for OldSpread {
    fn start(value: f64) -> Self {
        Self(Spread { count: 1.0, mean: value, squares: 0.0 })
    }
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }
    fn value(self) -> f64 {
        self.0.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<A: Accumulator>(values: &[f64]) -> f64 {
        let mut state = A::start(values[0]);
        values[1..].iter().for_each(|v| state.add(*v));
        state.value()
    }

    #[test]
    fn accumulators() {
        let values = [4.0, 1.0, 7.0];
        assert_eq!((of::<Sum>(&values), of::<Mean>(&values)), (12.0, 4.0));
        assert_eq!((of::<Min>(&values), of::<Max>(&values)), (1.0, 7.0));
        assert_eq!((of::<Count>(&values), of::<One>(&values), of::<Spread>(&values)), (3.0, 1.0, 6.0));
    }

    #[test]
    fn extremes_prefer_numbers_and_sums_do_not() {
        let values = [f64::NAN, 2.0, f64::NAN];
        assert_eq!((of::<Min>(&values), of::<Max>(&values)), (2.0, 2.0));
        assert!(of::<Min>(&[f64::NAN]).is_nan() && of::<Sum>(&values).is_nan() && of::<Mean>(&values).is_nan());
        assert_eq!((of::<OldSpread>(&[f64::NAN]), of::<OldSpread>(&[1.0, 3.0])), (0.0, 1.0));
        assert!(of::<Spread>(&[f64::INFINITY]).is_nan() && of::<Spread>(&[1.0, f64::INFINITY]).is_nan());
    }

    #[test]
    fn groups_are_ordered_and_know_their_members() {
        let series =
            |a: &str, b: &str| Series::new(Labels::new([("__name__", "m"), ("a", a), ("b", b)]), false, vec![1.0]);
        let input = [series("2", "x"), series("1", "x"), series("2", "y")];
        let shape = |grouping| {
            let groups = groups(&input, &grouping);
            groups.into_iter().map(|g| format!("{} {:?}", g.labels, g.members)).collect::<Vec<_>>()
        };
        assert_eq!(shape(Grouping::By(vec!["a".into()])), ["{a=\"1\"} [1]", "{a=\"2\"} [0, 2]"]);
        assert_eq!(shape(Grouping::Without(vec!["a".into()])), ["{b=\"x\"} [0, 1]", "{b=\"y\"} [2]"]);
        assert_eq!(shape(Grouping::By(Vec::new())), ["{} [0, 1, 2]"]);
    }

    #[test]
    fn values_become_labels_in_full_digits() {
        let written = [0.1, 1e21, -5.0, f64::NAN, f64::INFINITY].map(value_label);
        assert_eq!(written, ["0.1", "1000000000000000000000", "-5", "NaN", "+Inf"]);
    }
}
