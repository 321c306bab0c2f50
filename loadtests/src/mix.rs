//! Which scenario a request belongs to.

use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Weights of scenarios by name: their shares of the requests. Scenarios without one do not occur.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mix(BTreeMap<String, u32>);

/// Why a mix is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// A scenario that does not exist.
    #[error("unknown scenario {name:?}; known: {}", known())]
    Unknown {
        /// Its name.
        name: String,
    },
    /// Nothing to do.
    #[error("the mix is empty: give at least one scenario a weight above 0")]
    Empty,
    /// Weights whose sum nobody needs.
    #[error("the weight of {name:?} must be at most 1,000,000")]
    TooLarge {
        /// Whose.
        name: String,
    },
    /// A weight that is no number.
    #[error("the weight of {name:?} is no whole number: write NAME or NAME=WEIGHT")]
    NoNumber {
        /// Whose.
        name: String,
    },
}

fn known() -> String {
    Scenario::ALL.map(Scenario::name).join(", ")
}

impl Default for Mix {
    fn default() -> Self {
        let weight = |scenario: Scenario| (scenario.name().to_owned(), scenario.default_weight());
        Self(Scenario::ALL.into_iter().map(weight).collect())
    }
}

impl Mix {
    /// Checks weights by name.
    ///
    /// # Errors
    /// When a name is unknown, a weight absurd, or all are 0.
    pub fn new(weights: BTreeMap<String, u32>) -> Result<Self, MixError> {
        for (name, weight) in &weights {
            if Scenario::from_name(name).is_none() {
                return Err(MixError::Unknown { name: name.clone() });
            }
            if *weight > 1_000_000 {
                return Err(MixError::TooLarge { name: name.clone() });
            }
        }
        if weights.values().all(|weight| *weight == 0) { Err(MixError::Empty) } else { Ok(Self(weights)) }
    }

    /// Only the scenarios chosen: each `NAME`, with its weight in this mix, or `NAME=WEIGHT`.
    ///
    /// # Errors
    /// As [`Mix::new`].
    pub fn choose(&self, chosen: &[String]) -> Result<Self, MixError> {
        let mut weights = BTreeMap::new();
        for choice in chosen {
            let (name, weight) = match choice.split_once('=') {
                Some((name, weight)) => {
                    let number = weight.parse().map_err(|_| MixError::NoNumber { name: name.to_owned() });
                    (name, number?)
                }
                // A scenario that the mix leaves out is chosen all the same.
                None => (choice.as_str(), self.0.get(choice).copied().filter(|weight| *weight > 0).unwrap_or(1)),
            };
            weights.insert(name.to_owned(), weight);
        }
        Self::new(weights)
    }

    /// Whether a scenario occurs.
    pub fn has(&self, scenario: Scenario) -> bool {
        self.0.get(scenario.name()).is_some_and(|weight| *weight > 0)
    }

    /// The same without one scenario; none where nothing remains.
    #[must_use]
    pub fn without(&self, scenario: Scenario) -> Option<Self> {
        let mut weights = self.0.clone();
        weights.remove(scenario.name());
        Self::new(weights).ok()
    }

    pub(crate) fn turns(&self) -> Turns<Scenario> {
        Turns::new(self.0.iter().filter_map(|(name, weight)| Some((Scenario::from_name(name)?, *weight))))
    }
}

/// Takes turns so that each choice is spread evenly (smooth weighted round-robin, as nginx balances): at a weight of 5
/// in 1,000 its turns are 200 apart and never in a bunch.
#[derive(Clone, Debug)]
pub(crate) struct Turns<T> {
    entries: Vec<(T, i64, i64)>,
    total: i64,
}

impl<T: Copy> Turns<T> {
    pub(crate) fn new(weights: impl IntoIterator<Item = (T, u32)>) -> Self {
        let entries: Vec<_> = weights.into_iter().map(|(choice, weight)| (choice, i64::from(weight), 0)).collect();
        let total = entries.iter().map(|(_, weight, _)| weight).sum();
        Self { entries, total }
    }

    /// The next choice; none where there is nothing to choose from.
    pub(crate) fn next(&mut self) -> Option<T> {
        for (_, weight, current) in &mut self.entries {
            *current += *weight;
        }
        let (choice, _, current) = self.entries.iter_mut().max_by_key(|(_, _, current)| *current)?;
        *current -= self.total;
        Some(*choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_holds_every_scenario_by_its_weight() {
        let mut turns = Mix::default().turns();
        let mut seen: BTreeMap<Scenario, u32> = BTreeMap::new();
        (0..1000).for_each(|_| *seen.entry(turns.next().unwrap()).or_default() += 1);
        for scenario in Scenario::ALL {
            assert_eq!(seen[&scenario], scenario.default_weight(), "{scenario:?}");
        }
    }

    #[test]
    fn a_rare_scenario_never_comes_in_a_bunch() {
        let mut turns = Mix::default().turns();
        let registrations: Vec<_> = (0..5000).filter(|_| turns.next() == Some(Scenario::Register)).collect();
        assert_eq!(registrations.len(), 25);
        assert!(registrations.windows(2).all(|w| (190..=210).contains(&(w[1] - w[0]))), "{registrations:?}");
        assert_eq!(Turns::<u8>::new([]).next(), None);
    }

    fn of(pairs: &[(&str, u32)]) -> Result<Mix, MixError> {
        Mix::new(pairs.iter().map(|(n, w)| ((*n).to_owned(), *w)).collect())
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(of(&[("dance", 1)]), Err(MixError::Unknown { name: "dance".into() }));
        assert!(of(&[("dance", 1)]).unwrap_err().to_string().contains("browse, account, order"));
        assert_eq!(of(&[]), Err(MixError::Empty));
        assert_eq!(of(&[("order", 0)]), Err(MixError::Empty));
        assert!(matches!(of(&[("order", 2_000_000)]), Err(MixError::TooLarge { .. })));
        assert!(of(&[("order", 1), ("log_in", 0)]).is_ok());
    }

    #[test]
    fn scenarios_are_chosen_by_name_and_weight() {
        let choose = |chosen: &[&str]| Mix::default().choose(&chosen.iter().map(|&c| c.to_owned()).collect::<Vec<_>>());
        assert_eq!(choose(&["order"]), of(&[("order", 220)]));
        assert_eq!(choose(&["order=3", "browse=1"]), of(&[("order", 3), ("browse", 1)]));
        assert_eq!(of(&[("browse", 1)]).unwrap().choose(&["admin".into()]), of(&[("admin", 1)]));
        assert!(matches!(choose(&["order=much"]), Err(MixError::NoNumber { .. })));
        assert!(matches!(choose(&["dance"]), Err(MixError::Unknown { .. })));
    }

    #[test]
    fn a_scenario_can_be_left_out() {
        let mix = of(&[("admin", 1), ("order", 2)]).unwrap();
        assert!(mix.has(Scenario::Admin) && !mix.has(Scenario::Browse));
        assert_eq!(mix.without(Scenario::Admin), of(&[("order", 2)]).ok());
        assert_eq!(of(&[("admin", 1)]).unwrap().without(Scenario::Admin), None);
    }
}
