//! Native histograms: exponential buckets of any resolution, or buckets of custom bounds.
//!
//! Counts are floating-point numbers, because rates and means of histograms are histograms too. Semantics are those of
//! Prometheus; the bucket layouts are described at <https://prometheus.io/docs/specs/native_histograms/>.

mod arithmetic;
mod buckets;
mod resets;
mod statistics;
mod trim;

pub(crate) use arithmetic::{Incompatible, Mean, Merge, Total};
pub use buckets::Bucket;
pub(crate) use statistics::NanNote;
pub(crate) use trim::Keep;

use crate::storage::is_stale;
use std::fmt;
use std::sync::Arc;

/// The schema of histograms whose buckets have custom upper bounds.
pub const CUSTOM_SCHEMA: i32 = -53;

/// What is known about resets of the counter that a histogram is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResetHint {
    /// Nothing: a reset shows by buckets that fall.
    #[default]
    Unknown,
    /// The counter was reset between the sample before and this one.
    Reset,
    /// The counter was not reset between the sample before and this one.
    NotReset,
    /// Not a counter but a gauge.
    Gauge,
}

/// A native histogram.
///
/// Buckets are pairs of index and count, in order of their indices. With an exponential schema `s` (-4 to 8) the bucket
/// of index `i` reaches from 2^((i-1)·2^-s) to 2^(i·2^-s); `negative` mirrors that below zero. With [`CUSTOM_SCHEMA`]
/// bucket `i` reaches from `bounds[i - 1]` to `bounds[i]`, the first from -∞ and the last to +∞, and there are neither
/// negative buckets nor a zero bucket.
///
/// ```
/// use promql::Histogram;
/// let histogram = Histogram { count: 3.0, sum: 4.5, positive: vec![(0, 1.0), (1, 2.0)], ..Histogram::default() };
/// assert_eq!(histogram.to_string(), "{count:3, sum:4.5, (0.5,1]:1, (1,2]:2}");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// What is known about resets.
    pub reset_hint: ResetHint,
    /// Resolution: -4 to 8 for exponential buckets, or [`CUSTOM_SCHEMA`].
    pub schema: i32,
    /// Observations of at most this absolute value are in the zero bucket.
    pub zero_threshold: f64,
    /// Count of the zero bucket.
    pub zero_count: f64,
    /// Number of all observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Buckets above zero, or all custom buckets: index and count, indices rising.
    pub positive: Vec<(i32, f64)>,
    /// Buckets below zero: index of the absolute value and count, indices rising.
    pub negative: Vec<(i32, f64)>,
    /// Upper bounds of custom buckets, rising; the last bucket has none.
    pub bounds: Arc<[f64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            reset_hint: ResetHint::Unknown,
            schema: 0,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
            bounds: Arc::default(),
        }
    }
}

impl Histogram {
    /// Whether its buckets have custom bounds.
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Whether it is no histogram but the marker of a series' end.
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// The buckets that spans describe, as exposition formats write them: each span is a distance from the end of the
    /// one before (from index 0 for the first) and a number of buckets. None where spans and counts do not fit.
    pub fn buckets_of_spans(spans: &[(i32, u32)], counts: &[f64]) -> Option<Vec<(i32, f64)>> {
        let mut buckets = Vec::with_capacity(counts.len());
        let mut left = counts.iter();
        let mut index: i32 = 0;
        for (n, (offset, length)) in spans.iter().enumerate() {
            if n > 0 && *offset < 0 {
                return None;
            }
            index = index.checked_add(*offset)?;
            for _ in 0..*length {
                buckets.push((index, *left.next()?));
                index = index.checked_add(1)?;
            }
        }
        left.next().is_none().then_some(buckets)
    }

    /// Removes buckets without observations.
    pub fn compact(&mut self) {
        self.positive.retain(|(_, count)| *count != 0.0);
        self.negative.retain(|(_, count)| *count != 0.0);
    }

    /// The same without buckets that have no observations.
    #[must_use]
    pub(crate) fn compacted(mut self) -> Self {
        self.compact();
        self
    }

    fn each(&mut self, f: impl Fn(&mut f64)) {
        f(&mut self.zero_count);
        f(&mut self.count);
        f(&mut self.sum);
        self.positive.iter_mut().chain(&mut self.negative).for_each(|(_, count)| f(count));
    }

    /// All counts and the sum times a factor. Below zero nothing is a counter any more.
    #[must_use]
    pub(crate) fn times(&self, factor: f64) -> Self {
        let mut result = self.clone();
        result.each(|v| *v *= factor);
        if factor < 0.0 {
            result.reset_hint = ResetHint::Gauge;
        }
        result
    }

    /// All counts and the sum over a number; a division by zero leaves no buckets.
    #[must_use]
    pub(crate) fn over(&self, divisor: f64) -> Self {
        let mut result = self.clone();
        if divisor == 0.0 {
            result.positive.clear();
            result.negative.clear();
        }
        result.each(|v| *v /= divisor);
        if divisor < 0.0 {
            result.reset_hint = ResetHint::Gauge;
        }
        result
    }

    /// Equal bit for bit, whatever the reset hints say.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let bits = |h: &Self| [h.count, h.sum, h.zero_count].map(f64::to_bits);
        let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits())
        };
        self.schema == other.schema
            && bits(self) == bits(other)
            && self.zero_threshold == other.zero_threshold
            && self.bounds == other.bounds
            && buckets(&self.positive, &other.positive)
            && buckets(&self.negative, &other.negative)
    }
}

/// As Prometheus writes it where `count_values` makes it a label: populated buckets with their bounds.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::engine::number;
        write!(f, "{{count:{}, sum:{}", number(self.count), number(self.sum))?;
        for bucket in self.plain_buckets().filter(|b| b.count != 0.0) {
            let (open, close) =
                (if bucket.lower_inclusive { '[' } else { '(' }, if bucket.upper_inclusive { ']' } else { ')' });
            let [lower, upper, count] = [bucket.lower, bucket.upper, bucket.count].map(number);
            write!(f, ", {open}{lower},{upper}{close}:{count}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests;
