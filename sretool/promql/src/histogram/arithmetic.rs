//! Sums, differences and means of histograms, with compensation of rounding errors in every bucket.

use super::buckets::{bound, coarser_index};
use super::{Histogram, ResetHint};
use crate::engine::math::Sum;
use std::sync::Arc;

/// Histograms of exponential and of custom buckets have no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// What should be said about an addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merge {
    /// One operand was reset and the other was not.
    pub reset_collision: bool,
    /// Custom bounds differed: only the common ones are left.
    pub bounds_reconciled: bool,
}

type Cells = Vec<(i32, Sum)>;

/// A sum of histograms.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    reset_hint: ResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: Sum,
    count: Sum,
    sum: Sum,
    positive: Cells,
    negative: Cells,
    bounds: Arc<[f64]>,
}

impl Total {
    pub fn of(h: &Histogram) -> Self {
        let cells = |buckets: &[(i32, f64)]| buckets.iter().map(|(i, count)| (*i, Sum::of(*count))).collect();
        Self {
            reset_hint: h.reset_hint,
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: Sum::of(h.zero_count),
            count: Sum::of(h.count),
            sum: Sum::of(h.sum),
            positive: cells(&h.positive),
            negative: cells(&h.negative),
            bounds: Arc::clone(&h.bounds),
        }
    }

    pub fn value(&self) -> Histogram {
        let buckets = |cells: &Cells| cells.iter().map(|(i, sum)| (*i, sum.value())).collect();
        Histogram {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum.value(),
            positive: buckets(&self.positive),
            negative: buckets(&self.negative),
            bounds: Arc::clone(&self.bounds),
        }
    }

    pub fn add(&mut self, other: &Histogram) -> Result<Merge, Incompatible> {
        self.combine(other, 1.0)
    }

    pub fn subtract(&mut self, other: &Histogram) -> Result<Merge, Incompatible> {
        self.combine(other, -1.0)
    }

    fn is_custom(&self) -> bool {
        self.schema == super::CUSTOM_SCHEMA
    }

    fn combine(&mut self, other: &Histogram, sign: f64) -> Result<Merge, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let reset_collision = self.adjust_hint(other.reset_hint);
        let bounds_reconciled = self.is_custom() && self.bounds != other.bounds;
        self.count.add(sign * other.count);
        self.sum.add(sign * other.sum);
        if bounds_reconciled {
            self.combine_mismatched(other, sign);
        } else if self.is_custom() {
            add_cells(&mut self.positive, other.positive.iter().map(|(i, count)| (*i, sign * count)));
        } else {
            self.combine_exponential(other, sign);
        }
        Ok(Merge { reset_collision, bounds_reconciled })
    }

    /// What is left of the two reset hints. True where one says reset and the other says none.
    fn adjust_hint(&mut self, other: ResetHint) -> bool {
        use ResetHint::{Gauge, Unknown};
        if self.reset_hint == other || self.reset_hint == Gauge {
            return false;
        }
        if other == Gauge {
            self.reset_hint = Gauge;
            return false;
        }
        let collision = self.reset_hint != Unknown && other != Unknown;
        self.reset_hint = Unknown;
        collision
    }

    fn combine_exponential(&mut self, other: &Histogram, sign: f64) {
        let widened;
        let mut zero = Sum::of(other.zero_count);
        let mut other = other;
        if self.zero_threshold != other.zero_threshold {
            let mut total = Self::of(other);
            while self.zero_threshold != total.zero_threshold {
                if self.zero_threshold > total.zero_threshold {
                    total.widen(self.zero_threshold);
                } else {
                    self.widen(total.zero_threshold);
                }
            }
            zero = total.zero_count;
            widened = total.value();
            other = &widened;
        }
        self.zero_count.merge(zero.scaled(sign));
        let schema = self.schema.min(other.schema);
        self.reduce(schema);
        let threshold = self.zero_threshold;
        for (to, from) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            let reduced = merged(from.iter().map(|(i, count)| (coarser_index(*i, other.schema, schema), sign * count)));
            // Buckets inside of the zero bucket are part of it.
            let outside = reduced.into_iter().skip_while(|(i, _)| bound(*i, schema, &[]) <= threshold);
            add_cells(to, outside);
        }
    }

    /// Lowers the resolution.
    pub fn reduce(&mut self, schema: i32) {
        if schema == self.schema {
            return;
        }
        for cells in [&mut self.positive, &mut self.negative] {
            let mut reduced: Cells = Vec::with_capacity(cells.len());
            for (index, sum) in cells.drain(..) {
                let index = coarser_index(index, self.schema, schema);
                match reduced.last_mut() {
                    Some((last, total)) if *last == index => total.merge(sum),
                    _ => reduced.push((index, sum)),
                }
            }
            *cells = reduced;
        }
        self.schema = schema;
    }

    /// Widens the zero bucket to a threshold, or to the end of the populated bucket that the threshold falls into, and
    /// moves the buckets inside of it into it.
    pub(super) fn widen(&mut self, mut threshold: f64) {
        let schema = self.schema;
        let zero_count = 'again: loop {
            let mut zero = self.zero_count;
            for (side, cells) in [&self.positive, &self.negative].into_iter().enumerate() {
                for (index, sum) in cells {
                    if bound(index.saturating_sub(1), schema, &[]) >= threshold {
                        break;
                    }
                    zero.merge(*sum);
                    let upper = bound(*index, schema, &[]);
                    if upper > threshold {
                        if !sum.is_zero() {
                            threshold = upper;
                            // The positive buckets were treated for a smaller threshold.
                            if side == 1 {
                                continue 'again;
                            }
                        }
                        break;
                    }
                }
            }
            break zero;
        };
        self.zero_count = zero_count;
        self.zero_threshold = threshold;
        for cells in [&mut self.positive, &mut self.negative] {
            cells.retain(|(index, sum)| bound(index.saturating_sub(1), schema, &[]) >= threshold && !sum.is_zero());
        }
    }

    /// Maps the buckets of both to the bounds that they share.
    fn combine_mismatched(&mut self, other: &Histogram, sign: f64) {
        let common = common_bounds(&self.bounds, &other.bounds);
        let mut cells = vec![Sum::default(); common.len() + 1];
        for (index, sum) in &self.positive {
            cells[place(*index, &self.bounds, &common)].merge(*sum);
        }
        for (index, count) in &other.positive {
            cells[place(*index, &other.bounds, &common)].add(sign * count);
        }
        self.positive = (0..).zip(cells).filter(|(_, sum)| !sum.is_zero()).collect();
        self.bounds = common;
    }

    /// Whether any part has become infinite.
    fn has_overflow(&self) -> bool {
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, sum)| sum);
        [&self.zero_count, &self.count, &self.sum].into_iter().chain(buckets).any(|sum| sum.is_infinite())
            || self.bounds.iter().any(|b| b.is_infinite())
    }

    fn scale(&mut self, f: impl Fn(Sum) -> Sum) {
        for sum in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *sum = f(*sum);
        }
        for (_, sum) in self.positive.iter_mut().chain(&mut self.negative) {
            *sum = f(*sum);
        }
    }
}

/// Adds up neighbours of the same index.
fn merged(buckets: impl Iterator<Item = (i32, f64)>) -> Vec<(i32, f64)> {
    let mut result: Vec<(i32, f64)> = Vec::with_capacity(buckets.size_hint().0);
    for (index, count) in buckets {
        match result.last_mut() {
            Some((last, total)) if *last == index => *total += count,
            _ => result.push((index, count)),
        }
    }
    result
}

/// Adds buckets, both lists being in order of indices.
fn add_cells(to: &mut Cells, from: impl Iterator<Item = (i32, f64)>) {
    let mut at = 0;
    for (index, count) in from {
        at += to[at..].partition_point(|(i, _)| *i < index);
        match to.get_mut(at) {
            Some((i, sum)) if *i == index => sum.add(count),
            _ => to.insert(at, (index, Sum::of(count))),
        }
    }
}

/// The bounds that both lists have.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().filter(|bound| b.contains(bound)).copied().collect()
}

/// The place of a bucket among fewer bounds.
pub(super) fn place(index: i32, bounds: &[f64], common: &[f64]) -> usize {
    let upper = bound(index, super::CUSTOM_SCHEMA, bounds);
    common.partition_point(|b| *b < upper)
}

/// A mean of histograms: sum over count, or step by step once the sum would overflow.
#[derive(Clone, Debug)]
pub(crate) struct Mean {
    total: Total,
    count: f64,
    stepwise: bool,
}

impl Mean {
    pub fn of(h: &Histogram) -> Self {
        Self { total: Total::of(h), count: 1.0, stepwise: false }
    }

    pub fn add(&mut self, h: &Histogram) -> Result<Merge, Incompatible> {
        self.count += 1.0;
        let mut noted = Merge::default();
        if !self.stepwise {
            let mut total = self.total.clone();
            noted = total.add(h)?;
            if !total.has_overflow() {
                self.total = total;
                return Ok(noted);
            }
            self.stepwise = true;
            let before = self.count - 1.0;
            self.total.scale(|sum| sum.over(before));
        }
        let weight = (self.count - 1.0) / self.count;
        self.total.scale(|sum| sum.scaled(weight));
        let more = self.total.add(&h.over(self.count))?;
        noted.bounds_reconciled |= more.bounds_reconciled;
        noted.reset_collision |= more.reset_collision;
        Ok(noted)
    }

    pub fn value(mut self) -> Histogram {
        if !self.stepwise {
            let count = self.count;
            self.total.scale(|sum| sum.over(count));
        }
        self.total.value()
    }
}
