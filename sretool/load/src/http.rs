//! The executor for plain URLs: HTTP/1.1 over pooled connections, one thread, at a schedule or closed.

mod connection;
mod target;

pub use target::{Target, TargetError};

use crate::conduct::conduct;
use crate::pacer::Pacer;
use crate::run::{Run, Ticket};
use crate::schedule::Schedule;
use crate::snapshot::Update;
use connection::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Lets everything get ready before the first request is due.
const LEAD: Duration = Duration::from_millis(20);

/// What to send, and within which limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to, in turn.
    pub targets: Vec<Target>,
    /// Most connections at once. Fewer are opened while they suffice.
    pub connections: usize,
    /// A request is given up so long after it was sent.
    pub timeout: Duration,
    /// Time for the last answers after the last request was due.
    pub drain: Duration,
}

/// Who sets the pace.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// Requests are due at their moments, however slow the server is (open model).
    Open(Schedule),
    /// Each connection sends as soon as its last answer arrived (closed model).
    Closed(Duration),
}

impl Pace {
    fn duration(&self) -> Duration {
        match self {
            Self::Open(schedule) => schedule.duration(),
            Self::Closed(duration) => *duration,
        }
    }
}

/// Runs to the end, or until `stop` is set, on the calling thread. `on_update` is called each second and, with
/// `last` set, at the end, which comes at most `drain` after the duration whatever the server does.
///
/// # Errors
/// When the operating system grants no runtime or no thread.
pub fn execute(
    config: Config,
    pace: &Pace,
    stop: &AtomicBool,
    mut on_update: impl FnMut(Update),
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(drive(config, pace, stop, &mut on_update));
    // Requests that hang must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn drive(
    config: Config,
    pace: &Pace,
    stop: &AtomicBool,
    on_update: &mut impl FnMut(Update),
) -> std::io::Result<()> {
    let run = Run::new(Instant::now() + LEAD, config.connections);
    let (duration, drain) = (pace.duration(), config.drain);
    let sender = Arc::new(Sender::new(config, run.clone()));
    let pacer = match pace {
        Pace::Open(schedule) => {
            tokio::spawn(sender.clone().dispatch());
            Some(Pacer::start(schedule, run.clone())?)
        }
        Pace::Closed(duration) => {
            (0..sender.config.connections).for_each(|_| drop(tokio::spawn(sender.clone().closed(*duration))));
            None
        }
    };
    conduct(&run, pacer, (duration, drain), stop, on_update).await;
    Ok(())
}

#[derive(Debug)]
struct Sender {
    config: Config,
    run: Arc<Run>,
    pools: Vec<Pool>,
    slots: Arc<Semaphore>,
    turn: AtomicU64,
}

impl Sender {
    fn new(config: Config, run: Arc<Run>) -> Self {
        let pools = config.targets.iter().map(|_| Pool::default()).collect();
        let slots = Arc::new(Semaphore::new(config.connections));
        Self { config, run, pools, slots, turn: AtomicU64::new(0) }
    }

    async fn dispatch(self: Arc<Self>) {
        // A slot comes first, so that a ticket waits in the queue, where the end of the run finds it.
        while let Ok(slot) = self.slots.clone().acquire_owned().await {
            let Some(ticket) = self.run.take().await else { return };
            let sender = self.clone();
            tokio::spawn(async move {
                sender.send(ticket).await;
                drop(slot);
            });
        }
    }

    async fn closed(self: Arc<Self>, duration: Duration) {
        while self.run.now() < duration {
            self.run.emit_next();
            let Some(ticket) = self.run.take().await else { return };
            self.send(ticket).await;
        }
    }

    async fn send(&self, ticket: Ticket) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize % self.config.targets.len();
        let target = &self.config.targets[turn];
        let flight = self.run.sent(ticket, target.route.clone());
        let outcome = connection::request(&self.pools[turn], target, self.config.timeout).await;
        self.run.done(flight, outcome);
    }
}

#[cfg(test)]
mod tests;
