//! Sums, means, quantiles and lines through points, computed as Prometheus does, so that even last bits agree.

use crate::storage::Sample;

/// A sum with compensation of rounding errors (Kahan's algorithm in Neumaier's form).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// A sum of one value.
    pub fn of(value: f64) -> Self {
        Self { sum: value, lost: 0.0 }
    }

    #[inline(always)]
    pub fn add(&mut self, value: f64) {
        *self = self.plus(value);
    }

    /// By value, so that a loop keeps it in registers: through memory each addition would wait for the one before.
    #[inline(always)]
    fn plus(self, value: f64) -> Self {
        let Self { sum, lost } = self.plus_finite(value);
        // An infinite total has lost nothing that could be given back.
        Self { sum, lost: if sum.is_infinite() { 0.0 } else { lost } }
    }

    /// The same as long as the sum is finite.
    #[inline(always)]
    fn plus_finite(self, value: f64) -> Self {
        let sum = self.sum + value;
        let (large, small) = if self.sum.abs() >= value.abs() { (self.sum, value) } else { (value, self.sum) };
        Self { sum, lost: self.lost + ((large - sum) + small) }
    }

    /// The sum of values. It is added up without a look at infinity first, which is not far from twice as fast and
    /// nearly always right.
    pub fn of_all(mut values: impl Iterator<Item = f64> + Clone) -> Self {
        let first = Self::of(values.next().unwrap_or(0.0));
        let sum = values.clone().fold(first, Self::plus_finite);
        // What has been infinite once is infinite or NaN at the end.
        if sum.sum.is_finite() { sum } else { values.fold(first, Self::plus) }
    }

    pub fn value(self) -> f64 {
        self.sum + self.lost
    }

    /// Adds another sum with what it has lost.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        if other.lost != 0.0 {
            self.add(other.lost);
        }
    }

    pub fn scaled(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    pub fn over(self, divisor: f64) -> Self {
        Self { sum: self.sum / divisor, lost: self.lost / divisor }
    }

    pub fn is_zero(self) -> bool {
        self.sum == 0.0 && self.lost == 0.0
    }

    pub fn is_infinite(self) -> bool {
        self.sum.is_infinite()
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut values = values.into_iter();
        let first = Self::of(values.next().unwrap_or(0.0));
        values.fold(first, Self::plus)
    }
}

/// A mean: sum over count, or step by step once the sum would overflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    stepwise: bool,
}

impl Mean {
    pub fn of(value: f64) -> Self {
        Self { sum: Sum { sum: value, lost: 0.0 }, count: 1.0, stepwise: false }
    }

    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.stepwise {
            let mut sum = self.sum;
            sum.add(value);
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.stepwise = true;
            let before = self.count - 1.0;
            self.sum = Sum { sum: self.sum.sum / before, lost: self.sum.lost / before };
        }
        self.sum = self.sum.scaled((self.count - 1.0) / self.count);
        self.sum.add(value / self.count);
    }

    pub fn value(self) -> f64 {
        if self.stepwise { self.sum.value() } else { self.sum.sum / self.count + self.sum.lost / self.count }
    }
}

/// The mean of values; of none it is NaN.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len() as f64;
    // Only a sum that overflows calls for going step by step.
    let Sum { sum, lost } = Sum::of_all(values.clone());
    if sum.is_finite() { sum / count + lost / count } else { values.collect::<Mean>().value() }
}

impl FromIterator<f64> for Mean {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut values = values.into_iter();
        let mut mean = Self::of(values.next().unwrap_or(f64::NAN));
        values.for_each(|v| mean.add(v));
        mean
    }
}

/// A population variance by Welford's algorithm, with compensated sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.value();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.value()));
    }

    pub fn value(self) -> f64 {
        self.squares.value() / self.count
    }
}

impl FromIterator<f64> for Variance {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut variance = Self::default();
        values.into_iter().for_each(|v| variance.add(v));
        variance
    }
}

/// Order of values with NaN before everything.
pub(super) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
}

/// The quantile `q` of values, interpolated between neighbours; NaN counts as the smallest value. Sorts `values`.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Slope (per second) and value at `at` (milliseconds) of the least-squares line through samples.
pub(super) fn regression(samples: &[Sample], at: i64) -> (f64, f64) {
    let first = samples[0].v;
    if samples.iter().all(|s| s.v == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = samples.len() as f64;
    let (mut x, mut y, mut xy, mut x2) = (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for sample in samples {
        let dx = (sample.t - at) as f64 / 1000.0;
        x.add(dx);
        y.add(sample.v);
        xy.add(dx * sample.v);
        x2.add(dx * dx);
    }
    let (x, y, xy, x2) = (x.value(), y.value(), xy.value(), x2.value());
    let slope = (xy - x * y / n) / (x2 - x * x / n);
    (slope, y / n - slope * x / n)
}

/// Whether two numbers differ by no more than `tolerance`, relative to their size.
pub(super) fn almost_equal(a: f64, b: f64, tolerance: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let size = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < tolerance * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_large_values_swallow() {
        assert_eq!([1.0, 1e100, 1.0, -1e100].into_iter().collect::<Sum>().value(), 2.0);
        assert_eq!([1.0, 1e100, 1.0, -1e100].into_iter().collect::<Mean>().value(), 0.5);
    }

    #[test]
    fn means_do_not_overflow() {
        let big = f64::MAX / 1.5;
        assert_eq!([big, big, big].into_iter().collect::<Mean>().value(), big);
        for values in [&[big, big, big][..], &[1.0, 1e100, 1.0, -1e100], &[2.0], &[big, big, f64::NEG_INFINITY], &[]] {
            let (short, long) = (mean(values.iter().copied()), values.iter().copied().collect::<Mean>().value());
            assert!(short == long || (short.is_nan() && long.is_nan()), "{values:?}: {short} {long}");
        }
    }

    #[test]
    fn quantiles_interpolate_and_bound() {
        assert_eq!(quantile(0.5, &mut [4.0, 0.0, 1.0]), 1.0);
        assert_eq!(quantile(0.75, &mut [0.0, 1.0, 4.0]), 2.5);
        assert_eq!(quantile(-1.0, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(2.0, &mut [1.0]), f64::INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan());
    }

    #[test]
    fn a_line_through_its_own_points_is_found() {
        let samples: Vec<_> = (0..5).map(|i| Sample { t: i * 1000, v: 3.0 + 2.0 * i as f64 }).collect();
        assert_eq!(regression(&samples, 0), (2.0, 3.0));
        assert_eq!(regression(&samples, 2000), (2.0, 7.0));
        let flat: Vec<_> = (0..5).map(|i| Sample { t: i, v: 1.0 }).collect();
        assert_eq!(regression(&flat, 0), (0.0, 1.0));
    }

    #[test]
    fn closeness_is_relative() {
        assert!(almost_equal(1e20, 1e20 + 1e6, 1e-12));
        assert!(!almost_equal(1.0, 1.001, 1e-12));
        assert!(!almost_equal(0.0, 1e-300, 1e-12));
    }
}
