//! Load profiles: named shapes of load with their thresholds, as TOML.

mod target;

use crate::mix::{Mix, MixError};
use load::http::Target;
use load::{Arrival, Schedule, Stage, Threshold, ThresholdError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The profiles that come with the program, by name.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("smoke", include_str!("../profiles/smoke.toml")),
    ("steady", include_str!("../profiles/steady.toml")),
    ("ramp", include_str!("../profiles/ramp.toml")),
    ("spike", include_str!("../profiles/spike.toml")),
    ("soak", include_str!("../profiles/soak.toml")),
    ("breakpoint", include_str!("../profiles/breakpoint.toml")),
];

/// A load profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it is for.
    pub description: String,
    /// Goose users, or the connections of the HTTP executor: the most requests in flight.
    pub users: usize,
    /// Accounts that the users share.
    pub accounts: usize,
    /// A request is given up after this.
    pub timeout: Duration,
    /// Time for the last answers after the last request was due.
    pub drain: Duration,
    /// The rate over time, and how requests arrive within it.
    pub schedule: Schedule,
    /// What must hold; the defaults of the command when empty.
    pub thresholds: Vec<Threshold>,
    /// What ends the run at once, failed.
    pub abort_on: Vec<Threshold>,
    /// What users do.
    pub mix: Mix,
    /// What the HTTP executor requests; a profile that has targets is for it.
    pub targets: Vec<Target>,
}

/// Why a profile is unreadable: `FILE:LINE:COLUMN: cause`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {cause}")]
pub struct ProfileError {
    /// As given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub cause: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    description: String,
    users: Option<Spanned<usize>>,
    accounts: Option<Spanned<usize>>,
    timeout: Option<Spanned<String>>,
    drain: Option<Spanned<String>>,
    #[serde(default)]
    arrival: ArrivalName,
    seed: Option<u64>,
    #[serde(default)]
    thresholds: Vec<Spanned<String>>,
    #[serde(default)]
    abort_on: Vec<Spanned<String>>,
    #[serde(default)]
    targets: Vec<Spanned<target::Raw>>,
    stages: Spanned<Vec<Spanned<RawStage>>>,
    mix: Option<Spanned<BTreeMap<Spanned<String>, u32>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStage {
    rate: Option<f64>,
    from: Option<f64>,
    to: Option<f64>,
    duration: Spanned<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ArrivalName {
    #[default]
    Even,
    Poisson,
}

type At<T> = Result<T, (Range<usize>, String)>;

impl Profile {
    /// Reads a profile; `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        let raw: Raw = toml::from_str(text)
            .map_err(|error| located(file, text, error.span().unwrap_or(0..0), error.message().to_owned()))?;
        read(&raw).map_err(|(span, cause)| located(file, text, span, cause))
    }

    /// One of [`BUILT_IN`].
    pub fn built_in(name: &str) -> Option<Result<Self, ProfileError>> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(&format!("{name}.toml"), text))
    }
}

fn located(file: &str, text: &str, span: Range<usize>, cause: String) -> ProfileError {
    let before = text.get(..span.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    ProfileError {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        cause: cause.lines().collect::<Vec<_>>().join(" "),
    }
}

fn read(raw: &Raw) -> At<Profile> {
    let users = bounded(raw.users.as_ref(), 100, "users")?;
    let accounts = bounded(raw.accounts.as_ref(), users.min(50), "accounts")?;
    let arrival = match raw.arrival {
        ArrivalName::Even => Arrival::Even,
        ArrivalName::Poisson => Arrival::Poisson { seed: raw.seed.unwrap_or(0) },
    };
    Ok(Profile {
        description: raw.description.clone(),
        users,
        accounts: accounts.min(users),
        timeout: duration(raw.timeout.as_ref(), 10)?,
        drain: duration(raw.drain.as_ref(), 3)?,
        schedule: schedule(&raw.stages)?.arriving(arrival),
        thresholds: raw.thresholds.iter().map(threshold).collect::<At<_>>()?,
        abort_on: raw.abort_on.iter().map(threshold).collect::<At<_>>()?,
        targets: raw.targets.iter().map(target::read).collect::<At<_>>()?,
        mix: raw.mix.as_ref().map_or_else(|| Ok(Mix::default()), mix)?,
    })
}

fn bounded(value: Option<&Spanned<usize>>, default: usize, name: &str) -> At<usize> {
    match value {
        None => Ok(default),
        Some(value) if (1..=10_000).contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => Err((value.span(), format!("{name} must be from 1 to 10,000"))),
    }
}

fn duration(value: Option<&Spanned<String>>, default_s: u64) -> At<Duration> {
    let Some(value) = value else { return Ok(Duration::from_secs(default_s)) };
    load::parse_duration(value.get_ref()).map_err(|error| (value.span(), error.to_string()))
}

fn schedule(stages: &Spanned<Vec<Spanned<RawStage>>>) -> At<Schedule> {
    let mut read = Vec::new();
    for stage in stages.get_ref() {
        let RawStage { rate, from, to, duration: length } = stage.get_ref();
        let seconds = duration(Some(length), 0)?.as_secs_f64();
        let (from, to) = match (rate, from, to) {
            (Some(rate), None, None) => (*rate, *rate),
            (None, Some(from), Some(to)) => (*from, *to),
            _ => return Err((stage.span(), "a stage has either a rate, or both from and to".to_owned())),
        };
        // Each stage on its own, so that an error points at it and not at the list.
        match Schedule::new(vec![Stage { from, to, seconds }]) {
            Ok(_) | Err(load::ScheduleError::Empty) => read.push(Stage { from, to, seconds }),
            Err(error) => return Err((stage.span(), error.to_string())),
        }
    }
    Schedule::new(read).map_err(|error| (stages.span(), error.to_string()))
}

fn threshold(text: &Spanned<String>) -> At<Threshold> {
    text.get_ref().parse().map_err(|error: ThresholdError| {
        // One past the opening quote, then as far as the error is into the text.
        let start = text.span().start + 1 + error.at;
        (start..start + 1, format!("{}; {}", error.message, error.remedy))
    })
}

fn mix(weights: &Spanned<BTreeMap<Spanned<String>, u32>>) -> At<Mix> {
    let plain = weights.get_ref().iter().map(|(name, weight)| (name.get_ref().clone(), *weight)).collect();
    Mix::new(plain).map_err(|error| {
        let culprit = match &error {
            MixError::Unknown { name } | MixError::TooLarge { name } => {
                weights.get_ref().keys().find(|key| key.get_ref() == name)
            }
            MixError::NoNumber { .. } | MixError::Empty => None,
        };
        (culprit.map_or_else(|| weights.span(), Spanned::span), error.to_string())
    })
}

#[cfg(test)]
mod tests;
