//! Growing pauses between attempts.

use std::time::Duration;

/// Exponential back-off with an upper bound: the pause doubles with every failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Pause after the first failed attempt.
    pub base: Duration,
    /// Longest pause.
    pub cap: Duration,
}

impl Backoff {
    /// The pause after `failed` attempts (at least one). `jitter` in 0..=1 takes away up to half of it, so that
    /// attempts that failed together do not come back together.
    #[must_use]
    pub fn pause(&self, failed: u32, jitter: f64) -> Duration {
        let doublings = failed.saturating_sub(1).min(20);
        let full = self.base.saturating_mul(1 << doublings).min(self.cap);
        full.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) };

    #[test]
    fn pauses_double_up_to_the_cap() {
        let pauses: Vec<_> = (1..=8).map(|failed| BACKOFF.pause(failed, 0.0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }

    #[test]
    fn zero_attempts_count_as_one() {
        assert_eq!(BACKOFF.pause(0, 0.0), BACKOFF.pause(1, 0.0));
    }

    proptest! {
        #[test]
        fn a_pause_stays_between_half_and_all(failed in 0_u32..=u32::MAX, jitter in 0.0_f64..=1.0) {
            let full = BACKOFF.pause(failed, 0.0);
            let pause = BACKOFF.pause(failed, jitter);
            prop_assert!(pause <= full && pause >= full.mul_f64(0.5));
            prop_assert!(full <= BACKOFF.cap);
        }
    }
}
