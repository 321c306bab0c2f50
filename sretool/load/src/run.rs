//! The state that the pacer and the senders of one run share: its clock, its tickets, its recorder.

use crate::recorder::{Outcome, Recorder};
use crate::snapshot::Update;
use crate::trace::{TraceContext, Tracing};
use crate::usage::Probe;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The right and duty to send one request.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    /// When the request is meant to start, after the run's start.
    pub due: Duration,
}

impl Ticket {
    /// Its place in the schedule, from 0, over all workers.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Flight {
    number: u64,
}

/// One run. The senders wait for tickets in order, so that no request is sent before it is due.
#[derive(Debug)]
pub struct Run {
    started: Instant,
    capacity: u64,
    tracing: Option<Tracing>,
    recorder: Mutex<Recorder>,
    probe: Mutex<Probe>,
    waiting: Mutex<VecDeque<Ticket>>,
    available: Semaphore,
    closed: AtomicBool,
    interrupted: AtomicBool,
    begun: AtomicU64,
}

/// A thread that panicked while recording leaves at worst one request uncounted: the numbers remain usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    /// A run whose time 0 is `started`; `capacity` is the number of connections or users that can send at once.
    pub fn new(started: Instant, capacity: usize) -> Arc<Self> {
        Self::traced(started, capacity, None)
    }

    /// The same, with a trace context for each request.
    pub fn traced(started: Instant, capacity: usize, tracing: Option<Tracing>) -> Arc<Self> {
        Arc::new(Self {
            started,
            capacity: capacity as u64,
            tracing,
            recorder: Mutex::new(tracing.map_or_else(Recorder::default, Recorder::traced)),
            probe: Mutex::default(),
            waiting: Mutex::default(),
            available: Semaphore::new(0),
            closed: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            begun: AtomicU64::new(0),
        })
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The start.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Hands out a ticket.
    pub fn emit(&self, number: u64, due: Duration) {
        {
            let mut recorder = lock(&self.recorder);
            let slot_free = recorder.open() < self.capacity;
            recorder.emitted(number, due, self.now(), slot_free);
        }
        lock(&self.waiting).push_back(Ticket { number, due });
        self.available.add_permits(1);
    }

    /// Begins a request that is due now, of a run whose pace the server sets: such a run has no pacer. None once it
    /// is over.
    pub fn begin(&self, route: Arc<str>) -> Option<Flight> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let mut recorder = lock(&self.recorder);
        let now = self.now();
        recorder.emitted(number, now, now, true);
        recorder.sent(number, now, route);
        Some(Flight { number })
    }

    /// Waits for a ticket; none once the run is closed and all have been taken.
    pub async fn take(&self) -> Option<Ticket> {
        // A closed semaphore refuses at once: what still waits then is censored, not sent late.
        self.available.acquire().await.ok()?.forget();
        lock(&self.waiting).pop_front()
    }

    /// The request of a ticket is about to be sent.
    pub fn sent(&self, ticket: Ticket, route: Arc<str>) -> Flight {
        lock(&self.recorder).sent(ticket.number, self.now(), route);
        Flight { number: ticket.number }
    }

    /// The trace context that the request is to carry; none where the run has none.
    pub fn context(&self, flight: &Flight) -> Option<TraceContext> {
        self.tracing.map(|tracing| tracing.context(flight.number))
    }

    /// It ended now.
    pub fn done(&self, flight: Flight, outcome: Outcome) {
        let now = self.now();
        lock(&self.recorder).done(flight.number, now, outcome);
    }

    /// Requests due and not ended.
    pub fn open(&self) -> u64 {
        lock(&self.recorder).open()
    }

    /// Marks the run as cut short by its user.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether the run was cut short.
    pub fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// What happened since the last update.
    pub fn update(&self) -> Update {
        let usage = lock(&self.probe).take();
        let mut recorder = lock(&self.recorder);
        let mut update = Update {
            elapsed_s: self.now().as_secs_f64(),
            in_flight: recorder.in_flight(),
            queued: recorder.queued(),
            last: false,
            delta: recorder.take(),
        };
        update.delta.usage = usage;
        update
    }

    /// Closes the run: no more tickets, everything unanswered is censored.
    pub fn finish(&self) -> Update {
        self.closed.store(true, Ordering::Relaxed);
        self.available.close();
        let usage = lock(&self.probe).take();
        let mut recorder = lock(&self.recorder);
        let now = self.now();
        let (in_flight, queued) = (recorder.in_flight(), recorder.queued());
        recorder.censor(now, self.interrupted());
        let mut delta = recorder.take();
        delta.usage = usage;
        Update { elapsed_s: now.as_secs_f64(), in_flight, queued, last: true, delta }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tickets_are_taken_in_order_and_end_with_the_run() {
        let run = Run::new(Instant::now(), 2);
        for i in 0..3 {
            run.emit(i, Duration::from_millis(i));
        }
        let first = run.take().await.unwrap();
        assert_eq!(first.due, Duration::ZERO);
        let flight = run.sent(first, "GET /".into());
        run.done(flight, Outcome::Finished { status: 200 });
        let second = run.take().await.unwrap();
        assert_eq!(second.due, Duration::from_millis(1));
        let _flight = run.sent(second, "GET /".into());

        let last = run.finish();
        assert_eq!((last.in_flight, last.queued, last.last), (1, 1, true));
        assert_eq!(last.delta.counts().censored, 2);
        assert_eq!(last.delta.scheduled, 3);
        assert!(run.take().await.is_none());
    }

    #[tokio::test]
    async fn a_request_begun_at_once_has_no_lag_and_none_begins_after_the_end() {
        let run = Run::traced(Instant::now(), 1, Some(Tracing::new(1, 1.0)));
        let flight = run.begin("GET /".into()).unwrap();
        assert_eq!(run.context(&flight), Some(Tracing::new(1, 1.0).context(0)));
        run.done(flight, Outcome::Finished { status: 200 });
        let last = run.finish();
        assert_eq!((last.delta.scheduled, last.delta.overall().lag.max()), (1, Some(0.0)));
        assert!(run.begin("GET /".into()).is_none());
    }

    #[tokio::test]
    async fn updates_are_differences() {
        let run = Run::new(Instant::now(), 1);
        run.emit(0, Duration::ZERO);
        assert_eq!(run.update().delta.scheduled, 1);
        let again = run.update();
        assert_eq!((again.delta.scheduled, again.queued, again.last), (0, 1, false));
    }
}
