//! The seconds of a run as counts that are quick to draw from.

use super::Measure;
use crate::random::Random;
use crate::report::Report;
use std::collections::BTreeMap;

/// A much shorter second, the last one, would weigh as much as the others.
const SHORTEST_S: f64 = 0.5;

#[derive(Debug, Default)]
struct Slice {
    /// Index into the run's distinct durations, and how often it was counted.
    times: Vec<(usize, u64)>,
    seconds: f64,
    finished: u64,
    errors: u64,
}

/// A run.
#[derive(Debug)]
pub(super) struct Slices {
    /// The distinct durations of the run in seconds, ascending.
    values: Vec<f64>,
    slices: Vec<Slice>,
}

/// Some seconds of a run taken together.
#[derive(Debug)]
pub(super) struct Draw {
    quantiles: [Option<f64>; 3],
    seconds: f64,
    finished: u64,
    errors: u64,
}

impl Draw {
    pub(super) fn value(&self, measure: Measure) -> Option<f64> {
        let all = self.finished + self.errors;
        match measure {
            Measure::P50 => self.quantiles[0],
            Measure::P95 => self.quantiles[1],
            Measure::P99 => self.quantiles[2],
            Measure::Errors => (all > 0).then(|| self.errors as f64 / all as f64),
            Measure::Throughput => (self.seconds > 0.0).then(|| self.finished as f64 / self.seconds),
        }
    }
}

impl Slices {
    /// The seconds of the run after the warm-up and before the drain.
    pub(super) fn read(report: &Report, warm_up_s: f64) -> Self {
        // A row may end some ms after the moment that it stands for.
        let inside = |second: &&crate::Second| {
            let start = second.t - second.seconds;
            second.seconds >= SHORTEST_S && start >= warm_up_s - 0.1 && second.t <= report.duration_s + 0.5
        };
        let mut index: BTreeMap<u64, usize> = BTreeMap::new();
        let seconds: Vec<_> = report.seconds.iter().filter(inside).map(|second| (second, second.latency())).collect();
        for (_, latency) in &seconds {
            index.extend(latency.pairs().map(|(us, _)| (us, 0)));
        }
        index.values_mut().enumerate().for_each(|(i, at)| *at = i);
        let slice = |(second, latency): &(&crate::Second, crate::Latency)| Slice {
            times: latency.pairs().map(|(us, count)| (index[&us], count)).collect(),
            seconds: second.seconds,
            finished: second.finished,
            errors: second.errors,
        };
        let slices = seconds.iter().map(slice).collect();
        Self { values: index.into_keys().map(|us| us as f64 / 1e6).collect(), slices }
    }

    pub(super) fn len(&self) -> usize {
        self.slices.len()
    }

    /// Neighbours that are drawn together: a length that grows with the cube root balances bias and spread (Künsch
    /// 1989); one and a half times it suits seconds that resemble those before.
    fn block(&self) -> usize {
        (1.5 * (self.slices.len() as f64).cbrt()).ceil() as usize
    }

    /// How many blocks the run is made of.
    pub(super) fn blocks(&self) -> f64 {
        self.slices.len() as f64 / self.block() as f64
    }

    /// The run as it was.
    pub(super) fn observe(&self) -> Draw {
        self.together(self.slices.iter())
    }

    /// As many seconds as the run has, drawn in blocks of neighbours; the last second's neighbour is the first.
    pub(super) fn draw(&self, random: &mut Random) -> Draw {
        let (n, block) = (self.slices.len(), self.block());
        let mut chosen = Vec::with_capacity(n + block);
        while chosen.len() < n {
            let start = random.below(n);
            chosen.extend((0..block).map(|i| &self.slices[(start + i) % n]));
        }
        self.together(chosen.into_iter().take(n))
    }

    fn together<'a>(&self, slices: impl Iterator<Item = &'a Slice>) -> Draw {
        let mut counts = vec![0u64; self.values.len()];
        let mut draw = Draw { quantiles: [None; 3], seconds: 0.0, finished: 0, errors: 0 };
        for slice in slices {
            slice.times.iter().for_each(|(at, count)| counts[*at] += count);
            draw.seconds += slice.seconds;
            draw.finished += slice.finished;
            draw.errors += slice.errors;
        }
        let total: u64 = counts.iter().sum();
        for (slot, measure) in draw.quantiles.iter_mut().zip([Measure::P50, Measure::P95, Measure::P99]) {
            let rank = (measure.quantile().unwrap_or(1.0) * total as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            let reaches = |count: &u64| {
                seen += count;
                seen >= rank
            };
            *slot = counts.iter().position(reaches).map(|at| self.values[at]);
        }
        draw
    }
}
