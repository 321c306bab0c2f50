//! Detection of counter resets.

use super::arithmetic::{common_bounds, place};
use super::buckets::{bound, coarser_index};
use super::{Histogram, ResetHint, Total};

impl Histogram {
    /// Whether the counter was reset between `before` and this: by its hint, or because something has fallen, or because
    /// the resolution or the zero bucket have changed as only a reset changes them.
    pub fn is_reset_after(&self, before: &Self) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < before.count || self.is_custom() != before.is_custom() {
            return true;
        }
        if self.is_custom() && self.bounds != before.bounds {
            return self.has_fallen_in_common_buckets(before);
        }
        if self.schema > before.schema || self.zero_threshold < before.zero_threshold {
            return true;
        }
        let mut zero_count = before.zero_count;
        if self.zero_threshold > before.zero_threshold {
            let mut widened = Total::of(before);
            widened.widen(self.zero_threshold);
            let widened = widened.value();
            // A threshold inside of a populated bucket.
            if widened.zero_threshold != self.zero_threshold {
                return true;
            }
            zero_count = widened.zero_count;
        }
        self.zero_count < zero_count
            || self.has_fallen(&self.positive, &before.positive, before.schema)
            || self.has_fallen(&self.negative, &before.negative, before.schema)
    }

    fn has_fallen(&self, now: &[(i32, f64)], before: &[(i32, f64)], before_schema: i32) -> bool {
        let schema = self.schema;
        let outside = |index: i32| self.is_custom() || bound(index, schema, &[]) > self.zero_threshold;
        let mut merged: Vec<(i32, f64)> = Vec::with_capacity(before.len());
        for (index, count) in before {
            let index = if self.is_custom() { *index } else { coarser_index(*index, before_schema, schema) };
            match merged.last_mut() {
                Some((last, total)) if *last == index => *total += count,
                _ => merged.push((index, *count)),
            }
        }
        let mut now = now.iter().peekable();
        merged.into_iter().filter(|(index, _)| outside(*index)).any(|(index, count)| {
            while now.next_if(|(i, _)| *i < index).is_some() {}
            match now.peek() {
                Some((i, current)) if *i == index => *current < count,
                _ => count != 0.0,
            }
        })
    }

    fn has_fallen_in_common_buckets(&self, before: &Self) -> bool {
        let common = common_bounds(&self.bounds, &before.bounds);
        let counts = |h: &Self| {
            let mut counts = vec![0.0; common.len() + 1];
            for (index, count) in &h.positive {
                counts[place(*index, &h.bounds, &common)] += count;
            }
            counts
        };
        counts(self).into_iter().zip(counts(before)).any(|(now, before)| now < before)
    }
}
