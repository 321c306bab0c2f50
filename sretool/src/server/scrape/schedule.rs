//! When to scrape: every target at a fixed offset within the interval, so that targets do not all answer at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Timestamps snap to the schedule within this, so that equal distances compress well.
const TOLERANCE_MS: i64 = 2;

/// The schedule of one target. Times are ms since the Unix epoch.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: i64,
    next: i64,
}

impl Schedule {
    pub(super) fn new(identity: &str, interval: Duration, now: i64) -> Self {
        let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let mut hasher = DefaultHasher::new();
        identity.hash(&mut hasher);
        let offset = i64::try_from(hasher.finish() >> 1).unwrap_or(0) % interval;
        let base = now - now.rem_euclid(interval) + offset;
        Self { interval, next: if base < now { base + interval } else { base } }
    }

    /// How long to sleep until the next scrape.
    pub(super) fn wait(&self, now: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.next - now).unwrap_or(0))
    }

    /// The timestamp of the scrape that begins now: the planned time if that is near. Scrapes that were missed, because
    /// one took longer than the interval or the machine slept, are left out.
    pub(super) fn take(&mut self, now: i64) -> i64 {
        if now - self.next >= self.interval {
            self.next += (now - self.next) / self.interval * self.interval;
        }
        let planned = self.next;
        self.next += self.interval;
        let tolerance = TOLERANCE_MS.min(self.interval / 100);
        if (now - planned).abs() <= tolerance { planned } else { now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        Schedule { interval: 1000, next: 10_000 }
    }

    #[test]
    fn targets_spread_over_the_interval_and_keep_their_place() {
        let interval = Duration::from_secs(10);
        let offset = |name: &str, now| Schedule::new(name, interval, now).next.rem_euclid(10_000);
        assert_eq!(offset("a", 0), offset("a", 123_456));
        let places: std::collections::BTreeSet<_> = (0..20).map(|i| offset(&i.to_string(), 0)).collect();
        assert!(places.len() > 15, "{places:?}");
        let first = Schedule::new("a", interval, 123_456).next;
        assert!((123_456..133_456).contains(&first));
    }

    #[test]
    fn times_snap_to_the_plan_when_near() {
        assert_eq!(schedule().take(10_002), 10_000);
        assert_eq!(schedule().take(9_999), 10_000);
        assert_eq!(schedule().take(10_003), 10_003);
        assert_eq!(Schedule { interval: 100, next: 1000 }.take(1002), 1002);
    }

    #[test]
    fn missed_scrapes_are_left_out() {
        let mut schedule = schedule();
        assert_eq!(schedule.take(13_500), 13_500);
        assert_eq!(schedule.wait(13_500), Duration::from_millis(500));
        assert_eq!(schedule.take(14_001), 14_000);
        assert_eq!(schedule.wait(20_000), Duration::ZERO);
    }
}
