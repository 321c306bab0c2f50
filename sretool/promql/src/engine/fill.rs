//! Vector matching with `fill`: values that stand for missing partners.

use super::binary::{Merged, Sides, check_one_side, multiple, result_labels, signature};
use super::data::{ABSENT, Grid, Point, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::{EvalError, native_binary};
use crate::ast::{BinaryExpr, Cardinality, Literal, Span};
use crate::labels::Labels;
use std::collections::{HashMap, HashSet};

/// One result of a pair of series: labels, time and value.
struct Filled<'a> {
    binary: &'a BinaryExpr,
    span: Span,
    grid: Grid,
    swapped: bool,
}

impl Evaluator<'_> {
    /// An operation between two vectors in which a missing partner is a number.
    pub fn match_filled(
        &mut self,
        b: &BinaryExpr,
        span: Span,
        lhs: Vec<Series>,
        rhs: Vec<Series>,
        grid: Grid,
    ) -> Evaluated<Vec<Series>> {
        let swapped = b.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let mut sides: Sides<'_> = HashMap::new();
        for (side, of_many) in [(&many, true), (&one, false)] {
            for series in side {
                let (left, right) = sides.entry(signature(&series.labels, &b.matching)).or_default();
                if of_many { left.push(series) } else { right.push(series) }
            }
        }
        check_one_side(&sides, &many, b, grid)?;
        let mut keys: Vec<_> = sides.keys().cloned().collect();
        keys.sort();
        let filled = Filled { binary: b, span, grid, swapped };
        let mut result = Merged::default();
        for key in keys {
            let (many, one) = &sides[&key];
            self.fill_group(&filled, &key, many, one, &mut result)?;
        }
        let mut series = result.series;
        series.retain(|s| !s.is_empty());
        if b.return_bool { self.drop_names(series) } else { Ok(series) }
    }

    fn fill_group(
        &mut self,
        f: &Filled<'_>,
        key: &Labels,
        many: &[&Series],
        one: &[&Series],
        result: &mut Merged,
    ) -> Evaluated<()> {
        let fill = f.binary.matching.fill;
        // As in Prometheus, which swaps the operands but not these: with `group_right` left and right trade places.
        let (of_many, of_one) = (fill.left, fill.right);
        for i in 0..f.grid.len {
            let partner = one.iter().find(|s| s.there(i));
            let mut taken = HashSet::new();
            for left in many.iter().filter(|s| s.there(i)) {
                let Some((labels, point)) = other(partner, i, key, of_one) else { continue };
                let pair = [left.point(i), Some(point)];
                self.fill_pair(f, i, [&left.labels, labels], pair, &mut taken, result)?;
            }
            if let (Some(right), true) = (partner, taken.is_empty())
                && let Some((labels, point)) = other(None, i, key, of_many)
            {
                self.fill_pair(f, i, [labels, &right.labels], [Some(point), right.point(i)], &mut taken, result)?;
            }
        }
        Ok(())
    }

    fn fill_pair(
        &mut self,
        f: &Filled<'_>,
        i: usize,
        [many, one]: [&Labels; 2],
        points: [Option<Point<'_>>; 2],
        taken: &mut HashSet<Labels>,
        result: &mut Merged,
    ) -> Evaluated<()> {
        let [Some(many_point), Some(one_point)] = points else { return Ok(()) };
        let b = f.binary;
        let (x, y) = if f.swapped { (one_point, many_point) } else { (many_point, one_point) };
        let Some((value, holds)) = native_binary::apply(b.op, x, y, &mut self.notes, f.span) else { return Ok(()) };
        let labels = result_labels(many, one, b);
        let grouped = b.matching.cardinality != Cardinality::OneToOne;
        let place = if grouped { labels.clone() } else { Labels::default() };
        if !taken.insert(place) {
            return Err(EvalError::Matching(multiple(grouped).into()));
        }
        if !holds && !b.return_bool {
            return Ok(());
        }
        let mut series = Series::new(labels, false, vec![ABSENT; f.grid.len]);
        value.put(&mut series, i, b.return_bool.then_some(holds));
        result.add(series)
    }
}

/// The partner at a time, or what stands for it: a number with the labels that both sides would share.
fn other<'a>(
    partner: Option<&&'a Series>,
    i: usize,
    key: &'a Labels,
    fill: Option<Literal>,
) -> Option<(&'a Labels, Point<'a>)> {
    match partner {
        Some(series) => Some((&series.labels, series.point(i)?)),
        None => fill.map(|value| (key, Point::Float(value.0))),
    }
}
