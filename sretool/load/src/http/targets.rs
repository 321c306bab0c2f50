//! Several targets: their order, and the files that list them.

mod list;

pub use list::ListError;

use super::target::{Target, TargetError};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

/// What a run requests, and in which order.
#[derive(Clone, Debug)]
pub struct Targets {
    all: Vec<Target>,
    /// Which target each request of a replay has; empty where the weights decide.
    sequence: Vec<u32>,
}

impl Targets {
    /// Targets that take turns by weight. None without a target, or where all weights are 0.
    pub fn new(all: Vec<Target>) -> Option<Self> {
        all.iter().any(|target| target.weight > 0).then_some(Self { all, sequence: Vec::new() })
    }

    /// One URL, requested with GET.
    ///
    /// # Errors
    /// When it is none.
    pub fn url(url: &str) -> Result<Self, TargetError> {
        Ok(Self { all: vec![Target::parse(url)?], sequence: Vec::new() })
    }

    /// Targets in an order of their own: request `i` has target `sequence[i]`, and from the start again after the last.
    /// None where the sequence is empty or points beyond the targets.
    pub fn in_sequence(all: Vec<Target>, sequence: Vec<u32>) -> Option<Self> {
        let fits = sequence.iter().all(|i| (*i as usize) < all.len());
        (fits && !sequence.is_empty()).then_some(Self { all, sequence })
    }

    /// Reads a list of targets; `file` names it in errors, and is where relative paths of bodies start.
    ///
    /// ```text
    /// # a comment
    /// GET http://127.0.0.1:3002/v1/products weight=3
    ///
    /// POST http://127.0.0.1:3002/v1/orders name=/v1/orders expect=201,409
    /// Authorization: Bearer …
    /// Content-Type: application/json
    /// @order.json
    ///
    /// PUT http://127.0.0.1:3003/v1/preferences
    /// body: {"email": true}
    /// ```
    ///
    /// # Errors
    /// Naming file, line and remedy.
    pub fn read(file: &std::path::Path, text: &str) -> Result<Self, ListError> {
        list::read(file, text)
    }

    /// All of them.
    pub fn all(&self) -> &[Target] {
        &self.all
    }

    /// The same with changed targets.
    #[must_use]
    pub fn map(self, change: impl FnMut(Target) -> Target) -> Self {
        Self { all: self.all.into_iter().map(change).collect(), ..self }
    }

    pub(super) fn order(&self) -> Order {
        if !self.sequence.is_empty() {
            return Order::Sequence(self.sequence.clone());
        }
        let weights: Vec<u32> = self.all.iter().map(|target| target.weight).collect();
        if weights.iter().all(|weight| *weight == weights[0]) {
            Order::Turns(weights.len())
        } else {
            weighted(&weights)
        }
    }
}

/// Which target comes next.
#[derive(Debug)]
pub(super) enum Order {
    /// One after the other.
    Turns(usize),
    Sequence(Vec<u32>),
    /// Each target's next turn, the earliest on top.
    Weighted(Mutex<BinaryHeap<Reverse<Turn>>>),
}

fn weighted(weights: &[u32]) -> Order {
    let turn = |(target, weight): (usize, &u32)| Turn { taken: 0, weight: *weight, target };
    let turns = weights.iter().enumerate().filter(|(_, weight)| **weight > 0).map(turn).map(Reverse);
    Order::Weighted(Mutex::new(turns.collect()))
}

impl Order {
    /// The target of the request with this number; numbers need not come in order.
    pub(super) fn target(&self, number: u64) -> usize {
        match self {
            Self::Turns(count) => (number % *count as u64) as usize,
            Self::Sequence(sequence) => sequence[(number % sequence.len() as u64) as usize] as usize,
            Self::Weighted(turns) => {
                let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(mut next) = turns.peek_mut() else { return 0 };
                next.0.taken += 1;
                next.0.target
            }
        }
    }
}

/// A target's turn is due when the middle of its next share is reached: the turns of each are evenly spread, and a
/// round as long as the sum of all weights holds each exactly by its weight.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    taken: u64,
    weight: u32,
    target: usize,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let due = |a: &Self, b: &Self| (2 * u128::from(a.taken) + 1) * u128::from(b.weight);
        due(self, other).cmp(&due(other, self)).then(self.target.cmp(&other.target))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_take_turns_by_number() {
        let target = |path: &str| Target::parse(&format!("http://h{path}")).unwrap();
        let targets = Targets::new(vec![target("/a"), target("/b")]).unwrap();
        assert_eq!((0..4).map(|i| targets.order().target(i)).collect::<Vec<_>>(), [0, 1, 0, 1]);
        let replay = Targets::in_sequence(vec![target("/a"), target("/b")], vec![1, 1, 0]).unwrap();
        assert_eq!([5, 0, 2].map(|i| replay.order().target(i)), [0, 1, 0]);
        assert!(Targets::in_sequence(vec![target("/a")], vec![1]).is_none());
        assert!(Targets::new(vec![]).is_none());
    }

    #[test]
    fn a_rare_target_never_comes_in_a_bunch() {
        let order = weighted(&[5, 995]);
        let rare: Vec<_> = (0..5000u64).filter(|i| order.target(*i) == 0).collect();
        assert_eq!(rare.len(), 25);
        assert!(rare.windows(2).all(|w| (199..=201).contains(&(w[1] - w[0]))), "{rare:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_round_holds_every_target_by_its_weight(
            weights in prop::collection::vec(0u32..9, 1..6), rounds in 1u64..4
        ) {
            let sum: u32 = weights.iter().sum();
            prop_assume!(sum > 0);
            let order = weighted(&weights);
            let mut seen = vec![0u64; weights.len()];
            (0..u64::from(sum) * rounds).for_each(|i| seen[order.target(i)] += 1);
            let expected: Vec<_> = weights.iter().map(|weight| u64::from(*weight) * rounds).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
