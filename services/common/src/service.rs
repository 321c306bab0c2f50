//! Assembling and running a service.

use crate::admin::{self, Admin};
use crate::amqp::Broker;
use crate::auth::{Keys, Verifier};
use crate::cache::Cache;
use crate::config::{ConfigError, ConfigErrors, Env, Reader, Settings};
use crate::database::{Database, DatabaseError, Migration};
use crate::failpoint::Plan;
use crate::faults::{Effects, Faults};
use crate::health::Health;
use crate::http::{self, Limits};
use crate::metrics::{self, HttpMetrics};
use crate::openapi::{self, OPENAPI_PATH};
use crate::outbound::Client;
use crate::server::{self, BindError, Drain, Listeners};
use crate::tasks::Tasks;
use crate::telemetry::{self, TelemetryError};
use crate::{EXIT_CONFIG, EXIT_FAILURE};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use utoipa_axum::router::OpenApiRouter;

/// What a service is called, and where it listens when not told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Name in metrics, logs and traces.
    pub name: &'static str,
    /// Version of the build.
    pub version: &'static str,
    /// Default of `PORT`.
    pub port: u16,
    /// Default of `ADMIN_PORT`.
    pub admin_port: u16,
}

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its environment is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Logs and traces cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Its database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A query at start failed.
    #[error("the database refuses a query at start: {0}")]
    Query(#[from] sqlx::Error),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// Anything else, already worded for its reader.
    #[error("{0}")]
    Other(String),
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}

impl StartError {
    /// 78 when the environment is to be changed, else 70.
    fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Bind(_) | Self::Telemetry(_) | Self::Database(_) => EXIT_CONFIG,
            Self::Query(_) | Self::Client(_) | Self::Other(_) => EXIT_FAILURE,
        }
    }
}

/// What a service is assembled from.
#[derive(Debug)]
pub struct Context {
    /// Name and version.
    pub spec: Spec,
    /// The common settings.
    pub settings: Settings,
    /// Metrics; whatever is registered here carries the service's name.
    pub registry: Registry,
    /// Dependency checks.
    pub health: Health,
    /// Faults; replace it by `Faults::with_kinds` for kinds of the service's own, before [`Context::finish`].
    pub faults: Faults,
    /// Background tasks.
    pub tasks: Tasks,
    database: Option<Database>,
}

impl Context {
    /// A context with these settings.
    #[must_use]
    pub fn new(spec: &Spec, settings: Settings) -> Self {
        Self {
            spec: *spec,
            settings,
            registry: metrics::registry(spec.name, spec.version),
            health: Health::default(),
            faults: Faults::default(),
            tasks: Tasks::default(),
            database: None,
        }
    }

    /// A context for tests, with [`Settings::for_test`].
    #[must_use]
    pub fn for_test(spec: &Spec) -> Self {
        Self::new(spec, Settings::for_test())
    }

    /// Opens the database of `DATABASE_URL`, registers its metrics, and makes readiness depend on it.
    ///
    /// # Errors
    /// When it cannot be opened or migrated.
    pub async fn database(&mut self, migrations: &[Migration]) -> Result<Database, StartError> {
        let database = Database::open(&self.settings.database, migrations).await?;
        database.register(&mut self.registry);
        self.database = Some(database.clone());
        let checked = database.clone();
        self.health.check("database", move || {
            let checked = checked.clone();
            async move { checked.ping().await.map_err(|error| error.to_string()) }
        });
        Ok(database)
    }

    /// A client of other services that carries `SERVICE_TOKEN`.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn client(&self, timeout: Duration) -> Result<Client, StartError> {
        Ok(Client::new(timeout, self.settings.service_token.clone())?.with_faults(self.faults.clone()))
    }

    /// A cache of values under a prefix, in Redis if `REDIS_URL` is set. At most one a service.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn cache(&mut self, prefix: &'static str, ttl: Duration) -> Result<Cache, StartError> {
        let redis = self.settings.redis_url.as_ref();
        Cache::new(redis, prefix, ttl, self.faults.clone(), &mut self.registry)
            .map_err(|error| StartError::Other(error.to_string()))
    }

    /// A queue at the broker of `AMQP_URL`, if it is set.
    #[must_use]
    pub fn broker(&self, queue: &'static str) -> Option<Broker> {
        self.settings.amqp_url.clone().map(|url| Broker::new(url, queue))
    }

    /// A verifier with the keys that user-service publishes.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn verifier(&self) -> Result<Verifier, StartError> {
        let client = Client::new(Duration::from_secs(2), None)?;
        let keys = Keys::remote(&self.settings.user_service_url, client.http().clone());
        Ok(Verifier::new(keys, self.settings.service_token.clone()))
    }

    /// Completes the service: adds `GET /openapi.json` and the request layer, creates all request series at 0, and
    /// builds the admin port.
    #[must_use]
    pub fn finish(mut self, api: OpenApiRouter) -> Service {
        let (router, mut description) = api.split_for_parts();
        openapi::complete(&mut description, self.spec.name, self.spec.version);
        let operations = openapi::operations(&description);
        // A description without its text cannot occur: it is built of strings and numbers only.
        let text: Arc<str> = description.to_json().unwrap_or_default().into();
        let router = router
            .route(OPENAPI_PATH, get(async move || ([(header::CONTENT_TYPE, "application/json")], text.to_string())));
        let http_metrics = HttpMetrics::register(&mut self.registry);
        http_metrics.create_series(&operations);
        self.registry.register_collector(self.faults.collector());
        let effects = Effects { faults: self.faults.clone(), database: self.database.take() };
        self.tasks.spawn("faults", |stop| effects.run(stop));
        let limits = Limits {
            timeout: self.settings.request_timeout,
            in_flight: self.settings.max_in_flight,
            body_bytes: self.settings.max_body_bytes,
        };
        let admin = Admin {
            registry: Arc::new(self.registry),
            health: self.health.clone(),
            faults: self.faults.clone(),
            routes: operations.into_iter().map(|operation| operation.route).collect(),
        };
        Service {
            api: http::wrap(router, http_metrics, self.faults, limits),
            admin: admin::router(admin),
            health: self.health,
            tasks: self.tasks,
        }
    }
}

/// A service that is ready to be served or tested.
#[derive(Debug, Clone)]
pub struct Service {
    /// The API.
    pub api: Router,
    /// Metrics, health and faults.
    pub admin: Router,
    /// Whether it should be given traffic.
    pub health: Health,
    /// Its background tasks.
    pub tasks: Tasks,
}

/// Runs a service from its environment to its end, and returns its exit status: 0 after a drain that was asked for,
/// 78 when the environment is to be changed (one line a mistake on stderr), 70 for other failures.
pub fn run<C>(
    spec: &Spec,
    env: &dyn Env,
    read: impl FnOnce(&mut Reader<'_>) -> C,
    build: impl AsyncFnOnce(Context, C) -> Result<Service, StartError>,
) -> ExitCode {
    let outcome = configure(spec, env, read).map_err(StartError::from).and_then(|(settings, plan, config)| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError::Other(format!("cannot start the runtime: {error}")))?;
        let outcome = runtime.block_on(start(spec, settings, plan, config, build));
        // The thread that watches standard input may still be blocked.
        runtime.shutdown_timeout(Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("{}: {line}", spec.name);
            }
            ExitCode::from(error.exit_status())
        }
    }
}

fn configure<C>(
    spec: &Spec,
    env: &dyn Env,
    read: impl FnOnce(&mut Reader<'_>) -> C,
) -> Result<(Settings, Option<Plan>, C), ConfigErrors> {
    let mut reader = Reader::new(env);
    let settings = Settings::read(&mut reader, spec);
    let plan = Plan::read(&mut reader);
    let config = read(&mut reader);
    reader.finish()?;
    Ok((settings, plan, config))
}

async fn start<C>(
    spec: &Spec,
    settings: Settings,
    plan: Option<Plan>,
    config: C,
    build: impl AsyncFnOnce(Context, C) -> Result<Service, StartError>,
) -> Result<(), StartError> {
    let guard = telemetry::init(spec, &settings, std::io::stdout)?;
    if let Some(plan) = plan {
        plan.arm();
    }
    let listeners = Listeners {
        api: server::bind("PORT", &settings.host, settings.port).await?,
        admin: server::bind("ADMIN_PORT", &settings.host, settings.admin_port).await?,
    };
    let drain = Drain { delay: settings.drain_delay, deadline: settings.drain_deadline };
    let stop = server::stop_requested(settings.exit_on_stdin_eof);
    let mut cx = Context::new(spec, settings);
    guard.register(&mut cx.registry);
    let service = build(cx, config).await?;
    let (hurry, hurried) = oneshot::channel();
    let stop = async move {
        stop.await;
        tokio::spawn(async move {
            server::stop_requested(false).await;
            let _ = hurry.send(());
        });
    };
    let outcome = tokio::select! {
        _ = server::serve(listeners, service, drain, stop) => Ok(()),
        Ok(()) = hurried => {
            Err(StartError::Other("asked to stop a second time; what was still running was broken off".to_owned()))
        }
    };
    guard.flush().await;
    outcome
}
