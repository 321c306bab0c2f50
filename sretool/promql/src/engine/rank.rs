//! Aggregations that pass some of their series on: topk, bottomk, limitk, limit_ratio.

use super::EvalError;
use super::aggregate::Group;
use super::annotations::number;
use super::data::{Grid, Series, present};
use super::evaluator::{Evaluated, Evaluator};
use super::limit_ratio::{offset, selected};
use crate::ast::{AggregateExpr, AggregateOp};
use std::cmp::Ordering;

impl Evaluator<'_> {
    pub fn select_series(
        &mut self,
        a: &AggregateExpr,
        input: &[Series],
        groups: &[Group],
        param: &[f64],
        grid: Grid,
    ) -> Evaluated<Vec<Series>> {
        self.check_k(a, param)?;
        let mut results: Vec<Series> = input.iter().map(Series::blank).collect();
        let by_value = matches!(a.op, AggregateOp::Topk | AggregateOp::Bottomk);
        let mut order = Vec::with_capacity(input.len());
        let offsets: Vec<f64> = match a.op {
            AggregateOp::LimitRatio => input.iter().map(|s| offset(&s.labels)).collect(),
            _ => Vec::new(),
        };
        for group in groups {
            for (i, param) in param.iter().enumerate() {
                let mut there = group.members.clone();
                there.retain(|m| if by_value { present(input[*m].values[i]) } else { input[*m].there(i) });
                // Labels decide between equal values, so that a series does not flicker from step to step.
                let rank = |x: &usize, y: &usize, direction: fn(Ordering) -> Ordering| {
                    let order = ranked(input[*x].values[i], input[*y].values[i], direction);
                    order.then_with(|| input[*x].labels.cmp(&input[*y].labels))
                };
                // A negative number of series becomes none.
                let k = *param as usize;
                match a.op {
                    AggregateOp::LimitRatio => there.retain(|m| selected(offsets[*m], param.clamp(-1.0, 1.0))),
                    AggregateOp::Topk => there.sort_by(|x, y| rank(x, y, Ordering::reverse)),
                    AggregateOp::Bottomk => there.sort_by(|x, y| rank(x, y, |order| order)),
                    _ => {}
                }
                if a.op != AggregateOp::LimitRatio {
                    there.truncate(k);
                }
                for member in &there {
                    results[*member].copy(i, &input[*member]);
                }
                if grid.len == 1 {
                    order.extend(there);
                }
            }
        }
        if grid.len > 1 {
            order = (0..input.len()).collect();
        }
        let series = order.into_iter().map(|i| std::mem::take(&mut results[i]));
        Ok(series.filter(|s| !s.is_empty()).collect())
    }

    fn check_k(&mut self, a: &AggregateExpr, param: &[f64]) -> Evaluated<()> {
        let ratio = a.op == AggregateOp::LimitRatio;
        if param.iter().any(|p| p.is_nan()) {
            let what = if ratio { "Ratio" } else { "Parameter" };
            return Err(EvalError::Argument(format!("{what} value is NaN")));
        }
        let largest = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = param.iter().copied().fold(f64::INFINITY, f64::min);
        if ratio {
            for (value, bound, out) in [(largest, 1.0, largest > 1.0), (smallest, -1.0, smallest < -1.0)] {
                if let Some(expr) = a.param.as_ref().filter(|_| out) {
                    let (value, bound) = (number(value), number(bound));
                    let message = format!("ratio value should be between -1 and 1, got {value}, capping to {bound}");
                    self.notes.warn(&message, expr.span);
                }
            }
            return Ok(());
        }
        if largest >= 1.0 {
            // Bounds of a signed 64-bit integer.
            if largest >= 9_223_372_036_854_775_807.0 {
                return Err(EvalError::Argument(format!("Scalar value {} overflows int64", number(largest))));
            }
            if smallest <= -9_223_372_036_854_775_808.0 {
                return Err(EvalError::Argument(format!("Scalar value {} underflows int64", number(smallest))));
            }
        }
        Ok(())
    }
}

/// NaN last, else by value in a direction.
fn ranked(a: f64, b: f64, direction: fn(Ordering) -> Ordering) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(direction(a.partial_cmp(&b).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_ranks_last_in_both_directions() {
        let sorted = |direction: fn(Ordering) -> Ordering| {
            let mut values = [f64::NAN, 1.0, f64::INFINITY, -2.0];
            values.sort_by(|a, b| ranked(*a, *b, direction));
            values.map(|v| v.to_string())
        };
        assert_eq!(sorted(|order| order), ["-2", "1", "inf", "NaN"]);
        assert_eq!(sorted(Ordering::reverse), ["inf", "1", "-2", "NaN"]);
    }
}
