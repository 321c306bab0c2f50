//! Which action comes next.

use crate::action::Action;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Weights of actions by name; actions without one are not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mix(BTreeMap<String, u32>);

/// Why a mix is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// An action that does not exist.
    #[error("unknown action {name:?}; known: {}", known())]
    Unknown {
        /// Its name.
        name: String,
    },
    /// Nothing to do.
    #[error("the mix is empty: give at least one action a weight above 0")]
    Empty,
    /// Weights whose sum nobody needs.
    #[error("the weight of {name:?} must be at most 1,000,000")]
    TooLarge {
        /// Whose.
        name: String,
    },
}

fn known() -> String {
    Action::ALL.map(Action::name).join(", ")
}

impl Default for Mix {
    fn default() -> Self {
        Self(Action::ALL.into_iter().map(|action| (action.name().to_owned(), action.default_weight())).collect())
    }
}

impl Mix {
    /// Checks weights by name.
    pub fn new(weights: BTreeMap<String, u32>) -> Result<Self, MixError> {
        for (name, weight) in &weights {
            if Action::from_name(name).is_none() {
                return Err(MixError::Unknown { name: name.clone() });
            }
            if *weight > 1_000_000 {
                return Err(MixError::TooLarge { name: name.clone() });
            }
        }
        if weights.values().all(|weight| *weight == 0) { Err(MixError::Empty) } else { Ok(Self(weights)) }
    }

    fn weights(&self) -> impl Iterator<Item = (Action, u32)> {
        self.0.iter().filter_map(|(name, weight)| Some((Action::from_name(name)?, *weight)))
    }
}

/// Draws actions so that each is spread evenly over the requests (smooth weighted round-robin, as nginx balances):
/// at a weight of 5 in 1,000, log-ins are 200 requests apart and never in a bunch.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    entries: Vec<(Action, i64, i64)>,
    total: i64,
}

impl Turns {
    pub(crate) fn new(mix: &Mix) -> Self {
        let entries: Vec<_> = mix.weights().map(|(action, weight)| (action, i64::from(weight), 0)).collect();
        let total = entries.iter().map(|(_, weight, _)| weight).sum();
        Self { entries, total }
    }

    pub(crate) fn next(&mut self) -> Action {
        for (_, weight, current) in &mut self.entries {
            *current += *weight;
        }
        match self.entries.iter_mut().max_by_key(|(_, _, current)| *current) {
            Some((action, _, current)) => {
                *current -= self.total;
                *action
            }
            None => Action::BrowseProducts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_holds_every_action_by_its_weight() {
        let mut turns = Turns::new(&Mix::default());
        let mut seen: BTreeMap<Action, u32> = BTreeMap::new();
        (0..1000).for_each(|_| *seen.entry(turns.next()).or_default() += 1);
        for action in Action::ALL {
            assert_eq!(seen[&action], action.default_weight(), "{action:?}");
        }
    }

    #[test]
    fn a_rare_action_never_comes_in_a_bunch() {
        let mut turns = Turns::new(&Mix::default());
        let log_ins: Vec<_> = (0..5000).filter(|_| turns.next() == Action::LogIn).collect();
        assert_eq!(log_ins.len(), 25);
        assert!(log_ins.windows(2).all(|w| (190..=210).contains(&(w[1] - w[0]))), "{log_ins:?}");
    }

    #[test]
    fn nonsense_is_refused() {
        let of = |pairs: &[(&str, u32)]| Mix::new(pairs.iter().map(|(n, w)| ((*n).to_owned(), *w)).collect());
        assert_eq!(of(&[("dance", 1)]), Err(MixError::Unknown { name: "dance".into() }));
        assert!(of(&[("dance", 1)]).unwrap_err().to_string().contains("browse_products"));
        assert_eq!(of(&[]), Err(MixError::Empty));
        assert_eq!(of(&[("pay", 0)]), Err(MixError::Empty));
        assert!(matches!(of(&[("pay", 2_000_000)]), Err(MixError::TooLarge { .. })));
        assert!(of(&[("pay", 1), ("log_in", 0)]).is_ok());
    }
}
