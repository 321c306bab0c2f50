//! The Goose attack: users that send one request a ticket.

use crate::job::Job;
use crate::pool::Pool;
use crate::scenario;
use crate::session::Go;
use crate::setup::{World, set_up};
use crate::step::{Answer, Body, Step};
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionResult};
use goose::{GooseAttack, GooseError};
use load::{Outcome, Run, TraceContext};
use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Users that start in a second; more than anyone has, so that they start at once.
const USERS_PER_SECOND: &str = "10000";

/// What the worker and Goose's users share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) job: Job,
    /// The outcome of the setup.
    pub(crate) prepared: watch::Sender<Option<Result<(), String>>>,
    /// The run, once it begins.
    pub(crate) run: watch::Sender<Option<Arc<Run>>>,
    /// Users that wait for a ticket.
    pub(crate) ready: AtomicUsize,
    world: OnceLock<World>,
    pool: Mutex<Pool>,
}

impl Shared {
    pub(crate) fn new(job: Job) -> Arc<Self> {
        // Without an administrator the others share its requests.
        let mix = job.mix.without(scenario::Scenario::Admin).filter(|_| job.admin.is_none());
        let pool = Mutex::new(Pool::new(mix.as_ref().unwrap_or(&job.mix), job.seed));
        let (prepared, run) = (watch::Sender::new(None), watch::Sender::new(None));
        Arc::new(Self { job, prepared, run, ready: AtomicUsize::new(0), world: OnceLock::new(), pool })
    }
}

/// Goose with everything switched off that writes, listens or measures on its own.
fn configuration(job: &Job) -> GooseConfiguration {
    let seconds = job.schedule.duration().as_secs() + job.drain_s as u64;
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(job.services.users.clone());
    configuration.users = Some(job.users);
    configuration.increase_rate = Some(USERS_PER_SECOND.to_owned());
    // The worker ends the run; this only has to be later.
    configuration.run_time = Some((seconds + 86_400).to_string());
    configuration.no_telnet = true;
    configuration.no_metrics = true;
    configuration.no_reset_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.quiet = 1;
    configuration
}

/// The attack of a job. One shared client pools connections, as a proxy in front of many users would.
pub(crate) fn attack(shared: &Arc<Shared>) -> Result<GooseAttack, GooseError> {
    let client = GooseClientBuilder::new()
        .without_cookies()
        .gzip(false)
        .timeout(Duration::from_secs_f64(shared.job.timeout_s))
        .user_agent(concat!("sretool-load/", env!("CARGO_PKG_VERSION")));
    let scenario = Scenario::new("Shopper")
        .register_transaction(transaction(shared, enter).set_name("enter").set_on_start())
        .register_transaction(transaction(shared, request).set_name("request"));
    Ok(GooseAttack::initialize_with_config(configuration(&shared.job))?
        .set_client_builder_without_cookies(client)?
        .test_start(transaction(shared, prepare).set_name("prepare"))
        .register_scenario(scenario))
}

/// What a Goose transaction does.
type Doing<'a> = Pin<Box<dyn Future<Output = TransactionResult> + Send + 'a>>;

fn transaction(shared: &Arc<Shared>, body: for<'a> fn(Arc<Shared>, &'a mut GooseUser) -> Doing<'a>) -> Transaction {
    let shared = shared.clone();
    Transaction::new(Arc::new(move |user| body(shared.clone(), user)))
}

fn prepare(shared: Arc<Shared>, user: &mut GooseUser) -> Doing<'_> {
    Box::pin(async move {
        let result = set_up(&user.client, &shared.job).await;
        let result = result.map(|world| drop(shared.world.set(world)));
        shared.prepared.send_replace(Some(result));
        Ok(())
    })
}

fn enter(shared: Arc<Shared>, _: &mut GooseUser) -> Doing<'_> {
    Box::pin(async move {
        shared.ready.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })
}

/// A Goose user sends for whoever of the pool is next: users who think need no Goose user, so that think time does not
/// limit the rate.
fn request(shared: Arc<Shared>, user: &mut GooseUser) -> Doing<'_> {
    Box::pin(async move {
        let mut runs = shared.run.subscribe();
        let run = match runs.wait_for(Option::is_some).await {
            Ok(run) => run.clone(),
            Err(_) => None,
        };
        let (Some(run), Some(world)) = (run, shared.world.get()) else { return std::future::pending().await };
        // After the end users wait for the process to go, instead of turning in circles.
        let Some(ticket) = run.take().await else { return std::future::pending().await };
        let services = &shared.job.services;
        let pool = || shared.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = pool().take(world, Instant::now());
        let step = session.step(services, world, Instant::now());
        let flight = run.sent(ticket, step.route.as_ref().into());
        let answer = send(&user.client, &step, run.context(&flight)).await;
        run.done(flight, outcome(&answer, &step));
        if session.learn(answer.as_ref().ok(), services, world) == Go::On {
            let ready = Instant::now() + session.think(step.think, shared.job.think_s);
            pool().rest(session, ready);
        }
        Ok(())
    })
}

async fn send(client: &reqwest::Client, step: &Step, context: Option<TraceContext>) -> Result<Answer, reqwest::Error> {
    let mut request = client.request(step.method().parse().unwrap_or_default(), &step.url);
    if let Some(token) = &step.token {
        request = request.bearer_auth(token);
    }
    if let Some(context) = context {
        request = request.header("traceparent", context.to_string());
    }
    if step.idempotent {
        request = request.header("idempotency-key", uuid::Uuid::new_v4().to_string());
    }
    request = match &step.body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::Raw { content_type, text } => request.header("content-type", content_type).body(text.clone()),
    };
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?.to_vec();
    Ok(Answer { status, body })
}

fn outcome(answer: &Result<Answer, reqwest::Error>, step: &Step) -> Outcome {
    match answer {
        Ok(Answer { status, .. }) if step.expected.contains(status) => Outcome::Finished { status: *status },
        Ok(Answer { status, .. }) => Outcome::Refused { status: *status },
        Err(error) if error.is_timeout() => Outcome::TimedOut,
        Err(error) => Outcome::Broken { cause: cause(error) },
    }
}

/// The innermost reason in words without varying parts.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut innermost = if error.is_timeout() { "timeout" } else { "the request failed" }.to_owned();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.kind().to_string();
        }
        innermost = inner.to_string();
        source = inner.source();
    }
    innermost
}
