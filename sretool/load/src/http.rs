//! The executor for plain URLs: HTTP/1.1 and HTTP/2 over pooled connections, one thread, at a schedule or closed.

mod connection;
mod pool;
mod target;
mod targets;
mod tls;

pub use target::{Target, TargetError};
pub use targets::{ListError, Targets};
pub use tls::{Protocol, TlsError, Trust, tls};

use crate::conduct::conduct;
use crate::pacer::Pacer;
use crate::run::{Flight, Run};
use crate::schedule::Schedule;
use crate::snapshot::Update;
use crate::trace::Tracing;
use connection::cause;
use pool::Pool;
use rustls::ClientConfig;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use targets::Order;
use tokio::sync::Semaphore;

/// Lets everything get ready before the first request is due.
const LEAD: Duration = Duration::from_millis(20);

/// What to send, and within which limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to.
    pub targets: Targets,
    /// Most requests in flight; with HTTP/1 each needs a connection. Fewer are opened while they suffice.
    pub connections: usize,
    /// A request is given up so long after it was sent.
    pub timeout: Duration,
    /// Time for the last answers after the last request was due.
    pub drain: Duration,
    /// What is spoken.
    pub protocol: Protocol,
    /// From [`tls`]; only `https://` targets need it.
    pub tls: Option<Arc<ClientConfig>>,
    /// The trace context of each request.
    pub tracing: Option<Tracing>,
}

impl Config {
    /// Up to 512 connections, ten seconds for a request, three for the drain, HTTP/1.1, no traces.
    pub fn new(targets: Targets) -> Self {
        Self {
            targets,
            connections: 512,
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(3),
            protocol: Protocol::Auto,
            tls: None,
            tracing: None,
        }
    }
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
    /// The length of the run without the drain.
    pub fn duration(&self) -> Duration {
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
    let run = Run::traced(Instant::now() + LEAD, config.connections, config.tracing);
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
    order: Order,
    /// The connections of each target; those to the same place are the same.
    pools: Vec<Arc<Pool>>,
    slots: Arc<Semaphore>,
    turn: AtomicU64,
}

impl Sender {
    fn new(config: Config, run: Arc<Run>) -> Self {
        let mut places = HashMap::new();
        let mut pool = |target: &Target| {
            let new = || Arc::new(Pool::new(target.place.clone(), config.protocol, config.tls.clone()));
            places.entry(target.place.clone()).or_insert_with(new).clone()
        };
        let pools = config.targets.all().iter().map(&mut pool).collect();
        let slots = Arc::new(Semaphore::new(config.connections));
        Self { order: config.targets.order(), config, run, pools, slots, turn: AtomicU64::new(0) }
    }

    async fn dispatch(self: Arc<Self>) {
        // A slot comes first, so that a ticket waits in the queue, where the end of the run finds it.
        while let Ok(slot) = self.slots.clone().acquire_owned().await {
            let Some(ticket) = self.run.take().await else { return };
            let sender = self.clone();
            tokio::spawn(async move {
                let target = sender.order.target(ticket.number());
                let flight = sender.run.sent(ticket, sender.target(target).route.clone());
                sender.send(target, flight).await;
                drop(slot);
            });
        }
    }

    async fn closed(self: Arc<Self>, duration: Duration) {
        // All begin at time 0, and none before.
        tokio::time::sleep_until((self.run.started()).into()).await;
        while self.run.now() < duration {
            let target = self.order.target(self.turn.fetch_add(1, Ordering::Relaxed));
            let Some(flight) = self.run.begin(self.target(target).route.clone()) else { return };
            self.send(target, flight).await;
        }
    }

    fn target(&self, index: usize) -> &Target {
        &self.config.targets.all()[index]
    }

    async fn send(&self, target: usize, flight: Flight) {
        let context = self.run.context(&flight);
        let outcome = connection::request(&self.pools[target], self.target(target), context, self.config.timeout).await;
        self.run.done(flight, outcome);
    }
}

#[cfg(test)]
mod tests;
