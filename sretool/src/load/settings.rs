//! From arguments as given to settings that fit together.

mod arrivals;
mod requests;

use super::args::{ExecutorName, OutputArgs, Rate, RunArgs};
use crate::exit;
use crate::source::SourceError;
use load::http::{Config, ListError, Pace, TargetError, TlsError};
use load::{AccessLog, Kind, LogError, Meta, Plan, Schedule, ScheduleError, Threshold, Tracing};
use loadtests::{Credentials, Job, Mix, MixError, Profile, ProfileError, Services};
use slo::Slo;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const DEFAULT_RPS: f64 = 1000.0;
const DEFAULT_DURATION: Duration = Duration::from_secs(60);
const DEFAULT_DRAIN: Duration = Duration::from_secs(3);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_CONNECTIONS: usize = 512;
const DEFAULT_CLOSED_CONNECTIONS: usize = 50;
const DEFAULT_USERS: usize = 100;
const DEFAULT_ACCOUNTS: usize = 50;
const DEFAULT_THRESHOLDS: [&str; 4] = ["p95<200ms", "errors<0.1%", "availability>=99.9%", "rate>=99%"];

/// A run, ready to go.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) plan: Plan,
    pub(super) executor: Executor,
    pub(super) drain: Duration,
    /// What ends the run at once.
    pub(super) abort_on: Vec<Threshold>,
    /// The SLOs that the run is held against.
    pub(super) gate: Vec<Slo>,
    /// When to begin, in milliseconds since the Unix epoch; at once where absent.
    pub(super) start_at_ms: Option<i64>,
    pub(super) meta: Meta,
    pub(super) reports: Vec<(Kind, PathBuf)>,
    pub(super) format: Kind,
    pub(super) prometheus: String,
    pub(super) push: Push,
    pub(super) listen: Option<SocketAddr>,
    pub(super) annotate: Option<String>,
    /// What the user should know before the run.
    pub(super) notes: Vec<String>,
}

/// What sends, with its settings.
#[derive(Debug, Clone)]
pub(super) enum Executor {
    Http(Box<Config>, Pace),
    Goose(Box<Job>),
}

/// Where the run's metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Push {
    Nowhere,
    /// A write endpoint that was asked for.
    To(String),
    /// A Prometheus that may not be there.
    IfAnswers(String),
}

/// Arguments that do not fit together, or name what cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error("{0}")]
    Profile(#[from] ProfileError),
    #[error("--scenario: {0}")]
    Mix(#[from] MixError),
    #[error("cannot read the {what} {path}: {cause}")]
    Unreadable { what: &'static str, path: String, cause: String },
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
    #[error("{0}")]
    Target(#[from] TargetError),
    #[error("{0}")]
    List(#[from] ListError),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("{path}: {error}")]
    Log { path: String, error: LogError },
    #[error("cannot replay: {0}")]
    Source(#[from] SourceError),
    #[error("cannot replay {query:?}: {cause}")]
    Series { query: String, cause: String },
    #[error("the http executor needs a --url, --targets, or a profile with targets")]
    NoUrl,
    #[error("--replay-log needs one --url: the server to send the logged requests to")]
    NoBase,
    #[error(
        "--url and --targets are for the http executor; the goose executor takes --user-service, --order-service and \
             --notification-service"
    )]
    UrlForGoose,
    #[error("the closed model (--closed, --rps max) needs the http executor: add --url URL")]
    ClosedGoose,
    #[error("{0}: write http://HOST:PORT or https://HOST:PORT")]
    Base(String),
    #[error("report {0}: the extension must be .json, .html, .xml, .md, .csv, .hgrm or .txt")]
    Extension(String),
    #[error("report {path}: the directory {directory} does not exist")]
    Directory { path: String, directory: String },
    #[error("--gate: {0}")]
    Gate(String),
}

impl UsageError {
    /// A source that does not answer is no wrong usage: nothing could be judged.
    pub(super) fn status(&self) -> ExitCode {
        match self {
            Self::Source(error) if !error.is_query_error() => exit::no_judgement(),
            _ => exit::invalid(),
        }
    }
}

pub(super) fn read(args: &RunArgs) -> Result<Settings, UsageError> {
    let profile = args.profile.as_deref().map(profile).transpose()?;
    let (profile, closed) = (profile.as_ref(), args.closed || args.rps == Some(Rate::Max));
    let log = args.replay.replay_log.as_deref().map(arrivals::log).transpose()?;
    let schedule = if closed { None } else { Some(arrivals::schedule(args, profile, log.as_ref())?) };
    let duration = schedule.as_ref().map_or_else(|| args.duration.unwrap_or(DEFAULT_DURATION), Schedule::duration);
    if duration.is_zero() {
        return Err(ScheduleError::Empty.into());
    }
    let drain = args.drain.or(profile.map(|p| p.drain)).unwrap_or(DEFAULT_DRAIN);
    let goose = match args.executor {
        Some(name) => name == ExecutorName::Goose,
        None => !requests::has_targets(args, profile) && log.is_none(),
    };
    let executor = match &schedule {
        Some(schedule) if goose => goose_executor(args, profile, schedule, drain)?,
        None if goose => return Err(UsageError::ClosedGoose),
        _ => http_executor(args, profile, log.as_ref(), (schedule.as_ref(), duration, drain))?,
    };
    let plan = Plan {
        executor: if goose { "goose" } else { "http" }.to_owned(),
        capacity: executor.capacity(),
        duration_s: duration.as_secs_f64(),
        thresholds: thresholds(args, profile, closed),
        schedule,
    };
    let output = &args.output;
    Ok(Settings {
        meta: meta(args, &executor),
        plan,
        executor,
        drain,
        abort_on: abort_on(args, profile),
        gate: super::gate::slos(&args.judge.gate).map_err(UsageError::Gate)?,
        start_at_ms: args.start_at,
        reports: output
            .report
            .iter()
            .map(|path| Ok((report(path)?, path.clone())))
            .collect::<Result<_, UsageError>>()?,
        format: output.format,
        prometheus: output.prometheus.clone(),
        push: push(output),
        listen: output.listen,
        annotate: output.annotate.clone(),
        notes: log.as_ref().and_then(left_out).into_iter().collect(),
    })
}

impl Executor {
    /// Most requests in flight.
    fn capacity(&self) -> usize {
        match self {
            Self::Http(config, _) => config.connections,
            Self::Goose(job) => job.users,
        }
    }
}

fn left_out(log: &AccessLog) -> Option<String> {
    (log.left_out > 0).then(|| {
        let (left_out, sent) = (log.left_out, log.sequence.len());
        format!(
            "{left_out} of {} logged requests would need a body, which a log does not hold: left out",
            left_out + sent as u64
        )
    })
}

fn profile(name: &str) -> Result<Profile, UsageError> {
    if !Path::new(name).exists()
        && let Some(profile) = Profile::built_in(name)
    {
        return Ok(profile?);
    }
    let text = std::fs::read_to_string(name).map_err(|error| UsageError::Unreadable {
        what: "profile",
        path: name.to_owned(),
        cause: format!("{error}; built in are {}", loadtests::BUILT_IN.map(|(name, _)| name).join(", ")),
    })?;
    Ok(Profile::parse(name, &text)?)
}

fn goose_executor(
    args: &RunArgs,
    profile: Option<&Profile>,
    schedule: &Schedule,
    drain: Duration,
) -> Result<Executor, UsageError> {
    if !args.http.url.is_empty() || args.http.targets.is_some() {
        return Err(UsageError::UrlForGoose);
    }
    let users = args.connections.map(|n| n as usize).or(profile.map(|p| p.users)).unwrap_or(DEFAULT_USERS);
    let accounts = profile.map_or(DEFAULT_ACCOUNTS, |p| p.accounts).min(users);
    let mix = profile.map_or_else(Mix::default, |p| p.mix.clone());
    let chosen = &args.services.scenario;
    Ok(Executor::Goose(Box::new(Job {
        services: Services {
            users: base(&args.services.user_service)?,
            orders: base(&args.services.order_service)?,
            notifications: base(&args.services.notification_service)?,
        },
        schedule: schedule.clone(),
        users,
        accounts,
        mix: if chosen.is_empty() { mix } else { mix.choose(chosen)? },
        think_s: args.services.think_time.as_secs_f64(),
        admin: admin(args),
        seed: args.seed.unwrap_or(0),
        tracing: Some(tracing(args)),
        timeout_s: timeout(args, profile).as_secs_f64(),
        drain_s: drain.as_secs_f64(),
    })))
}

/// The password stands in the environment only: arguments are seen by everyone on the machine.
fn admin(args: &RunArgs) -> Option<Credentials> {
    let password = std::env::var("ADMIN_PASSWORD").ok().filter(|password| !password.is_empty());
    args.services.admin_email.clone().zip(password).map(|(email, password)| Credentials { email, password })
}

fn base(url: &str) -> Result<String, UsageError> {
    let valid = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if valid { Ok(url.trim_end_matches('/').to_owned()) } else { Err(UsageError::Base(url.to_owned())) }
}

fn timeout(args: &RunArgs, profile: Option<&Profile>) -> Duration {
    args.timeout.or(profile.map(|p| p.timeout)).unwrap_or(DEFAULT_TIMEOUT)
}

fn http_executor(
    args: &RunArgs,
    profile: Option<&Profile>,
    log: Option<&AccessLog>,
    (schedule, duration, drain): (Option<&Schedule>, Duration, Duration),
) -> Result<Executor, UsageError> {
    let targets = requests::targets(args, profile, log)?;
    let default = if schedule.is_some() { DEFAULT_CONNECTIONS } else { DEFAULT_CLOSED_CONNECTIONS };
    let from_profile = profile.filter(|_| schedule.is_some()).map(|p| p.users);
    let connections = args.connections.map(|n| n as usize).or(from_profile).unwrap_or(default);
    let pace = schedule.map_or(Pace::Closed(duration), |schedule| Pace::Open(schedule.clone()));
    let secure = targets.all().iter().any(load::http::Target::is_tls);
    let protocol = args.http.protocol();
    let config = Config {
        connections,
        timeout: timeout(args, profile),
        drain,
        protocol,
        tls: if secure { Some(load::http::tls(&args.http.trust(), protocol)?) } else { None },
        tracing: Some(tracing(args)),
        ..Config::new(targets)
    };
    Ok(Executor::Http(Box::new(config), pace))
}

/// Trace identifiers differ from run to run, whatever the seed of what the run sends.
fn tracing(args: &RunArgs) -> Tracing {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    Tracing::new(high ^ low, args.http.trace_sample)
}

fn thresholds(args: &RunArgs, profile: Option<&Profile>, closed: bool) -> Vec<Threshold> {
    if !args.judge.threshold.is_empty() {
        return args.judge.threshold.clone();
    }
    if let Some(profile) = profile
        && !profile.thresholds.is_empty()
    {
        return profile.thresholds.clone();
    }
    // A closed run has no target whose share could be reached. The defaults are known to be readable.
    let defaults = DEFAULT_THRESHOLDS.iter().filter_map(|text| text.parse::<Threshold>().ok());
    defaults.filter(|threshold| !(closed && threshold.of_target)).collect()
}

fn abort_on(args: &RunArgs, profile: Option<&Profile>) -> Vec<Threshold> {
    match profile {
        Some(profile) if args.judge.abort_on.is_empty() => profile.abort_on.clone(),
        _ => args.judge.abort_on.clone(),
    }
}

/// What the result file says about where it comes from.
fn meta(args: &RunArgs, executor: &Executor) -> Meta {
    let targets = match executor {
        Executor::Http(config, _) => {
            // A list may be long; the routes are in the results.
            config.targets.all().iter().take(10).map(|target| target.url()).collect()
        }
        Executor::Goose(job) => {
            let Services { users, orders, notifications } = job.services.clone();
            vec![users, orders, notifications]
        }
    };
    Meta {
        run: args.output.run.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        started_at_ms: None,
        profile: args.profile.clone(),
        targets,
        tool: concat!("sretool ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// The format of a report, once it is sure that it can be written there: a run is too long to find out at its end.
pub(super) fn report(path: &Path) -> Result<Kind, UsageError> {
    let kind = Kind::of(path).ok_or_else(|| UsageError::Extension(path.display().to_string()))?;
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if directory.is_dir() {
        return Ok(kind);
    }
    let directory = directory.display().to_string();
    Err(UsageError::Directory { path: path.display().to_string(), directory })
}

fn push(output: &OutputArgs) -> Push {
    match &output.push {
        _ if output.no_push => Push::Nowhere,
        Some(url) => Push::To(write_endpoint(url)),
        None => Push::IfAnswers(output.prometheus.clone()),
    }
}

/// A bare server gets Prometheus' path; a path of one's own stays.
pub(super) fn write_endpoint(url: &str) -> String {
    let bare = reqwest::Url::parse(url).is_ok_and(|url| url.path() == "/");
    if bare { format!("{}/api/v1/write", url.trim_end_matches('/')) } else { url.to_owned() }
}

#[cfg(test)]
pub(super) mod tests;
