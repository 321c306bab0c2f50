//! The search for the highest rate that a server bears.

use crate::totals::Totals;
use crate::verdict::Plan;
use serde::{Deserialize, Serialize};

/// A queue that grows by more than this share of the rate never ends growing: the server is over its capacity.
const GROWTH: f64 = 0.01;

/// Each step up asks for so many times as much.
const STEP: f64 = 1.5;

/// What a probe at one rate showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Requests a second asked for.
    pub rps: f64,
    /// Requests a second answered.
    pub answered_rps: f64,
    /// 95th percentile of the response time, in ms.
    pub p95_ms: Option<f64>,
    /// Whether the server bore it.
    pub bears: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

/// A search: up in steps until a rate is too much, then between the highest that is borne and the lowest that is not.
#[derive(Clone, Debug)]
pub struct Search {
    from: f64,
    max: f64,
    precision: f64,
    borne: Option<f64>,
    broken: Option<f64>,
    /// A rate that failed once, and is tried again before it is believed.
    doubted: Option<f64>,
}

impl Search {
    /// From a first rate up to a highest, until both ends are as close as `precision` (0.02: 2 %).
    pub fn new(from: f64, max: f64, precision: f64) -> Self {
        Self { from: from.min(max), max, precision, borne: None, broken: None, doubted: None }
    }

    /// The next rate to try; none when the search is over.
    pub fn next_rate(&self) -> Option<f64> {
        if self.doubted.is_some() {
            return self.doubted;
        }
        match (self.borne, self.broken) {
            (None, None) => Some(self.from),
            (None, Some(_)) => None,
            (Some(borne), None) if borne >= self.max => None,
            (Some(borne), None) => Some((borne * STEP).min(self.max)),
            (Some(borne), Some(broken)) => ((broken - borne) / broken > self.precision).then(|| (borne + broken) / 2.0),
        }
    }

    /// Takes in what a probe at [`Search::next_rate`] showed. One failure may be chance: it counts once it is repeated.
    pub fn record(&mut self, rate: f64, bears: bool) {
        let again = self.doubted.take().is_some();
        match bears {
            true => self.borne = Some(rate),
            false if again => self.broken = Some(rate),
            false => self.doubted = Some(rate),
        }
    }

    /// The highest rate that was borne.
    pub fn knee(&self) -> Option<f64> {
        self.borne
    }

    /// The lowest rate that was too much.
    pub fn broken(&self) -> Option<f64> {
        self.broken
    }
}

/// How fast the requests that wait for an answer become more, in requests a second: the slope of the line through
/// their number at the end of each second. None before there are three seconds.
pub fn queue_growth(plan: &Plan, totals: &Totals) -> Option<f64> {
    let rows = totals.seconds.iter().filter(|second| second.t <= plan.duration_s + 0.5 && second.seconds > 0.25);
    let points: Vec<(f64, f64)> = rows.map(|second| (second.t, (second.in_flight + second.queued) as f64)).collect();
    if points.len() < 3 {
        return None;
    }
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (mean_t, mean_open) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|(t, open)| (t - mean_t) * (open - mean_open)).sum();
    let variance: f64 = points.iter().map(|(t, _)| (t - mean_t).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

/// Why the server is over its capacity although no threshold broke in the probe's time: its queue grows.
pub fn growing(plan: &Plan, totals: &Totals) -> Option<String> {
    let rate = plan.target_rps()?;
    let growth = queue_growth(plan, totals)?;
    // One request a second is noise at a low rate.
    (growth > (rate * GROWTH).max(1.0)).then(|| {
        let share = growth / rate * 100.0;
        format!("the queue grows by {growth:.1} requests a second, {share:.1} % of the rate")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::recorder::{Outcome, Recorder};
    use crate::schedule::Schedule;
    use crate::snapshot::Update;
    use crate::verdict::{Verdict, judge};
    use std::time::Duration;

    fn plan(rate: f64) -> Plan {
        Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(rate, Duration::from_secs(5)).unwrap()),
            duration_s: 5.0,
            capacity: 5000,
            thresholds: ["p95<200ms", "errors<1%"].map(|text| text.parse().unwrap()).into(),
        }
    }

    /// A probe of a server that answers `capacity` requests a second one after the other, and is asked in noise.
    fn probe(rate: f64, capacity: f64, random: &mut Random) -> (Plan, Totals) {
        let (plan, mut recorder, mut totals) = (plan(rate), Recorder::default(), Totals::default());
        let mut free = 0.0f64;
        let mut ends: Vec<(f64, u64)> = Vec::new();
        let mut tickets = plan.schedule.as_ref().unwrap().tickets().peekable();
        for second in 1..=8u64 {
            while let Some((number, due)) = tickets.next_if(|(_, due)| due.as_secs() < second) {
                recorder.emitted(number, due, due, true);
                recorder.sent(number, due, "GET /".into());
                let service = random.exponential() / capacity;
                free = free.max(due.as_secs_f64()) + service;
                ends.push((free, number));
            }
            let (over, open): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(end, _)| *end <= second as f64);
            for (end, number) in over {
                recorder.done(number, Duration::from_secs_f64(end), Outcome::Finished { status: 200 });
            }
            ends = open;
            let (in_flight, last) = (recorder.in_flight(), second == 8);
            if last {
                recorder.censor(Duration::from_secs(8), false);
            }
            totals.add(Update { elapsed_s: second as f64, in_flight, queued: 0, last, delta: recorder.take() });
        }
        (plan, totals)
    }

    #[test]
    fn the_knee_of_a_known_server_is_found_within_5_percent_again_and_again() {
        for (seed, capacity) in [(1, 800.0), (2, 800.0), (3, 800.0), (4, 2300.0), (5, 12_000.0)] {
            let mut random = Random::new(seed);
            let mut search = Search::new(100.0, 100_000.0, 0.02);
            let mut probes = 0;
            while let Some(rate) = search.next_rate() {
                let (plan, totals) = probe(rate, capacity, &mut random);
                let bears = judge(&plan, &totals, false).verdict == Verdict::Pass && growing(&plan, &totals).is_none();
                search.record(rate, bears);
                probes += 1;
                assert!(probes < 40, "the search ends");
            }
            let knee = search.knee().unwrap();
            assert!((knee / capacity - 1.0).abs() < 0.05, "seed {seed}: {knee} of {capacity}");
        }
    }

    #[test]
    fn a_search_ends_at_its_limits() {
        let mut search = Search::new(100.0, 200.0, 0.02);
        while let Some(rate) = search.next_rate() {
            search.record(rate, true);
        }
        assert_eq!((search.knee(), search.broken()), (Some(200.0), None));
        let mut search = Search::new(100.0, 200.0, 0.02);
        while let Some(rate) = search.next_rate() {
            search.record(rate, false);
        }
        assert_eq!((search.knee(), search.broken()), (None, Some(100.0)));
    }

    #[test]
    fn one_failure_is_tried_again_before_it_is_believed() {
        let mut search = Search::new(100.0, 1000.0, 0.02);
        search.record(100.0, false);
        assert_eq!(search.next_rate(), Some(100.0));
        search.record(100.0, true);
        assert_eq!((search.knee(), search.next_rate()), (Some(100.0), Some(150.0)));
    }

    #[test]
    fn growth_needs_time_to_show() {
        let mut random = Random::new(1);
        let (plan, mut totals) = probe(500.0, 100.0, &mut random);
        assert!((queue_growth(&plan, &totals).unwrap() - 400.0).abs() < 10.0);
        assert!(growing(&plan, &totals).unwrap().contains("% of the rate"));
        totals.seconds.truncate(2);
        assert_eq!(queue_growth(&plan, &totals), None);
    }
}
