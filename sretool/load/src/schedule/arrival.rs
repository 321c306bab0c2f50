//! How requests arrive within the rate that is asked for, and which of them are a worker's.

use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How requests arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// At equal distances.
    #[default]
    Even,
    /// Independently of each other, as those of many users do: a Poisson process whose rate is the schedule's, given
    /// that its number of requests is the schedule's too. The same seed gives the same moments.
    Poisson {
        /// Of the random numbers.
        seed: u64,
    },
}

impl Arrival {
    /// Places of `count` requests on the way from 0 to `area`, in order.
    pub(super) fn places(self, count: u64, area: f64) -> impl Iterator<Item = f64> + Send + use<> {
        let mut random = match self {
            Self::Even => None,
            Self::Poisson { seed } => Some(Random::new(seed)),
        };
        let mut passed = 0.0;
        (0..count).map(move |i| match &mut random {
            None => i as f64,
            Some(random) => {
                // The next of the sorted uniform places that remain: the minimum of n uniforms is 1 − V^(1/n).
                let left = (1.0 - passed) * random.unit().powf(1.0 / (count - i) as f64);
                passed = f64::max(1.0 - left, passed);
                passed * area
            }
        })
    }
}

/// A worker's place among all workers of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// Number of workers.
    pub count: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Share {
    /// Worker `index` of `count`; none where the index is not below the count.
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count).then_some(Self { index, count })
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.split_once('/').and_then(|(i, n)| Self::new(i.trim().parse().ok()?, n.trim().parse().ok()?));
        share.ok_or_else(|| "write INDEX/COUNT with the index from 0, such as 0/4 for the first of four".to_owned())
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(seed: u64, count: u64) -> Vec<f64> {
        Arrival::Poisson { seed }.places(count, 100.0).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_moments() {
        assert_eq!(places(7, 1000), places(7, 1000));
        assert_ne!(places(7, 1000), places(8, 1000));
        let places = places(7, 1000);
        assert!(places.windows(2).all(|w| w[0] <= w[1]));
        assert!(places.iter().all(|place| (0.0..=100.0).contains(place)));
    }

    #[test]
    fn gaps_and_counts_are_those_of_a_poisson_process() {
        let places = places(1, 100_000);
        // Exponential gaps have a standard deviation equal to their mean; equal distances would have none.
        let gaps: Vec<f64> = places.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{}", variance.sqrt() / mean);
        // Counts of cells have a variance close to their mean: 10,000 cells of ten on average.
        let mut cells = vec![0f64; 10_000];
        places.iter().for_each(|place| cells[((place * 100.0) as usize).min(9999)] += 1.0);
        let dispersion = cells.iter().map(|n| (n - 10.0).powi(2)).sum::<f64>() / 10_000.0 / 10.0;
        assert!((dispersion - 1.0).abs() < 0.08, "{dispersion}");
    }

    #[test]
    fn shares_are_read_and_refused() {
        assert_eq!("2/4".parse(), Ok(Share { index: 2, count: 4 }));
        assert_eq!(Share { index: 2, count: 4 }.to_string(), "2/4");
        for text in ["4/4", "1/0", "-1/2", "1", "a/b", ""] {
            assert!(text.parse::<Share>().unwrap_err().contains("0/4"), "{text}");
        }
    }
}
