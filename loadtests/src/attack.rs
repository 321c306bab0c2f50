//! The Goose attack: users that send one request a ticket.

use crate::job::Job;
use crate::mix::Turns;
use crate::setup::{World, set_up};
use crate::step::{Memory, Step, learn, plan};
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionResult};
use goose::{GooseAttack, GooseError};
use load::{Outcome, Run};
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
    turns: Mutex<Turns>,
}

impl Shared {
    pub(crate) fn new(job: Job) -> Arc<Self> {
        let turns = Mutex::new(Turns::new(&job.mix));
        let (prepared, run) = (watch::Sender::new(None), watch::Sender::new(None));
        Arc::new(Self { job, prepared, run, ready: AtomicUsize::new(0), world: OnceLock::new(), turns })
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
type Body<'a> = Pin<Box<dyn Future<Output = TransactionResult> + Send + 'a>>;

fn transaction(shared: &Arc<Shared>, body: for<'a> fn(Arc<Shared>, &'a mut GooseUser) -> Body<'a>) -> Transaction {
    let shared = shared.clone();
    Transaction::new(Arc::new(move |user| body(shared.clone(), user)))
}

fn prepare(shared: Arc<Shared>, user: &mut GooseUser) -> Body<'_> {
    Box::pin(async move {
        let result = set_up(&user.client, &shared.job.services, shared.job.accounts).await;
        let result = result.map(|world| drop(shared.world.set(world)));
        shared.prepared.send_replace(Some(result));
        Ok(())
    })
}

/// A user of Goose: which account it has, and what it remembers.
#[derive(Clone, Debug)]
struct Shopper {
    account: usize,
    memory: Memory,
}

fn enter(shared: Arc<Shared>, user: &mut GooseUser) -> Body<'_> {
    Box::pin(async move {
        let number = shared.ready.fetch_add(1, Ordering::Relaxed);
        let Some(world) = shared.world.get() else { return Ok(()) };
        let account = number % world.accounts.len().max(1);
        let orders = world.accounts[account].first_order.clone().into_iter().collect();
        // Spread, so that users do not order the same product at the same time.
        let memory = Memory { orders, turn: number * 7, ..Memory::default() };
        user.set_session_data(Shopper { account, memory });
        Ok(())
    })
}

fn request(shared: Arc<Shared>, user: &mut GooseUser) -> Body<'_> {
    Box::pin(async move {
        let mut runs = shared.run.subscribe();
        let run = match runs.wait_for(Option::is_some).await {
            Ok(run) => run.clone(),
            Err(_) => None,
        };
        let (Some(run), Some(world)) = (run, shared.world.get()) else { return std::future::pending().await };
        // After the end users wait for the process to go, instead of turning in circles.
        let Some(ticket) = run.take().await else { return std::future::pending().await };
        let client = user.client.clone();
        let Some(shopper) = user.get_session_data_mut::<Shopper>() else { return Ok(()) };
        let account = &world.accounts[shopper.account];
        let action = shared.turns.lock().unwrap_or_else(PoisonError::into_inner).next();
        let services = &shared.job.services;
        let step = plan(action, &mut shopper.memory, account, services, &world.skus, Instant::now());
        let flight = run.sent(ticket, step.route.into());
        let answer = send(&client, &step, &account.access_token()).await;
        run.done(flight, outcome(&answer, &step));
        if let Ok((status, body)) = answer {
            learn(&mut shopper.memory, account, step.effect, status, &body);
        }
        Ok(())
    })
}

async fn send(client: &reqwest::Client, step: &Step, token: &str) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let method = step.method.parse().unwrap_or_default();
    let mut request = client.request(method, &step.url);
    if step.authenticated {
        request = request.bearer_auth(token);
    }
    if step.idempotent_key {
        request = request.header("idempotency-key", uuid::Uuid::new_v4().to_string());
    }
    if let Some(body) = &step.body {
        request = request.json(body);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    Ok((status, body.to_vec()))
}

fn outcome(answer: &Result<(u16, Vec<u8>), reqwest::Error>, step: &Step) -> Outcome {
    match answer {
        Ok((status, _)) if step.expected.contains(status) => Outcome::Finished { status: *status },
        Ok((status, _)) => Outcome::Refused { status: *status },
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
