//! The trim operators: `h </ 5` keeps the observations below 5, `h >/ 5` those above.

use super::Histogram;
use super::buckets::Bucket;

/// Which observations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Below,
    Above,
}

impl Histogram {
    /// Keeps the observations on one side of a value. Buckets that hold the value are divided by interpolation; the sum
    /// is estimated from the middles of what is left, once anything is gone.
    pub(crate) fn trimmed(&self, value: f64, keep: Keep) -> Self {
        let mut result = self.clone();
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut populated = [false, false];
        for positive in [true, false] {
            let side = if positive { &mut result.positive } else { &mut result.negative };
            for (index, bucket_count) in side.iter_mut().filter(|(_, c)| *c != 0.0) {
                populated[usize::from(positive)] = true;
                let bucket = self.bucket(*index, *bucket_count, positive);
                let (kept, middle) = self.part(bucket, value, keep, positive);
                if kept != *bucket_count {
                    *bucket_count = kept;
                    changed = true;
                }
                count += kept;
                sum += middle * kept;
            }
        }
        if self.zero_count > 0.0 {
            let (kept, middle) = zero_part(self.zero_bucket(), value, keep, populated);
            changed |= kept != self.zero_count;
            result.zero_count = kept;
            count += kept;
            sum += middle * kept;
        }
        if changed {
            result.count = count;
            result.sum = sum;
            result.compact();
        }
        result
    }

    /// How much of a bucket is kept, and the middle of that.
    fn part(&self, b: Bucket, value: f64, keep: Keep, positive: bool) -> (f64, f64) {
        let linear = self.is_custom();
        let (inside, whole) = match keep {
            Keep::Below => (b.lower < value, b.upper <= value),
            Keep::Above => (b.upper > value, b.lower >= value),
        };
        if whole {
            return (b.count, middle(b.lower, b.upper, positive, linear));
        }
        if !inside {
            return (0.0, 0.0);
        }
        if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
            return endless_part(b, value, keep);
        }
        let below = b.count * b.share_below(value, linear);
        match keep {
            Keep::Below => (below, middle(b.lower, value, positive, linear)),
            Keep::Above => (b.count - below, middle(value, b.upper, positive, linear)),
        }
    }
}

/// The part of a bucket without an end that is kept. Where the observations are in it is not known, so that it goes as a
/// whole unless zero can be taken for its lower bound.
fn endless_part(b: Bucket, value: f64, keep: Keep) -> (f64, f64) {
    let finite = |v: f64| if v.is_infinite() { 0.0 } else { v };
    if b.lower == f64::NEG_INFINITY {
        return match keep {
            Keep::Below if value > 0.0 && b.upper.is_finite() => (b.count * value / b.upper, value / 2.0),
            Keep::Below if b.upper <= 0.0 => (b.count, value),
            Keep::Above if value >= 0.0 && b.upper.is_finite() => {
                (b.count * (1.0 - value / b.upper), (value + b.upper) / 2.0)
            }
            _ => (0.0, finite(b.upper)),
        };
    }
    match keep {
        Keep::Below => (0.0, finite(b.lower)),
        Keep::Above if value >= b.lower => (b.count, value),
        Keep::Above => (0.0, finite(b.lower)),
    }
}

/// Zero bounds the zero bucket of a histogram that has buckets on one side of it only.
fn zero_part(zero: Bucket, value: f64, keep: Keep, [negative, positive]: [bool; 2]) -> (f64, f64) {
    let lower = if positive && !negative { 0.0 } else { zero.lower };
    let upper = if negative && !positive { 0.0 } else { zero.upper };
    let (gone, whole) = match keep {
        Keep::Below => (value <= lower, value >= upper),
        Keep::Above => (value >= upper, value <= lower),
    };
    // At both bounds at once a lower trim keeps the bucket and an upper one drops it.
    if whole && (keep == Keep::Above || !gone) {
        return (zero.count, (lower + upper) / 2.0);
    }
    if gone {
        return (0.0, 0.0);
    }
    let (share, middle) = match keep {
        Keep::Below => ((value - lower) / (upper - lower), (lower + value) / 2.0),
        Keep::Above => ((upper - value) / (upper - lower), (value + upper) / 2.0),
    };
    (zero.count * share, middle)
}

/// The middle of an interval: arithmetic for custom buckets, else geometric.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => (lower + upper) / 2.0,
        (false, false) => {
            let mean = (lower * upper).abs().sqrt();
            if positive { mean } else { -mean }
        }
    }
}
