//! Slows down guessing: an address with too many failed logins is locked for a while, and longer each time.
//!
//! Addresses are locked whether or not an account has them; otherwise the lock would tell which accounts exist.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most addresses remembered; beyond that the one whose last failure is oldest is forgotten.
const CAPACITY: usize = 10_000;
/// Failures are forgotten this long after the last one.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// Longest lock.
const MAX_LOCK: Duration = Duration::from_secs(15 * 60);

/// When an address is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failed logins in a row that lock an address.
    pub failures: u32,
    /// Length of the first lock; every further failure doubles it, up to 15 minutes.
    pub lock: Duration,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self { failures: 5, lock: Duration::from_secs(30) }
    }
}

/// The failed logins of each address.
#[derive(Debug)]
pub struct Lockout {
    policy: LockoutPolicy,
    failed: HashMap<String, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Lockout {
    /// No failures yet.
    #[must_use]
    pub fn new(policy: LockoutPolicy) -> Self {
        Self { policy, failed: HashMap::new() }
    }

    /// How long an address is still locked; `None` when it is not.
    #[must_use]
    pub fn locked_for(&self, address: &str, now: Instant) -> Option<Duration> {
        let failures = self.failed.get(address)?;
        let lock = self.lock_after(failures.count)?;
        lock.checked_sub(now.saturating_duration_since(failures.last)).filter(|left| !left.is_zero())
    }

    fn lock_after(&self, count: u32) -> Option<Duration> {
        let further = count.checked_sub(self.policy.failures)?;
        Some(self.policy.lock.saturating_mul(2_u32.saturating_pow(further)).min(MAX_LOCK))
    }

    /// Notes a failed login.
    pub fn failed(&mut self, address: &str, now: Instant) {
        if let Some(failures) = self.failed.get_mut(address) {
            let count = if now.saturating_duration_since(failures.last) > MEMORY { 0 } else { failures.count };
            *failures = Failures { count: count.saturating_add(1), last: now };
            return;
        }
        if self.failed.len() >= CAPACITY {
            self.make_room(now);
        }
        self.failed.insert(address.to_owned(), Failures { count: 1, last: now });
    }

    fn make_room(&mut self, now: Instant) {
        self.failed.retain(|_, failures| now.saturating_duration_since(failures.last) <= MEMORY);
        if self.failed.len() >= CAPACITY
            && let Some(oldest) =
                self.failed.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| key.clone())
        {
            self.failed.remove(&oldest);
        }
    }

    /// Forgets the failures of an address after a good login.
    pub fn succeeded(&mut self, address: &str) {
        self.failed.remove(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lockout(failures: u32, start: Instant) -> Lockout {
        let mut lockout = Lockout::new(LockoutPolicy { failures: 3, lock: 10 * SECOND });
        for _ in 0..failures {
            lockout.failed("a", start);
        }
        lockout
    }

    #[test]
    fn locks_after_the_third_failure_and_for_longer_each_time() {
        let start = Instant::now();
        for (failures, expected) in [(0, None), (2, None), (3, Some(10)), (4, Some(20)), (5, Some(40)), (60, Some(900))]
        {
            let left = lockout(failures, start).locked_for("a", start);
            assert_eq!(left, expected.map(Duration::from_secs), "after {failures} failures");
        }
    }

    #[test]
    fn a_lock_ends_by_itself_and_the_next_failure_locks_again() {
        let start = Instant::now();
        let mut lockout = lockout(3, start);
        assert_eq!(lockout.locked_for("a", start + 4 * SECOND), Some(6 * SECOND));
        assert_eq!(lockout.locked_for("a", start + 10 * SECOND), None);
        lockout.failed("a", start + 11 * SECOND);
        assert_eq!(lockout.locked_for("a", start + 11 * SECOND), Some(20 * SECOND));
    }

    #[test]
    fn success_and_time_forget_failures() {
        let start = Instant::now();
        let mut after_success = lockout(3, start);
        after_success.succeeded("a");
        assert_eq!(after_success.locked_for("a", start), None);
        let mut after_a_while = lockout(3, start);
        after_a_while.failed("a", start + MEMORY + SECOND);
        assert_eq!(after_a_while.locked_for("a", start + MEMORY + SECOND), None);
    }

    #[test]
    fn other_addresses_are_not_concerned_and_memory_is_bounded() {
        let start = Instant::now();
        let mut lockout = lockout(3, start);
        assert_eq!(lockout.locked_for("b", start), None);
        for index in 0..CAPACITY + 50 {
            lockout.failed(&format!("user-{index}"), start + SECOND);
        }
        assert_eq!(lockout.failed.len(), CAPACITY);
        assert_eq!(lockout.locked_for("a", start + SECOND), None, "the oldest is forgotten first");
    }
}
