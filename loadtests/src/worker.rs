//! The child process.

use crate::attack::{Shared, attack};
use crate::job::{Job, Message};
use load::{Pacer, Run, conduct};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Setup takes at most this long, and this much more an account.
const SETUP: Duration = Duration::from_secs(20);
const SETUP_ACCOUNT: Duration = Duration::from_millis(500);

/// All users start within this.
const ENTER: Duration = Duration::from_secs(20);

/// Lets the pacer's thread start before the first request is due.
const LEAD: Duration = Duration::from_millis(20);

const TICK: Duration = Duration::from_millis(20);

/// Reads a [`Job`] from the first line of `input`, runs it, and writes [`Message`]s to `output`, a line each. The end
/// of `input` (the parent closes it, or dies) stops the run.
///
/// # Errors
/// When the first line is no job, or the operating system grants no threads.
pub fn run_worker(mut input: impl BufRead + Send + 'static, mut output: impl Write) -> std::io::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        // Blocks until the end of the input, or an error, which is an end as well.
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        stopped.store(true, Ordering::Relaxed);
    })?;
    run_job(job, &stop, |message| {
        // In one piece, since Goose prints lines of its own between; a message always is valid JSON.
        let line = serde_json::to_string(&message).unwrap_or_default() + "\n";
        // Nobody reads once the parent is gone; the stop follows.
        let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    })
}

/// Runs a job in this process, to its end or until `stop` is set. Goose's users are left behind: end the process
/// soon after.
///
/// # Errors
/// When the operating system grants no threads.
pub fn run_job(job: Job, stop: &AtomicBool, mut on_message: impl FnMut(Message)) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(drive(job, stop, &mut on_message));
    // Requests that hang must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(()) => {}
        Err(Ended::Failed(reason)) => on_message(Message::Failed { reason }),
        Err(Ended::Stopped) => {}
        Err(Ended::Io(error)) => return Err(error),
    }
    Ok(())
}

enum Ended {
    Failed(String),
    Stopped,
    Io(std::io::Error),
}

async fn drive(job: Job, stop: &AtomicBool, on_message: &mut impl FnMut(Message)) -> Result<(), Ended> {
    let (users, accounts) = (job.users, job.accounts);
    let times = (job.schedule.duration(), Duration::from_secs_f64(job.drain_s));
    let shared = Shared::new(job);
    let attack = attack(&shared).map_err(|error| Ended::Failed(format!("Goose: {error}")))?;
    on_message(Message::SettingUp { accounts });
    let ended = Arc::new(std::sync::Mutex::new(None));
    let sink = ended.clone();
    tokio::spawn(async move {
        let result = attack.execute().await.map(drop).map_err(|error| error.to_string());
        if let Ok(mut ended) = sink.lock() {
            *ended = Some(result);
        }
    });
    let goose_ended = || ended.lock().ok().and_then(|ended| ended.clone());
    let services = shared.job.services.users.clone();

    let limit = SETUP + SETUP_ACCOUNT * u32::try_from(accounts).unwrap_or(u32::MAX);
    let prepared = || shared.prepared.borrow().clone();
    let result = wait(stop, limit, &goose_ended, prepared).await?;
    let late = || format!("setting up {accounts} accounts at {services} took more than {} s", limit.as_secs());
    result.ok_or_else(|| Ended::Failed(late()))?.map_err(Ended::Failed)?;
    let entered = || (shared.ready.load(Ordering::Relaxed) >= users).then_some(());
    let result = wait(stop, ENTER, &goose_ended, entered).await?;
    result.ok_or_else(|| Ended::Failed(format!("{users} Goose users did not start within {} s", ENTER.as_secs())))?;

    let run = Run::traced(Instant::now() + LEAD, users, shared.job.tracing);
    let pacer = Pacer::start(&shared.job.schedule, run.clone()).map_err(Ended::Io)?;
    shared.run.send_replace(Some(run.clone()));
    on_message(Message::Started);
    conduct(&run, Some(pacer), times, stop, |update| on_message(Message::Update(Box::new(update)))).await;
    Ok(())
}

/// Waits for something, for at most `limit` (then none); an early end of Goose is a failure.
async fn wait<T>(
    stop: &AtomicBool,
    limit: Duration,
    goose_ended: &impl Fn() -> Option<Result<(), String>>,
    ready: impl Fn() -> Option<T>,
) -> Result<Option<T>, Ended> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(value) = ready() {
            return Ok(Some(value));
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Ended::Stopped);
        }
        if let Some(result) = goose_ended() {
            let cause = result.err().unwrap_or_else(|| "it ended before the run began".to_owned());
            return Err(Ended::Failed(format!("Goose: {cause}")));
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(None)
}
