//! When each request is meant to start.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A stretch of time whose rate goes linearly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Requests a second at its start.
    pub from: f64,
    /// Requests a second at its end.
    pub to: f64,
    /// Its length in seconds.
    pub seconds: f64,
}

impl Stage {
    /// A stage at one rate.
    pub fn constant(rate: f64, seconds: f64) -> Self {
        Self { from: rate, to: rate, seconds }
    }

    /// Requests that the whole stage asks for; the area under its rate.
    fn count(self) -> f64 {
        (self.from + self.to) / 2.0 * self.seconds
    }

    /// Seconds from the stage's start until `count` requests are due.
    fn seconds_to(self, count: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        // The stable root of slope/2·t² + from·t = count: it also holds where the slope is zero.
        let root = (self.from * self.from + 2.0 * slope * count).max(0.0).sqrt();
        if self.from + root == 0.0 { 0.0 } else { 2.0 * count / (self.from + root) }
    }
}

/// Why a schedule is unusable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// No stage, or none that asks for a request.
    #[error("the schedule asks for no request: give a rate above 0 and a duration above 0")]
    Empty,
    /// A stage without length.
    #[error("stage {0}: the duration must be above 0 and at most a week")]
    Duration(usize),
    /// A rate that is negative, not a number, or beyond what one process can send.
    #[error("stage {0}: the rate must be from 0 to 1,000,000 requests a second")]
    Rate(usize),
}

/// A sequence of stages. Ticket `i` is due when the area under the rate reaches `i`: at a constant rate N exactly
/// `i / N` seconds after the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    stages: Vec<Stage>,
}

impl Schedule {
    /// Checks the stages.
    pub fn new(stages: Vec<Stage>) -> Result<Self, ScheduleError> {
        for (i, stage) in stages.iter().enumerate() {
            if !(stage.seconds > 0.0 && stage.seconds <= 604_800.0) {
                return Err(ScheduleError::Duration(i + 1));
            }
            if ![stage.from, stage.to].iter().all(|rate| (0.0..=1e6).contains(rate)) {
                return Err(ScheduleError::Rate(i + 1));
            }
        }
        let schedule = Self { stages };
        if schedule.total() == 0 { Err(ScheduleError::Empty) } else { Ok(schedule) }
    }

    /// One stage at `rate` requests a second.
    pub fn constant(rate: f64, duration: Duration) -> Result<Self, ScheduleError> {
        Self::new(vec![Stage::constant(rate, duration.as_secs_f64())])
    }

    /// Its stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The length of all stages.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.stages.iter().map(|s| s.seconds).sum())
    }

    /// The same shape over another duration.
    pub fn stretched(&self, duration: Duration) -> Result<Self, ScheduleError> {
        let factor = duration.as_secs_f64() / self.duration().as_secs_f64();
        Self::new(self.stages.iter().map(|s| Stage { seconds: s.seconds * factor, ..*s }).collect())
    }

    /// Number of requests; ticket 0 is due at the start, none at the end.
    pub fn total(&self) -> u64 {
        let count: f64 = self.stages.iter().map(|s| s.count()).sum();
        // 3 × 333.3̅ must be 1000 whatever the last bits say.
        (count - 1e-6).ceil().max(0.0) as u64
    }

    /// Requests a second over the whole schedule.
    pub fn mean_rate(&self) -> f64 {
        self.stages.iter().map(|s| s.count()).sum::<f64>() / self.duration().as_secs_f64()
    }

    /// The rate asked for `elapsed` after the start; 0 past the end.
    pub fn rate_at(&self, elapsed: Duration) -> f64 {
        let mut left = elapsed.as_secs_f64();
        for stage in &self.stages {
            if left < stage.seconds {
                return stage.from + (stage.to - stage.from) * left / stage.seconds;
            }
            left -= stage.seconds;
        }
        0.0
    }

    /// The moments at which requests are due, after the start, in order.
    pub fn dues(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let (stages, total) = (self.stages.clone(), self.total());
        let (mut stage, mut counted, mut started) = (0, 0.0, 0.0);
        (0..total).map(move |i| {
            while stage + 1 < stages.len() && i as f64 >= counted + stages[stage].count() {
                counted += stages[stage].count();
                started += stages[stage].seconds;
                stage += 1;
            }
            Duration::from_secs_f64(started + stages[stage].seconds_to(i as f64 - counted).min(stages[stage].seconds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_constant_rate_is_exact() {
        let schedule = Schedule::constant(500.0, Duration::from_secs(2)).unwrap();
        let dues: Vec<_> = schedule.dues().collect();
        assert_eq!(schedule.total(), 1000);
        assert_eq!(dues.len(), 1000);
        assert_eq!(dues[0], Duration::ZERO);
        assert_eq!(dues[500], Duration::from_secs(1));
        assert_eq!(dues[999], Duration::from_millis(1998));
    }

    #[test]
    fn a_ramp_counts_the_area_under_it() {
        let schedule = Schedule::new(vec![Stage { from: 0.0, to: 100.0, seconds: 10.0 }]).unwrap();
        let dues: Vec<_> = schedule.dues().collect();
        assert_eq!(dues.len(), 500);
        // 125 requests are due once 10·t²/2 = 125, which is at 5 s.
        assert!((dues[125].as_secs_f64() - 5.0).abs() < 1e-9);
        assert_eq!(schedule.rate_at(Duration::from_secs(5)), 50.0);
        assert_eq!(schedule.rate_at(Duration::from_secs(11)), 0.0);
    }

    #[test]
    fn stages_follow_each_other() {
        let stages = vec![Stage::constant(10.0, 1.0), Stage::constant(0.0, 2.0), Stage::constant(100.0, 1.0)];
        let schedule = Schedule::new(stages).unwrap();
        let dues: Vec<_> = schedule.dues().collect();
        assert_eq!(dues.len(), 110);
        assert_eq!(dues[9], Duration::from_millis(900));
        assert_eq!(dues[10], Duration::from_secs(3));
        assert_eq!(schedule.mean_rate(), 27.5);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Schedule::new(vec![]), Err(ScheduleError::Empty));
        assert_eq!(Schedule::constant(0.0, Duration::from_secs(1)), Err(ScheduleError::Empty));
        assert_eq!(Schedule::constant(-1.0, Duration::from_secs(1)), Err(ScheduleError::Rate(1)));
        assert_eq!(Schedule::constant(f64::NAN, Duration::from_secs(1)), Err(ScheduleError::Rate(1)));
        assert_eq!(Schedule::constant(1.0, Duration::ZERO), Err(ScheduleError::Duration(1)));
    }

    proptest! {
        #[test]
        fn dues_never_go_back_and_stay_inside(
            stages in prop::collection::vec((0.0..200.0f64, 0.0..200.0f64, 0.1..5.0f64), 1..5)
        ) {
            let stages = stages.into_iter().map(|(from, to, seconds)| Stage { from, to, seconds }).collect();
            if let Ok(schedule) = Schedule::new(stages) {
                let dues: Vec<_> = schedule.dues().collect();
                prop_assert_eq!(dues.len() as u64, schedule.total());
                prop_assert!(dues.windows(2).all(|w| w[0] <= w[1]));
                prop_assert!(*dues.last().unwrap() <= schedule.duration() + Duration::from_micros(1));
            }
        }
    }
}
