//! Load profiles: named shapes of load with their thresholds, as TOML.

use crate::mix::{Mix, MixError};
use load::{Schedule, Stage, Threshold, ThresholdError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The profiles that come with the program, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("smoke", include_str!("../profiles/smoke.toml")),
    ("steady", include_str!("../profiles/steady.toml")),
    ("spike", include_str!("../profiles/spike.toml")),
    ("soak", include_str!("../profiles/soak.toml")),
];

/// A load profile.
#[derive(Clone, Debug, PartialEq)]
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
    /// The rate over time.
    pub schedule: Schedule,
    /// What must hold; the defaults of the command when empty.
    pub thresholds: Vec<Threshold>,
    /// What users do.
    pub mix: Mix,
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
    thresholds: Vec<Spanned<String>>,
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
    Ok(Profile {
        description: raw.description.clone(),
        users,
        accounts: accounts.min(users),
        timeout: duration(raw.timeout.as_ref(), 10)?,
        drain: duration(raw.drain.as_ref(), 3)?,
        schedule: schedule(&raw.stages)?,
        thresholds: raw.thresholds.iter().map(threshold).collect::<At<_>>()?,
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
            MixError::Empty => None,
        };
        (culprit.map_or_else(|| weights.span(), Spanned::span), error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_valid() {
        for (name, _) in BUILT_IN {
            let profile = Profile::built_in(name).unwrap().unwrap();
            assert!(!profile.description.is_empty(), "{name}");
            assert!(!profile.thresholds.is_empty(), "{name}");
        }
        let steady = Profile::built_in("steady").unwrap().unwrap();
        assert_eq!(steady.schedule.mean_rate(), 1000.0);
        assert!(Profile::built_in("sprint").is_none());
    }

    #[test]
    fn a_profile_is_read_in_whole() {
        let text = "description = 'x'\nusers = 20\naccounts = 30\ntimeout = '2s'\nthresholds = ['p95<1s']\n\
                    [[stages]]\nfrom = 0\nto = 100\nduration = '10s'\n[[stages]]\nrate = 50\nduration = '1m'\n\
                    [mix]\npay = 1\n";
        let profile = Profile::parse("a.toml", text).unwrap();
        assert_eq!((profile.users, profile.accounts), (20, 20));
        assert_eq!((profile.timeout, profile.drain), (Duration::from_secs(2), Duration::from_secs(3)));
        assert_eq!(profile.schedule.total(), 3500);
        assert_eq!(profile.thresholds[0].expr, "p95<1s");
        assert_eq!(profile.mix, Mix::new([("pay".to_owned(), 1)].into()).unwrap());
    }

    #[track_caller]
    fn refused(text: &str, place: &str, part: &str) {
        let error = Profile::parse("a.toml", text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn errors_name_the_place() {
        let stage = "[[stages]]\nrate = 1\nduration = '1s'\n";
        refused("description = 'x'\n", "a.toml:1:1: ", "stages");
        refused(&format!("description = 'x'\nusrs = 2\n{stage}"), "a.toml:2:1: ", "usrs");
        refused(&format!("description = 'x'\nusers = 0\n{stage}"), "a.toml:2:9: ", "from 1 to 10,000");
        refused(&format!("description = 'x'\ntimeout = 'soon'\n{stage}"), "a.toml:2:11: ", "duration");
        refused(&format!("description = 'x'\nthresholds = ['p95<1']\n{stage}"), "a.toml:2:21: ", "unit of time");
        refused(&format!("description = 'x'\n{stage}[mix]\npay = 1\ndance = 2\n"), "a.toml:7:1: ", "\"dance\"");
        refused("description = 'x'\nstages = []\n", "a.toml:2:10: ", "no request");
        let both = "description = 'x'\n[[stages]]\nrate = 1\nfrom = 2\nduration = '1s'\n";
        refused(both, "a.toml:2:", "either a rate");
        refused("description = 'x'\n[[stages]]\nrate = -1\nduration = '1s'\n", "a.toml:2:", "rate must be");
        refused("description = \n", "a.toml:1:", "");
    }
}
