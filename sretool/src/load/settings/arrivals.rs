//! When requests are due: a rate, a profile's stages, or a recorded load.

use super::{DEFAULT_DURATION, DEFAULT_RPS, UsageError};
use crate::load::args::{ArrivalName, Rate, ReplayArgs, RunArgs};
use crate::runtime;
use crate::source::Source;
use load::{AccessLog, Arrival, Schedule};
use loadtests::Profile;
use promql::Value;
use std::path::Path;
use std::time::Duration;

/// So long a time is repeated where no begin is given.
const RECORDED_MS: i64 = 3_600_000;

/// The recorded rate is read at so many moments at least.
const POINTS: i64 = 120;

pub(super) fn log(path: &Path) -> Result<AccessLog, UsageError> {
    let shown = || path.display().to_string();
    let text = std::fs::read(path).map_err(|error| UsageError::Unreadable {
        what: "access log",
        path: shown(),
        cause: error.to_string(),
    })?;
    // Logs hold whatever clients sent, which need not be UTF-8.
    AccessLog::read(&String::from_utf8_lossy(&text)).map_err(|error| UsageError::Log { path: shown(), error })
}

/// The command line wins: a rate replaces the profile's stages, a duration alone stretches them.
pub(super) fn schedule(
    args: &RunArgs,
    profile: Option<&Profile>,
    log: Option<&AccessLog>,
) -> Result<Schedule, UsageError> {
    let rate = match args.rps {
        Some(Rate::PerSecond(rate)) => Some(rate),
        _ => None,
    };
    let shape = match (log, &args.replay.replay_query) {
        (Some(log), _) => Some(log.schedule.clone()),
        (None, Some(query)) => Some(recorded(query, args)?),
        (None, None) => profile.map(|profile| profile.schedule.clone()),
    };
    let arrival = arrival(args, shape.as_ref());
    let schedule = match (rate, args.duration, shape) {
        (None, None, Some(shape)) => sped_up(shape, &args.replay)?,
        (None, Some(duration), Some(shape)) if !duration.is_zero() => shape.stretched(duration)?,
        (rate, duration, shape) => {
            let length = duration.or(shape.map(|shape| shape.duration())).unwrap_or(DEFAULT_DURATION);
            Schedule::constant(rate.unwrap_or(DEFAULT_RPS), length)?
        }
    };
    let schedule = schedule.arriving(arrival);
    Ok(match args.worker {
        Some(share) => schedule.shared(share),
        None => schedule,
    })
}

fn arrival(args: &RunArgs, shape: Option<&Schedule>) -> Arrival {
    let of_shape = shape.map_or(Arrival::Even, Schedule::arrival);
    match (args.arrival, of_shape) {
        (Some(ArrivalName::Even), _) | (None, Arrival::Even) => Arrival::Even,
        (None, Arrival::Poisson { seed }) => Arrival::Poisson { seed: args.seed.unwrap_or(seed) },
        (Some(ArrivalName::Poisson), _) => Arrival::Poisson { seed: args.seed.unwrap_or(0) },
    }
}

/// The same requests in less time: the rate rises as the time shrinks.
fn sped_up(shape: Schedule, replay: &ReplayArgs) -> Result<Schedule, UsageError> {
    let Some(speed) = replay.replay_speed else { return Ok(shape) };
    let stage = |s: &load::Stage| load::Stage { from: s.from * speed, to: s.to * speed, seconds: s.seconds / speed };
    Ok(Schedule::new(shape.stages().iter().map(stage).collect())?)
}

fn recorded(query: &str, args: &RunArgs) -> Result<Schedule, UsageError> {
    let wrong = |cause: String| UsageError::Series { query: query.to_owned(), cause };
    let source = Source::resolve(Some(&args.output.prometheus))?;
    let end = args.replay.replay_to.unwrap_or_else(|| source.default_time_ms());
    let start = args.replay.replay_from.unwrap_or(end - RECORDED_MS);
    if start >= end {
        return Err(wrong("--replay-from must be before --replay-to".to_owned()));
    }
    // Whole seconds where there is time for them: most series are scraped no oftener.
    let step = ((end - start) / POINTS).clamp(1000, 60_000).min(end - start) / 1000 * 1000;
    let step = step.max(100);
    let value = runtime::block_on(source.range(query, start, end, step))?.value;
    let samples = match value {
        Value::Matrix(series) => match <[_; 1]>::try_from(series) {
            Ok([only]) => only.samples,
            Err(series) => return Err(wrong(format!("it yields {} series: write sum(…)", series.len()))),
        },
        _ => return Err(wrong("it yields no series over time".to_owned())),
    };
    let scale = args.replay.replay_scale.unwrap_or(1.0);
    let mut points = Vec::new();
    for t in (start..=end).step_by(step as usize) {
        // A moment without data is one without requests, not one to be skipped.
        let rate = samples.iter().find(|sample| sample.t == t).map_or(0.0, |sample| sample.v);
        points.push((Duration::from_millis((t - start) as u64).as_secs_f64(), rate * scale));
    }
    Ok(Schedule::from_points(&points)?)
}
