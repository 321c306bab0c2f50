//! The state that the pacer and the senders of one run share: its clock, its tickets, its recorder.

use crate::recorder::{Outcome, Recorder};
use crate::snapshot::Update;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The right and duty to send one request.
#[derive(Debug)]
pub struct Ticket {
    index: u64,
    /// When the request is meant to start, after the run's start.
    pub due: Duration,
}

/// A request under way.
#[derive(Debug)]
pub struct Flight {
    index: u64,
}

/// One run. The senders wait for tickets in order, so that no request is sent before it is due.
#[derive(Debug)]
pub struct Run {
    started: Instant,
    capacity: u64,
    recorder: Mutex<Recorder>,
    waiting: Mutex<VecDeque<Ticket>>,
    available: Semaphore,
    interrupted: AtomicBool,
    closed_index: AtomicU64,
}

/// A thread that panicked while recording leaves at worst one request uncounted: the numbers remain usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    /// A run whose time 0 is `started`; `capacity` is the number of connections or users that can send at once.
    pub fn new(started: Instant, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            started,
            capacity: capacity as u64,
            recorder: Mutex::default(),
            waiting: Mutex::default(),
            available: Semaphore::new(0),
            interrupted: AtomicBool::new(false),
            closed_index: AtomicU64::new(0),
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
    pub fn emit(&self, index: u64, due: Duration) {
        {
            let mut recorder = lock(&self.recorder);
            let slot_free = recorder.open() < self.capacity;
            recorder.emitted(index, due, self.now(), slot_free);
        }
        lock(&self.waiting).push_back(Ticket { index, due });
        self.available.add_permits(1);
    }

    /// Hands out a ticket that is due now; for runs without a pacer only, whose indices it would share.
    pub fn emit_next(&self) {
        self.emit(self.closed_index.fetch_add(1, Ordering::Relaxed), self.now());
    }

    /// Waits for a ticket; none once the run is closed and all have been taken.
    pub async fn take(&self) -> Option<Ticket> {
        // A closed semaphore refuses at once: what still waits then is censored, not sent late.
        self.available.acquire().await.ok()?.forget();
        lock(&self.waiting).pop_front()
    }

    /// The request of a ticket is about to be sent.
    pub fn sent(&self, ticket: Ticket, route: Arc<str>) -> Flight {
        lock(&self.recorder).sent(ticket.index, self.now(), route);
        Flight { index: ticket.index }
    }

    /// It ended now.
    pub fn done(&self, flight: Flight, outcome: Outcome) {
        let now = self.now();
        lock(&self.recorder).done(flight.index, now, outcome);
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
        let mut recorder = lock(&self.recorder);
        Update {
            elapsed_s: self.now().as_secs_f64(),
            in_flight: recorder.in_flight(),
            queued: recorder.queued(),
            last: false,
            delta: recorder.take(),
        }
    }

    /// Closes the run: no more tickets, everything unanswered is censored.
    pub fn finish(&self) -> Update {
        self.available.close();
        let mut recorder = lock(&self.recorder);
        let now = self.now();
        let (in_flight, queued) = (recorder.in_flight(), recorder.queued());
        recorder.censor(now, self.interrupted());
        Update { elapsed_s: now.as_secs_f64(), in_flight, queued, last: true, delta: recorder.take() }
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
    async fn updates_are_differences() {
        let run = Run::new(Instant::now(), 1);
        run.emit(0, Duration::ZERO);
        assert_eq!(run.update().delta.scheduled, 1);
        let again = run.update();
        assert_eq!((again.delta.scheduled, again.queued, again.last), (0, 1, false));
    }
}
