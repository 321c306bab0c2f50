//! The users that are under way, and which of them sends the next request.
//!
//! A request belongs to a scenario by the mix's weights, so that shares of requests are exact whatever the lengths of
//! scenarios are. Within a scenario the user who has waited longest after thinking sends it; where all are still
//! thinking, a new user begins. How many users there are follows from rate and think time, as it does for a shop.

use crate::account::Account;
use crate::mix::{Mix, Turns};
use crate::scenario::Scenario;
use crate::session::Session;
use crate::setup::World;
use load::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Where a scenario has so many users, the next one to be ready does not think to the end.
const MOST: usize = 50_000;

/// The users of all scenarios.
#[derive(Debug)]
pub(crate) struct Pool {
    turns: Turns<Scenario>,
    /// Those who think, by the moment they have thought to the end.
    thinking: BTreeMap<Scenario, BTreeMap<(Instant, u64), Session>>,
    random: Random,
    begun: u64,
}

impl Pool {
    pub(crate) fn new(mix: &Mix, seed: u64) -> Self {
        Self { turns: mix.turns(), thinking: BTreeMap::new(), random: Random::new(seed), begun: 0 }
    }

    /// The user who sends the next request.
    pub(crate) fn take(&mut self, world: &World, now: Instant) -> Session {
        // A mix is never empty.
        let scenario = self.turns.next().unwrap_or(Scenario::Browse);
        let thinking = self.thinking.entry(scenario).or_default();
        let ready = thinking.first_key_value().is_some_and(|((at, _), _)| *at <= now);
        let next = if ready || thinking.len() >= MOST { thinking.pop_first() } else { None };
        next.map_or_else(|| self.begin(scenario, world), |(_, session)| session)
    }

    fn begin(&mut self, scenario: Scenario, world: &World) -> Session {
        self.begun += 1;
        let seed = self.random.bits();
        Session::start(scenario, self.account(scenario, world), seed)
    }

    fn account(&self, scenario: Scenario, world: &World) -> Arc<Account> {
        match &world.admin {
            Some(admin) if scenario == Scenario::Admin => admin.clone(),
            _ => world.accounts[(self.begun as usize) % world.accounts.len()].clone(),
        }
    }

    /// A user who thinks until `ready`.
    pub(crate) fn rest(&mut self, session: Session, ready: Instant) {
        let key = (ready, self.random.bits());
        self.thinking.entry(session.scenario).or_default().insert(key, session);
    }

    /// Users who think.
    #[cfg(test)]
    pub(crate) fn thinking(&self) -> usize {
        self.thinking.values().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Services;
    use crate::session::tests::world;
    use std::time::Duration;

    fn pool(weights: &[(&str, u32)]) -> Pool {
        let weights = weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        Pool::new(&Mix::new(weights).unwrap(), 1)
    }

    #[test]
    fn who_thinks_is_left_alone_and_a_new_user_begins() {
        let (mut pool, world, now) = (pool(&[("browse", 1)]), world(), Instant::now());
        let first = pool.take(&world, now);
        pool.rest(first, now + Duration::from_secs(5));
        let second = pool.take(&world, now + Duration::from_secs(4));
        assert_eq!((pool.begun, pool.thinking()), (2, 1));
        pool.rest(second, now + Duration::from_secs(9));
        drop(pool.take(&world, now + Duration::from_secs(6)));
        assert_eq!((pool.begun, pool.thinking()), (2, 1), "the first one has thought to the end");
    }

    #[test]
    fn requests_follow_the_weights_whatever_the_scenarios_lengths() {
        let (mut pool, world) = (pool(&[("order", 3), ("negative", 1)]), world());
        let mut orders = 0;
        for i in 0..400 {
            let now = Instant::now();
            let mut session = pool.take(&world, now);
            let step = session.step(&Services::default(), &world, now);
            orders += u32::from(session.scenario == Scenario::Order);
            assert!(!step.url.is_empty());
            if i % 3 > 0 {
                pool.rest(session, now);
            }
        }
        assert_eq!(orders, 300);
    }

    #[test]
    fn the_administrator_is_only_for_its_scenario() {
        let (mut pool, world) = (pool(&[("admin", 1), ("browse", 1)]), world());
        for _ in 0..10 {
            let session = pool.take(&world, Instant::now());
            let account = pool.account(session.scenario, &world);
            assert_eq!(account.email == "admin@example.com", session.scenario == Scenario::Admin);
        }
    }
}
