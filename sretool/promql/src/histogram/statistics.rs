//! Quantiles, fractions and variance of a histogram.

use super::{Bucket, Histogram};
use crate::engine::math::Sum;

/// What observations of NaN did to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanNote {
    /// The quantile lies among them.
    Result,
    /// They count as larger than everything, which lifts the quantile.
    Skew,
    /// They are in no fraction.
    Excluded,
}

impl Histogram {
    /// Zero bounds a histogram that has buckets on one side of it only.
    fn bounded_by_zero(&self, mut bucket: Bucket) -> Bucket {
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
        bucket
    }

    /// The quantile `q`, interpolated within its bucket: evenly in custom buckets and in the zero bucket, else evenly on
    /// a logarithmic scale.
    pub(crate) fn quantile(&self, q: f64) -> (f64, Option<NanNote>) {
        if q.is_nan() || !(0.0..=1.0).contains(&q) {
            let outside = if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
            return (if q.is_nan() { f64::NAN } else { outside }, None);
        }
        if self.count == 0.0 {
            return (f64::NAN, None);
        }
        // Observations of NaN are in no bucket, so that only the way from below finds a rank; else the nearer end does.
        let from_below = self.sum.is_nan() || q < 0.5;
        let rank = if from_below { q * self.count } else { (1.0 - q) * self.count };
        let (mut bucket, mut count) = self.bucket_of_rank(rank, from_below);
        if self.is_custom() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return (bucket.upper, None);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return (bucket.lower, None);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            bucket = self.bounded_by_zero(bucket);
        }
        // Rounding can make the buckets add up to more than there is.
        count = count.min(self.count);
        if count < rank {
            return if self.sum.is_nan() { (f64::NAN, Some(NanNote::Result)) } else { (bucket.upper, None) };
        }
        let inside = if from_below { rank - (count - bucket.count) } else { count - rank };
        let observed: f64 = self.buckets().map(|b| b.count).sum();
        let skewed = self.sum.is_nan() && observed < self.count;
        (self.interpolated(bucket, inside / bucket.count), skewed.then_some(NanNote::Skew))
    }

    /// The bucket at which the count reaches a rank, and the count there.
    fn bucket_of_rank(&self, rank: f64, from_below: bool) -> (Bucket, f64) {
        let none = Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
        let find = |buckets: &mut dyn Iterator<Item = Bucket>| {
            let (mut found, mut count) = (none, 0.0);
            for bucket in buckets {
                found = bucket;
                count += bucket.count;
                if bucket.count != 0.0 && count >= rank {
                    break;
                }
            }
            (found, count)
        };
        if from_below { find(&mut self.buckets()) } else { find(&mut self.buckets().rev()) }
    }

    fn interpolated(&self, bucket: Bucket, share: f64) -> f64 {
        let Bucket { lower, upper, .. } = bucket;
        if self.is_custom() || (lower <= 0.0 && upper >= 0.0) {
            return lower + (upper - lower) * share;
        }
        let (low, high) = (lower.abs().log2(), upper.abs().log2());
        if lower > 0.0 {
            return (low + (high - low) * share).exp2();
        }
        -(high + (low - high) * (1.0 - share)).exp2()
    }

    /// The share of observations between two values.
    pub(crate) fn fraction(&self, lower: f64, upper: f64) -> (f64, Option<NanNote>) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, None);
        }
        if lower >= upper {
            return (0.0, None);
        }
        let mut count = self.count;
        let mut note = None;
        if self.sum.is_nan() {
            count = self.buckets().map(|b| b.count).sum();
            note = (count < self.count).then_some(NanNote::Excluded);
        }
        let rank = |value: f64| match self.rank_below(value) {
            Some(rank) if rank > count => count,
            found => found.unwrap_or(count),
        };
        ((rank(upper) - rank(lower)) / self.count, note)
    }

    /// How many observations are below a value; none where it is above all buckets.
    fn rank_below(&self, value: f64) -> Option<f64> {
        let mut rank = 0.0;
        for mut bucket in self.buckets() {
            let zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if zero {
                bucket = self.bounded_by_zero(bucket);
            }
            if bucket.lower >= value {
                return Some(rank);
            }
            if bucket.upper > value {
                let linear = self.is_custom() || zero;
                // Nothing is known about where in an endless bucket the observations are.
                if linear && bucket.lower == f64::NEG_INFINITY {
                    return Some(bucket.count);
                }
                return Some(rank + bucket.count * bucket.share_below(value, linear));
            }
            rank += bucket.count;
        }
        None
    }

    /// The mean of the observations.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// The population variance, each bucket standing for its middle.
    pub(crate) fn variance(&self) -> f64 {
        let mean = self.mean();
        let mut variance = Sum::default();
        for bucket in self.buckets().filter(|b| b.count != 0.0) {
            let middle = if self.is_custom() {
                (bucket.upper + bucket.lower) / 2.0
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let delta = middle - mean;
            variance.add(bucket.count * delta * delta);
        }
        variance.value() / self.count
    }
}
