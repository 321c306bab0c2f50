//! `sretool up`: the reference platform on this machine.
//!
//! Three services run as child processes of this binary and are restarted when they die; this process scrapes them,
//! evaluates rules, answers the Prometheus API, and shows it all in the terminal.

mod data;
mod definitions;
mod operate;
mod platform;
mod status;
mod supervisor;

use crate::io::Io;
use crate::kept::KeptStore;
use crate::server::{self, ServerConfig, ServerHandle, Target};
use crate::source::{Local, Source};
use crate::stop_signal::StopSignal;
use crate::{exit, runtime, when};
use data::DataFolder;
use platform::{Platform, Ports, Service};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use supervisor::{Event, Plan};
use tokio::sync::{mpsc, watch};

/// How often a status line is printed where there is no terminal.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// How long samples are kept in memory.
const RETENTION_MS: i64 = 24 * 3_600_000;

/// Arguments of `sretool up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print status lines instead of opening the terminal dashboard
    #[arg(long)]
    no_tui: bool,
    /// Keep the services' databases, logs and metrics in this folder (otherwise in a temporary one, removed at the end)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the Prometheus API answers
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// How often the services are scraped
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = when::parse_duration)]
    scrape_interval: i64,
    /// Send alerts to this Alertmanager
    #[arg(long, value_name = "URL")]
    alertmanager: Option<String>,
    /// Folder of the SLO documents [default: slo, else those built in]
    #[arg(long, value_name = "DIR")]
    slo: Option<PathBuf>,
    /// Folder of the hand-written rules [default: alerts/rules, else those built in]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Ports of user-service
    #[arg(long, value_name = "API,ADMIN", default_value = "3001,9001")]
    user_ports: Ports,
    /// Ports of order-service
    #[arg(long, value_name = "API,ADMIN", default_value = "3002,9002")]
    order_ports: Ports,
    /// Ports of notification-service
    #[arg(long, value_name = "API,ADMIN", default_value = "3003,9003")]
    notification_ports: Ports,
}

/// Arguments of a service's child process.
#[derive(Debug, clap::Args)]
pub struct ServiceArgs {
    /// Which service
    service: Service,
}

/// Runs one service in this process until it is told to stop.
pub fn run_service(args: ServiceArgs) -> ExitCode {
    match args.service {
        Service::User => user_service::main_with(&service_common::ProcessEnv),
        Service::Order => order_service::main_with(&service_common::ProcessEnv),
        Service::Notification => notification_service::main_with(&service_common::ProcessEnv),
    }
}

/// Runs `sretool up`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    match prepare(&args) {
        Ok(prepared) => runtime::block_on(operate(args, prepared, io)),
        Err(cause) => {
            io.error(cause);
            exit::invalid()
        }
    }
}

/// All that can be wrong with the invocation is found before anything starts.
struct Prepared {
    platform: Platform,
    listener: TcpListener,
    rule_files: Vec<definitions::Named>,
    data: DataFolder,
    kept: KeptStore,
}

fn prepare(args: &Args) -> Result<Prepared, String> {
    let data = DataFolder::open(args.data.as_ref())?;
    let platform = Platform {
        ports: [
            (Service::User, args.user_ports),
            (Service::Order, args.order_ports),
            (Service::Notification, args.notification_ports),
        ]
        .into(),
        admin_email: "admin@example.com".to_owned(),
        admin_password: data.admin_password()?,
        service_token: platform::random_secret(),
    };
    platform.check_ports()?;
    let listener = platform::bind(args.listen).map_err(|cause| {
        format!("{} (Prometheus API) cannot be used: {cause}; free it, or choose another with --listen", args.listen)
    })?;
    listener.set_nonblocking(true).map_err(|e| format!("{}: {e}", args.listen))?;
    let mut rule_files = definitions::rules(args.rules.as_deref())?;
    let slos = definitions::slos(args.slo.as_deref())?;
    rule_files.push(("slo (generated)".to_owned(), definitions::generate(&slos)?));
    let options = tsdb::StoreOptions { retention_ms: RETENTION_MS, ..Default::default() };
    let kept = KeptStore::open(args.data.as_deref(), options).map_err(|error| format!("--data {error}"))?;
    Ok(Prepared { platform, listener, rule_files, data, kept })
}

/// The running platform.
struct Running {
    server: ServerHandle,
    source: Source,
    events: mpsc::Receiver<Event>,
    children: Vec<tokio::task::JoinHandle<()>>,
    stop: watch::Sender<bool>,
    signal: StopSignal,
}

async fn operate(args: Args, prepared: Prepared, io: &mut Io<'_>) -> ExitCode {
    let Prepared { platform, listener, rule_files, data, kept } = prepared;
    let mut running = match start(&args, &platform, listener, rule_files, &data, kept.store()) {
        Ok(running) => running,
        Err(cause) => {
            io.error(cause);
            return exit::invalid();
        }
    };
    io.line(format_args!("ready {}", running.server.url()));
    io.line(format_args!("administrator {} password {}", platform.admin_email, platform.admin_password));
    let status = match operate::announce(&platform, &mut running, io).await {
        Some(status) => status,
        None if io.terminal && !args.no_tui => operate::show(&mut running, io).await,
        None => operate::watch_over(&mut running, io).await,
    };
    operate::shut_down(running, io).await;
    // After the last scrape, so that the last flush has everything.
    drop(kept);
    status
}

/// Starts the server and the services' processes.
fn start(
    args: &Args,
    platform: &Platform,
    listener: TcpListener,
    rule_files: Vec<definitions::Named>,
    data: &DataFolder,
    store: Arc<tsdb::Store>,
) -> Result<Running, String> {
    let signal = StopSignal::listen().map_err(|e| format!("signals cannot be received: {e}"))?;
    let program = std::env::current_exe().map_err(|e| format!("this program's own file is unknown: {e}"))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
    let targets = Service::ALL.map(|service| Target::new(service.name(), &platform.admin_address(service), "/metrics"));
    let (stop, stopped) = watch::channel(false);
    let config = ServerConfig {
        targets: targets.into(),
        scrape_interval: Duration::from_millis(args.scrape_interval.unsigned_abs()),
        rule_files,
        store: Arc::clone(&store),
        alertmanagers: args.alertmanager.iter().cloned().collect(),
        ..ServerConfig::new(listener)
    };
    let server = server::start(config, stopped.clone()).map_err(|e| e.to_string())?;
    let (sender, events) = mpsc::channel(64);
    let children = Service::ALL.map(|service| {
        let plan = Plan {
            name: service.name(),
            program: program.clone(),
            arguments: vec!["service".to_owned(), service.argument().to_owned()],
            environment: platform.environment(service, data.path()),
            logs: data.path().to_owned(),
        };
        tokio::spawn(supervisor::supervise(plan, sender.clone(), stopped.clone()))
    });
    let source = Source::Local(Local::new("up", store, None));
    Ok(Running { server, source, events, children: children.into(), stop, signal })
}
