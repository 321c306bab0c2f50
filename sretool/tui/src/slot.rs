//! One panel's data: what is known, how old it is, and what went wrong since.

/// Data that is fetched again and again. A failed fetch keeps the last good data.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    last: Option<(T, i64)>,
    error: Option<(String, i64)>,
    asked_ms: Option<i64>,
    waiting_since_ms: Option<i64>,
    generation: u64,
    tried_ms: Option<i64>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { last: None, error: None, asked_ms: None, waiting_since_ms: None, generation: 0, tried_ms: None }
    }
}

/// What a panel says about its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Never asked.
    Idle,
    /// Asked for the first time, and waiting for so long.
    Loading {
        /// Since the question, ms.
        elapsed_ms: i64,
    },
    /// Fresh.
    Ready,
    /// The answers stopped coming.
    Stale {
        /// Of the data shown, ms.
        age_ms: i64,
    },
    /// The last question failed.
    Failed {
        /// Why.
        cause: String,
        /// Age of the last good data, ms, where there is any.
        age_ms: Option<i64>,
    },
}

/// A question without an answer for this long is lost; the client's own limit is 30 s.
const LOST_MS: i64 = 35_000;

impl<T> Slot<T> {
    /// The last good data.
    pub fn data(&self) -> Option<&T> {
        self.last.as_ref().map(|(data, _)| data)
    }

    /// Age of the last good data, ms.
    pub fn age_ms(&self, now_ms: i64) -> Option<i64> {
        self.last.as_ref().map(|(_, at)| (now_ms - at).max(0))
    }

    /// The generation of the question under way or answered last.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it is time to ask (again).
    pub(crate) fn is_due(&self, now_ms: i64, interval_ms: i64) -> bool {
        match self.asked_ms {
            Some(asked) => now_ms - asked >= LOST_MS,
            None => self.tried_ms.is_none_or(|tried| now_ms - tried >= interval_ms),
        }
    }

    pub(crate) fn ask(&mut self, now_ms: i64, generation: u64) {
        self.asked_ms = Some(now_ms);
        self.tried_ms = Some(now_ms);
        self.generation = generation;
        if self.last.is_none() {
            self.waiting_since_ms.get_or_insert(now_ms);
        }
    }

    /// Takes an answer; one to an older question is dropped and `false` returned.
    pub(crate) fn answer(&mut self, now_ms: i64, generation: u64, result: Result<T, String>) -> bool {
        if generation != self.generation || self.asked_ms.is_none() {
            return false;
        }
        self.asked_ms = None;
        match result {
            Ok(data) => {
                self.last = Some((data, now_ms));
                self.error = None;
                self.waiting_since_ms = None;
            }
            Err(cause) => self.error = Some((cause, now_ms)),
        }
        true
    }

    /// The question itself has changed: whatever is under way answers the old one.
    pub(crate) fn supersede(&mut self, keep_data: bool) {
        self.asked_ms = None;
        self.tried_ms = None;
        self.error = None;
        // No caller uses this generation, so every answer under way is dropped.
        self.generation = u64::MAX;
        if !keep_data {
            self.last = None;
            self.waiting_since_ms = None;
        }
    }

    /// What to say about the data, when it counts as stale after `stale_ms`.
    pub fn phase(&self, now_ms: i64, stale_ms: i64) -> Phase {
        let age_ms = self.age_ms(now_ms);
        match (&self.error, age_ms, self.waiting_since_ms) {
            (Some((cause, _)), _, _) => Phase::Failed { cause: cause.clone(), age_ms },
            (None, Some(age_ms), _) if age_ms > stale_ms => Phase::Stale { age_ms },
            (None, Some(_), _) => Phase::Ready,
            (None, None, Some(since)) => Phase::Loading { elapsed_ms: (now_ms - since).max(0) },
            (None, None, None) => Phase::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_through_loading_ready_stale_failed() {
        let mut slot = Slot::default();
        assert_eq!(slot.phase(0, 5), Phase::Idle);
        slot.ask(10, 1);
        assert_eq!(slot.phase(25, 5), Phase::Loading { elapsed_ms: 15 });
        assert!(slot.answer(30, 1, Ok("x")));
        assert_eq!(slot.phase(33, 5), Phase::Ready);
        assert_eq!(slot.phase(36, 5), Phase::Stale { age_ms: 6 });
        slot.ask(40, 2);
        assert!(slot.answer(50, 2, Err("gone".into())));
        assert_eq!(slot.phase(60, 5), Phase::Failed { cause: "gone".into(), age_ms: Some(30) });
        assert_eq!(slot.data(), Some(&"x"));
    }

    #[test]
    fn old_generations_are_dropped() {
        let mut slot = Slot::default();
        slot.ask(0, 1);
        slot.supersede(true);
        assert!(!slot.answer(1, 1, Ok(1)));
        slot.ask(2, 2);
        assert!(!slot.answer(3, 1, Ok(1)));
        assert!(slot.answer(4, 2, Ok(2)));
        assert!(!slot.answer(5, 2, Ok(3)), "one answer a question");
        assert_eq!(slot.data(), Some(&2));
    }

    #[test]
    fn asks_once_until_answered_or_lost() {
        let mut slot = Slot::<u8>::default();
        assert!(slot.is_due(0, 1000));
        slot.ask(0, 1);
        assert!(!slot.is_due(10_000, 1000));
        assert!(slot.is_due(LOST_MS, 1000));
        slot.answer(500, 1, Ok(1));
        assert!(!slot.is_due(999, 1000) && slot.is_due(1000, 1000));
    }
}
