//! `sretool serve`: the embedded Prometheus as a program.

mod config;
pub(crate) mod glob;

use crate::exit;
use crate::io::Io;
use crate::kept::KeptStore;
use crate::server::{self, Loaded, QueryLimits, Reload, ServerConfig, ServerError, Target};
use crate::stop_signal::StopSignal;
use config::Config;
use promql::{Compat, Labels};
use rules::RestoreLimits;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tsdb::StoreOptions;

/// Arguments of `sretool serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Configuration in Prometheus' format: scrape_configs with static_configs and relabelling, rule_files, alerting
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to scrape: HOST:PORT, HOST:PORT/PATH or JOB=HOST:PORT (may be repeated)
    #[arg(long, value_name = "TARGET")]
    scrape: Vec<String>,
    /// Time between scrapes of a target [default: the configuration's, else 1s]
    #[arg(long, value_name = "DURATION")]
    scrape_interval: Option<String>,
    /// Time between evaluations of rule groups that name none [default: the configuration's, else that of scrapes but
    /// at least 5s]
    #[arg(long, value_name = "DURATION")]
    evaluation_interval: Option<String>,
    /// Rule files, with * and ? (may be repeated)
    #[arg(long, value_name = "GLOB")]
    rules: Vec<String>,
    /// How long samples are kept
    #[arg(long, value_name = "DURATION", default_value = "60d")]
    retention: String,
    /// Folder that keeps samples over restarts; without it they are in memory only
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How much older than the newest sample of a series another may be [default: the configuration's, else 5m]
    #[arg(long, value_name = "DURATION")]
    out_of_order: Option<String>,
    /// Where to answer
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: String,
    /// Alertmanager that receives alerts (may be repeated)
    #[arg(long, value_name = "URL")]
    alertmanager: Vec<String>,
    /// How long a firing alert is not sent again
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    resend_delay: String,
    /// Longest outage after which alerts go on where they were
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    for_outage_tolerance: String,
    /// How long an alert that was about to fire still waits after a restart
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    for_grace_period: String,
    /// Longest evaluation of a query
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    query_timeout: String,
    /// Samples that one query may read and compute
    #[arg(long, value_name = "COUNT", default_value_t = QueryLimits::default().max_samples)]
    query_max_samples: usize,
    /// Queries that compute at one time [default: twice the number of cores]
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    query_max_concurrency: usize,
    /// Follow an older Prometheus: 2.42
    #[arg(long, value_name = "VERSION", value_parser = ["2.42", "3"], default_value = "3")]
    compat: String,
}

/// Why `serve` cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{flag}: {cause}")]
    Flag { flag: &'static str, cause: String },
    #[error("{0}")]
    Config(String),
    #[error("--data {0}")]
    Data(#[from] tsdb::OpenError),
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl StartError {
    fn flag(flag: &'static str) -> impl Fn(String) -> Self {
        move |cause| Self::Flag { flag, cause }
    }
}

/// The arguments and the configuration once they are known to make sense.
#[derive(Debug)]
struct Settings {
    loaded: Loaded,
    store: StoreOptions,
    external_labels: Labels,
    alertmanagers: Vec<String>,
    resend_delay: Duration,
    restore: RestoreLimits,
    limits: QueryLimits,
    compat: Compat,
    flags: BTreeMap<String, String>,
}

/// Runs `sretool serve`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let outcome = Settings::read(&args).and_then(|settings| {
        crate::runtime::block_on(async {
            let listener = bind(&args.listen).await?;
            serve(args, settings, listener, io).await
        })
    });
    match outcome {
        Ok(()) => exit::good(),
        Err(error) => {
            io.error(error);
            exit::invalid()
        }
    }
}

impl Settings {
    fn read(args: &Args) -> Result<Self, StartError> {
        let config = match &args.config {
            Some(path) => config::read(path).map_err(StartError::Config)?,
            None => Config::default(),
        };
        let out_of_order = match &args.out_of_order {
            Some(text) => Some(duration(text, "--out-of-order")?),
            None => config.out_of_order.map(millis),
        };
        let usual = StoreOptions::default();
        let store = StoreOptions {
            retention_ms: duration(&args.retention, "--retention")?,
            out_of_order_ms: out_of_order.unwrap_or(usual.out_of_order_ms),
            ..usual
        };
        let alertmanagers: Vec<_> = args.alertmanager.iter().chain(&config.alertmanagers).cloned().collect();
        for url in &alertmanagers {
            reqwest::Url::parse(url).map_err(|e| {
                StartError::flag("--alertmanager")(format!("`{url}` is no URL ({e}); write http://HOST:PORT"))
            })?;
        }
        Ok(Self {
            store,
            alertmanagers,
            resend_delay: interval(&args.resend_delay, "--resend-delay")?,
            restore: RestoreLimits {
                outage_ms: duration(&args.for_outage_tolerance, "--for-outage-tolerance")?,
                grace_ms: duration(&args.for_grace_period, "--for-grace-period")?,
            },
            limits: QueryLimits {
                timeout: interval(&args.query_timeout, "--query-timeout")?,
                max_samples: args.query_max_samples,
                max_concurrency: args.query_max_concurrency,
            },
            compat: if args.compat == "2.42" { Compat::V2_42 } else { Compat::V3 },
            flags: args.shown(),
            external_labels: config.external_labels.clone(),
            loaded: loaded(args, config)?,
        })
    }
}

/// What a reload may change, of the flags and of the configuration.
fn loaded(args: &Args, config: Config) -> Result<Loaded, StartError> {
    let parse_target = |text: &String| Target::parse(text).map_err(|e| StartError::flag("--scrape")(e.to_string()));
    let mut targets = args.scrape.iter().map(parse_target).collect::<Result<Vec<_>, _>>()?;
    targets.extend(config.targets);
    distinct(&targets)?;
    let scrape_interval = match &args.scrape_interval {
        Some(text) => interval(text, "--scrape-interval")?,
        None => config.scrape_interval.unwrap_or(SCRAPE_INTERVAL),
    };
    let eval_interval = match &args.evaluation_interval {
        Some(text) => interval(text, "--evaluation-interval")?,
        None => config.eval_interval.unwrap_or_else(|| scrape_interval.max(SHORTEST_USUAL_EVALUATION)),
    };
    let mut rule_files = rule_files(&args.rules)?;
    for pattern in &config.rule_files {
        // As in Prometheus, a pattern of the configuration may match nothing.
        rule_files.extend(read_rules(pattern).map_err(StartError::Config)?);
    }
    let dropped_targets = config.dropped;
    Ok(Loaded { targets, dropped_targets, scrape_interval, eval_interval, rule_files, config: config.text })
}

/// Time between scrapes where nothing else is said.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(1);
/// Rules are evaluated at most this often where nothing else is said.
const SHORTEST_USUAL_EVALUATION: Duration = Duration::from_secs(5);

impl Args {
    /// Flags with their values, as `/api/v1/status/flags` shows them.
    fn shown(&self) -> BTreeMap<String, String> {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let config = self.config.as_ref().map(|path| path.display().to_string());
        let pairs = [
            ("config", config.unwrap_or_default()),
            ("scrape", self.scrape.join(",")),
            ("scrape-interval", optional(&self.scrape_interval)),
            ("evaluation-interval", optional(&self.evaluation_interval)),
            ("rules", self.rules.join(",")),
            ("retention", self.retention.clone()),
            ("data", self.data.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
            ("out-of-order", optional(&self.out_of_order)),
            ("listen", self.listen.clone()),
            ("alertmanager", self.alertmanager.join(",")),
            ("resend-delay", self.resend_delay.clone()),
            ("for-outage-tolerance", self.for_outage_tolerance.clone()),
            ("for-grace-period", self.for_grace_period.clone()),
            ("query-timeout", self.query_timeout.clone()),
            ("query-max-samples", self.query_max_samples.to_string()),
            ("query-max-concurrency", self.query_max_concurrency.to_string()),
            ("compat", self.compat.clone()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Two targets with the same labels would write over each other.
fn distinct(targets: &[Target]) -> Result<(), StartError> {
    let mut seen = std::collections::BTreeSet::new();
    match targets.iter().find(|target| !seen.insert(&target.labels)) {
        None => Ok(()),
        Some(target) => {
            let remedy = "give each a job of its own, with JOB=HOST:PORT or as a job_name";
            Err(StartError::flag("--scrape")(format!("{} is given twice; {remedy}", target.labels)))
        }
    }
}

fn duration(text: &str, flag: &'static str) -> Result<i64, StartError> {
    rules::parse_duration(text).map_err(|e| StartError::flag(flag)(e.to_string()))
}

fn interval(text: &str, flag: &'static str) -> Result<Duration, StartError> {
    match u64::try_from(duration(text, flag)?) {
        Ok(ms) if ms >= 10 => Ok(Duration::from_millis(ms)),
        _ => Err(StartError::flag(flag)(format!("`{text}` is too short; the shortest is 10ms"))),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn rule_files(globs: &[String]) -> Result<Vec<(String, String)>, StartError> {
    let error = StartError::flag("--rules");
    let mut files = Vec::new();
    for pattern in globs {
        let found = read_rules(pattern).map_err(&error)?;
        if found.is_empty() {
            return Err(error(format!("`{pattern}` matches no file; check the path, and quote the pattern")));
        }
        files.extend(found);
    }
    Ok(files)
}

fn read_rules(pattern: &str) -> Result<Vec<(String, String)>, String> {
    let paths = glob::expand(pattern).map_err(|e| format!("`{pattern}`: {e}"))?;
    let read = |path: PathBuf| {
        let name = path.display().to_string();
        std::fs::read_to_string(&path).map(|text| (name.clone(), text)).map_err(|e| format!("{name}: {e}"))
    };
    paths.into_iter().map(read).collect()
}

async fn bind(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there; stop it or choose another port",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
            _ => "write an address of this machine, such as 127.0.0.1:9090",
        };
        StartError::flag("--listen")(format!("cannot listen on {address}: {error}; {remedy}"))
    })
}

async fn serve(args: Args, settings: Settings, listener: TcpListener, io: &mut Io<'_>) -> Result<(), StartError> {
    let mut signal = StopSignal::listen().map_err(StartError::Signals)?;
    let mut hangup = Hangup::listen().map_err(StartError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    // Lives until the server has stopped, so that the last flush has everything.
    let kept = KeptStore::open(args.data.as_deref(), settings.store)?;
    let server = server::start(config_of(args, settings, listener, &kept), stopped)?;
    io.line(format_args!("ready {}", server.url()));
    loop {
        tokio::select! {
            () = signal.wait() => break,
            () = hangup.wait() => match server.reload() {
                Ok(()) => io.note("reloaded"),
                Err(cause) => io.error(format_args!("not reloaded: {cause}")),
            },
        }
    }
    let _ = stop.send(true);
    server.join().await?;
    drop(kept);
    Ok(())
}

fn config_of(args: Args, settings: Settings, listener: TcpListener, kept: &KeptStore) -> ServerConfig {
    let Loaded { targets, dropped_targets, scrape_interval, eval_interval, rule_files, config } = settings.loaded;
    ServerConfig {
        targets,
        dropped_targets,
        scrape_interval,
        eval_interval,
        rule_files,
        config,
        store: kept.store(),
        alertmanagers: settings.alertmanagers,
        resend_delay: settings.resend_delay,
        restore: settings.restore,
        external_labels: settings.external_labels,
        compat: settings.compat,
        limits: settings.limits,
        flags: settings.flags,
        reload: Some(Reload::new(move || {
            Settings::read(&args).map(|settings| settings.loaded).map_err(|error| error.to_string())
        })),
        ..ServerConfig::new(listener)
    }
}

/// The signal that asks to read the configuration anew; there is none but on Unix.
#[derive(Debug)]
struct Hangup {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangup {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signal: signal(SignalKind::hangup())? })
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &[&str]) -> Result<Settings, String> {
        let command = Command::try_parse_from([&["serve"], line].concat()).map_err(|e| e.to_string())?;
        Settings::read(&command.args).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults() {
        let settings = read(&["--scrape", "api=h:1"]).unwrap();
        let loaded = settings.loaded;
        assert_eq!(loaded.targets, [Target::new("api", "h:1", "/metrics")]);
        assert_eq!((loaded.scrape_interval.as_secs(), loaded.eval_interval.as_secs()), (1, 5));
        assert_eq!((settings.store.retention_ms, settings.store.out_of_order_ms), (60 * 86_400_000, 300_000));
        assert_eq!((settings.compat, settings.restore), (Compat::V3, RestoreLimits::default()));
        assert_eq!((settings.limits.timeout.as_secs(), settings.flags["listen"].as_str()), (120, "127.0.0.1:9090"));
        assert_eq!(read(&["--compat", "2.42"]).unwrap().compat, Compat::V2_42);
    }

    #[test]
    fn flags_win_over_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yml");
        let text = "global: {scrape_interval: 15s, evaluation_interval: 30s}\nrule_files: ['none*', r.yml]\n\
                    scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}]\n\
                    storage: {tsdb: {out_of_order_time_window: 30m}}\n";
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("r.yml"), "groups: []\n").unwrap();
        let config = path.display().to_string();
        let settings = read(&["--config", &config, "--scrape", "b=h:2", "--evaluation-interval", "10s"]).unwrap();
        let loaded = settings.loaded;
        assert_eq!((loaded.scrape_interval.as_secs(), loaded.eval_interval.as_secs()), (15, 10));
        assert_eq!(loaded.targets.iter().map(|t| t.job.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((loaded.rule_files.len(), loaded.config.as_str()), (1, text));
        assert_eq!(settings.store.out_of_order_ms, 1_800_000);
        let twice = read(&["--config", &config, "--scrape", "a=h:1"]).unwrap_err();
        assert!(twice.contains("given twice"), "{twice}");
        std::fs::write(&path, "scrape_confgs: []").unwrap();
        let error = read(&["--config", &config]).unwrap_err();
        assert!(error.contains("p.yml:1:1: the key `scrape_confgs` is unknown here"), "{error}");
    }

    #[test]
    fn mistakes_name_their_flag() {
        for (line, part) in [
            (["--scrape", "nowhere"], "--scrape: `nowhere` is no target"),
            (["--scrape-interval", "soon"], "--scrape-interval: `soon` is no duration"),
            (["--scrape-interval", "1ms"], "the shortest is 10ms"),
            (["--retention", "x"], "--retention"),
            (["--out-of-order", "x"], "--out-of-order"),
            (["--query-timeout", "1ms"], "--query-timeout: `1ms` is too short"),
            (["--config", "/nonexistent.yml"], "/nonexistent.yml: cannot be read"),
            (["--rules", "/nonexistent/*.yaml"], "--rules: `/nonexistent/*.yaml`"),
            (["--alertmanager", "nowhere"], "--alertmanager"),
            (["--compat", "1.0"], "2.42"),
        ] {
            let error = read(&line).unwrap_err();
            assert!(error.contains(part), "{line:?}: {error}");
        }
        assert!(read(&["--scrape", "h:1", "--scrape", "h:1"]).unwrap_err().contains("given twice"));
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_flag() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = bind(&address).await.unwrap_err().to_string();
        assert!(error.contains("--listen") && error.contains(&address) && error.contains("another port"), "{error}");
        assert!(bind("nowhere").await.unwrap_err().to_string().contains("--listen"));
    }
}
