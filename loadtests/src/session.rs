//! A user on the way through a scenario.

mod admin;
mod members;
mod negative;
mod shop;

use crate::account::{Account, Tokens};
use crate::job::Services;
use crate::scenario::Scenario;
use crate::setup::World;
use crate::step::{Answer, Step};
use load::Random;
use serde_json::json;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whether a user has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Over,
}

/// What a user sees of the world.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) services: &'a Services,
    pub(crate) world: &'a World,
    pub(crate) account: &'a Arc<Account>,
    pub(crate) random: &'a mut Random,
}

impl Scene<'_> {
    /// A product, by chance.
    fn sku(&mut self) -> &str {
        let at = self.random.below(self.world.skus.len());
        self.world.skus.get(at).map_or("", String::as_str)
    }

    /// Something that happens once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.random.below(times) == 0
    }
}

/// The requests of a scenario: which one comes next, and what its answer leads to.
trait Journey: Debug + Send {
    /// The next request.
    fn step(&mut self, scene: &mut Scene<'_>) -> Step;
    /// Takes in the answer to it.
    fn learn(&mut self, answer: &Answer, scene: &mut Scene<'_>) -> Go;
}

/// One user from the first request of a scenario to the last.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) scenario: Scenario,
    account: Arc<Account>,
    journey: Box<dyn Journey>,
    random: Random,
    refreshing: bool,
}

impl Session {
    /// A user who begins; an administrator where the scenario needs one.
    pub(crate) fn start(scenario: Scenario, account: Arc<Account>, seed: u64) -> Self {
        let journey: Box<dyn Journey> = match scenario {
            Scenario::Browse => Box::new(shop::Browse::default()),
            Scenario::Order => Box::new(shop::Order::default()),
            Scenario::Cancel => Box::new(shop::Cancel::default()),
            Scenario::Account => Box::new(members::Settings::default()),
            Scenario::Register => Box::new(members::Register::default()),
            Scenario::LogIn => Box::new(members::LogIn::default()),
            Scenario::Admin => Box::new(admin::Admin::default()),
            Scenario::Negative => Box::new(negative::Negative),
        };
        Self { scenario, account, journey, random: Random::new(seed), refreshing: false }
    }

    /// The next request: that of the scenario, unless the account's token is about to expire.
    pub(crate) fn step(&mut self, services: &Services, world: &World, now: Instant) -> Step {
        if let Some(token) = self.account.due_refresh(now) {
            self.refreshing = true;
            let step = Step::new("POST /v1/sessions/refresh", &services.users, "/v1/sessions/refresh");
            return step.json(json!({"refresh_token": token})).thinking(0.0);
        }
        let mut scene = Scene { services, world, account: &self.account, random: &mut self.random };
        self.journey.step(&mut scene)
    }

    /// Takes in the answer; none where there was none. The user of a request without an answer gives up.
    pub(crate) fn learn(&mut self, answer: Option<&Answer>, services: &Services, world: &World) -> Go {
        if std::mem::take(&mut self.refreshing) {
            let tokens = answer.filter(|answer| answer.status == 200);
            if let Some(tokens) = tokens.and_then(|answer| Tokens::read(&answer.json(), Instant::now())) {
                self.account.renew(tokens);
            }
            return Go::On;
        }
        let Some(answer) = answer else { return Go::Over };
        let mut scene = Scene { services, world, account: &self.account, random: &mut self.random };
        self.journey.learn(answer, &mut scene)
    }

    /// How long the user thinks after a step, around a mean.
    pub(crate) fn think(&mut self, step: f64, mean_s: f64) -> Duration {
        // From half of it to one and a half: people differ, but nobody takes no time at all.
        Duration::try_from_secs_f64(mean_s * step * (0.5 + self.random.unit())).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests;
