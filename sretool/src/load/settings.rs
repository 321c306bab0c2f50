//! From arguments as given to settings that fit together.

use super::{Args, ExecutorName, Rate};
use load::http::{Config, Pace, Target, TargetError, Targets};
use load::{Kind, Meta, Plan, Schedule, ScheduleError, Threshold};
use loadtests::{Job, Mix, Profile, ProfileError, Services};
use std::path::{Path, PathBuf};
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
    pub(super) meta: Meta,
    pub(super) reports: Vec<(Kind, PathBuf)>,
    pub(super) format: Kind,
    pub(super) push: Push,
}

/// What sends, with its settings.
#[derive(Debug, Clone)]
pub(super) enum Executor {
    Http(Config, Pace),
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

/// Arguments that do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum UsageError {
    #[error("{0}")]
    Profile(#[from] ProfileError),
    #[error("cannot read the profile {path}: {cause}; built in are smoke, steady, spike and soak")]
    Unreadable { path: String, cause: String },
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
    #[error("{0}")]
    Target(#[from] TargetError),
    #[error("the http executor needs a --url")]
    NoUrl,
    #[error(
        "--url is for the http executor; the goose executor takes --user-service, --order-service and \
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
}

pub(super) fn read(args: &Args) -> Result<Settings, UsageError> {
    let profile = args.profile.as_deref().map(profile).transpose()?;
    let closed = args.closed || args.rps == Some(Rate::Max);
    let schedule = if closed { None } else { Some(schedule(args, profile.as_ref())?) };
    let duration = schedule.as_ref().map_or_else(|| args.duration.unwrap_or(DEFAULT_DURATION), Schedule::duration);
    if duration.is_zero() {
        return Err(ScheduleError::Empty.into());
    }
    let drain = args.drain.or(profile.as_ref().map(|p| p.drain)).unwrap_or(DEFAULT_DRAIN);
    let goose = match args.executor {
        Some(name) => name == ExecutorName::Goose,
        None => args.url.is_empty(),
    };
    let executor = match &schedule {
        Some(schedule) if goose => goose_executor(args, profile.as_ref(), schedule, drain)?,
        None if goose => return Err(UsageError::ClosedGoose),
        _ => http_executor(args, profile.as_ref(), schedule.as_ref(), duration, drain)?,
    };
    let plan = Plan {
        executor: if goose { "goose" } else { "http" }.to_owned(),
        capacity: executor.capacity(),
        duration_s: duration.as_secs_f64(),
        thresholds: thresholds(args, profile.as_ref(), closed),
        schedule,
    };
    let meta = meta(args, &executor);
    let reports = reports(&args.report)?;
    Ok(Settings { plan, executor, drain, meta, reports, format: args.format, push: push(args) })
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

fn profile(name: &str) -> Result<Profile, UsageError> {
    if !Path::new(name).exists()
        && let Some(profile) = Profile::built_in(name)
    {
        return Ok(profile?);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| UsageError::Unreadable { path: name.to_owned(), cause: error.to_string() })?;
    Ok(Profile::parse(name, &text)?)
}

/// The command line wins: a rate replaces the profile's stages, a duration alone stretches them.
fn schedule(args: &Args, profile: Option<&Profile>) -> Result<Schedule, ScheduleError> {
    let rate = match args.rps {
        Some(Rate::PerSecond(rate)) => Some(rate),
        _ => None,
    };
    match (rate, args.duration, profile) {
        (None, None, Some(profile)) => Ok(profile.schedule.clone()),
        (None, Some(duration), Some(profile)) if !duration.is_zero() => profile.schedule.stretched(duration),
        (rate, duration, profile) => {
            let length = duration.or(profile.map(|p| p.schedule.duration())).unwrap_or(DEFAULT_DURATION);
            Schedule::constant(rate.unwrap_or(DEFAULT_RPS), length)
        }
    }
}

fn goose_executor(
    args: &Args,
    profile: Option<&Profile>,
    schedule: &Schedule,
    drain: Duration,
) -> Result<Executor, UsageError> {
    if !args.url.is_empty() {
        return Err(UsageError::UrlForGoose);
    }
    let users = args.connections.map(|n| n as usize).or(profile.map(|p| p.users)).unwrap_or(DEFAULT_USERS);
    let accounts = profile.map_or(DEFAULT_ACCOUNTS, |p| p.accounts).min(users);
    Ok(Executor::Goose(Box::new(Job {
        services: Services {
            users: base(&args.user_service)?,
            orders: base(&args.order_service)?,
            notifications: base(&args.notification_service)?,
        },
        schedule: schedule.clone(),
        users,
        accounts,
        mix: profile.map_or_else(Mix::default, |p| p.mix.clone()),
        timeout_s: timeout(args, profile).as_secs_f64(),
        drain_s: drain.as_secs_f64(),
    })))
}

fn base(url: &str) -> Result<String, UsageError> {
    let valid = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if valid { Ok(url.trim_end_matches('/').to_owned()) } else { Err(UsageError::Base(url.to_owned())) }
}

fn timeout(args: &Args, profile: Option<&Profile>) -> Duration {
    args.timeout.or(profile.map(|p| p.timeout)).unwrap_or(DEFAULT_TIMEOUT)
}

fn http_executor(
    args: &Args,
    profile: Option<&Profile>,
    schedule: Option<&Schedule>,
    duration: Duration,
    drain: Duration,
) -> Result<Executor, UsageError> {
    if args.url.is_empty() {
        return Err(UsageError::NoUrl);
    }
    let targets = args.url.iter().map(|url| Target::parse(url)).collect::<Result<Vec<_>, _>>()?;
    let targets = Targets::new(targets).ok_or(UsageError::NoUrl)?;
    let default = if schedule.is_some() { DEFAULT_CONNECTIONS } else { DEFAULT_CLOSED_CONNECTIONS };
    let connections = args.connections.map_or(default, |n| n as usize);
    let pace = schedule.map_or(Pace::Closed(duration), |schedule| Pace::Open(schedule.clone()));
    Ok(Executor::Http(Config { connections, timeout: timeout(args, profile), drain, ..Config::new(targets) }, pace))
}

fn thresholds(args: &Args, profile: Option<&Profile>, closed: bool) -> Vec<Threshold> {
    if !args.threshold.is_empty() {
        return args.threshold.clone();
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

/// What the result file says about where it comes from.
fn meta(args: &Args, executor: &Executor) -> Meta {
    let targets = match executor {
        Executor::Http(..) => args.url.clone(),
        Executor::Goose(job) => {
            let Services { users, orders, notifications } = job.services.clone();
            vec![users, orders, notifications]
        }
    };
    Meta {
        run: uuid::Uuid::now_v7().to_string(),
        started_at_ms: None,
        profile: args.profile.clone(),
        targets,
        tool: concat!("sretool ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

fn reports(paths: &[PathBuf]) -> Result<Vec<(Kind, PathBuf)>, UsageError> {
    paths.iter().map(|path| Ok((report(path)?, path.clone()))).collect()
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

fn push(args: &Args) -> Push {
    match &args.push {
        _ if args.no_push => Push::Nowhere,
        Some(url) => Push::To(write_endpoint(url)),
        None => Push::IfAnswers(args.prometheus.clone()),
    }
}

/// A bare server gets Prometheus' path; a path of one's own stays.
pub(super) fn write_endpoint(url: &str) -> String {
    let bare = reqwest::Url::parse(url).is_ok_and(|url| url.path() == "/");
    if bare { format!("{}/api/v1/write", url.trim_end_matches('/')) } else { url.to_owned() }
}

#[cfg(test)]
pub(super) mod tests;
