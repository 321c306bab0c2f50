//! `sretool serve`: the embedded Prometheus as a program.

pub(crate) mod glob;

use crate::exit;
use crate::io::Io;
use crate::server::{self, ServerConfig, ServerError, Target};
use crate::stop_signal::StopSignal;
use promql::Compat;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tsdb::{Store, StoreOptions};

/// Arguments of `sretool serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to scrape: HOST:PORT, HOST:PORT/PATH or JOB=HOST:PORT (may be repeated)
    #[arg(long, value_name = "TARGET")]
    scrape: Vec<String>,
    /// Time between scrapes of a target
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    scrape_interval: String,
    /// Time between evaluations of rule groups that name none [default: the scrape interval, at least 5s]
    #[arg(long, value_name = "DURATION")]
    evaluation_interval: Option<String>,
    /// Rule files, with * and ? (may be repeated)
    #[arg(long, value_name = "GLOB")]
    rules: Vec<String>,
    /// How long samples are kept
    #[arg(long, value_name = "DURATION", default_value = "60d")]
    retention: String,
    /// Where to answer
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: String,
    /// Alertmanager that receives alerts
    #[arg(long, value_name = "URL")]
    alertmanager: Option<String>,
    /// Follow an older Prometheus: 2.42
    #[arg(long, value_name = "VERSION", value_parser = ["2.42", "3"], default_value = "3")]
    compat: String,
}

/// Why `serve` cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{flag}: {cause}")]
    Flag { flag: &'static str, cause: String },
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

/// The arguments once they are known to make sense.
#[derive(Debug)]
struct Settings {
    targets: Vec<Target>,
    scrape_interval: Duration,
    eval_interval: Duration,
    rule_files: Vec<(String, String)>,
    retention_ms: i64,
    compat: Compat,
    alertmanager: Option<String>,
}

/// Runs `sretool serve`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let outcome = Settings::read(&args).and_then(|settings| {
        crate::runtime::block_on(async {
            let listener = bind(&args.listen).await?;
            serve(settings, listener, io).await
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
        let parse_target = |text: &String| Target::parse(text).map_err(|e| StartError::flag("--scrape")(e.to_string()));
        let scrape_interval = interval(&args.scrape_interval, "--scrape-interval")?;
        let eval_interval = match &args.evaluation_interval {
            Some(text) => interval(text, "--evaluation-interval")?,
            None => scrape_interval.max(Duration::from_secs(5)),
        };
        let retention = rules::parse_duration(&args.retention);
        let retention_ms = retention.map_err(|e| StartError::flag("--retention")(e.to_string()))?;
        if let Some(url) = &args.alertmanager {
            reqwest::Url::parse(url).map_err(|e| {
                StartError::flag("--alertmanager")(format!("`{url}` is no URL ({e}); write http://HOST:PORT"))
            })?;
        }
        let targets = args.scrape.iter().map(parse_target).collect::<Result<Vec<_>, _>>()?;
        distinct(&targets)?;
        Ok(Self {
            targets,
            scrape_interval,
            eval_interval,
            rule_files: rule_files(&args.rules)?,
            retention_ms,
            compat: if args.compat == "2.42" { Compat::V2_42 } else { Compat::V3 },
            alertmanager: args.alertmanager.clone(),
        })
    }
}

/// Two targets with the same labels would write over each other.
fn distinct(targets: &[Target]) -> Result<(), StartError> {
    let mut seen = std::collections::BTreeSet::new();
    match targets.iter().find(|target| !seen.insert(&target.labels)) {
        None => Ok(()),
        Some(target) => {
            let cause = format!("{} is given twice; give each a job of its own with JOB=HOST:PORT", target.labels);
            Err(StartError::flag("--scrape")(cause))
        }
    }
}

fn interval(text: &str, flag: &'static str) -> Result<Duration, StartError> {
    let ms = rules::parse_duration(text).map_err(|e| StartError::flag(flag)(e.to_string()))?;
    match u64::try_from(ms) {
        Ok(ms) if ms >= 10 => Ok(Duration::from_millis(ms)),
        _ => Err(StartError::flag(flag)(format!("`{text}` is too short; the shortest is 10ms"))),
    }
}

fn rule_files(globs: &[String]) -> Result<Vec<(String, String)>, StartError> {
    let error = StartError::flag("--rules");
    let mut files = Vec::new();
    for pattern in globs {
        let paths = glob::expand(pattern).map_err(|e| error(format!("`{pattern}`: {e}")))?;
        if paths.is_empty() {
            return Err(error(format!("`{pattern}` matches no file; check the path, and quote the pattern")));
        }
        for path in paths {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|e| error(format!("{name}: {e}")))?;
            files.push((name, text));
        }
    }
    Ok(files)
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

async fn serve(settings: Settings, listener: TcpListener, io: &mut Io<'_>) -> Result<(), StartError> {
    let options = StoreOptions { retention_ms: settings.retention_ms, ..StoreOptions::default() };
    let config = ServerConfig {
        targets: settings.targets,
        scrape_interval: settings.scrape_interval,
        eval_interval: settings.eval_interval,
        rule_files: settings.rule_files,
        store: Arc::new(Store::new(options)),
        alertmanager: settings.alertmanager,
        compat: settings.compat,
        ..ServerConfig::new(listener)
    };
    let mut signal = StopSignal::listen().map_err(StartError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    let server = server::start(config, stopped)?;
    io.line(format_args!("ready {}", server.url()));
    signal.wait().await;
    let _ = stop.send(true);
    Ok(server.join().await?)
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
        assert_eq!(settings.targets, [Target::new("api", "h:1", "/metrics")]);
        assert_eq!((settings.scrape_interval.as_secs(), settings.eval_interval.as_secs()), (1, 5));
        assert_eq!((settings.retention_ms, settings.compat), (60 * 86_400_000, Compat::V3));
        assert_eq!(read(&["--compat", "2.42"]).unwrap().compat, Compat::V2_42);
    }

    #[test]
    fn mistakes_name_their_flag() {
        for (line, part) in [
            (["--scrape", "nowhere"], "--scrape: `nowhere` is no target"),
            (["--scrape-interval", "soon"], "--scrape-interval: `soon` is no duration"),
            (["--scrape-interval", "1ms"], "the shortest is 10ms"),
            (["--retention", "x"], "--retention"),
            (["--rules", "/nonexistent/*.yaml"], "--rules: `/nonexistent/*.yaml`"),
            (["--alertmanager", "nowhere"], "--alertmanager"),
            (["--compat", "1.0"], "2.42"),
            (["--data", "dir"], "--data"),
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
