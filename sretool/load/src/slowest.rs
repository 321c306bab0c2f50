//! The slowest requests of a run, one by one.

use crate::route::End;
use serde::{Deserialize, Serialize};

/// So many are kept of all, and so many of those whose traces are recorded.
const KEPT: usize = 10;

/// One slow request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// When it was due, in seconds since the start.
    pub at_s: f64,
    /// Method and path.
    pub route: String,
    /// How it ended.
    pub end: End,
    /// Intended start to end, in µs.
    pub response_us: u64,
    /// Actual start to end, in µs; 0 where it was never sent.
    pub service_us: u64,
    /// Intended to actual start, in µs.
    pub lag_us: u64,
    /// The trace that it carried; empty where it carried none.
    pub trace_id: String,
    /// Whether the services were asked to record that trace.
    pub sampled: bool,
}

impl Slow {
    /// Slower first; the rest only makes the order definite.
    fn key(&self) -> (std::cmp::Reverse<u64>, &str, u64) {
        (std::cmp::Reverse(self.response_us), &self.trace_id, self.at_s.to_bits())
    }
}

/// The ten slowest requests of all, and the ten slowest whose traces are recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slowest {
    all: Vec<Slow>,
    sampled: Vec<Slow>,
}

impl Slowest {
    /// Whether a request of this response time would be kept: cheaper to ask than to describe the request.
    pub fn wants(&self, response_us: u64, sampled: bool) -> bool {
        wants(&self.all, response_us) || (sampled && wants(&self.sampled, response_us))
    }

    /// Takes a request in.
    pub fn add(&mut self, slow: Slow) {
        if slow.sampled {
            insert(&mut self.sampled, slow.clone());
        }
        insert(&mut self.all, slow);
    }

    /// Takes those of another stretch or worker in.
    pub fn merge(&mut self, other: &Self) {
        other.all.iter().for_each(|slow| insert(&mut self.all, slow.clone()));
        other.sampled.iter().for_each(|slow| insert(&mut self.sampled, slow.clone()));
    }

    /// All that are kept, the slowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Slow> {
        let mut both: Vec<_> = self.all.iter().chain(&self.sampled).collect();
        both.sort_by(|a, b| a.key().cmp(&b.key()));
        both.dedup();
        both.into_iter()
    }
}

fn wants(list: &[Slow], response_us: u64) -> bool {
    list.len() < KEPT || list.last().is_some_and(|last| response_us >= last.response_us)
}

fn insert(list: &mut Vec<Slow>, slow: Slow) {
    if wants(list, slow.response_us) {
        let at = list.partition_point(|other| other.key() < slow.key());
        list.insert(at, slow);
        list.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow((response_us, sampled): (u64, bool), i: usize) -> Slow {
        Slow {
            at_s: i as f64,
            route: "GET /".into(),
            end: End::Status(200),
            response_us,
            service_us: response_us,
            lag_us: 0,
            trace_id: format!("{i:032x}"),
            sampled,
        }
    }

    fn of(slows: &[Slow]) -> Slowest {
        let mut slowest = Slowest::default();
        slows.iter().for_each(|slow| slowest.add(slow.clone()));
        slowest
    }

    #[test]
    fn a_recorded_trace_is_kept_although_others_are_slower() {
        let slows: Vec<_> = (0..50).map(|i| slow((i, i == 3), i as usize)).collect();
        let kept: Vec<_> = of(&slows).iter().map(|slow| slow.response_us).collect();
        assert_eq!(kept, [49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn parts_merge_into_the_whole(
            times in prop::collection::vec((0u64..40, any::<bool>()), 0..80), at in 0usize..80
        ) {
            let slows: Vec<_> = times.iter().enumerate().map(|(i, time)| slow(*time, i)).collect();
            let (a, b) = slows.split_at(at.min(slows.len()));
            let mut merged = of(a);
            merged.merge(&of(b));
            prop_assert_eq!(&merged, &of(&slows));
            let mut expected = slows.clone();
            expected.sort_by(|a, b| a.key().cmp(&b.key()));
            expected.truncate(KEPT);
            prop_assert_eq!(&merged.all, &expected);
        }
    }
}
