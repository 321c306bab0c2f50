//! The only place of this service that reads the clock.

use crate::store::Millis;

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now() -> Millis {
    chrono::Utc::now().timestamp_millis()
}
