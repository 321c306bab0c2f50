//! What functions over time need to know of a run of samples, so that a store can answer without reading each.

use crate::labels::Labels;
use crate::storage::{Sample, is_stale};
use std::ops::ControlFlow;

/// A run of samples of one series. Staleness markers count only in `samples` and in the two times.
///
/// Runs that follow each other can be [joined](Summary::join), so that a store may keep one for each of its chunks and
/// answer for a long window by joining them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Time of the first sample, milliseconds since the Unix epoch.
    pub first_t: i64,
    /// Time of the last sample.
    pub last_t: i64,
    /// Number of samples, staleness markers included; where it is zero everything else means nothing.
    pub samples: u32,
    /// Number of samples that are no staleness marker; where it is zero the values below mean nothing.
    pub count: u32,
    /// First value.
    pub first: Sample,
    /// Last value.
    pub last: Sample,
    /// Sum of the value before each drop: what a counter's `last - first` lacks of its increase.
    pub resets: f64,
    /// Number of drops.
    pub drops: u32,
    /// Number of times that a value differs from the one before it.
    pub changes: u32,
    /// Smallest value, NaN ignored unless all are NaN.
    pub min: f64,
    /// Largest value, NaN ignored unless all are NaN.
    pub max: f64,
    /// Sum of the values as it was rounded; [`Summary::total`] gives back what rounding lost.
    pub sum: f64,
    /// What rounding has taken from the sum.
    pub lost: f64,
}

impl Default for Summary {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Summary {
    /// Of no samples at all.
    pub const EMPTY: Self = Self {
        first_t: 0,
        last_t: 0,
        samples: 0,
        count: 0,
        first: Sample { t: 0, v: f64::NAN },
        last: Sample { t: 0, v: f64::NAN },
        resets: 0.0,
        drops: 0,
        changes: 0,
        min: f64::NAN,
        max: f64::NAN,
        sum: 0.0,
        lost: 0.0,
    };

    /// Adds a sample later than all so far.
    #[inline]
    pub fn add(&mut self, sample: Sample) {
        if self.samples == 0 {
            self.first_t = sample.t;
        }
        self.last_t = sample.t;
        self.samples += 1;
        if is_stale(sample.v) {
            return;
        }
        if self.count == 0 {
            self.first = sample;
            self.sum = sample.v;
        } else {
            self.step(sample.v);
            self.add_to_sum(sample.v);
        }
        self.count += 1;
        self.last = sample;
        self.extend(sample.v, sample.v);
    }

    /// Adds a run whose samples are all later.
    #[inline]
    pub fn join(&mut self, later: &Self) {
        if later.samples == 0 {
            return;
        }
        if self.samples == 0 {
            *self = *later;
            return;
        }
        self.last_t = later.last_t;
        let samples = self.samples + later.samples;
        if later.count > 0 && self.count == 0 {
            *self = Self { first_t: self.first_t, ..*later };
        } else if later.count > 0 {
            self.step(later.first.v);
            self.resets += later.resets;
            self.drops += later.drops;
            self.changes += later.changes;
            self.add_to_sum(later.sum);
            self.lost += later.lost;
            self.count += later.count;
            self.last = later.last;
            self.extend(later.min, later.max);
        }
        self.samples = samples;
    }

    /// The sum of the values.
    pub fn total(&self) -> f64 {
        self.sum + self.lost
    }

    /// Whether no order of adding the values could overflow or meet an infinity, so that the sum is that of any order.
    pub fn sums_in_any_order(&self) -> bool {
        let largest = self.max.abs().max(self.min.abs());
        largest * f64::from(self.count) < f64::MAX / 4.0
    }

    /// Goes from the last value to the next.
    #[inline]
    fn step(&mut self, next: f64) {
        let last = self.last.v;
        if next < last {
            self.resets += last;
            self.drops += 1;
        }
        if next != last && !(next.is_nan() && last.is_nan()) {
            self.changes += 1;
        }
    }

    #[inline]
    fn extend(&mut self, min: f64, max: f64) {
        if min < self.min || self.min.is_nan() {
            self.min = min;
        }
        if max > self.max || self.max.is_nan() {
            self.max = max;
        }
    }

    /// Neumaier's compensated addition, as the engine adds samples one by one.
    #[inline]
    fn add_to_sum(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }
}

impl FromIterator<Sample> for Summary {
    fn from_iter<T: IntoIterator<Item = Sample>>(samples: T) -> Self {
        let mut summary = Self::EMPTY;
        samples.into_iter().for_each(|sample| summary.add(sample));
        summary
    }
}

/// What is asked of a store about each series of a selector.
#[derive(Clone, Copy, Debug)]
pub struct SummaryHints<'a> {
    /// Closed intervals in milliseconds; from one to the next neither bound falls.
    pub windows: &'a [(i64, i64)],
    /// Whether the caller could slide over the samples at a small cost for each window, so that many windows that
    /// overlap are better read as samples.
    pub sliding: bool,
}

/// Takes the labels of a series, metric name included, and a summary of each window that was asked for, in their order
/// ([`Summary::EMPTY`] for one without samples); says whether it wants to see more series.
pub type SummaryVisitor<'a> = dyn FnMut(&Labels, &[Summary]) -> ControlFlow<()> + 'a;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stale_nan;
    use proptest::prelude::*;

    fn summary(values: &[f64]) -> Summary {
        values.iter().zip(10..).map(|(v, t)| Sample { t, v: *v }).collect()
    }

    #[test]
    fn drops_changes_and_extremes_are_counted() {
        let s = summary(&[3.0, 5.0, 1.0, stale_nan(), 4.0, 4.0, 2.0]);
        assert_eq!((s.first_t, s.last_t, s.samples, s.count), (10, 16, 7, 6));
        assert_eq!((s.resets, s.drops, s.changes), (9.0, 2, 4));
        assert_eq!((s.min, s.max, s.total()), (1.0, 5.0, 19.0));
    }

    #[test]
    fn markers_alone_are_samples_without_a_count() {
        let mut s = summary(&[stale_nan(); 2]);
        assert_eq!((s.samples, s.count, s.last_t), (2, 0, 11));
        s.join(&Summary::from_iter([Sample { t: 20, v: 7.0 }]));
        assert_eq!((s.first_t, s.first.t, s.samples, s.count, s.min), (10, 20, 3, 1, 7.0));
        let before = s;
        s.join(&Summary::EMPTY);
        assert_eq!(s, before);
    }

    #[test]
    fn what_rounding_swallows_is_given_back() {
        assert_eq!(summary(&[1.0, 1e100, 1.0, -1e100]).total(), 2.0);
        let mut joined = summary(&[1.0, 1e100]);
        joined.join(&summary(&[1.0, -1e100]));
        assert_eq!(joined.total(), 2.0);
    }

    #[test]
    fn sums_that_might_overflow_are_known() {
        assert!(summary(&[1e300, 2.0]).sums_in_any_order());
        assert!(!summary(&[f64::MAX, -f64::MAX]).sums_in_any_order());
        assert!(!summary(&[1.0, f64::NEG_INFINITY]).sums_in_any_order());
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![6 => (0..9_i32).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(stale_nan())]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn joined_parts_are_the_whole(values in prop::collection::vec(any_value(), 0..40), cuts in [0..40_usize, 0..40]) {
            let samples: Vec<_> = values.iter().zip(0..).map(|(v, t)| Sample { t, v: *v }).collect();
            let (a, b) = (cuts[0].min(cuts[1]).min(samples.len()), cuts[0].max(cuts[1]).min(samples.len()));
            let mut joined = Summary::EMPTY;
            for part in [&samples[..a], &samples[a..b], &samples[b..]] {
                joined.join(&part.iter().copied().collect());
            }
            // Texts, because NaN is not equal to itself.
            let whole: Summary = samples.iter().copied().collect();
            prop_assert_eq!(format!("{joined:?}"), format!("{whole:?}"));
        }
    }
}
