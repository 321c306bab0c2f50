//! The W3C trace context of each request.

use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Gives every request of a run a trace of its own, computed from the request's number, so that nothing is stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracing {
    seed: u64,
    ratio: f64,
}

/// The context that one request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    /// Whether the services are asked to record the trace.
    pub sampled: bool,
}

impl Tracing {
    /// Traces of a run; `seed` must differ from run to run. Of all requests the share `ratio` (0 to 1) is sampled.
    pub fn new(seed: u64, ratio: f64) -> Self {
        Self { seed, ratio }
    }

    /// The context of the request with this number.
    pub fn context(self, number: u64) -> TraceContext {
        let mut run = Random::new(self.seed);
        let mut random = Random::new(run.bits() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let low = random.bits();
        // The high half is the run's: its traces can be told from those of others. No half may be zero.
        let trace = u128::from(run.bits() | 1) << 64 | u128::from(low);
        TraceContext { trace, span: random.bits() | 1, sampled: random.unit() < self.ratio }
    }
}

impl TraceContext {
    /// The trace identifier in 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }
}

/// As the header `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_header_has_the_form_of_the_recommendation() {
        let context = Tracing::new(1, 1.0).context(0);
        let header = context.to_string();
        let parts: Vec<_> = header.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2]);
        assert_eq!((parts[0], parts[1], parts[3]), ("00", context.trace_id().as_str(), "01"));
        assert!(header.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }

    #[test]
    fn every_request_has_a_trace_of_its_own_and_gets_it_again() {
        let (one, other) = (Tracing::new(1, 0.25), Tracing::new(2, 0.25));
        let of = |tracing: Tracing| (0..4000).map(move |i| tracing.context(i));
        let ids: HashSet<_> = of(one).chain(of(other)).map(TraceContext::trace_id).collect();
        assert_eq!(ids.len(), 8000);
        assert_eq!(one.context(7), one.context(7));
        let sampled = of(one).filter(|context| context.sampled).count();
        assert!((900..1100).contains(&sampled), "{sampled}");
        assert!(of(Tracing::new(1, 0.0)).all(|context| !context.sampled));
    }
}
