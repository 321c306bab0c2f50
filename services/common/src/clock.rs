//! The only place where the services read the wall clock.

use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds that the fault `clock_skew` adds.
static SKEW_MS: AtomicI64 = AtomicI64::new(0);

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_millis() + SKEW_MS.load(Ordering::Relaxed)
}

/// Makes the clock of this process go wrong by so many milliseconds.
pub(crate) fn set_skew(ms: i64) {
    SKEW_MS.store(ms, Ordering::Relaxed);
}
