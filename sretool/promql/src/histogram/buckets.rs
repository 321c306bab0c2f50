//! Buckets and their bounds.

use super::{CUSTOM_SCHEMA, Histogram};

/// A bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to it.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to it.
    pub upper_inclusive: bool,
    /// Number of observations.
    pub count: f64,
}

impl Bucket {
    /// The share of its width that lies below `value`, which is inside of its bounds. Exponential buckets are even on a
    /// logarithmic scale.
    pub(super) fn share_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, value_log] = [self.lower, self.upper, value].map(|v| v.abs().log2());
        if value > 0.0 { (value_log - lower) / (upper - lower) } else { 1.0 - (value_log - upper) / (lower - upper) }
    }
}

/// The upper bound of the bucket of an index, in absolute terms for exponential buckets.
pub(super) fn bound(index: i32, schema: i32, bounds: &[f64]) -> f64 {
    if schema == CUSTOM_SCHEMA {
        return match usize::try_from(index) {
            Ok(index) => bounds.get(index).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
    }
    let index = i64::from(index);
    // Beyond these no schema is defined.
    let schema = schema.clamp(-9, 52);
    let (fraction, exponent) = if schema < 0 {
        (1.0, index << -schema)
    } else {
        let parts = 1i64 << schema;
        (((index & (parts - 1)) as f64 / parts as f64).exp2(), index >> schema)
    };
    // The last bucket of finite values ends at the largest of them; the next one holds infinity.
    if fraction == 1.0 && exponent == 1024 { f64::MAX } else { fraction * (exponent as f64).exp2() }
}

/// The index that a bucket has in a coarser schema.
pub(super) fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    let index = (i64::from(index) - 1) >> (i64::from(from) - i64::from(to)).clamp(0, 62);
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}

impl Histogram {
    pub(super) fn bucket(&self, index: i32, count: f64, positive: bool) -> Bucket {
        let (far, near) =
            (bound(index, self.schema, &self.bounds), bound(index.saturating_sub(1), self.schema, &self.bounds));
        let (lower, upper) = if positive { (near, far) } else { (-far, -near) };
        if self.is_custom() {
            return Bucket { lower, upper, lower_inclusive: index == 0, upper_inclusive: true, count };
        }
        Bucket { lower, upper, lower_inclusive: lower < 0.0, upper_inclusive: upper > 0.0, count }
    }

    pub(super) fn zero_bucket(&self) -> Bucket {
        let (lower, upper) = (-self.zero_threshold, self.zero_threshold);
        Bucket { lower, upper, lower_inclusive: true, upper_inclusive: true, count: self.zero_count }
    }

    /// All buckets from the lowest to the highest, each with the bounds that its index gives it.
    pub(super) fn plain_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        let negative = self.negative.iter().rev().map(|(index, count)| self.bucket(*index, *count, false));
        let zero = (self.zero_count != 0.0).then(|| self.zero_bucket());
        let positive = self.positive.iter().map(|(index, count)| self.bucket(*index, *count, true));
        negative.chain(zero).chain(positive)
    }

    /// All buckets from the lowest to the highest; those that overlap with the zero bucket end where it begins.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        let threshold = self.zero_threshold;
        let cut = move |mut bucket: Bucket| {
            if bucket.upper < 0.0 && bucket.upper > -threshold {
                bucket.upper = -threshold;
            } else if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
            bucket
        };
        let negative = self.negative.iter().rev().map(|(index, count)| self.bucket(*index, *count, false));
        let zero = (self.zero_count > 0.0).then(|| self.zero_bucket());
        let positive = self.positive.iter().map(|(index, count)| self.bucket(*index, *count, true));
        negative.map(cut).chain(zero).chain(positive.map(cut))
    }
}
