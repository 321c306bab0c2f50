//! Binary operations of which an operand may be a histogram.

use super::annotations::{Annotations, Note};
use super::binary::{self, truth};
use super::data::{Point, Series};
use super::evaluator::Evaluator;
use crate::ast::{BinaryExpr, BinaryOp, Span};
use crate::histogram::{Histogram, Keep, ResetHint, Total};
use std::sync::Arc;

/// What an operation yields.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Float(f64),
    Histogram(Arc<Histogram>),
}

impl Outcome {
    /// Writes it into a series, or whether a comparison holds instead.
    pub fn put(self, series: &mut Series, i: usize, truth_of: Option<bool>) {
        match (truth_of, self) {
            (Some(holds), _) => series.values[i] = truth(holds),
            (None, Self::Float(v)) => series.values[i] = v,
            (None, Self::Histogram(h)) => series.put(i, h),
        }
    }
}

fn kind(point: Point<'_>) -> &'static str {
    match point {
        Point::Float(_) => "float",
        Point::Histogram(_) => "histogram",
    }
}

/// The value of an operation, and whether a comparison holds; none where the operation is not defined.
pub(super) fn apply(
    op: BinaryOp,
    left: Point<'_>,
    right: Point<'_>,
    notes: &mut Annotations,
    span: Span,
) -> Option<(Outcome, bool)> {
    let histogram = |h: Histogram| Some((Outcome::Histogram(Arc::new(h.compacted())), true));
    match (left, op, right) {
        (Point::Float(a), _, Point::Float(b)) if !op.is_trim() => {
            let (value, holds) = binary::apply(op, a, b);
            Some((Outcome::Float(value), holds))
        }
        (Point::Histogram(h), BinaryOp::Mul, Point::Float(v))
        | (Point::Float(v), BinaryOp::Mul, Point::Histogram(h)) => histogram(h.times(v)),
        (Point::Histogram(h), BinaryOp::Div, Point::Float(v)) => histogram(h.over(v)),
        (Point::Histogram(h), BinaryOp::TrimUpper, Point::Float(v)) => {
            Some((Outcome::Histogram(Arc::new(h.trimmed(v, Keep::Below))), true))
        }
        (Point::Histogram(h), BinaryOp::TrimLower, Point::Float(v)) => {
            Some((Outcome::Histogram(Arc::new(h.trimmed(v, Keep::Above))), true))
        }
        (Point::Histogram(a), BinaryOp::Add, Point::Histogram(b)) => histogram(sum(a, b, op, notes, span)?),
        (Point::Histogram(a), BinaryOp::Sub, Point::Histogram(b)) => {
            histogram(Histogram { reset_hint: ResetHint::Gauge, ..sum(a, b, op, notes, span)? })
        }
        (Point::Histogram(a), BinaryOp::Equal | BinaryOp::NotEqual, Point::Histogram(b)) => {
            Some((Outcome::Histogram(Arc::clone(a)), a.same(b) == (op == BinaryOp::Equal)))
        }
        _ => {
            notes.note(Note::NoSuchOperation([kind(left), op.as_str(), kind(right)]), span);
            None
        }
    }
}

fn sum(a: &Histogram, b: &Histogram, op: BinaryOp, notes: &mut Annotations, span: Span) -> Option<Histogram> {
    let mut total = Total::of(a);
    let (merge, operation) =
        if op == BinaryOp::Add { (total.add(b), "addition") } else { (total.subtract(b), "subtraction") };
    let Ok(merge) = merge else {
        notes.note(Note::MixedSchemasIn(op.as_str()), span);
        return None;
    };
    notes.note_merge(merge, operation, span);
    // Whether the sum was reset cannot be known; Prometheus yields nothing then.
    (!merge.reset_collision).then(|| total.value())
}

impl Evaluator<'_> {
    /// An operation between the samples of a series, histograms among them, and a scalar.
    pub fn combine_with_scalar(&mut self, b: &BinaryExpr, span: Span, series: &mut Series, s: &[f64], swapped: bool) {
        let mut result = series.blank();
        for (i, scalar) in s.iter().enumerate() {
            let Some(point) = series.point(i) else { continue };
            let scalar = Point::Float(*scalar);
            let (l, r) = if swapped { (scalar, point) } else { (point, scalar) };
            let Some((value, holds)) = apply(b.op, l, r, &mut self.notes, span) else { continue };
            if !holds && !b.return_bool {
                continue;
            }
            // A filter keeps the value of the vector, whichever side it stands on.
            if b.op.is_comparison() && !b.return_bool {
                result.copy(i, series);
            } else {
                value.put(&mut result, i, b.return_bool.then_some(holds));
            }
        }
        *series = result;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: &str, left: Point<'_>, right: Point<'_>) -> (Option<String>, Vec<String>) {
        let mut notes = Annotations::default();
        let op = BinaryOp::parse(op).unwrap();
        let outcome = apply(op, left, right, &mut notes, Span { line: 1, column: 1, ..Span::default() });
        let shown = outcome.filter(|(_, holds)| *holds).map(|(value, _)| match value {
            Outcome::Float(v) => v.to_string(),
            Outcome::Histogram(h) => h.to_string(),
        });
        (shown, [notes.warnings, notes.infos].concat())
    }

    #[test]
    fn histograms_scale_add_and_compare() {
        let h = Arc::new(Histogram { count: 4.0, sum: 6.0, positive: vec![(1, 4.0)], ..Histogram::default() });
        let (h, two) = (Point::Histogram(&h), Point::Float(2.0));
        for (op, left, right, expected) in [
            ("*", h, two, Some("{count:8, sum:12, (1,2]:8}")),
            ("*", two, h, Some("{count:8, sum:12, (1,2]:8}")),
            ("/", h, two, Some("{count:2, sum:3, (1,2]:2}")),
            ("+", h, h, Some("{count:8, sum:12, (1,2]:8}")),
            ("-", h, h, Some("{count:0, sum:0}")),
            ("==", h, h, Some("{count:4, sum:6, (1,2]:4}")),
            ("!=", h, h, None),
            (">/", h, two, Some("{count:0, sum:0}")),
            ("</", h, two, Some("{count:4, sum:6, (1,2]:4}")),
        ] {
            let (shown, notes) = run(op, left, right);
            assert_eq!((shown.as_deref(), notes.len()), (expected, 0), "{op}");
        }
    }

    #[test]
    fn what_is_not_defined_is_remarked() {
        let h = Arc::new(Histogram::default());
        let (h, two) = (Point::Histogram(&h), Point::Float(2.0));
        for (op, left, right, expected) in [
            ("+", h, two, "\"+\": histogram + float"),
            ("/", two, h, "\"/\": float / histogram"),
            (">", h, h, "\">\": histogram > histogram"),
            ("</", two, two, "\"</\": float </ float"),
        ] {
            let (shown, notes) = run(op, left, right);
            assert!(shown.is_none() && notes[0].contains(expected), "{op}: {notes:?}");
        }
    }

    #[test]
    fn schemas_must_fit() {
        let custom = Arc::new(Histogram { schema: crate::CUSTOM_SCHEMA, ..Histogram::default() });
        let plain = Arc::new(Histogram::default());
        let (shown, notes) = run("+", Point::Histogram(&custom), Point::Histogram(&plain));
        assert!(shown.is_none());
        assert_eq!(notes, ["PromQL warning: incompatible bucket layout encountered for binary operator + (1:1)"]);
    }
}
