//! When each request is meant to start.

mod arrival;

pub use arrival::{Arrival, Share};

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

/// A sequence of stages. With even arrivals ticket `i` is due when the area under the rate reaches `i`: at a constant
/// rate N exactly `i / N` seconds after the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    stages: Vec<Stage>,
    #[serde(default)]
    arrival: Arrival,
    #[serde(default)]
    share: Option<Share>,
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
        let schedule = Self { stages, arrival: Arrival::Even, share: None };
        if schedule.total() == 0 { Err(ScheduleError::Empty) } else { Ok(schedule) }
    }

    /// A rate that is known at moments (seconds, requests a second) and goes linearly from one to the next, such as a
    /// recorded series. Rates that are negative or no numbers count as 0.
    pub fn from_points(points: &[(f64, f64)]) -> Result<Self, ScheduleError> {
        let rate = |v: f64| if v.is_finite() { v.max(0.0) } else { 0.0 };
        let stage = |w: &[(f64, f64)]| Stage { from: rate(w[0].1), to: rate(w[1].1), seconds: w[1].0 - w[0].0 };
        Self::new(points.windows(2).map(stage).collect())
    }

    /// The same rate, with requests arriving in another manner.
    #[must_use]
    pub fn arriving(self, arrival: Arrival) -> Self {
        Self { arrival, ..self }
    }

    /// How requests arrive.
    pub fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// One worker's part: every request whose number leaves the share's index when divided by its count. The parts of
    /// all workers together are the whole, request by request.
    #[must_use]
    pub fn shared(self, share: Share) -> Self {
        Self { share: Some(share), ..self }
    }

    /// The part that this is; none where it is the whole.
    pub fn share(&self) -> Option<Share> {
        self.share
    }

    /// What all workers send together.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { share: None, ..self }
    }

    /// What `workers` of all workers send together, as rates.
    #[must_use]
    pub fn of_shares(self, workers: u32) -> Self {
        let part = self.share.map_or(1.0, |share| f64::from(workers) / f64::from(share.count));
        let scale = |s: Stage| Stage { from: s.from * part, to: s.to * part, ..s };
        Self { stages: self.stages.into_iter().map(scale).collect(), arrival: self.arrival, share: None }
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
        let stretched = Self::new(self.stages.iter().map(|s| Stage { seconds: s.seconds * factor, ..*s }).collect())?;
        Ok(Self { arrival: self.arrival, share: self.share, ..stretched })
    }

    fn area(&self) -> f64 {
        self.stages.iter().map(|s| s.count()).sum()
    }

    fn all(&self) -> u64 {
        // 3 × 333.3̅ must be 1000 whatever the last bits say.
        (self.area() - 1e-6).ceil().max(0.0) as u64
    }

    /// Number of requests, of a worker only its own; with even arrivals ticket 0 is due at the start, none at the end.
    pub fn total(&self) -> u64 {
        let share = self.share.unwrap_or_default();
        self.all().saturating_sub(share.index.into()).div_ceil(share.count.into())
    }

    /// Requests a second over the whole schedule, of a worker only its own.
    pub fn mean_rate(&self) -> f64 {
        self.area() / self.duration().as_secs_f64() / f64::from(self.share.unwrap_or_default().count)
    }

    /// The rate asked for `elapsed` after the start, of a worker only its own; 0 past the end.
    pub fn rate_at(&self, elapsed: Duration) -> f64 {
        let mut left = elapsed.as_secs_f64();
        for stage in &self.stages {
            if left < stage.seconds {
                let rate = stage.from + (stage.to - stage.from) * left / stage.seconds;
                return rate / f64::from(self.share.unwrap_or_default().count);
            }
            left -= stage.seconds;
        }
        0.0
    }

    /// Number and moment (after the start) of each request, in order. Numbers count the requests of all workers.
    pub fn tickets(&self) -> impl Iterator<Item = (u64, Duration)> + Send + use<> {
        let stages = self.stages.clone();
        let share = self.share.unwrap_or_default();
        let (mut stage, mut counted, mut started) = (0, 0.0, 0.0);
        let places = self.arrival.places(self.all(), self.area());
        let due = places.map(move |place| {
            while stage + 1 < stages.len() && place >= counted + stages[stage].count() {
                counted += stages[stage].count();
                started += stages[stage].seconds;
                stage += 1;
            }
            Duration::from_secs_f64(started + stages[stage].seconds_to(place - counted).min(stages[stage].seconds))
        });
        (0..).zip(due).filter(move |(number, _)| number % u64::from(share.count) == u64::from(share.index))
    }

    /// The moments of [`Schedule::tickets`].
    pub fn dues(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.tickets().map(|(_, due)| due)
    }
}

#[cfg(test)]
mod tests;
