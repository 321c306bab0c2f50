//! Whether one run was better or worse than another, and how sure that is.
//!
//! Requests of one run are not independent (they share a second's garbage collection or full queue), so that the usual
//! tests on single latencies see differences everywhere. Here the seconds of a run are the unit: a moving-block
//! bootstrap draws runs of seconds with replacement, so that what lasts longer than a second stays together, and the
//! spread of the difference over many draws gives its confidence interval. See Künsch 1989, "The jackknife and the
//! bootstrap for general stationary observations".

mod interval;
mod render;
mod slices;

use crate::random::Random;
use crate::report::Report;
use crate::verdict::Verdict;
use interval::interval;
use serde::Serialize;
use slices::{Draw, Slices};

/// Fewer seconds than this say nothing about the spread between them.
pub const MIN_SECONDS: usize = 10;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Median of the response time.
    P50,
    /// 95th percentile of the response time.
    P95,
    /// 99th percentile of the response time.
    P99,
    /// Share of requests that were not answered as expected.
    Errors,
    /// Requests answered as expected, a second.
    Throughput,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::P50, Self::P95, Self::P99, Self::Errors, Self::Throughput];

    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Errors => "errors",
            Self::Throughput => "throughput",
        }
    }

    fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::Errors | Self::Throughput => None,
        }
    }
}

/// How runs are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Smaller relative changes of latency and throughput are of no interest.
    pub min_change: f64,
    /// Smaller changes of a latency in seconds are of no interest, whatever their share.
    pub min_latency_s: f64,
    /// Smaller changes of the share of errors are of no interest.
    pub min_errors: f64,
    /// Probability that all intervals together hold the true differences.
    pub confidence: f64,
    /// Draws of the bootstrap.
    pub draws: usize,
    /// Seconds at the start of both runs that do not count.
    pub warm_up_s: f64,
    /// Of the random numbers.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_change: 0.05,
            min_latency_s: 0.000_2,
            min_errors: 0.001,
            confidence: 0.95,
            draws: 2000,
            warm_up_s: 0.0,
            seed: 1,
        }
    }
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The interval excludes 0 on the good side, and the difference is not below the minimum.
    Better,
    /// The same on the bad side.
    Worse,
    /// The whole interval lies below the minimum on both sides: shown to be equal for all that matters.
    Same,
    /// Not significant: the interval holds 0, or the difference is below the minimum, but larger ones are possible too.
    Unclear,
}

impl Change {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Unclear => "not significant",
        }
    }
}

/// One measure of two runs. Latencies are in seconds, errors a ratio, throughput requests a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What is compared.
    pub measure: Measure,
    /// Of the first run.
    pub a: f64,
    /// Of the second run.
    pub b: f64,
    /// `b − a`.
    pub difference: f64,
    /// Lower end of its confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The least difference of interest.
    pub minimum: f64,
    /// What it means.
    pub change: Change,
}

/// Two runs compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// `worse` where any measure is; else `better` where any is; else `unclear` where any is; else `same`.
    pub verdict: Change,
    /// Measures without data in a run are missing.
    pub measures: Vec<Difference>,
    /// Seconds that count, of the first and the second run.
    pub seconds: (usize, usize),
    /// What to keep in mind.
    pub notes: Vec<String>,
}

/// Why runs cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// A run without a verdict.
    #[error("run {which} has no verdict ({reason}): its numbers are not those of the server")]
    Invalid {
        /// `A` or `B`.
        which: char,
        /// Why.
        reason: String,
    },
    /// A run too short.
    #[error(
        "run {which} has {seconds} usable seconds, and {MIN_SECONDS} are the least that shows how much they differ \
         among themselves: make it longer, or --warm-up shorter"
    )]
    Short {
        /// `A` or `B`.
        which: char,
        /// What it has.
        seconds: usize,
    },
}

/// Compares run `b` with run `a`.
///
/// # Errors
/// Where one of them is invalid or too short.
pub fn compare(a: &Report, b: &Report, settings: &Settings) -> Result<Comparison, CompareError> {
    for (which, report) in [('A', a), ('B', b)] {
        if report.verdict == Verdict::Invalid {
            return Err(CompareError::Invalid { which, reason: report.reasons.join("; ") });
        }
    }
    let read = |which, report| match Slices::read(report, settings.warm_up_s) {
        slices if slices.len() < MIN_SECONDS => Err(CompareError::Short { which, seconds: slices.len() }),
        slices => Ok(slices),
    };
    let (slices_a, slices_b) = (read('A', a)?, read('B', b)?);
    let measures = differences(&slices_a, &slices_b, settings);
    let any = |change| measures.iter().any(|measure| measure.change == change);
    let verdict = [Change::Worse, Change::Better, Change::Unclear].into_iter().find(|change| any(*change));
    Ok(Comparison {
        verdict: verdict.unwrap_or(Change::Same),
        seconds: (slices_a.len(), slices_b.len()),
        notes: notes(a, b),
        measures,
    })
}

fn differences(a: &Slices, b: &Slices, settings: &Settings) -> Vec<Difference> {
    let mut random = Random::new(settings.seed);
    let observed = (a.observe(), b.observe());
    // The measures share the risk (Bonferroni), so that five looks at equal runs do not find a difference five times
    // as often as one.
    let risk = (1.0 - settings.confidence) / Measure::ALL.len() as f64;
    let blocks = a.blocks() + b.blocks() - 1.0;
    let draws: Vec<_> = (0..settings.draws.max(1)).map(|_| (a.draw(&mut random), b.draw(&mut random))).collect();
    let of = |measure: Measure| {
        let (a, b) = (observed.0.value(measure)?, observed.1.value(measure)?);
        let difference = |(a, b): &(Draw, Draw)| Some(b.value(measure)? - a.value(measure)?);
        let mut spread: Vec<f64> = draws.iter().filter_map(difference).collect();
        spread.sort_by(f64::total_cmp);
        let (low, high) = interval(b - a, &spread, risk, blocks)?;
        let minimum = match measure {
            Measure::Errors => settings.min_errors,
            Measure::Throughput => settings.min_change * a.max(b),
            _ => (settings.min_change * a).max(settings.min_latency_s),
        };
        let rising_is_bad = measure != Measure::Throughput;
        let change = meaning((b - a, low, high), minimum, rising_is_bad);
        Some(Difference { measure, a, b, difference: b - a, low, high, minimum, change })
    };
    Measure::ALL.into_iter().filter_map(of).collect()
}

fn meaning((difference, low, high): (f64, f64, f64), minimum: f64, rising_is_bad: bool) -> Change {
    let significant = low > 0.0 || high < 0.0;
    if significant && difference.abs() >= minimum {
        return if (difference > 0.0) == rising_is_bad { Change::Worse } else { Change::Better };
    }
    if low > -minimum && high < minimum { Change::Same } else { Change::Unclear }
}

fn notes(a: &Report, b: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            notes.push(format!("the runs differ in {what}: {a} and {b}"));
        }
    };
    let rate = |report: &Report| report.target_rps.map_or_else(|| "closed".to_owned(), |rps| format!("{rps}/s"));
    differ("the target rate", rate(a), rate(b));
    differ("the executor", a.executor.clone(), b.executor.clone());
    let profile = |report: &Report| report.meta.profile.clone().unwrap_or_else(|| "none".to_owned());
    differ("the profile", profile(a), profile(b));
    let routes = |report: &Report| report.routes.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ");
    differ("routes", routes(a), routes(b));
    if a.partial || b.partial {
        notes.push("a run was cut short by its user".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests;
