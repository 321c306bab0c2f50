//! Arguments of a run.

use load::http::{Protocol, Trust};
use load::{Kind, Share, Threshold, parse_duration};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a run sends, when, and what must hold.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Requests a second, or `max` for as many as the server answers [default: 1000, or the profile's]
    #[arg(long, value_name = "N|max")]
    pub rps: Option<Rate>,
    /// Length of the run, such as 60s or 1m30s; stretches a profile or a replay [default: 60s, or its own]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub duration: Option<Duration>,
    /// Time for the last answers after the last request was due [default: 3s]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub drain: Option<Duration>,
    /// A request is given up after this [default: 10s]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    pub timeout: Option<Duration>,
    /// A profile: smoke, steady, ramp, spike, soak, breakpoint, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// What sends the requests [default: goose, or http with --url, --targets or a profile that has targets]
    #[arg(long, value_enum)]
    pub executor: Option<ExecutorName>,
    /// Closed model: each connection sends when its last answer has arrived; the same as --rps max
    #[arg(long, conflicts_with = "rps")]
    pub closed: bool,
    /// Most requests in flight: connections, or Goose users [default: 512 connections (50 closed), 100 users]
    #[arg(long, visible_alias = "users", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: Option<u32>,
    /// How requests arrive within the rate: at equal distances, or at random as those of many users
    #[arg(long, value_enum, value_name = "HOW")]
    pub arrival: Option<ArrivalName>,
    /// Seed of what is random; the same seed gives the same run [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// This worker's part of the run: every request whose number leaves INDEX when divided by COUNT. All workers
    /// together send exactly the whole; `load merge` adds their results
    #[arg(long, value_name = "INDEX/COUNT")]
    pub worker: Option<Share>,
    /// Begin at this time (RFC 3339, or seconds since 1970), so that workers begin together
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse_time)]
    pub start_at: Option<i64>,
    /// Requests of the http executor.
    #[command(flatten)]
    pub http: HttpArgs,
    /// A recorded load to repeat.
    #[command(flatten)]
    pub replay: ReplayArgs,
    /// How a run is judged.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Where results go.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The services that Goose users visit.
    #[command(flatten)]
    pub services: ServiceArgs,
}

/// Requests of the http executor.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP executor")]
pub struct HttpArgs {
    /// Request this URL with the HTTP executor; repeat it to take turns
    #[arg(long, value_name = "URL")]
    pub url: Vec<String>,
    /// Request the targets of a list: lines such as `POST http://HOST/PATH weight=2 name=/{id} expect=201,409`,
    /// headers below, then `@FILE` or `body: TEXT`, and a blank line
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub targets: Option<PathBuf>,
    /// Method of the --url requests [default: GET, or POST with --body]
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// A header of all requests, `NAME: VALUE`; repeatable
    #[arg(long, value_name = "HEADER")]
    pub header: Vec<String>,
    /// Body of the --url requests: text, or @FILE
    #[arg(long, value_name = "TEXT|@FILE")]
    pub body: Option<String>,
    /// The protocol: 1.1, 2 (without TLS by prior knowledge), or auto: over TLS what the server prefers
    #[arg(long, value_enum, default_value_t, value_name = "VERSION")]
    pub http: HttpVersion,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Trust any certificate
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// Share of the requests whose traces the services are asked to record, 0 to 1, by the sampled flag of
    /// `traceparent`, which every request carries
    #[arg(long, value_name = "RATIO", default_value_t = 0.1, value_parser = ratio)]
    pub trace_sample: f64,
}

/// A recorded load to repeat.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Replay")]
pub struct ReplayArgs {
    /// Repeat an access log in the common or combined format: its GET, HEAD and OPTIONS requests, second by second, at
    /// the server of --url
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rps", "profile", "targets", "closed", "replay_query"])]
    pub replay_log: Option<PathBuf>,
    /// Repeat the rate that this query has at --prometheus, such as `sum(rate(http_requests_total[1m]))`
    #[arg(long, value_name = "PROMQL", conflicts_with_all = ["rps", "profile", "closed"])]
    pub replay_query: Option<String>,
    /// Begin of the time to repeat [default: an hour before its end]
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse_time, requires = "replay_query")]
    pub replay_from: Option<i64>,
    /// End of the time to repeat [default: now]
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse_time, requires = "replay_query")]
    pub replay_to: Option<i64>,
    /// Times the recorded rate
    #[arg(long, value_name = "FACTOR", requires = "replay_query", value_parser = positive)]
    pub replay_scale: Option<f64>,
    /// Run through the recorded time so much faster: the same requests in less time
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    pub replay_speed: Option<f64>,
}

/// How a run is judged.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Judgement")]
pub struct JudgeArgs {
    /// What must hold, such as 'p95<200ms' or 'p99{route="POST /v1/orders"}<1s'; repeatable
    /// [default: p95<200ms, errors<0.1%, availability>=99.9%, rate>=99%]
    #[arg(long, value_name = "CONDITION")]
    pub threshold: Vec<Threshold>,
    /// End the run at once, failed, when this is so, such as 'errors>10%' or 'p95>2s'; repeatable
    #[arg(long, value_name = "CONDITION")]
    pub abort_on: Vec<Threshold>,
    /// Fail where the run would have burnt the error budget of an SLO in these files or folders, as --prometheus saw
    /// it; says where client and server disagree
    #[arg(long, value_name = "SLO")]
    pub gate: Vec<PathBuf>,
}

/// Where results go.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Results")]
pub struct OutputArgs {
    /// Write a report; its extension tells the format: .json (all of it: others are made from it later with `load
    /// show`), .html, .xml for JUnit, .md, .csv, .hgrm or .txt; repeatable
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// The result on standard output
    #[arg(long, default_value_t = Kind::Text, value_name = "FORMAT")]
    pub format: Kind,
    /// Identifies the run in metrics and results; workers of one run share it [default: a fresh UUID]
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Serve the run's metrics on this address while it runs, such as 127.0.0.1:9111
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Write the run's metrics to this remote-write endpoint each second [default: --prometheus, if it answers]
    #[arg(long, value_name = "URL")]
    pub push: Option<String>,
    /// Write no metrics anywhere
    #[arg(long, conflicts_with = "push")]
    pub no_push: bool,
    /// The Prometheus that gets the run's metrics, and that the gate and replays ask
    #[arg(long, env = "PROMETHEUS_URL", default_value = crate::source::DEFAULT_PROMETHEUS, value_name = "URL")]
    pub prometheus: String,
    /// Mark the run in this Grafana, `http://[USER:PASSWORD@]HOST:PORT`; a token comes from GRAFANA_TOKEN
    #[arg(long, value_name = "URL")]
    pub annotate: Option<String>,
}

/// The services that Goose users visit.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Goose executor")]
pub struct ServiceArgs {
    /// Base URL of user-service
    #[arg(long, env = "USER_SERVICE_URL", default_value = "http://127.0.0.1:3001", value_name = "URL")]
    pub user_service: String,
    /// Base URL of order-service
    #[arg(long, env = "ORDER_SERVICE_URL", default_value = "http://127.0.0.1:3002", value_name = "URL")]
    pub order_service: String,
    /// Base URL of notification-service
    #[arg(long, env = "NOTIFICATION_SERVICE_URL", default_value = "http://127.0.0.1:3003", value_name = "URL")]
    pub notification_service: String,
    /// Weigh this scenario instead of the profile's mix; repeatable
    #[arg(long, value_name = "NAME[=WEIGHT]")]
    pub scenario: Vec<String>,
    /// Mean time that a user thinks between two steps of a scenario
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "500ms")]
    pub think_time: Duration,
    /// Administrator of the scenario `admin`; the password comes from ADMIN_PASSWORD
    #[arg(long, env = "ADMIN_EMAIL", value_name = "ADDRESS")]
    pub admin_email: Option<String>,
}

/// What sends the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExecutorName {
    /// Requests of one or more URLs.
    Http,
    /// Goose users at the reference services.
    Goose,
}

/// How requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ArrivalName {
    /// At equal distances.
    Even,
    /// As a Poisson process with as many requests.
    Poisson,
}

/// A protocol as given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum HttpVersion {
    /// HTTP/1.1, and over TLS what the server prefers.
    #[default]
    Auto,
    /// HTTP/1.1.
    #[value(name = "1.1", alias = "1")]
    One,
    /// HTTP/2.
    #[value(name = "2")]
    Two,
}

impl HttpArgs {
    pub(super) fn protocol(&self) -> Protocol {
        match self.http {
            HttpVersion::Auto => Protocol::Auto,
            HttpVersion::One => Protocol::Http1,
            HttpVersion::Two => Protocol::Http2,
        }
    }

    pub(super) fn trust(&self) -> Trust {
        match &self.ca {
            Some(file) => Trust::Only(file.clone()),
            None if self.insecure => Trust::Anyone,
            None => Trust::System,
        }
    }
}

/// A rate as given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As many requests as are answered.
    Max,
    /// So many a second.
    PerSecond(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            _ => match text.replace('_', "").parse::<f64>() {
                Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(Self::PerSecond(rate)),
                _ => Err("write a number above 0 and up to 1,000,000, or max".to_owned()),
            },
        }
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| "write a number from 0 to 1".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| *n > 0.0 && *n <= 1e6);
    number.ok_or_else(|| "write a number above 0".to_owned())
}
